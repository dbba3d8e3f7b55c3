import type { TraderEvent, TraderMessage, TraderReply, TraderStart } from "../trading/messages.ts";

/** How a parent order is spread over time. */
export type Schedule =
  /** Even slices over a duration. */
  | { readonly kind: "twap"; readonly durationSeconds: number; readonly slices: number }
  /** A share of what others trade, in basis points of all volume. */
  | {
      readonly kind: "pov";
      readonly share: number;
      /** Quantity units: less than this behind, nothing is sent. */
      readonly band: number;
      readonly maximumChild: number;
    };

/** A parent order; price and quantity units. */
export interface ExecutionParameters {
  readonly side: "buy" | "sell";
  readonly quantity: number;
  /** Worst price of a child; null: none. */
  readonly limit: number | null;
  readonly schedule: Schedule;
  /** Milliseconds between two looks at the market. */
  readonly interval: number;
}

/** What the plan remembers: when it began, and the volume of the market it has counted since. */
export interface ExecutionMemo {
  /** Unix nanoseconds, decimal. */
  readonly startedAt: string;
  /** Quantity units traded since the start, own trades included. */
  readonly volume: number;
  /** What the market's own count said then; it begins anew with the market's cell. */
  readonly counted: number;
}

export type ExecutionStart = TraderStart<ExecutionParameters>;
export type ExecutionMessage = TraderMessage;
export type ExecutionEvent = TraderEvent<ExecutionMemo>;
export type ExecutionReply = TraderReply<ExecutionMemo>;
