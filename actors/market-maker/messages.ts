import type { TraderEvent, TraderMessage, TraderReply, TraderStart } from "../trading/messages.ts";

/** Which closed form gives the distances of the quotes. */
export type QuotingModel = "avellaneda-stoikov" | "gueant-lehalle-tapia";

/** Parameters of a market maker; a distance unit is one tick, an inventory unit one quote. */
export interface MarketMakerParameters {
  readonly model: QuotingModel;
  /** gamma: risk aversion per tick and quote. */
  readonly gamma: number;
  /** k: how fast fills get rarer with the distance, per tick. */
  readonly kappa: number;
  /** A: fills a second at distance 0. */
  readonly arrivalRate: number;
  /** Ticks per square root of a second; null: what the market shows, one tick at least. */
  readonly sigma: number | null;
  /** Seconds that are always left to the horizon (avellaneda-stoikov). */
  readonly horizon: number;
  /** Quantity units of each quote. */
  readonly quantity: number;
  /** Quantity units bought or sold at most, net; beyond it only the other side is quoted. */
  readonly maximumInventory: number;
  /** Milliseconds between two looks at the market. */
  readonly interval: number;
  /** Ticks by which a quote may be off before it is sent anew. */
  readonly tolerance: number;
  /** Price units to quote around while the market has no price; null: it waits for one. */
  readonly reference: number | null;
}

export type MarketMakerStart = TraderStart<MarketMakerParameters>;
/** The plan remembers nothing: all of it is in the ledger. */
export type MarketMakerMemo = Record<string, never>;
export type MarketMakerMessage = TraderMessage;
export type MarketMakerEvent = TraderEvent<MarketMakerMemo>;
export type MarketMakerReply = TraderReply<MarketMakerMemo>;
