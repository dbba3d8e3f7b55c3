import { ok, type Result } from "../../actors/kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { decodeRefusal } from "../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../schemas/subjects.ts";
import type { Cluster } from "./cluster.ts";

/** The views of a region as the command line shows them: names and numbers instead of wire messages. */

export interface CountsView {
  readonly nodes: number;
  readonly failed: number;
  readonly restarting: number;
  readonly recentRestarts: number;
}

export interface NodeRow {
  readonly region: string;
  readonly cell: string;
  readonly path: string;
  readonly type: string;
  readonly state: string;
  readonly condition: string;
  readonly restarts: number;
  /** In the last ten minutes. */
  readonly recentRestarts: number;
  readonly mailbox: number;
  readonly children: number;
  readonly below: CountsView;
  readonly lastFailure: string;
}

export interface TreeWindow {
  readonly rows: readonly NodeRow[];
  readonly total: number;
  readonly totals: CountsView;
  readonly cells: readonly { readonly cell: string; readonly silent: string }[];
}

const conditions = ["", "running", "restarting", "failed", "stopping", "stopped"] as const;

const counts = (from: wire.control.v1.ITreeCounts | null | undefined): CountsView => ({
  nodes: from?.nodes ?? 0,
  failed: from?.failed ?? 0,
  restarting: from?.restarting ?? 0,
  recentRestarts: from?.recentRestarts ?? 0,
});

const row = (region: string, node: wire.control.v1.ITreeNode): NodeRow => ({
  region,
  cell: node.cell ?? "",
  path: node.path ?? "",
  type: node.type ?? "",
  state: node.state ?? "",
  condition: conditions[node.condition ?? 0] ?? "",
  restarts: node.restarts ?? 0,
  recentRestarts: node.recentRestarts ?? 0,
  mailbox: node.mailbox ?? 0,
  children: node.children ?? 0,
  below: counts(node.below),
  lastFailure: node.lastFailure ?? "",
});

export function askTree(
  cluster: Cluster,
  region: string,
  request: wire.control.v1.ITreeRequest,
): Promise<Result<TreeWindow>> {
  const payload = wire.control.v1.TreeRequest.encode(request).finish();
  return cluster.ask(operationsSubject(region, "tree"), payload, (bytes) => {
    const reply = wire.control.v1.TreeReply.decode(bytes);
    const failure = decodeRefusal(reply.refusal);
    if (failure !== null) return { ok: false, failure };
    return ok({
      rows: reply.nodes.map((node) => row(region, node)),
      total: reply.total,
      totals: counts(reply.totals),
      cells: reply.cells.map(({ cell, silent }) => ({ cell: cell ?? "", silent: silent ?? "" })),
    });
  });
}

const time = (unixMs: number | null | undefined): string =>
  unixMs ? new Date(unixMs).toISOString() : "";

export interface NodeAccountView {
  readonly node: NodeRow;
  readonly spec: Readonly<Record<string, string | number>>;
  readonly machine: readonly {
    readonly state: string;
    readonly kind: string;
    readonly active: boolean;
    readonly transitions: readonly { readonly event: string; readonly target: string }[];
  }[];
  readonly transitions: readonly {
    readonly at: string;
    readonly incarnation: number;
    readonly from: string;
    readonly to: string;
    readonly cause: string;
  }[];
  readonly ends: readonly {
    readonly at: string;
    readonly incarnation: number;
    readonly kind: string;
    readonly failure: string;
    readonly during: string;
    readonly message: string;
    readonly because: string;
  }[];
  readonly events: readonly {
    readonly sequence: number;
    readonly at: string;
    readonly type: string;
    readonly detail: string;
  }[];
  readonly letters: readonly {
    readonly at: string;
    readonly reason: string;
    readonly message: string;
    readonly failure: string;
  }[];
}

export function askNode(
  cluster: Cluster,
  region: string,
  request: wire.control.v1.INodeRequest,
): Promise<Result<NodeAccountView>> {
  const payload = wire.control.v1.NodeRequest.encode(request).finish();
  return cluster.ask(operationsSubject(region, "tree-node"), payload, (bytes) => {
    const reply = wire.control.v1.NodeReply.decode(bytes);
    const failure = decodeRefusal(reply.refusal);
    if (failure !== null) return { ok: false, failure };
    return ok(accountOf(region, reply));
  });
}

function accountOf(region: string, reply: wire.control.v1.NodeReply): NodeAccountView {
  const spec = wire.control.v1.NodeSpec.toObject(
    wire.control.v1.NodeSpec.fromObject(reply.spec ?? {}),
  ) as NodeAccountView["spec"];
  return {
    node: row(region, reply.node ?? {}),
    spec,
    machine: reply.machine.map(({ name, kind, transitions }) => ({
      state: name ?? "",
      kind: kind ?? "",
      active: reply.active.includes(name ?? ""),
      transitions: (transitions ?? []).map(({ event, target }) => ({
        event: event ?? "",
        target: target ?? "",
      })),
    })),
    transitions: reply.transitions.map((one) => ({
      at: time(one.atUnixMs),
      incarnation: one.incarnation ?? 0,
      from: one.from ?? "",
      to: one.to ?? "",
      cause: one.cause ?? "",
    })),
    ends: reply.ends.map((one) => ({
      at: time(one.atUnixMs),
      incarnation: one.incarnation ?? 0,
      kind: one.kind ?? "",
      failure: one.failure ?? "",
      during: one.during ?? "",
      message: one.message ?? "",
      because: one.because ?? "",
    })),
    events: reply.events.map((one) => ({
      sequence: one.sequence ?? 0,
      at: time(one.atUnixMs),
      type: one.type ?? "",
      detail: one.detail ?? "",
    })),
    letters: reply.letters.map((one) => ({
      at: time(one.atUnixMs),
      reason: one.reason ?? "",
      message: one.message ?? "",
      failure: one.failure ?? "",
    })),
  };
}

export interface AuditRow {
  readonly at: string;
  readonly region: string;
  readonly user: string;
  readonly requestedBy: string;
  readonly kind: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: string;
  readonly detail: string;
  readonly tookUs: number;
  readonly parameters: string;
  readonly cell: string;
  readonly id: string;
  readonly sequence: number;
}

export interface AuditWindowView {
  readonly entries: readonly AuditRow[];
  /** `before` of the next window; 0: there is none. */
  readonly next: number;
  readonly dropped: number;
}

export function auditRow(entry: wire.audit.v1.IAuditEntry): AuditRow {
  return {
    at: time(entry.atUnixMs),
    region: entry.region ?? "",
    user: entry.user ?? "",
    requestedBy: entry.requestedBy ?? "",
    kind: entry.kind ?? "",
    action: entry.action ?? "",
    target: entry.target ?? "",
    outcome: entry.outcome ?? "",
    detail: entry.detail ?? "",
    tookUs: entry.tookUs ?? 0,
    parameters: entry.parameters ?? "",
    cell: entry.cell ?? "",
    id: entry.id ?? "",
    sequence: entry.sequence ?? 0,
  };
}

export function askAudit(
  cluster: Cluster,
  region: string,
  request: wire.audit.v1.IAuditRequest,
): Promise<Result<AuditWindowView>> {
  const payload = wire.audit.v1.AuditRequest.encode(request).finish();
  return cluster.ask(operationsSubject(region, "audit"), payload, (bytes) => {
    const reply = wire.audit.v1.AuditReply.decode(bytes);
    const failure = decodeRefusal(reply.refusal);
    if (failure !== null) return { ok: false, failure };
    return ok({
      entries: reply.entries.map(auditRow),
      next: reply.next,
      dropped: reply.dropped,
    });
  });
}
