import type { Seal } from "../accepted-chain.ts";
import type {
  AccountId,
  DurationNs,
  Epoch,
  OrderId,
  PriceTicks,
  QuantityLots,
  Sequence,
  TimestampNs,
} from "../units.ts";

/**
 * The matching engine as the rest of the product sees it. Two implementations: native/index.ts (the
 * reactor, over rings in shared memory) and native/portable (the slow twin). The rules both follow,
 * event by event, are in native/engine/README.md.
 */

export type Side = "buy" | "sell";
export type OrderType =
  | "limit"
  | "market"
  | "stop"
  | "stop_limit"
  | "trailing_stop"
  | "pegged_primary"
  | "pegged_market"
  | "pegged_mid";
/**
 * day: rests until canceled or the day ends. ioc: what does not trade at once is canceled. fok: all
 * or nothing, at once. gtc: rests until canceled. gtd: rests until its expiry. at_open, at_close,
 * good_for_auction: for the auction of that name.
 */
export type TimeInForce =
  | "day"
  | "ioc"
  | "fok"
  | "gtc"
  | "gtd"
  | "at_open"
  | "at_close"
  | "good_for_auction";
export type MarketState =
  | "open"
  | "halted"
  | "pre_open"
  | "opening_auction"
  | "volatility_auction"
  | "closing_auction"
  | "closed";
/** What happens when the next trade would be further from the reference than the width. */
export type BreakerMode = "none" | "interrupt" | "limit_state";
/** What becomes of an order that would trade with one of its own account. */
export type SelfTradePrevention = "newest" | "oldest" | "both" | "decrement";
export type AccountLimit =
  | "quantity"
  | "notional"
  | "collar"
  | "open_orders"
  | "position"
  | "message_rate"
  | "execution_rate";
/** What an acknowledgement means (DESIGN §5). */
export type DurabilityMode = "matched" | "durable" | "replicated";

interface CommandHeader {
  /** Client session, 0 = none (no protection against resends). A safe integer. */
  readonly session: number;
  /** Rising within the session, >= 1 when session is not 0; a resend carries the same number. */
  readonly number: number;
  readonly account: AccountId | 0;
  /** Chosen by the sender, comes back in every event of the command; 0 <= tag < 2^32. */
  readonly tag: number;
}

/** Attributes of an order; those it does not have are absent. */
export interface OrderAttributes {
  /** Refused rather than trading on entry. */
  readonly postOnly?: true;
  /** With postOnly: takes the next price at which it does not trade instead of being refused. */
  readonly reprice?: true;
  /** Never shown. */
  readonly hidden?: true;
  /** Never more than closes the account's position. */
  readonly reduceOnly?: true;
  readonly allOrNone?: true;
  /** With display: the size shown anew is drawn. */
  readonly randomRefresh?: true;
  /** The distance of a trailing stop is in basis points, not in ticks. */
  readonly trailBps?: true;
  readonly selfTradePrevention?: SelfTradePrevention;
  /** Of a linked order: one cancels the other, or child of a bracket. */
  readonly link?: "oco" | "child";
}

/** What most orders do not have is absent, and 0 on the wire. */
export interface PlaceCommand extends CommandHeader {
  readonly kind: "place";
  readonly side: Side;
  readonly orderType: OrderType;
  readonly timeInForce: TimeInForce;
  /** Limit price or cap of a peg; 0 where the type has none. */
  readonly price: PriceTicks | 0;
  readonly quantity: QuantityLots;
  /** Stop price, distance of a trailing stop or peg, or protection of a market order, in ticks. */
  readonly trigger?: number;
  /** Lots shown of an iceberg. */
  readonly display?: QuantityLots;
  /** Lots that must be executed at once. */
  readonly minimum?: QuantityLots;
  /** Seconds since 1970-01-01 UTC; gtd only. */
  readonly expirySeconds?: number;
  /** Ticks by which it may trade beyond its price; 1 … 255. */
  readonly discretion?: number;
  /** For mass cancels; 1 … 255. */
  readonly group?: number;
  readonly attributes?: OrderAttributes;
  /** The order that `attributes.link` is about. */
  readonly linkedOrderId?: OrderId;
}
export interface CancelCommand extends CommandHeader {
  readonly kind: "cancel";
  readonly orderId: OrderId;
}
export interface ReduceCommand extends CommandHeader {
  readonly kind: "reduce";
  readonly orderId: OrderId;
  /** Lots to take off; at least the rest of the order cancels it. */
  readonly quantity: QuantityLots;
}
export interface ReplaceCommand extends CommandHeader {
  readonly kind: "replace";
  readonly orderId: OrderId;
  /** 0 for types without a limit price. */
  readonly price: PriceTicks | 0;
  readonly quantity: QuantityLots;
  /** New trigger or distance; absent: the old one. */
  readonly trigger?: number;
}
/** First command of every journal, and at each change of reference data. */
export interface ConfigureCommand extends CommandHeader {
  readonly kind: "configure";
  /** Limit prices outside [bandLow, bandHigh] are refused. */
  readonly bandLow: PriceTicks;
  readonly bandHigh: PriceTicks;
  readonly maximumQuantity: QuantityLots;
  /** Open orders the market holds at most; <= 2^24 - 2. Fixed by the first configure. */
  readonly orderCapacity: number;
  readonly mode: DurabilityMode;
}
export interface SetStateCommand extends CommandHeader {
  readonly kind: "set_state";
  readonly state: MarketState;
}
export interface SetBreakerCommand extends CommandHeader {
  readonly kind: "set_breaker";
  readonly mode: BreakerMode;
  /** 0 keeps the reference there is. */
  readonly reference: PriceTicks | 0;
  /** Ticks a trade may be away from the reference. */
  readonly width: number;
  /** How long a limit state lasts before an auction is called; 0: for ever. */
  readonly limitStateSeconds: number;
}
/** Cancels the account's orders that pass every filter given; null is no filter. */
export interface MassCancelCommand extends CommandHeader {
  readonly kind: "mass_cancel";
  readonly side: Side | null;
  readonly prices: { readonly low: number; readonly high: number } | null;
  readonly group: number | null;
}
export interface SetLimitCommand extends CommandHeader {
  readonly kind: "set_limit";
  readonly limit: AccountLimit;
  /** 0: no limit. A safe integer. */
  readonly value: number;
  /** Milliseconds; of the two rates only, else 0. */
  readonly windowMs: number;
}
/** Engaged: cancels every order of the account and refuses new ones until it is released. */
export interface KillCommand extends CommandHeader {
  readonly kind: "kill";
  readonly engage: boolean;
}
export interface SetPositionCommand extends CommandHeader {
  readonly kind: "set_position";
  /** Lots, negative when short; at most 2^40 either way. */
  readonly position: number;
}
/** Takes back a trade, named by its `executed` event. */
export interface BustCommand extends CommandHeader {
  readonly kind: "bust";
  readonly tradeSequence: Sequence;
  readonly tradeIndex: number;
}
export interface CorrectCommand extends CommandHeader {
  readonly kind: "correct";
  readonly tradeSequence: Sequence;
  readonly tradeIndex: number;
  readonly price: PriceTicks;
  /** At most what was traded. */
  readonly quantity: QuantityLots;
}
/** Time passes; nothing else. */
export interface TickCommand extends CommandHeader {
  readonly kind: "tick";
}
export interface SeedCommand extends CommandHeader {
  readonly kind: "seed";
  /** Of the sizes that icebergs show; not 0, a safe integer. */
  readonly seed: number;
}
export type EngineCommand =
  | PlaceCommand
  | CancelCommand
  | ReduceCommand
  | ReplaceCommand
  | ConfigureCommand
  | SetStateCommand
  | SetBreakerCommand
  | MassCancelCommand
  | SetLimitCommand
  | KillCommand
  | SetPositionCommand
  | BustCommand
  | CorrectCommand
  | TickCommand
  | SeedCommand;

/** Refusals that the engine itself gives; their numbers are in native/wire/refusal.hpp. */
export type EngineRefusal =
  | "command_invalid"
  | "not_configured"
  | "market_halted"
  | "quantity_not_positive"
  | "quantity_too_large"
  | "price_not_positive"
  | "price_out_of_band"
  | "order_unknown"
  | "order_not_yours"
  | "account_invalid"
  | "order_pool_full"
  | "level_pool_full"
  | "number_stale"
  | "capacity_fixed"
  | "market_closed"
  | "not_in_phase"
  | "link_invalid"
  | "no_reference"
  | "reduce_only"
  | "post_only"
  | "account_table_full"
  | "special_pool_full"
  | "trade_unknown"
  | "busy"
  | "account_killed"
  | "limit_messages"
  | "limit_executions"
  | "limit_quantity"
  | "limit_notional"
  | "limit_collar"
  | "limit_open_orders"
  | "limit_position";

export type CancelReason =
  | "user"
  | "reduced_to_zero"
  | "ioc_rest"
  | "fok_unfilled"
  | "no_liquidity"
  | "self_trade"
  | "reduce_only"
  | "minimum_unmet"
  | "breaker"
  | "linked"
  | "expired"
  | "mass_cancel"
  | "killed"
  | "day_end"
  | "auction_rest"
  | "no_room";
/** Why lots were taken off an order that stays. */
export type ReduceReason = Extract<CancelReason, "user" | "self_trade" | "reduce_only" | "linked">;

interface EventHeader {
  /** Sequence of the command that caused it. */
  readonly sequence: Sequence;
  /** 0, 1, … within the command. */
  readonly index: number;
  /** True on the last event of the command; every command has at least one event. */
  readonly last: boolean;
  /** The command's tag. */
  readonly tag: number;
}

/** The order an event is about. */
interface OrderFields {
  readonly orderId: OrderId;
  readonly account: AccountId;
  readonly side: Side;
  readonly price: PriceTicks | 0;
  readonly quantity: QuantityLots;
}
/** A trade that is busted or corrected, named by its `executed` event. */
interface TradeFields {
  readonly tradeSequence: Sequence;
  readonly tradeIndex: number;
  readonly buyer: AccountId;
  readonly seller: AccountId;
  readonly price: PriceTicks;
  readonly quantity: QuantityLots;
}
export type EngineEvent = EventHeader &
  (
    | ({
        readonly kind: "accepted";
        readonly orderType: OrderType;
        readonly linkedOrderId: OrderId | 0;
        readonly trigger: number;
      } & OrderFields)
    | ({
        /** The order is the aggressor; the price is the trade's. */
        readonly kind: "executed";
        readonly atUncross: boolean;
        readonly makerWasDark: boolean;
        readonly makerOrderId: OrderId;
        readonly makerAccount: AccountId;
        /** What the maker still shows after this execution. */
        readonly makerRemaining: QuantityLots;
      } & OrderFields)
    | ({
        /** `quantity`: lots canceled. */
        readonly kind: "canceled";
        readonly reason: CancelReason;
      } & OrderFields)
    | ({
        /** `quantity`: lots taken off. */
        readonly kind: "reduced";
        readonly reason: ReduceReason;
        readonly remaining: QuantityLots;
      } & OrderFields)
    | ({
        /** The order is the new one; it enters as if placed now. */
        readonly kind: "replaced";
        readonly orderType: OrderType;
        readonly trigger: number;
        readonly replacedOrderId: OrderId;
        /** Lots of the replaced order that were still open. */
        readonly remaining: QuantityLots;
      } & OrderFields)
    | {
        readonly kind: "refused";
        readonly orderId: OrderId | 0;
        readonly account: AccountId | 0;
        readonly refusal: EngineRefusal;
      }
    | {
        /** A resend: the first outcome again, with what was known when it was given. */
        readonly kind: "repeated";
        readonly originalSequence: Sequence;
        readonly orderId: OrderId | 0;
        readonly refusal: EngineRefusal | null;
        /** Lots executed, and lots left open, when the command was first processed. */
        readonly executed: QuantityLots;
        readonly remaining: QuantityLots;
      }
    | { readonly kind: "configured"; readonly bandLow: PriceTicks; readonly bandHigh: PriceTicks }
    | { readonly kind: "state_set"; readonly state: MarketState }
    | {
        /** Best lit bid and offer after the command, when they changed. 0 = empty side. */
        readonly kind: "touch";
        readonly bidPrice: PriceTicks | 0;
        readonly bidQuantity: QuantityLots;
        readonly askPrice: PriceTicks | 0;
        readonly askQuantity: QuantityLots;
      }
    /** `quantity`: lots shown. */
    | ({ readonly kind: "rested" } & OrderFields)
    | ({ readonly kind: "triggered"; readonly stopPrice: number } & OrderFields)
    | ({ readonly kind: "activated"; readonly parentOrderId: OrderId } & OrderFields)
    | ({ readonly kind: "repriced"; readonly oldPrice: PriceTicks } & OrderFields)
    | {
        /** What an uncross would do now; a volume of 0 is none. */
        readonly kind: "indicative";
        readonly price: PriceTicks | 0;
        readonly volume: QuantityLots;
        readonly surplusSide: Side;
        readonly surplus: QuantityLots;
      }
    | {
        readonly kind: "limit_state";
        readonly begins: boolean;
        readonly side: Side;
        readonly price: PriceTicks;
      }
    | {
        readonly kind: "breaker_set";
        readonly mode: BreakerMode;
        readonly reference: PriceTicks | 0;
        readonly width: number;
      }
    | {
        readonly kind: "mass_canceled";
        readonly account: AccountId;
        readonly side: Side | null;
        readonly byPrice: boolean;
        readonly byGroup: boolean;
      }
    | {
        readonly kind: "limit_set";
        readonly account: AccountId;
        readonly limit: AccountLimit;
        readonly value: number;
        readonly windowMs: number;
      }
    | { readonly kind: "killed"; readonly account: AccountId; readonly engaged: boolean }
    | { readonly kind: "position_set"; readonly account: AccountId; readonly position: number }
    | ({ readonly kind: "busted" } & TradeFields)
    /** `price` and `quantity` as corrected. */
    | ({ readonly kind: "corrected"; readonly quantityBefore: QuantityLots } & TradeFields)
    | { readonly kind: "ticked" }
    | { readonly kind: "seeded" }
  );

export interface OpenMarket {
  /** Token for subjects and folder names, [A-Za-z0-9_-]{1,32}. */
  readonly market: string;
  /** Folder of the write-ahead log of this market on this node; created when missing. */
  readonly directory: string;
  /** Epoch written into the records that follow; raise with setEpoch. */
  readonly epoch: Epoch;
}

export interface Progress {
  /** Last command processed by the engine. */
  readonly matched: Sequence;
  /** Last command whose record is fsynced on this node. */
  readonly durable: Sequence;
  /** Events this market's ring refused to take in the past (the engine waited): a stall count. */
  readonly eventRingStalls: number;
  /** Commands refused because the command ring was full. */
  readonly commandRingRefusals: number;
  /** Digest of the book at `matched` as 16 hexadecimal digits; exact only while the market is idle. */
  readonly digest: string;
  readonly restingOrders: number;
  /** Set when the log cannot be written any more (disk full, I/O error): the market must stop acknowledging. */
  readonly logFailure: string | null;
  /** Set while records wait for room on a full disk; `durable` moves on by itself when there is some. */
  readonly logWaiting: string | null;
}

/** A point of the accepted chain. */
export interface ChainPoint {
  readonly sequence: number;
  readonly epoch: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** What the shadow knows; everything is at one point of the accepted chain and may leave the node. */
export interface Shadow extends ChainPoint {
  /** Of the whole state, 16 hexadecimal digits. */
  readonly digest: string;
  /** Sequence of the last snapshot on this disk, 0 when there is none. */
  readonly snapshot: number;
  /** Why it follows no longer, or why the last snapshot could not be written. */
  readonly failure: string | null;
}

export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly maximum: number;
}

/** What opening a market found in its log folder. */
export interface Recovered {
  /** Sequence of the last record. */
  readonly sequence: number;
  /** Bytes of a torn tail that were cut off, and of which file; 0 and empty when there was none. */
  readonly cutBytes: number;
  readonly cutFile: string;
  /** The snapshot from which it started, null when it replayed everything. */
  readonly snapshot: { readonly sequence: number } | null;
  /** Snapshots that could not be used, and why. */
  readonly faults: readonly string[];
  /** Records applied behind the snapshot; how long reading, checking and applying took. */
  readonly replayed: number;
  readonly elapsedNs: number;
}

/** A market open in an engine. All calls come from one JavaScript thread; none of them blocks. */
export interface MarketEngine {
  readonly market: string;
  /** Random id of the write-ahead log, 32 hexadecimal digits; a lost disk gets another one. */
  readonly logId: string;
  readonly recovery: Recovered;
  /** Puts one command into the command ring. False: the ring is full, nothing was taken, it is counted. */
  offer(command: EngineCommand): boolean;
  /** Makes offered commands visible to the engine and wakes it. Call once per batch. */
  flush(): void;
  /**
   * Takes up to `limit` events out of the event ring, in order. The event object is only valid
   * during the call. Returns how many were taken. `foreign` (absent: false) marks events of commands that were
   * not offered here: those of shared-memory clients, and the engine's own cancels and ticks. Their tag means
   * nothing.
   */
  drain(sink: (event: EngineEvent, foreign?: boolean) => void, limit: number): number;
  /** The callback runs (on the event loop) when events may be waiting after a drain that returned < limit. */
  onEvents(callback: () => void): void;
  /** The callback runs when `durable` has moved since the last drain. May be coalesced. */
  onDurable(callback: () => void): void;
  progress(): Progress;
  /** Nanoseconds from command dequeued to its last event published. */
  serviceTime(): LatencySummary;
  /**
   * Durable records from `from` on, byte for byte as in the log (RECORD_BYTES each, consecutive
   * sequences), at most `maximumBytes`; empty when none. A copy, safe to keep.
   */
  records(from: Sequence, maximumBytes: number): Uint8Array;
  /** Records of commands taken from now on carry this epoch. Only while nothing is in the ring. */
  setEpoch(epoch: Epoch): void;
  /**
   * Applies records of the accepted chain that this log lacks (they follow `matched`), writing them
   * to the log as they are. No events come out. Resolves with the new matched sequence when fsynced.
   */
  adopt(records: Uint8Array): Promise<Sequence>;
  /**
   * Puts messages of the chain beside their records: own blocks before they are published, others once
   * they are accepted. Resolves when they are on the disk; those that were there already change nothing.
   * Rejects when the disk fails; `progress` then says so too.
   */
  seal(seals: readonly Seal[]): Promise<void>;
  /** The chain goes on from a point that is known otherwise; only told when its seal is not there. */
  sealFrom(point: ChainPoint): Promise<void>;
  /** The log begins behind this point of the accepted chain; null when it begins with record 1. */
  readonly trimmed: ChainPoint | null;
  /**
   * Gives back the room of records that nobody needs any more: at or below `floor`, behind the retention
   * of this engine, and below two snapshots that can be restored. Resolves with the point behind which
   * the log begins afterwards, null when nothing was to be gained. Rejects when the disk refuses.
   */
  trim(floor: number): Promise<ChainPoint | null>;
  /** Writes down how far the log is durable, when no seal says so: a log that is cut short is noticed. */
  mark(): Promise<void>;
  /**
   * Records up to this point of the accepted chain are in the log: a shadow follows to it and no
   * further. Points do not fall.
   */
  accept(point: ChainPoint): void;
  /**
   * What may leave to clients that this engine serves by itself (shared memory, OUCH, ITCH), and whether
   * anything is taken of them: the last committed sequence, null while nobody follows the accepted
   * chain, and until when the lease holds by Clock.monotonic(); null: under no lease.
   */
  gate(committed: Sequence | null, leaseUntil: DurationNs | null): void;
  /** Resolves when all that was taken before this call is counted in `progress`, whoever it came from. */
  turn(): Promise<void>;
  /** Where the shadow stands; null before its first point, and for an engine without one. */
  shadow(): Shadow | null;
  /** Resting orders in price-time order, best first: for queries and recovery checks. Idle markets only. */
  restingOrders(side: Side, limit: number): readonly RestingOrder[];
  /** Waits for the rings to empty and the log to be fsynced, then releases the market. */
  close(): Promise<void>;
}

export interface RestingOrder {
  readonly orderId: OrderId;
  readonly account: AccountId;
  readonly side: Side;
  readonly price: PriceTicks;
  readonly remaining: QuantityLots;
}

/** A host of markets: the native reactor, or the portable engine. */
export interface MatchingEngine {
  readonly implementation: "native" | "portable";
  /**
   * Recovers the market from its log (torn tail cut off, records replayed) and opens it. Rejects with
   * an Error whose message says what to do when the log is locked by another process or damaged.
   *
   * A market that this process has open already is attached to again, so that a restarted market
   * actor finds its book: once every command offered before is processed and fsynced, events that
   * were not drained are discarded, the callbacks are cleared, and the same MarketEngine is
   * resolved. `request.epoch` is ignored then (use setEpoch); another directory rejects.
   */
  open(request: OpenMarket): Promise<MarketEngine>;
  /**
   * The listener is told, on the event loop, when a market has become slower than it usually is and
   * when that is over. One listener. Absent: an engine that does not watch its own speed.
   */
  onLatencyAlert?(listener: (alert: LatencyAlert) => void): void;
  stop(): Promise<void>;
}

/** What speaks for which cause of a market's being slow; unknown: nothing that was counted does. */
export type LatencyCause =
  | "unknown"
  | "page_faults"
  | "steal"
  | "ring_full"
  | "cancel_burst"
  | "disk";

/** A market is slower than it usually is (`stands`), or not any more. Nanoseconds of service time. */
export interface LatencyAlert {
  readonly market: string;
  readonly stands: boolean;
  readonly p50: number;
  readonly usual: number;
  readonly cause: LatencyCause;
}

/** Events and commands as 64-byte slots (native/wire); native/slots.ts has what implements it. */
export interface EngineSlots {
  /** Writes the event into the 64 bytes at `offset`. */
  encode(view: DataView, offset: number, event: EngineEvent): void;
  /** The event at `offset`; the object is valid until the next call. Throws on an unknown kind. */
  read(view: DataView, offset: number): EngineEvent;
  /** Of the record at `offset`, when the sequencer stamped it. Absent: not known here. */
  sequencedAt?(view: DataView, offset: number): TimestampNs;
  /** The command in the 64-byte slot at `offset` (of a record: 32 bytes in), null when unreadable. */
  command(view: DataView, offset: number): EngineCommand | null;
}

/** Bytes of one event slot. */
export const EVENT_SLOT_BYTES = 64;

/** Bytes of one record in a log, a block and on the wire; layout in native/wire/record.hpp. */
export const RECORD_BYTES = 96;

/** Nanosecond stamp of a command, given by the sequencer; exported for readers of records. */
export interface RecordHeader {
  readonly epoch: Epoch;
  readonly sequence: Sequence;
  readonly timestamp: TimestampNs;
}
