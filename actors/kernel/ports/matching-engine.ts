import type {
  AccountId,
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
export type OrderType = "limit" | "market";
/** day: rests until canceled. ioc: what does not trade at once is canceled. fok: all or nothing, at once. */
export type TimeInForce = "day" | "ioc" | "fok";
export type MarketState = "open" | "halted";
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

export interface PlaceCommand extends CommandHeader {
  readonly kind: "place";
  readonly side: Side;
  readonly orderType: OrderType;
  readonly timeInForce: TimeInForce;
  /** Limit price; 0 for a market order. */
  readonly price: PriceTicks | 0;
  readonly quantity: QuantityLots;
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
  readonly price: PriceTicks;
  readonly quantity: QuantityLots;
}
/** First command of every journal, and at each change of reference data. */
export interface ConfigureCommand extends CommandHeader {
  readonly kind: "configure";
  /** Limit prices outside [bandLow, bandHigh] are refused. */
  readonly bandLow: PriceTicks;
  readonly bandHigh: PriceTicks;
  readonly maximumQuantity: QuantityLots;
  /** Resting orders the market holds at most; <= 2^24 - 2. Fixed by the first configure. */
  readonly orderCapacity: number;
  readonly mode: DurabilityMode;
}
export interface SetStateCommand extends CommandHeader {
  readonly kind: "set_state";
  readonly state: MarketState;
}
export type EngineCommand =
  | PlaceCommand
  | CancelCommand
  | ReduceCommand
  | ReplaceCommand
  | ConfigureCommand
  | SetStateCommand;

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
  | "capacity_fixed";

export type CancelReason =
  | "user"
  | "reduced_to_zero"
  | "ioc_rest"
  | "fok_unfilled"
  | "no_liquidity";

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
export type EngineEvent = EventHeader &
  (
    | {
        readonly kind: "accepted";
        readonly orderId: OrderId;
        readonly account: AccountId;
        readonly side: Side;
        readonly price: PriceTicks | 0;
        readonly quantity: QuantityLots;
      }
    | {
        readonly kind: "executed";
        /** The aggressor. */
        readonly orderId: OrderId;
        readonly account: AccountId;
        /** Side of the aggressor. */
        readonly side: Side;
        /** The maker's price. */
        readonly price: PriceTicks;
        readonly quantity: QuantityLots;
        readonly makerOrderId: OrderId;
        readonly makerAccount: AccountId;
        /** What is left of the maker after this execution. */
        readonly makerRemaining: QuantityLots;
      }
    | {
        readonly kind: "canceled";
        readonly orderId: OrderId;
        readonly account: AccountId;
        readonly side: Side;
        readonly price: PriceTicks | 0;
        /** Lots canceled. */
        readonly quantity: QuantityLots;
        readonly reason: CancelReason;
      }
    | {
        readonly kind: "reduced";
        readonly orderId: OrderId;
        readonly account: AccountId;
        readonly side: Side;
        readonly price: PriceTicks;
        readonly quantity: QuantityLots;
        readonly remaining: QuantityLots;
      }
    | {
        readonly kind: "replaced";
        /** The new order; it enters as if placed now. */
        readonly orderId: OrderId;
        readonly replacedOrderId: OrderId;
        readonly account: AccountId;
        readonly side: Side;
        readonly price: PriceTicks;
        readonly quantity: QuantityLots;
        /** Lots of the replaced order that were still open. */
        readonly remaining: QuantityLots;
      }
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
        /** Lots executed, and lots that rested, when the command was first processed. */
        readonly executed: QuantityLots;
        readonly remaining: QuantityLots;
      }
    | { readonly kind: "configured"; readonly bandLow: PriceTicks; readonly bandHigh: PriceTicks }
    | { readonly kind: "state_set"; readonly state: MarketState }
    | {
        /** Best bid and offer after the command; sent as its last event when they changed. 0 = empty side. */
        readonly kind: "touch";
        readonly bidPrice: PriceTicks | 0;
        readonly bidQuantity: QuantityLots;
        readonly askPrice: PriceTicks | 0;
        readonly askQuantity: QuantityLots;
      }
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
}

export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly maximum: number;
}

/** A market open in an engine. All calls come from one JavaScript thread; none of them blocks. */
export interface MarketEngine {
  readonly market: string;
  /** Random id of the write-ahead log, 32 hexadecimal digits; a lost disk gets another one. */
  readonly logId: string;
  /** Puts one command into the command ring. False: the ring is full, nothing was taken, it is counted. */
  offer(command: EngineCommand): boolean;
  /** Makes offered commands visible to the engine and wakes it. Call once per batch. */
  flush(): void;
  /**
   * Takes up to `limit` events out of the event ring, in order. The event object is only valid
   * during the call. Returns how many were taken.
   */
  drain(sink: (event: EngineEvent) => void, limit: number): number;
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
  stop(): Promise<void>;
}

/** Events and commands as 64-byte slots (native/wire); native/slots.ts has what implements it. */
export interface EngineSlots {
  /** Writes the event into the 64 bytes at `offset`. */
  encode(view: DataView, offset: number, event: EngineEvent): void;
  /** The event at `offset`; the object is valid until the next call. Throws on an unknown kind. */
  read(view: DataView, offset: number): EngineEvent;
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
