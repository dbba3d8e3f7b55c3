import { signal } from "@preact/signals";

import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../../../schemas/subjects.ts";
import { ask, listen } from "../live/link.ts";
import { polled, type Reading, type Source } from "../live/source.ts";

/**
 * Windows on a region's supervision trees. The region publishes each window once a second for as long as its lease is
 * renewed; whatever the number of actors, the page gets one message a second and view, of at most 200 rows.
 */

export type TreeReply = wire.control.v1.TreeReply;
export type TreeNode = wire.control.v1.TreeNode;
export type NodeReply = wire.control.v1.NodeReply;
export type TreeCounts = wire.control.v1.ITreeCounts;

export interface Window {
  readonly region: string;
  /** Empty: every cell of the region. */
  readonly cell: string;
  /** Path of a node; empty: the root of each cell. */
  readonly branch: string;
  /** Only the children of the branch, or all below it. */
  readonly children: boolean;
  readonly offset: number;
  readonly filter: string;
  readonly sort: string;
}

export const windowRows = 200;

const { TreeRequest, TreeReply, NodeRequest, NodeReply, TreeScope } = wire.control.v1;

const viewName = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `con-${[...bytes].map((byte) => byte.toString(36)).join("")}`;
};

function decode(payload: Uint8Array): Result<TreeReply> {
  const reply = TreeReply.decode(payload);
  const failure = decodeRefusal(reply.refusal);
  return failure === null ? ok(reply) : { ok: false, failure };
}

function question(of: Window, view: string): Promise<Result<TreeReply>> {
  const request = TreeRequest.encode({
    cell: of.cell,
    branch: of.branch,
    scope: of.children ? TreeScope.TREE_SCOPE_CHILDREN : TreeScope.TREE_SCOPE_SUBTREE,
    offset: of.offset,
    limit: windowRows,
    filter: of.filter,
    sort: of.sort,
    view,
  }).finish();
  return ask(operationsSubject(of.region, "tree"), request, decode);
}

/** Renewed when this part of the lease is over. */
const leasePart = 0.4;
const retryMs = 1_000;

/** A window that is kept up to date while it is held. */
export function treeView(of: Window): Source<TreeReply> {
  const reading = signal<Reading<TreeReply>>({ value: null, at: 0, failure: null });
  const view = viewName();
  let holders = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let subject = "";
  let end = (): void => {};

  const take = (reply: TreeReply): void => {
    const before = reading.peek().value;
    const value = reply.unchanged && before !== null ? before : reply;
    reading.value = { value, at: Date.now(), failure: null };
  };
  async function renew(): Promise<void> {
    timer = null;
    const asked = await question(of, view);
    if (holders === 0) return;
    if (asked.ok) take(asked.value);
    else reading.value = { ...reading.peek(), failure: asked.failure };
    if (asked.ok && asked.value.subject !== subject) {
      end();
      ({ subject } = asked.value);
      if (subject !== "") end = listen(subject, (payload) => take(TreeReply.decode(payload)));
    }
    const leased = asked.ok && subject !== "" ? asked.value.leaseMs * leasePart : retryMs;
    timer = setTimeout(() => void renew(), Math.max(retryMs, leased));
  }
  return {
    reading,
    staleAfterMs: 4_000,
    refresh: () => void renew(),
    hold() {
      holders += 1;
      if (holders === 1 && timer === null) void renew();
      return () => {
        holders -= 1;
        if (holders > 0) return;
        if (timer !== null) clearTimeout(timer);
        timer = null;
        end();
        end = () => {};
        subject = "";
      };
    },
  };
}

/** Everything about one node, once a second while its drawer is open. */
export function nodeSource(region: string, cell: string, path: string): Source<NodeReply> {
  const request = NodeRequest.encode({ cell, path }).finish();
  return polled<NodeReply>(1_000, () =>
    ask(operationsSubject(region, "tree-node"), request, (payload) => {
      const reply = NodeReply.decode(payload);
      const failure = decodeRefusal(reply.refusal);
      return failure === null ? ok(reply) : { ok: false, failure };
    }),
  );
}
