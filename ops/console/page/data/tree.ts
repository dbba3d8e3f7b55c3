import { signal } from "@preact/signals";

import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../../../schemas/subjects.ts";
import { ask, listen, onLive } from "../live/link.ts";
import { polled, type Reading, type Source } from "../live/source.ts";
import { following } from "./tree-window.ts";

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

/**
 * Names of views that nobody holds, by region: a view that is asked for with another window shows that from then on,
 * and a region keeps few of them. Bounded by the views that were held at a time.
 */
const freeViews = new Map<string, string[]>();

function viewFor(region: string): string {
  return freeViews.get(region)?.pop() ?? viewName();
}

function freeView(region: string, view: string): void {
  freeViews.set(region, [...(freeViews.get(region) ?? []), view]);
}

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
  let view = "";
  let asking = false;
  let holders = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let subject = "";
  /** The question that counts: of before a cut, or of an earlier holder, none does. */
  let latest = 0;
  let end = (): void => {};
  let endLive = (): void => {};

  const take = (reply: TreeReply): void => {
    const value = following(reading.peek().value, reply);
    if (value === null) soon();
    else reading.value = { value, at: Date.now(), failure: null };
  };
  async function renew(): Promise<void> {
    calm();
    latest += 1;
    const own = latest;
    asking = true;
    const asked = await question(of, view);
    if (own !== latest) return;
    asking = false;
    if (asked.ok) reading.value = { value: asked.value, at: Date.now(), failure: null };
    else reading.value = { ...reading.peek(), failure: asked.failure };
    if (asked.ok && asked.value.subject !== subject) {
      end();
      ({ subject } = asked.value);
      if (subject !== "") end = listen(subject, (payload) => take(TreeReply.decode(payload)));
    }
    const leased = asked.ok && subject !== "" ? asked.value.leaseMs * leasePart : retryMs;
    timer = setTimeout(() => void renew(), Math.max(retryMs, leased));
    timerIsSoon = false;
  }
  const calm = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  /** Something was missed: asked anew, at most once a second. */
  let timerIsSoon = false;
  const soon = (): void => {
    if (timerIsSoon || timer === null) return;
    calm();
    timerIsSoon = true;
    timer = setTimeout(() => void renew(), retryMs);
  };
  return {
    reading,
    staleAfterMs: 4_000,
    refresh: () => void renew(),
    hold() {
      holders += 1;
      if (holders === 1) {
        view = viewFor(of.region);
        endLive = onLive(() => void renew());
        void renew();
      }
      return () => {
        holders -= 1;
        if (holders > 0) return;
        latest += 1;
        calm();
        endLive();
        end();
        // A question under way may be answered after the next holder's: that view ends by itself.
        if (!asking) freeView(of.region, view);
        asking = false;
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
