import type { RequestTrace } from "../kernel/ports/tracing.ts";
import type { CountedDurations } from "../kernel/durations.ts";
import type {
  DurabilityMode,
  LatencySummary,
  MarketState,
} from "../kernel/ports/matching-engine.ts";
import type { Result } from "../kernel/result.ts";

/** Messages of the market actor, and the plain data it is started with. No methods here. */

/** Reference data of a market; prices and quantities in units, as it travels. */
export interface MarketDefinition {
  readonly market: string;
  /** Region where the market is matched. */
  readonly home: string;
  /** Replication group and shard: which journal stream, and which ownership key. */
  readonly group: string;
  readonly shard: number;
  readonly currency: string;
  /** A price unit is 10^-priceDecimals of the currency. */
  readonly priceDecimals: number;
  /** Price units per tick, >= 1. */
  readonly tick: number;
  /** Quantity units per lot, >= 1. */
  readonly lot: number;
  /** Price units. Band ends that are no multiple of the tick are rounded inwards. */
  readonly bandLow: number;
  readonly bandHigh: number;
  /** Quantity units. */
  readonly maximumQuantity: number;
  readonly orderCapacity: number;
  readonly mode: DurabilityMode;
  readonly calendar: string;
  /** Hundredths of a basis point of notional; negative is a rebate. */
  readonly makerFeeBpsE2: number;
  readonly takerFeeBpsE2: number;
}

/** What a market actor is started with: `start` of its child specification. */
export interface MarketStart {
  readonly definition: MarketDefinition;
  /** Folder of this market on this node: write-ahead log, accepted.json, quarantine. */
  readonly directory: string;
  /** What the servers allow; absent: everything. */
  readonly strongestMode?: DurabilityMode;
}

export type MarketMessage =
  /** A SubmitRequest as it came from the bus; answered with an encoded SubmitReply. */
  | { readonly type: "submit"; readonly payload: Uint8Array; readonly trace?: RequestTrace }
  /** A BookRequest; answered with an encoded BookReply. */
  | { readonly type: "book"; readonly payload: Uint8Array }
  /** An OrdersRequest; answered with an encoded OrdersReply. */
  | { readonly type: "orders"; readonly payload: Uint8Array }
  /** A MarketHistoryRequest; answered with an encoded MarketHistoryReply, whatever the state. */
  | { readonly type: "history"; readonly payload: Uint8Array }
  /** An ApplyLimits of a risk-limit actor; answered with an encoded ApplyLimitsReply. */
  | { readonly type: "limits"; readonly payload: Uint8Array }
  | { readonly type: "status" }
  | { readonly type: "halt"; readonly reason: string }
  | { readonly type: "resume"; readonly reason: string }
  /** New reference data: journalled as a `configure` command when it differs in what the engine knows. */
  | { readonly type: "redefine"; readonly definition: MarketDefinition }
  /** Calls an auction or closes the market; `resume` uncrosses. */
  | { readonly type: "set_phase"; readonly phase: MarketState }
  /** What acknowledgements promise from now on: a journalled command. */
  | { readonly type: "set_mode"; readonly mode: DurabilityMode }
  /** The market goes to the cells of a region; done when its HANDOVER is accepted. */
  | { readonly type: "hand_over"; readonly region: string }
  /** Ends a hand-over whose last record is not written yet: it is refused `aborted`, and the market goes on. */
  | { readonly type: "stay" };

export type MarketReply =
  /** To submit, book, orders and limits: the bytes to respond with. */
  | { readonly type: "payload"; readonly payload: Uint8Array }
  | { readonly type: "status"; readonly status: MarketStatus }
  /**
   * To halt, resume, set_phase, redefine, set_mode, hand_over and stay, once it is done. Codes: market_stopped, ring_full,
   * command_invalid, capacity_fixed, not_owner, not_durable, mode_not_available, aborted.
   */
  | { readonly type: "done"; readonly result: Result<void> };

export type MarketLifecycle =
  | "starting"
  | "recovering"
  | "standby"
  | "fencing"
  | "open"
  | "halted"
  | "handing_over"
  | "stopping"
  | "stopped"
  | "failed";

/** Best bid and offer; price 0 = that side is empty. Units. */
export interface TouchUnits {
  readonly bidPrice: number;
  readonly bidQuantity: number;
  readonly askPrice: number;
  readonly askQuantity: number;
}

/** What an auction would trade now; units, and all 0 when it would trade nothing. */
export interface Indication {
  readonly price: number;
  readonly volume: number;
  /** Left over at that price: bought when positive, sold when negative. */
  readonly surplus: number;
}

/** What schemas/control/v1 MarketStatus says, as typed data. */
export interface MarketStatus {
  readonly definition: MarketDefinition;
  readonly state: MarketLifecycle;
  /** Why it is not open, empty when it is. */
  readonly detail: string;
  /** Empty while it is not served here. */
  readonly phase: MarketState | "";
  readonly indication: Indication;
  readonly mode: DurabilityMode;
  readonly epoch: number;
  readonly matched: number;
  readonly durable: number;
  readonly committed: number;
  readonly orders: number;
  readonly trades: number;
  /** Quantity units. */
  readonly volume: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly restingOrders: number;
  readonly touch: TouchUnits;
  readonly digest: string;
  /** Restarts of the market actor. */
  readonly restarts: number;
  /** Nanoseconds. */
  readonly serviceTime: LatencySummary;
  readonly acknowledgement: LatencySummary;
  /** Null when the market is owned here. */
  readonly standby: StandbyReport | null;
  readonly acknowledgements: CountedDurations;
  readonly journal: JournalCounters;
}

/** Where a market that is followed here stands. */
export interface StandbyReport {
  /** region/cell on record; the region alone when it was handed over; empty when nobody is known. */
  readonly owner: string;
  /** Of the last accepted fence. */
  readonly epoch: number;
  /** Last record applied. */
  readonly sequence: number;
  readonly lagRecords: number;
  /** Since it last stood at the journal's tail; null: not yet. */
  readonly lagMs: number | null;
  /** By the accepted journal; null before its first record. */
  readonly mode: DurabilityMode | null;
}

/** What the journal shipper has seen; all counts since the actor started. */
export interface JournalCounters {
  readonly blocks: number;
  /** Appends whose fate was not known at first. */
  readonly undecided: number;
  /** Blocks sent again from the write-ahead log because JetStream lost them. */
  readonly resent: number;
  /** Messages on the journal that the chain did not accept. */
  readonly dropped: number;
  /** Event blocks that the memory stream refused. */
  readonly eventsRefused: number;
  /** Replies that were never sent because ownership ended before their sequence was safe. */
  readonly withheld: number;
  /** Logs that were set aside because the journal went another way. */
  readonly diverged: number;
}
