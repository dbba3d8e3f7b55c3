import { wire } from "../../schemas/messages.ts";
import * as subjects from "../../schemas/subjects.ts";
import type { DeadLetter, NodeView, RecentEvent } from "../kernel/actor.ts";
import { type SupervisorStart, supervisorType } from "../kernel/child-spec.ts";
import { machineStates } from "../kernel/machine-states.ts";
import { type Failure, ok, refuse, type Result } from "../kernel/result.ts";
import type { Condition, End, TreeCounts } from "../kernel/vitals.ts";
import type { CellRow, CellWindow, RegionWindow, TreeRequest, ViewFacts } from "./messages.ts";

const { control } = wire;
const { NodeReply, NodeRequest, TreeReply, TreeRequest: TreeMessage } = control.v1;

export const { cellTreeSubject, isToken, operationsSubject, treeViewSubject } = subjects;

const { NodeCondition } = control.v1;
const conditions: Readonly<Record<Condition, wire.control.v1.NodeCondition>> = {
  running: NodeCondition.NODE_CONDITION_RUNNING,
  restarting: NodeCondition.NODE_CONDITION_RESTARTING,
  failed: NodeCondition.NODE_CONDITION_FAILED,
  stopping: NodeCondition.NODE_CONDITION_STOPPING,
  stopped: NodeCondition.NODE_CONDITION_STOPPED,
};
const conditionNames = new Map(
  Object.entries(conditions).map(([name, code]) => [code, name as Condition]),
);
const textLimit = 4_096;

const malformed = (what: string): Result<never> =>
  refuse("malformed", `the bytes are no ${what}`, "encode by schemas/control/v1/tree.proto");

/** Failure code: malformed. */
export function decodeTreeRequest(payload: Uint8Array): Result<TreeRequest> {
  try {
    const { cell, branch, scope, offset, limit, filter, sort, view } = TreeMessage.decode(payload);
    const children = scope === control.v1.TreeScope.TREE_SCOPE_CHILDREN;
    return ok({
      cell,
      branch,
      scope: children ? "children" : "subtree",
      offset,
      limit,
      filter,
      sort,
      view,
    });
  } catch {
    return malformed("TreeRequest");
  }
}

export function encodeTreeRequest(request: TreeRequest): Uint8Array {
  const { TREE_SCOPE_CHILDREN, TREE_SCOPE_SUBTREE } = control.v1.TreeScope;
  const scope = request.scope === "children" ? TREE_SCOPE_CHILDREN : TREE_SCOPE_SUBTREE;
  return TreeMessage.encode({ ...request, scope }).finish();
}

export const encodeRefusal = (failure: Failure): Uint8Array =>
  TreeReply.encode({ refusal: failure }).finish();

const rowToWire = (row: CellRow): wire.control.v1.ITreeNode => ({
  ...row,
  condition: conditions[row.condition],
  below: row.below.nodes === 0 ? null : row.below,
});

export function encodeCellWindow({ rows, total, counts }: CellWindow): Uint8Array {
  return TreeReply.encode({ nodes: rows.map(rowToWire), total, totals: counts }).finish();
}

export function encodeWindow(window: RegionWindow, view: ViewFacts | null): Uint8Array {
  const { rows, total, offset, totals, cells, atUnixMs } = window;
  return TreeReply.encode({
    nodes: view?.unchanged === true ? [] : rows.map(rowToWire),
    total,
    offset,
    totals,
    cells: cells.map((one) => ({ ...one })),
    atUnixMs,
    ...view,
  }).finish();
}

/** Bytes that are the same when the rows are. */
export const encodeRows = (rows: readonly CellRow[]): Uint8Array =>
  TreeReply.encode({ nodes: rows.map(rowToWire) }).finish();

/** The answer of a cell; its refusals are the failure. Throws on bytes that no cell sends. */
export function decodeCellWindow(payload: Uint8Array, cell: string): Result<CellWindow> {
  const { refusal, nodes, total, totals } = TreeReply.decode(payload);
  if (refusal) return { ok: false, failure: failureOf(refusal) };
  const rows = nodes.map((node) => rowFromWire(node, cell));
  return ok({ rows, total, counts: countsFromWire(totals) });
}

const failureOf = (refusal: wire.market.v1.IRefusal): Failure => ({
  code: refusal.code ?? "internal",
  reason: refusal.reason ?? "",
  next: refusal.next ?? "",
});

function rowFromWire(node: wire.control.v1.ITreeNode, cell: string): CellRow {
  return {
    cell,
    path: node.path ?? "",
    type: node.type ?? "",
    state: node.state ?? "",
    restarts: node.restarts ?? 0,
    mailbox: node.mailbox ?? 0,
    lastFailure: node.lastFailure ?? "",
    condition:
      conditionNames.get(node.condition ?? NodeCondition.NODE_CONDITION_STOPPED) ?? "stopped",
    recentRestarts: node.recentRestarts ?? 0,
    children: node.children ?? 0,
    below: countsFromWire(node.below),
  };
}

const countsFromWire = (counts: wire.control.v1.ITreeCounts | null | undefined): TreeCounts => ({
  nodes: counts?.nodes ?? 0,
  failed: counts?.failed ?? 0,
  restarting: counts?.restarting ?? 0,
  recentRestarts: counts?.recentRestarts ?? 0,
});

export interface NodeQuestion {
  readonly cell: string;
  readonly path: string;
}

/** Failure code: malformed. */
export function decodeNodeRequest(payload: Uint8Array): Result<NodeQuestion> {
  try {
    const { cell, path } = NodeRequest.decode(payload);
    return ok({ cell, path });
  } catch {
    return malformed("NodeRequest");
  }
}

export const encodeNodeRequest = (question: NodeQuestion): Uint8Array =>
  NodeRequest.encode(question).finish();

/** Code of the refusal that a reply of any kind carries; null when it carries none. */
export const refusalCode = (payload: Uint8Array): string | null =>
  control.v1.AnyReply.decode(payload).refusal?.code ?? null;

export interface NodeAccount {
  readonly cell: string;
  readonly node: NodeView;
  readonly events: readonly RecentEvent[];
  readonly letters: readonly DeadLetter[];
  readonly mailboxCapacity: number;
  readonly atUnixMs: number;
}

export function encodeNode(account: NodeAccount): Uint8Array {
  const { cell, node, events, letters, mailboxCapacity, atUnixMs } = account;
  const machine = node.machineNow();
  return NodeReply.encode({
    node: rowToWire({ ...node.row(), cell }),
    spec: specToWire(node, mailboxCapacity),
    machine: machine === null ? [] : machineStates(machine).map(stateToWire),
    active: machine === null ? [] : node.stateNow.split(","),
    transitions: [...node.vitals.transitions],
    ends: node.vitals.ends.map(endToWire),
    events: [...events],
    letters: letters.map(letterToWire),
    atUnixMs,
  }).finish();
}

const stateToWire = (
  state: ReturnType<typeof machineStates>[number],
): wire.control.v1.IMachineState => ({ ...state, transitions: [...state.transitions] });

function specToWire({ spec }: NodeView, mailboxCapacity: number): wire.control.v1.INodeSpec {
  const { id, type, restart, shutdown } = spec;
  const common = {
    id,
    type,
    restart,
    shutdown: typeof shutdown === "number" ? `${shutdown / 1_000_000} ms` : shutdown,
    mailboxCapacity,
  };
  if (type !== supervisorType) return { ...common, start: cut(jsonOf(spec.start)) };
  const { strategy, intensity, maximumChildren } = spec.start as SupervisorStart;
  return {
    ...common,
    strategy,
    maximumRestarts: intensity.maximumRestarts,
    withinMs: intensity.within / 1_000_000,
    maximumChildren,
  };
}

function endToWire({ atUnixMs, incarnation, reason, message, because }: End) {
  const failure = reason.kind === "failed" ? reason.failure : null;
  return {
    atUnixMs,
    incarnation,
    kind: reason.kind,
    failure: failure === null ? "" : `${failure.name}: ${failure.message}`,
    during: failure?.during ?? "",
    message,
    because,
    stack: failure?.stack ?? "",
  };
}

const letterToWire = ({ number, at, reason, message, failure }: DeadLetter) => ({
  number,
  atUnixMs: Number(BigInt(at) / 1_000_000n),
  reason,
  message,
  failure,
});

const jsonOf = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "bigint" ? inner.toString() : inner,
  ) ?? "";

const cut = (text: string): string => text.slice(0, textLimit);
