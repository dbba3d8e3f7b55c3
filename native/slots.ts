import type {
  AccountLimit,
  BreakerMode,
  CancelReason,
  DurabilityMode,
  EngineRefusal,
  MarketState,
  OrderType,
  ReduceReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from "../actors/kernel/ports/matching-engine.ts";
import { RECORD_BYTES } from "../actors/kernel/ports/matching-engine.ts";

/**
 * Commands and events as they stand in 64-byte ring slots (native/wire). Everything is little-endian. 64-bit fields are read and written as two 32-bit
 * halves, because a BigInt per field would allocate on the hot path: values are safe integers.
 */

/** Bytes of a command or event slot. */
export const SLOT_BYTES = 64;

/** Byte offsets of every field; compared with what the addon reports (offsetof) when it is loaded. */
export const layout = {
  command: {
    kind: 0,
    side: 1,
    order_type: 2,
    time_in_force: 3,
    tag: 4,
    session: 8,
    number: 16,
    order_id: 24,
    price: 32,
    trigger: 36,
    quantity: 40,
    display: 44,
    minimum: 48,
    expiry_s: 52,
    account: 56,
    attributes: 60,
    discretion: 62,
    group: 63,
    bytes: SLOT_BYTES,
  },
  event: {
    kind: 0,
    code: 1,
    side: 2,
    flags: 3,
    tag: 4,
    sequence: 8,
    index: 16,
    account: 20,
    order_id: 24,
    price: 32,
    other_order_id: 40,
    other_price: 48,
    quantity: 56,
    remaining: 60,
    bytes: SLOT_BYTES,
  },
  record: {
    crc32c: 0,
    version: 4,
    reserved: 6,
    epoch: 8,
    sequence: 16,
    timestamp_ns: 24,
    command: 32,
    bytes: RECORD_BYTES,
  },
} as const;

export const EVENT_IS_LAST = 1;
export const EVENT_IS_FOREIGN = 2;

/** Kinds and codes by their number on the wire; a hole is a number without a meaning. */
export const commandKinds = [
  undefined,
  "place",
  "cancel",
  "reduce",
  "replace",
  "configure",
  "set_state",
  "set_breaker",
  "mass_cancel",
  "set_limit",
  "kill",
  "set_position",
  "bust",
  "correct",
  "tick",
  "seed",
] as const;
export const eventKinds = [
  undefined,
  "accepted",
  "executed",
  "canceled",
  "reduced",
  "replaced",
  "refused",
  "repeated",
  "configured",
  "state_set",
  "touch",
  "rested",
  "triggered",
  "activated",
  "repriced",
  "indicative",
  "limit_state",
  "breaker_set",
  "mass_canceled",
  "limit_set",
  "killed",
  "position_set",
  "busted",
  "corrected",
  "ticked",
  "seeded",
] as const;
export const sides: readonly Side[] = ["buy", "sell"];
export const orderTypes: readonly OrderType[] = [
  "limit",
  "market",
  "stop",
  "stop_limit",
  "trailing_stop",
  "pegged_primary",
  "pegged_market",
  "pegged_mid",
];
export const timesInForce: readonly TimeInForce[] = [
  "day",
  "ioc",
  "fok",
  "gtc",
  "gtd",
  "at_open",
  "at_close",
  "good_for_auction",
];
export const marketStates: readonly MarketState[] = [
  "open",
  "halted",
  "pre_open",
  "opening_auction",
  "volatility_auction",
  "closing_auction",
  "closed",
];
export const breakerModes: readonly BreakerMode[] = ["none", "interrupt", "limit_state"];
export const accountLimits: readonly AccountLimit[] = [
  "quantity",
  "notional",
  "collar",
  "open_orders",
  "position",
  "message_rate",
  "execution_rate",
];
export const selfTradePreventions: readonly (SelfTradePrevention | undefined)[] = [
  undefined,
  "newest",
  "oldest",
  "both",
  "decrement",
];
export const links = [undefined, "oco", "child"] as const;
export const durabilityModes: readonly DurabilityMode[] = ["matched", "durable", "replicated"];
export const refusals: readonly (EngineRefusal | undefined)[] = [
  undefined,
  "command_invalid",
  "not_configured",
  "market_halted",
  "quantity_not_positive",
  "quantity_too_large",
  "price_not_positive",
  "price_out_of_band",
  "order_unknown",
  "order_not_yours",
  "account_invalid",
  "order_pool_full",
  "level_pool_full",
  "number_stale",
  "capacity_fixed",
  "market_closed",
  "not_in_phase",
  "link_invalid",
  "no_reference",
  "reduce_only",
  "post_only",
  "account_table_full",
  "special_pool_full",
  "trade_unknown",
  "busy",
  "account_killed",
  "limit_messages",
  "limit_executions",
  "limit_quantity",
  "limit_notional",
  "limit_collar",
  "limit_open_orders",
  "limit_position",
];
export const cancelReasons: readonly (CancelReason | undefined)[] = [
  undefined,
  "user",
  "reduced_to_zero",
  "ioc_rest",
  "fok_unfilled",
  "no_liquidity",
  "self_trade",
  "reduce_only",
  "minimum_unmet",
  "breaker",
  "linked",
  "expired",
  "mass_cancel",
  "killed",
  "day_end",
  "auction_rest",
  "no_room",
];
export const reduceReasons: readonly (ReduceReason | undefined)[] = cancelReasons.map((reason) =>
  reason === "user" || reason === "self_trade" || reason === "reduce_only" || reason === "linked"
    ? reason
    : undefined,
);

/** Bits of the attributes that stand alone. */
export const attributeBits = {
  postOnly: 1,
  reprice: 2,
  hidden: 4,
  reduceOnly: 8,
  allOrNone: 16,
  randomRefresh: 32,
  trailBps: 2048,
} as const;
export const SELF_TRADE_UNIT = 64;
export const LINK_UNIT = 512;
export const LINK_END = 2048;
export const FILTER_SIDE = 1;
export const FILTER_PRICE = 2;
export const FILTER_GROUP = 4;
export const AT_UNCROSS = 1;
export const MAKER_DARK = 2;

/** Number of a name on the wire (native/wire); throws on a name that is not in the table. */
export function code<T>(table: readonly T[], name: T): number {
  const index = table.indexOf(name);
  if (index < 0) throw new RangeError(`no wire code for ${String(name)}`);
  return index;
}

/** The name behind a number the engine itself wrote; throws when there is none. */
export function named<T>(table: readonly (T | undefined)[], value: number, what: string): T {
  const name = table[value];
  if (name === undefined) throw new Error(`${what} ${value} in an event slot has no meaning`);
  return name;
}

const HIGH = 2 ** 32;

/** Writes a safe integer, negative ones in two's complement. */
export function setInteger64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setInt32(offset + 4, Math.floor(value / HIGH), true);
}
/** Reads an unsigned integer; exact up to 2^53 - 1. */
export function getUnsigned64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * HIGH + view.getUint32(offset, true);
}
export function getSigned64(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * HIGH + view.getUint32(offset, true);
}

export type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };
