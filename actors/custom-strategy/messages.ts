import type { DesiredQuotes } from "../models/backtest/strategy.ts";
import type { TraderEvent, TraderMessage, TraderReply, TraderStart } from "../trading/messages.ts";

export interface CustomStrategyParameters {
  /** Content of the strategy's file. */
  readonly source: string;
  /** Quantity units of one quote at most; what the strategy wants beyond it is cut. */
  readonly quantity: number;
  /** Quantity units bought or sold at most, net; a side that would go beyond it is empty. */
  readonly maximumInventory: number;
  /** Milliseconds between two questions to the strategy. */
  readonly interval: number;
}

/** What the strategy remembers between two decisions: plain JSON of its own. */
export interface CustomStrategyMemo {
  readonly state: unknown;
}

/** What its process said, checked; or that it failed. `final`: it is not asked again. */
export type CustomAdvice =
  | { readonly type: "decided"; readonly state: unknown; readonly desired: DesiredQuotes }
  | { readonly type: "failed"; readonly final: boolean };

export type CustomStrategyStart = TraderStart<CustomStrategyParameters>;
export type CustomStrategyMessage = TraderMessage;
export type CustomStrategyEvent = TraderEvent<CustomStrategyMemo>;
export type CustomStrategyReply = TraderReply<CustomStrategyMemo>;
