import type { TreeRow } from "../kernel/actor.ts";
import type { TreeCounts } from "../kernel/vitals.ts";

/** A request for a window, decoded; filter and sort are still text. */
export interface TreeRequest {
  /** Empty: all cells of the region. */
  readonly cell: string;
  /** Empty: the root of each cell. */
  readonly branch: string;
  readonly scope: "subtree" | "children";
  readonly offset: number;
  readonly limit: number;
  readonly filter: string;
  readonly sort: string;
  /** Empty: once; else the name of a live view. */
  readonly view: string;
}

export interface CellRow extends TreeRow {
  readonly cell: string;
}

/** What one cell has to say to a request. */
export interface CellWindow {
  readonly rows: readonly CellRow[];
  readonly total: number;
  /** Of its whole tree, the root included. */
  readonly counts: TreeCounts;
}

export interface CellSummary {
  readonly cell: string;
  readonly counts: TreeCounts;
  /** Why it did not answer; empty when it did. */
  readonly silent: string;
}

export interface RegionWindow {
  readonly rows: readonly CellRow[];
  readonly total: number;
  readonly offset: number;
  readonly totals: TreeCounts;
  readonly cells: readonly CellSummary[];
  readonly atUnixMs: number;
}

/** What a window says as a message of a live view. */
export interface ViewFacts {
  readonly view: string;
  readonly subject: string;
  readonly leaseMs: number;
  readonly number: number;
  readonly unchanged: boolean;
}

export const noCounts: TreeCounts = { nodes: 0, failed: 0, restarting: 0, recentRestarts: 0 };

export const sumOf = (counts: readonly TreeCounts[]): TreeCounts =>
  counts.reduce(
    (sum, one) => ({
      nodes: sum.nodes + one.nodes,
      failed: sum.failed + one.failed,
      restarting: sum.restarting + one.restarting,
      recentRestarts: sum.recentRestarts + one.recentRestarts,
    }),
    noCounts,
  );
