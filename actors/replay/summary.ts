import type { Refusal } from "../../schemas/sdk/orders.ts";
import type { BookCheckSummary } from "./book-check.ts";
import type { MissCategory } from "./execution.ts";

/** Why a row about an order sent nothing. */
export type SkipReason = "duplicate_id" | "not_resting" | "unknown_order";

/** A malformed row as it is reported. */
export interface RowFault {
  /** Line number, or byte offset in a binary file. */
  readonly position: number;
  readonly reason: string;
}
/** How many faults are reported one by one; all are counted. */
export const REPORTED_FAULTS = 20;

/** What a replay did, and how the exchange's answers compare with the file. */
export interface ReplaySummary {
  /** Rows read, malformed ones included. */
  readonly rows: number;
  /** Rows that were understood: commands + hidden + crosses + halts + skipped. */
  readonly used: number;
  /** Rows of which each became a command (a visible execution: an immediate-or-cancel order). */
  readonly commands: number;
  readonly hidden: number;
  readonly crosses: number;
  readonly halts: number;
  readonly skipped: Readonly<Record<SkipReason, number>>;
  readonly malformed: number;
  readonly faults: readonly RowFault[];
  readonly seeds: { readonly beforeFirstRow: number; readonly later: number };
  readonly executions: {
    /** Visible executions in the file. */
    readonly visible: number;
    /** Those that hit the same resting order with the same size. */
    readonly same: number;
    readonly others: Readonly<Record<MissCategory, number>>;
  };
  /** Commands that kept the replay in step after executions that hit another order. */
  readonly corrections: {
    readonly cancels: number;
    readonly entries: number;
    readonly reductions: number;
  };
  /** Orders canceled because a row proves them gone. */
  readonly provenGone: number;
  /** Those of them that a later row is about after all: entered again before it. */
  readonly cameBack: number;
  /** Deletions whose size in the file is not what was left in the exchange. */
  readonly deletionsOfAnotherSize: number;
  /** All commands sent, corrections and seeds included. */
  readonly sent: number;
  readonly requests: number;
  /** By code. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly trades: number;
  readonly volume: number;
  /** Orders of the replay that rest at the end. */
  readonly resting: number;
  readonly book: BookCheckSummary | null;
}

/** How a replay ended: `stopped` says why it did not reach the end of the file. */
export interface ReplayResult {
  readonly summary: ReplaySummary;
  readonly stopped: Refusal | null;
}

/** The summary while it is being counted. */
export class Tally {
  rows = 0;
  commands = 0;
  hidden = 0;
  crosses = 0;
  halts = 0;
  malformed = 0;
  readonly faults: RowFault[] = [];
  readonly skipped: Record<SkipReason, number> = {
    duplicate_id: 0,
    not_resting: 0,
    unknown_order: 0,
  };
  seedsBeforeFirstRow = 0;
  seedsLater = 0;
  visible = 0;
  same = 0;
  readonly others: Record<MissCategory, number> = {
    older_order_first: 0,
    larger_than_rest: 0,
    unfilled: 0,
    foreign_order: 0,
    not_resting: 0,
  };
  cancels = 0;
  entries = 0;
  reductions = 0;
  provenGone = 0;
  cameBack = 0;
  deletionsOfAnotherSize = 0;
  sent = 0;
  readonly refusals: Record<string, number> = {};
  trades = 0;
  volume = 0;

  fault(fault: RowFault): void {
    this.malformed += 1;
    if (this.faults.length < REPORTED_FAULTS) this.faults.push(fault);
  }

  refusal(code: string): void {
    this.refusals[code] = (this.refusals[code] ?? 0) + 1;
  }

  summary(requests: number, resting: number, book: BookCheckSummary | null): ReplaySummary {
    return {
      rows: this.rows,
      used: this.rows - this.malformed,
      commands: this.commands,
      hidden: this.hidden,
      crosses: this.crosses,
      halts: this.halts,
      skipped: { ...this.skipped },
      malformed: this.malformed,
      faults: [...this.faults],
      seeds: { beforeFirstRow: this.seedsBeforeFirstRow, later: this.seedsLater },
      executions: { visible: this.visible, same: this.same, others: { ...this.others } },
      corrections: {
        cancels: this.cancels,
        entries: this.entries,
        reductions: this.reductions,
      },
      provenGone: this.provenGone,
      cameBack: this.cameBack,
      deletionsOfAnotherSize: this.deletionsOfAnotherSize,
      sent: this.sent,
      requests,
      refusals: { ...this.refusals },
      trades: this.trades,
      volume: this.volume,
      resting,
      book,
    };
  }
}
