/** The background flow of one market: what it is started with, what it knows, what it does. */

/** `start` of the child specification; plain data. Prices in price units, quantities in units. */
export interface StrategyStart {
  readonly region: string;
  readonly market: string;
  /** Account of its limit orders, and of its market orders: it does not trade with itself. */
  readonly makerAccount: number;
  readonly takerAccount: number;
  /** Seed of its decisions and arrivals. */
  readonly seed: number;
  /** Mean arrivals per second; > 0. */
  readonly rate: number;
  readonly tick: number;
  readonly lot: number;
  readonly bandLow: number;
  readonly bandHigh: number;
  readonly maximumQuantity: number;
}

export type StrategyMessage = { readonly type: "pause"; readonly paused: boolean };

/** An own order that rests as far as this actor knows. */
export interface LiveOrder {
  readonly orderId: number;
  readonly side: "buy" | "sell";
  readonly price: number;
  readonly remaining: number;
}

/** Best bid and offer; 0 = that side is empty. */
export interface Touch {
  readonly bid: number;
  readonly ask: number;
}

export interface FlowState {
  /** Number of the last command decided; the next one has this + 1. */
  readonly number: number;
  readonly touch: Touch;
  /** Journal sequence at which the touch was seen; an older one does not replace it. */
  readonly touchSequence: number;
  /** Price of the last trade seen, 0 = none. */
  readonly last: number;
  /** Oldest first. */
  readonly live: readonly LiveOrder[];
}

export type FlowCommand =
  | {
      readonly type: "limit";
      readonly number: number;
      readonly side: "buy" | "sell";
      readonly price: number;
      readonly quantity: number;
    }
  | {
      readonly type: "market";
      readonly number: number;
      readonly side: "buy" | "sell";
      readonly quantity: number;
    }
  | { readonly type: "cancel"; readonly number: number; readonly order: LiveOrder };

/** What the market answered to one command. */
export interface FlowOutcome {
  readonly number: number;
  readonly sequence: number;
  /** Refusal code, null when accepted. */
  readonly refusal: string | null;
  readonly orderId: number;
  readonly remaining: number;
  readonly fills: readonly {
    readonly makerOrderId: number;
    readonly price: number;
    readonly makerRemaining: number;
  }[];
  /** Null when the command did not change it. */
  readonly touch: Touch | null;
}

/** What a reply to one request says, or that there was none. */
export type FlowAnswer =
  | { readonly type: "outcomes"; readonly outcomes: readonly FlowOutcome[] }
  /** The whole request was refused; none of its commands was processed. */
  | { readonly type: "refused"; readonly code: string }
  /** Time-out: nobody knows. The same bytes are sent again. */
  | { readonly type: "unknown" };

/** Counts that outlive restarts of the actor. */
export interface FlowCounters {
  /** Commands sent, resends not counted. */
  sent(commands: number): void;
  refused(code: string): void;
  /** Arrivals that were left out because the market answered too slowly. */
  skipped(arrivals: number): void;
  /** Nanoseconds from request to reply. */
  answered(latency: number): void;
}
