import type {
  AccountLimit,
  BreakerMode,
  CancelReason,
  DurabilityMode,
  EngineCommand,
  EngineEvent,
  EngineRefusal,
  MarketState,
  OrderAttributes,
  OrderType,
  PlaceCommand,
  ReduceReason,
  SelfTradePrevention,
  Side,
  TimeInForce,
} from "../actors/kernel/ports/matching-engine.ts";
import { RECORD_BYTES } from "../actors/kernel/ports/matching-engine.ts";
import { unreachable } from "../actors/kernel/result.ts";
import type {
  AccountId,
  OrderId,
  PriceTicks,
  QuantityLots,
  Sequence,
} from "../actors/kernel/units.ts";

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

const EVENT_IS_LAST = 1;
const EVENT_IS_FOREIGN = 2;

/** Kinds and codes by their number on the wire; a hole is a number without a meaning. */
const commandKinds = [
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
const eventKinds = [
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
const sides: readonly Side[] = ["buy", "sell"];
const orderTypes: readonly OrderType[] = [
  "limit",
  "market",
  "stop",
  "stop_limit",
  "trailing_stop",
  "pegged_primary",
  "pegged_market",
  "pegged_mid",
];
const timesInForce: readonly TimeInForce[] = [
  "day",
  "ioc",
  "fok",
  "gtc",
  "gtd",
  "at_open",
  "at_close",
  "good_for_auction",
];
const marketStates: readonly MarketState[] = [
  "open",
  "halted",
  "pre_open",
  "opening_auction",
  "volatility_auction",
  "closing_auction",
  "closed",
];
const breakerModes: readonly BreakerMode[] = ["none", "interrupt", "limit_state"];
const accountLimits: readonly AccountLimit[] = [
  "quantity",
  "notional",
  "collar",
  "open_orders",
  "position",
  "message_rate",
  "execution_rate",
];
const selfTradePreventions: readonly (SelfTradePrevention | undefined)[] = [
  undefined,
  "newest",
  "oldest",
  "both",
  "decrement",
];
const links = [undefined, "oco", "child"] as const;
const durabilityModes: readonly DurabilityMode[] = ["matched", "durable", "replicated"];
const refusals: readonly (EngineRefusal | undefined)[] = [
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
const cancelReasons: readonly (CancelReason | undefined)[] = [
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
const reduceReasons: readonly (ReduceReason | undefined)[] = cancelReasons.map((reason) =>
  reason === "user" || reason === "self_trade" || reason === "reduce_only" || reason === "linked"
    ? reason
    : undefined,
);

/** Bits of the attributes that stand alone. */
const attributeBits = {
  postOnly: 1,
  reprice: 2,
  hidden: 4,
  reduceOnly: 8,
  allOrNone: 16,
  randomRefresh: 32,
  trailBps: 2048,
} as const;
const SELF_TRADE_UNIT = 64;
const LINK_UNIT = 512;
const LINK_END = 2048;
const FILTER_SIDE = 1;
const FILTER_PRICE = 2;
const FILTER_GROUP = 4;
const AT_UNCROSS = 1;
const MAKER_DARK = 2;

/** Number of a name on the wire (native/wire); throws on a name that is not in the table. */
function code<T>(table: readonly T[], name: T): number {
  const index = table.indexOf(name);
  if (index < 0) throw new RangeError(`no wire code for ${String(name)}`);
  return index;
}

/** The name behind a number the engine itself wrote; throws when there is none. */
function named<T>(table: readonly (T | undefined)[], value: number, what: string): T {
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
function getSigned64(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * HIGH + view.getUint32(offset, true);
}

/**
 * A command exactly as its 64 bytes say it: every 64 bytes are some fields, and these fields are the
 * same 64 bytes again. Fields of 64 bits are bigints, since a slot may hold any value.
 */
export interface CommandFields {
  readonly kind: number;
  readonly side: number;
  readonly orderType: number;
  readonly timeInForce: number;
  readonly tag: number;
  readonly session: bigint;
  readonly number: bigint;
  readonly orderId: bigint;
  /** Signed, 32 bits. */
  readonly price: number;
  /** Signed, 32 bits. */
  readonly trigger: number;
  readonly quantity: number;
  readonly display: number;
  readonly minimum: number;
  readonly expiry: number;
  readonly account: number;
  readonly attributes: number;
  readonly discretion: number;
  readonly group: number;
}

/** The fields of the 64 bytes at `offset`. */
export function readCommandFields(view: DataView, offset: number): CommandFields {
  const at = layout.command;
  return {
    kind: view.getUint8(offset + at.kind),
    side: view.getUint8(offset + at.side),
    orderType: view.getUint8(offset + at.order_type),
    timeInForce: view.getUint8(offset + at.time_in_force),
    tag: view.getUint32(offset + at.tag, true),
    session: view.getBigUint64(offset + at.session, true),
    number: view.getBigUint64(offset + at.number, true),
    orderId: view.getBigUint64(offset + at.order_id, true),
    price: view.getInt32(offset + at.price, true),
    trigger: view.getInt32(offset + at.trigger, true),
    quantity: view.getUint32(offset + at.quantity, true),
    display: view.getUint32(offset + at.display, true),
    minimum: view.getUint32(offset + at.minimum, true),
    expiry: view.getUint32(offset + at.expiry_s, true),
    account: view.getUint32(offset + at.account, true),
    attributes: view.getUint16(offset + at.attributes, true),
    discretion: view.getUint8(offset + at.discretion),
    group: view.getUint8(offset + at.group),
  };
}

/** Writes the 64 bytes at `offset`; each value must be in the range of its field. */
export function writeCommandFields(view: DataView, offset: number, fields: CommandFields): void {
  const at = layout.command;
  view.setUint8(offset + at.kind, fields.kind);
  view.setUint8(offset + at.side, fields.side);
  view.setUint8(offset + at.order_type, fields.orderType);
  view.setUint8(offset + at.time_in_force, fields.timeInForce);
  view.setUint32(offset + at.tag, fields.tag, true);
  view.setBigUint64(offset + at.session, fields.session, true);
  view.setBigUint64(offset + at.number, fields.number, true);
  view.setBigUint64(offset + at.order_id, fields.orderId, true);
  view.setInt32(offset + at.price, fields.price, true);
  view.setInt32(offset + at.trigger, fields.trigger, true);
  view.setUint32(offset + at.quantity, fields.quantity, true);
  view.setUint32(offset + at.display, fields.display, true);
  view.setUint32(offset + at.minimum, fields.minimum, true);
  view.setUint32(offset + at.expiry_s, fields.expiry, true);
  view.setUint32(offset + at.account, fields.account, true);
  view.setUint16(offset + at.attributes, fields.attributes, true);
  view.setUint8(offset + at.discretion, fields.discretion);
  view.setUint8(offset + at.group, fields.group);
}

/** The nearest value that the field can hold: the engine refuses it as it would the value itself. */
const signed32 = (value: number): number => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, value));
const unsigned32 = (value: number): number => Math.max(0, Math.min(2 ** 32 - 1, value));
const unsigned8 = (value: number): number => Math.max(0, Math.min(255, value));

/**
 * Writes a command into the 64 bytes at `offset`. Values are not judged: what is out of range for
 * the market is the engine's to refuse, and what is out of range for its field becomes the nearest
 * value that fits. Integers must be safe, tag and account within 32 bits.
 */
export function encodeCommand(view: DataView, offset: number, command: EngineCommand): void {
  const at = layout.command;
  for (let byte = 0; byte < SLOT_BYTES; byte += 4) view.setInt32(offset + byte, 0);
  view.setUint8(offset + at.kind, code<string | undefined>(commandKinds, command.kind));
  view.setUint32(offset + at.tag, command.tag, true);
  setInteger64(view, offset + at.session, command.session);
  setInteger64(view, offset + at.number, command.number);
  view.setUint32(offset + at.account, command.account, true);
  switch (command.kind) {
    case "place":
      encodePlace(view, offset, command);
      break;
    case "cancel":
      setInteger64(view, offset + at.order_id, command.orderId);
      break;
    case "reduce":
      setInteger64(view, offset + at.order_id, command.orderId);
      view.setUint32(offset + at.quantity, unsigned32(command.quantity), true);
      break;
    case "replace":
      setInteger64(view, offset + at.order_id, command.orderId);
      view.setInt32(offset + at.price, signed32(command.price), true);
      view.setInt32(offset + at.trigger, signed32(command.trigger ?? 0), true);
      view.setUint32(offset + at.quantity, unsigned32(command.quantity), true);
      break;
    case "configure":
      view.setUint8(offset + at.order_type, code(durabilityModes, command.mode));
      setInteger64(view, offset + at.order_id, command.orderCapacity);
      view.setInt32(offset + at.price, signed32(command.bandLow), true);
      view.setInt32(offset + at.trigger, signed32(command.bandHigh), true);
      view.setUint32(offset + at.quantity, unsigned32(command.maximumQuantity), true);
      break;
    case "set_state":
      view.setUint8(offset + at.order_type, code(marketStates, command.state));
      break;
    case "set_breaker":
      view.setUint8(offset + at.order_type, code(breakerModes, command.mode));
      view.setInt32(offset + at.price, signed32(command.reference), true);
      view.setUint32(offset + at.quantity, unsigned32(command.width), true);
      view.setUint32(offset + at.expiry_s, unsigned32(command.limitStateSeconds), true);
      break;
    case "mass_cancel": {
      const { side, prices, group } = command;
      const filters =
        (side === null ? 0 : FILTER_SIDE) |
        (prices === null ? 0 : FILTER_PRICE) |
        (group === null ? 0 : FILTER_GROUP);
      view.setUint8(offset + at.order_type, filters);
      view.setUint8(offset + at.side, side === null ? 0 : code(sides, side));
      view.setInt32(offset + at.price, signed32(prices?.low ?? 0), true);
      view.setInt32(offset + at.trigger, signed32(prices?.high ?? 0), true);
      view.setUint8(offset + at.group, unsigned8(group ?? 0));
      break;
    }
    case "set_limit":
      view.setUint8(offset + at.order_type, code(accountLimits, command.limit));
      setInteger64(view, offset + at.order_id, command.value);
      view.setUint32(offset + at.quantity, unsigned32(command.windowMs), true);
      break;
    case "kill":
      view.setUint8(offset + at.order_type, command.engage ? 0 : 1);
      break;
    case "set_position":
      view.setUint8(offset + at.side, command.position < 0 ? 1 : 0);
      setInteger64(view, offset + at.order_id, Math.abs(command.position));
      break;
    case "bust":
    case "correct":
      setInteger64(view, offset + at.order_id, command.tradeSequence);
      view.setUint32(offset + at.quantity, unsigned32(command.tradeIndex), true);
      if (command.kind === "correct") {
        view.setInt32(offset + at.price, signed32(command.price), true);
        view.setUint32(offset + at.display, unsigned32(command.quantity), true);
      }
      break;
    case "tick":
      break;
    case "seed":
      setInteger64(view, offset + at.order_id, command.seed);
      break;
  }
}

function encodePlace(view: DataView, offset: number, command: PlaceCommand): void {
  const at = layout.command;
  view.setUint8(offset + at.side, code(sides, command.side));
  view.setUint8(offset + at.order_type, code(orderTypes, command.orderType));
  view.setUint8(offset + at.time_in_force, code(timesInForce, command.timeInForce));
  view.setInt32(offset + at.price, signed32(command.price), true);
  view.setUint32(offset + at.quantity, unsigned32(command.quantity), true);
  if (command.trigger !== undefined) {
    view.setInt32(offset + at.trigger, signed32(command.trigger), true);
  }
  if (command.display !== undefined) {
    view.setUint32(offset + at.display, unsigned32(command.display), true);
  }
  if (command.minimum !== undefined) {
    view.setUint32(offset + at.minimum, unsigned32(command.minimum), true);
  }
  if (command.expirySeconds !== undefined) {
    view.setUint32(offset + at.expiry_s, unsigned32(command.expirySeconds), true);
  }
  if (command.discretion !== undefined) {
    view.setUint8(offset + at.discretion, unsigned8(command.discretion));
  }
  if (command.group !== undefined) view.setUint8(offset + at.group, unsigned8(command.group));
  if (command.attributes !== undefined) {
    view.setUint16(offset + at.attributes, attributesCode(command.attributes), true);
  }
  if (command.linkedOrderId !== undefined) {
    setInteger64(view, offset + at.order_id, command.linkedOrderId);
  }
}

const attributeNames = Object.keys(attributeBits) as (keyof typeof attributeBits)[];

/** The attributes of an order as 16 bits (native/wire/command.hpp). */
export function attributesCode(attributes: OrderAttributes): number {
  let bits = 0;
  for (const name of attributeNames) if (attributes[name] === true) bits |= attributeBits[name];
  const { selfTradePrevention, link } = attributes;
  if (selfTradePrevention !== undefined) {
    bits |= code(selfTradePreventions, selfTradePrevention) * SELF_TRADE_UNIT;
  }
  if (link !== undefined) bits |= code(links, link) * LINK_UNIT;
  return bits;
}

/** What the 16 bits say; bits without a meaning are left out. */
export function attributesOf(bits: number): OrderAttributes {
  const attributes: Mutable<OrderAttributes> = {};
  for (const name of attributeNames)
    if ((bits & attributeBits[name]) !== 0) attributes[name] = true;
  const selfTradePrevention =
    selfTradePreventions[Math.floor((bits % LINK_UNIT) / SELF_TRADE_UNIT)];
  const link = links[Math.floor((bits % LINK_END) / LINK_UNIT)];
  if (selfTradePrevention !== undefined) attributes.selfTradePrevention = selfTradePrevention;
  if (link !== undefined) attributes.link = link;
  return attributes;
}

/**
 * A command slot that says nothing the port can express: the engine answers `command_invalid`. (Also
 * one with an integer beyond 2^53 - 1, which no TypeScript sender can write.)
 */
export interface UnreadableCommand {
  readonly kind: "unreadable";
  readonly session: number;
  readonly number: number;
  readonly account: AccountId | 0;
  readonly tag: number;
  /** Named by a cancel, reduce or replace, else 0: the refusal carries it. */
  readonly orderId: OrderId | 0;
}

/** Reads the command in the 64 bytes at `offset`, into a new object. */
export function decodeCommand(view: DataView, offset: number): EngineCommand | UnreadableCommand {
  const at = layout.command;
  const kind = commandKinds[view.getUint8(offset + at.kind)];
  const header = {
    session: getUnsigned64(view, offset + at.session),
    number: getUnsigned64(view, offset + at.number),
    account: view.getUint32(offset + at.account, true) as AccountId | 0,
    tag: view.getUint32(offset + at.tag, true),
  };
  const orderId = getUnsigned64(view, offset + at.order_id) as OrderId;
  const price = view.getInt32(offset + at.price, true) as PriceTicks;
  const trigger = view.getInt32(offset + at.trigger, true);
  const quantity = view.getUint32(offset + at.quantity, true) as QuantityLots;
  const side = sides[view.getUint8(offset + at.side)];
  const second = view.getUint8(offset + at.order_type);
  const command = ((): EngineCommand | null => {
    if (kind === undefined) return null;
    switch (kind) {
      case "place":
        return decodePlace(view, offset, header);
      case "cancel":
        return { kind, ...header, orderId };
      case "reduce":
        return { kind, ...header, orderId, quantity };
      case "replace": {
        const plain = { kind, ...header, orderId, price, quantity };
        return trigger === 0 ? plain : { ...plain, trigger };
      }
      case "configure": {
        const mode = durabilityModes[second];
        if (mode === undefined) return null;
        return {
          kind,
          ...header,
          bandLow: price,
          bandHigh: trigger as PriceTicks,
          maximumQuantity: quantity,
          orderCapacity: orderId,
          mode,
        };
      }
      case "set_state": {
        const state = marketStates[second];
        return state === undefined ? null : { kind, ...header, state };
      }
      case "set_breaker": {
        const mode = breakerModes[second];
        const limitStateSeconds = view.getUint32(offset + at.expiry_s, true);
        if (mode === undefined) return null;
        return { kind, ...header, mode, reference: price, width: quantity, limitStateSeconds };
      }
      case "mass_cancel": {
        if (side === undefined) return null;
        return {
          kind,
          ...header,
          side: (second & FILTER_SIDE) === 0 ? null : side,
          prices: (second & FILTER_PRICE) === 0 ? null : { low: price, high: trigger },
          group: (second & FILTER_GROUP) === 0 ? null : view.getUint8(offset + at.group),
        };
      }
      case "set_limit": {
        const limit = accountLimits[second];
        if (limit === undefined) return null;
        return { kind, ...header, limit, value: orderId, windowMs: quantity };
      }
      case "kill":
        return { kind, ...header, engage: second === 0 };
      case "set_position":
        return { kind, ...header, position: side === "sell" ? 0 - orderId : orderId };
      case "bust":
      case "correct": {
        const trade = { tradeSequence: getUnsigned64(view, offset + at.order_id) as Sequence };
        if (kind === "bust") return { kind, ...header, ...trade, tradeIndex: quantity };
        const corrected = view.getUint32(offset + at.display, true) as QuantityLots;
        return { kind, ...header, ...trade, tradeIndex: quantity, price, quantity: corrected };
      }
      case "tick":
        return { kind, ...header };
      case "seed":
        return { kind, ...header, seed: orderId };
      default:
        return unreachable(kind);
    }
  })();
  // A field that the command does not use makes it invalid too: it must survive a round trip.
  if (command !== null && sameSlot(view, offset, command)) return command;
  const names = kind === "cancel" || kind === "reduce" || kind === "replace";
  return { kind: "unreadable", ...header, orderId: names && safe(orderId) ? orderId : 0 };
}

function decodePlace(
  view: DataView,
  offset: number,
  header: Pick<PlaceCommand, "session" | "number" | "account" | "tag">,
): PlaceCommand | null {
  const at = layout.command;
  const side = sides[view.getUint8(offset + at.side)];
  const orderType = orderTypes[view.getUint8(offset + at.order_type)];
  const timeInForce = timesInForce[view.getUint8(offset + at.time_in_force)];
  if (side === undefined || orderType === undefined || timeInForce === undefined) return null;
  const command: Mutable<PlaceCommand> = {
    kind: "place",
    ...header,
    side,
    orderType,
    timeInForce,
    price: view.getInt32(offset + at.price, true) as PriceTicks,
    quantity: view.getUint32(offset + at.quantity, true) as QuantityLots,
  };
  const trigger = view.getInt32(offset + at.trigger, true);
  const display = view.getUint32(offset + at.display, true) as QuantityLots;
  const minimum = view.getUint32(offset + at.minimum, true) as QuantityLots;
  const expirySeconds = view.getUint32(offset + at.expiry_s, true);
  const discretion = view.getUint8(offset + at.discretion);
  const group = view.getUint8(offset + at.group);
  const attributes = view.getUint16(offset + at.attributes, true);
  const linkedOrderId = getUnsigned64(view, offset + at.order_id) as OrderId;
  if (trigger !== 0) command.trigger = trigger;
  if (display !== 0) command.display = display;
  if (minimum !== 0) command.minimum = minimum;
  if (expirySeconds !== 0) command.expirySeconds = expirySeconds;
  if (discretion !== 0) command.discretion = discretion;
  if (group !== 0) command.group = group;
  if (attributes !== 0) command.attributes = attributesOf(attributes);
  if (linkedOrderId !== 0) command.linkedOrderId = linkedOrderId;
  return command;
}

const safe = (value: number): boolean => Number.isSafeInteger(value);

const scratch = new DataView(new ArrayBuffer(SLOT_BYTES));

function sameSlot(view: DataView, offset: number, command: EngineCommand): boolean {
  encodeCommand(scratch, 0, command);
  for (let at = 0; at < SLOT_BYTES; at += 4) {
    if (view.getInt32(offset + at) !== scratch.getInt32(at)) return false;
  }
  return true;
}

/** An event exactly as its 64 bytes say it. */
export interface EventFields {
  readonly kind: number;
  readonly code: number;
  readonly side: number;
  readonly flags: number;
  readonly tag: number;
  readonly sequence: bigint;
  readonly index: number;
  readonly account: number;
  readonly orderId: bigint;
  /** Signed, as is otherPrice. */
  readonly price: bigint;
  readonly otherOrderId: bigint;
  readonly otherPrice: bigint;
  readonly quantity: number;
  readonly remaining: number;
}

/** The fields of the event in the 64 bytes at `offset`. */
export function readEventFields(view: DataView, offset: number): EventFields {
  const at = layout.event;
  return {
    kind: view.getUint8(offset + at.kind),
    code: view.getUint8(offset + at.code),
    side: view.getUint8(offset + at.side),
    flags: view.getUint8(offset + at.flags),
    tag: view.getUint32(offset + at.tag, true),
    sequence: view.getBigUint64(offset + at.sequence, true),
    index: view.getUint32(offset + at.index, true),
    account: view.getUint32(offset + at.account, true),
    orderId: view.getBigUint64(offset + at.order_id, true),
    price: view.getBigInt64(offset + at.price, true),
    otherOrderId: view.getBigUint64(offset + at.other_order_id, true),
    otherPrice: view.getBigInt64(offset + at.other_price, true),
    quantity: view.getUint32(offset + at.quantity, true),
    remaining: view.getUint32(offset + at.remaining, true),
  };
}

/** Writes the 64 bytes at `offset`; each value must be in the range of its field. */
export function writeEventFields(view: DataView, offset: number, fields: EventFields): void {
  const at = layout.event;
  view.setUint8(offset + at.kind, fields.kind);
  view.setUint8(offset + at.code, fields.code);
  view.setUint8(offset + at.side, fields.side);
  view.setUint8(offset + at.flags, fields.flags);
  view.setUint32(offset + at.tag, fields.tag, true);
  view.setBigUint64(offset + at.sequence, fields.sequence, true);
  view.setUint32(offset + at.index, fields.index, true);
  view.setUint32(offset + at.account, fields.account, true);
  view.setBigUint64(offset + at.order_id, fields.orderId, true);
  view.setBigInt64(offset + at.price, fields.price, true);
  view.setBigUint64(offset + at.other_order_id, fields.otherOrderId, true);
  view.setBigInt64(offset + at.other_price, fields.otherPrice, true);
  view.setUint32(offset + at.quantity, fields.quantity, true);
  view.setUint32(offset + at.remaining, fields.remaining, true);
}

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };
type EventOf<Kind extends EngineEvent["kind"]> = Mutable<Extract<EngineEvent, { kind: Kind }>>;

/**
 * Reads event slots into objects that it keeps: `read` returns the same object for every event of
 * one kind, so a result is valid until the next call (`{ ...event }` keeps it). One object per kind
 * has exactly the fields of its kind.
 */
export class EventReader {
  readonly #header = { sequence: 0 as Sequence, index: 0, last: false, tag: 0 };
  readonly #order = {
    orderId: 0 as OrderId,
    account: 0 as AccountId,
    side: "buy" as Side,
    price: 0 as PriceTicks,
    quantity: 0 as QuantityLots,
  };
  readonly #accepted: EventOf<"accepted"> = {
    kind: "accepted",
    ...this.#header,
    ...this.#order,
    orderType: "limit",
    linkedOrderId: 0,
    trigger: 0,
  };
  readonly #executed: EventOf<"executed"> = {
    kind: "executed",
    ...this.#header,
    ...this.#order,
    atUncross: false,
    makerWasDark: false,
    makerOrderId: 0 as OrderId,
    makerAccount: 0 as AccountId,
    makerRemaining: 0 as QuantityLots,
  };
  readonly #canceled: EventOf<"canceled"> = {
    kind: "canceled",
    ...this.#header,
    ...this.#order,
    reason: "user",
  };
  readonly #reduced: EventOf<"reduced"> = {
    kind: "reduced",
    ...this.#header,
    ...this.#order,
    reason: "user",
    remaining: 0 as QuantityLots,
  };
  readonly #replaced: EventOf<"replaced"> = {
    kind: "replaced",
    ...this.#header,
    ...this.#order,
    orderType: "limit",
    trigger: 0,
    replacedOrderId: 0 as OrderId,
    remaining: 0 as QuantityLots,
  };
  readonly #refused: EventOf<"refused"> = {
    kind: "refused",
    ...this.#header,
    orderId: 0,
    account: 0,
    refusal: "command_invalid",
  };
  readonly #repeated: EventOf<"repeated"> = {
    kind: "repeated",
    ...this.#header,
    originalSequence: 0 as Sequence,
    orderId: 0,
    refusal: null,
    executed: 0 as QuantityLots,
    remaining: 0 as QuantityLots,
  };
  readonly #configured: EventOf<"configured"> = {
    kind: "configured",
    ...this.#header,
    bandLow: 0 as PriceTicks,
    bandHigh: 0 as PriceTicks,
  };
  readonly #stateSet: EventOf<"state_set"> = { kind: "state_set", ...this.#header, state: "open" };
  readonly #touch: EventOf<"touch"> = {
    kind: "touch",
    ...this.#header,
    bidPrice: 0,
    bidQuantity: 0 as QuantityLots,
    askPrice: 0,
    askQuantity: 0 as QuantityLots,
  };
  readonly #rested: EventOf<"rested"> = { kind: "rested", ...this.#header, ...this.#order };
  readonly #triggered: EventOf<"triggered"> = {
    kind: "triggered",
    ...this.#header,
    ...this.#order,
    stopPrice: 0,
  };
  readonly #activated: EventOf<"activated"> = {
    kind: "activated",
    ...this.#header,
    ...this.#order,
    parentOrderId: 0 as OrderId,
  };
  readonly #repriced: EventOf<"repriced"> = {
    kind: "repriced",
    ...this.#header,
    ...this.#order,
    oldPrice: 0 as PriceTicks,
  };
  readonly #indicative: EventOf<"indicative"> = {
    kind: "indicative",
    ...this.#header,
    price: 0,
    volume: 0 as QuantityLots,
    surplusSide: "buy",
    surplus: 0 as QuantityLots,
  };
  readonly #limitState: EventOf<"limit_state"> = {
    kind: "limit_state",
    ...this.#header,
    begins: false,
    side: "buy",
    price: 0 as PriceTicks,
  };
  readonly #breakerSet: EventOf<"breaker_set"> = {
    kind: "breaker_set",
    ...this.#header,
    mode: "none",
    reference: 0,
    width: 0,
  };
  readonly #massCanceled: EventOf<"mass_canceled"> = {
    kind: "mass_canceled",
    ...this.#header,
    account: 0 as AccountId,
    side: null,
    byPrice: false,
    byGroup: false,
  };
  readonly #limitSet: EventOf<"limit_set"> = {
    kind: "limit_set",
    ...this.#header,
    account: 0 as AccountId,
    limit: "quantity",
    value: 0,
    windowMs: 0,
  };
  readonly #killed: EventOf<"killed"> = {
    kind: "killed",
    ...this.#header,
    account: 0 as AccountId,
    engaged: false,
  };
  readonly #positionSet: EventOf<"position_set"> = {
    kind: "position_set",
    ...this.#header,
    account: 0 as AccountId,
    position: 0,
  };
  readonly #trade = {
    tradeSequence: 0 as Sequence,
    tradeIndex: 0,
    buyer: 0 as AccountId,
    seller: 0 as AccountId,
    price: 0 as PriceTicks,
    quantity: 0 as QuantityLots,
  };
  readonly #busted: EventOf<"busted"> = { kind: "busted", ...this.#header, ...this.#trade };
  readonly #corrected: EventOf<"corrected"> = {
    kind: "corrected",
    ...this.#header,
    ...this.#trade,
    quantityBefore: 0 as QuantityLots,
  };
  readonly #ticked: EventOf<"ticked"> = { kind: "ticked", ...this.#header };
  readonly #seeded: EventOf<"seeded"> = { kind: "seeded", ...this.#header };

  /** The event in the 64 bytes at `offset`. Throws on a kind or code that the engine never writes. */
  read(view: DataView, offset: number): EngineEvent {
    const at = layout.event;
    const kind = named(eventKinds, view.getUint8(offset + at.kind), "event kind");
    switch (kind) {
      case "accepted": {
        const event = this.#fill(this.#accepted, view, offset);
        event.orderType = named(orderTypes, view.getUint8(offset + at.code), "order type");
        event.linkedOrderId = getUnsigned64(view, offset + at.other_order_id) as OrderId;
        event.trigger = getSigned64(view, offset + at.other_price);
        return event;
      }
      case "executed": {
        const event = this.#fill(this.#executed, view, offset);
        const flags = view.getUint8(offset + at.code);
        event.atUncross = (flags & AT_UNCROSS) !== 0;
        event.makerWasDark = (flags & MAKER_DARK) !== 0;
        event.makerOrderId = getUnsigned64(view, offset + at.other_order_id) as OrderId;
        event.makerAccount = getUnsigned64(view, offset + at.other_price) as AccountId;
        event.makerRemaining = view.getUint32(offset + at.remaining, true) as QuantityLots;
        return event;
      }
      case "canceled": {
        const event = this.#fill(this.#canceled, view, offset);
        event.reason = named(cancelReasons, view.getUint8(offset + at.code), "cancel reason");
        return event;
      }
      case "reduced": {
        const event = this.#fill(this.#reduced, view, offset);
        event.reason = named(reduceReasons, view.getUint8(offset + at.code), "reason");
        event.remaining = view.getUint32(offset + at.remaining, true) as QuantityLots;
        return event;
      }
      case "replaced": {
        const event = this.#fill(this.#replaced, view, offset);
        event.orderType = named(orderTypes, view.getUint8(offset + at.code), "order type");
        event.trigger = getSigned64(view, offset + at.other_price);
        event.replacedOrderId = getUnsigned64(view, offset + at.other_order_id) as OrderId;
        event.remaining = view.getUint32(offset + at.remaining, true) as QuantityLots;
        return event;
      }
      case "refused": {
        const event = fillHeader(this.#refused, view, offset);
        event.orderId = getUnsigned64(view, offset + at.order_id) as OrderId;
        event.account = view.getUint32(offset + at.account, true) as AccountId;
        event.refusal = named(refusals, view.getUint8(offset + at.code), "refusal");
        return event;
      }
      case "repeated": {
        const event = fillHeader(this.#repeated, view, offset);
        const refusal = view.getUint8(offset + at.code);
        event.originalSequence = getUnsigned64(view, offset + at.other_order_id) as Sequence;
        event.orderId = getUnsigned64(view, offset + at.order_id) as OrderId;
        event.refusal = refusal === 0 ? null : named(refusals, refusal, "refusal");
        event.executed = view.getUint32(offset + at.quantity, true) as QuantityLots;
        event.remaining = view.getUint32(offset + at.remaining, true) as QuantityLots;
        return event;
      }
      case "configured": {
        const event = fillHeader(this.#configured, view, offset);
        event.bandLow = getSigned64(view, offset + at.price) as PriceTicks;
        event.bandHigh = getSigned64(view, offset + at.other_price) as PriceTicks;
        return event;
      }
      case "state_set": {
        const event = fillHeader(this.#stateSet, view, offset);
        event.state = named(marketStates, view.getUint8(offset + at.code), "market state");
        return event;
      }
      case "touch": {
        const event = fillHeader(this.#touch, view, offset);
        event.bidPrice = getSigned64(view, offset + at.price) as PriceTicks;
        event.bidQuantity = getUnsigned64(view, offset + at.order_id) as QuantityLots;
        event.askPrice = getSigned64(view, offset + at.other_price) as PriceTicks;
        event.askQuantity = getUnsigned64(view, offset + at.other_order_id) as QuantityLots;
        return event;
      }
      case "rested":
        return this.#fill(this.#rested, view, offset);
      case "triggered": {
        const event = this.#fill(this.#triggered, view, offset);
        event.stopPrice = getSigned64(view, offset + at.other_price);
        return event;
      }
      case "activated": {
        const event = this.#fill(this.#activated, view, offset);
        event.parentOrderId = getUnsigned64(view, offset + at.other_order_id) as OrderId;
        return event;
      }
      case "repriced": {
        const event = this.#fill(this.#repriced, view, offset);
        event.oldPrice = getSigned64(view, offset + at.other_price) as PriceTicks;
        return event;
      }
      case "indicative": {
        const event = fillHeader(this.#indicative, view, offset);
        event.price = getSigned64(view, offset + at.price) as PriceTicks;
        event.volume = getUnsigned64(view, offset + at.order_id) as QuantityLots;
        event.surplusSide = named(sides, view.getUint8(offset + at.side), "side");
        event.surplus = getUnsigned64(view, offset + at.other_order_id) as QuantityLots;
        return event;
      }
      case "limit_state": {
        const event = fillHeader(this.#limitState, view, offset);
        event.begins = view.getUint8(offset + at.code) === 1;
        event.side = named(sides, view.getUint8(offset + at.side), "side");
        event.price = getSigned64(view, offset + at.price) as PriceTicks;
        return event;
      }
      case "breaker_set": {
        const event = fillHeader(this.#breakerSet, view, offset);
        event.mode = named(breakerModes, view.getUint8(offset + at.code), "breaker mode");
        event.reference = getSigned64(view, offset + at.price) as PriceTicks;
        event.width = view.getUint32(offset + at.quantity, true);
        return event;
      }
      case "mass_canceled": {
        const event = fillHeader(this.#massCanceled, view, offset);
        const filters = view.getUint8(offset + at.code);
        const side = named(sides, view.getUint8(offset + at.side), "side");
        event.account = view.getUint32(offset + at.account, true) as AccountId;
        event.side = (filters & FILTER_SIDE) === 0 ? null : side;
        event.byPrice = (filters & FILTER_PRICE) !== 0;
        event.byGroup = (filters & FILTER_GROUP) !== 0;
        return event;
      }
      case "limit_set": {
        const event = fillHeader(this.#limitSet, view, offset);
        event.account = view.getUint32(offset + at.account, true) as AccountId;
        event.limit = named(accountLimits, view.getUint8(offset + at.code), "limit");
        event.value = getUnsigned64(view, offset + at.order_id);
        event.windowMs = view.getUint32(offset + at.quantity, true);
        return event;
      }
      case "killed": {
        const event = fillHeader(this.#killed, view, offset);
        event.account = view.getUint32(offset + at.account, true) as AccountId;
        event.engaged = view.getUint8(offset + at.code) === 0;
        return event;
      }
      case "position_set": {
        const event = fillHeader(this.#positionSet, view, offset);
        const lots = getUnsigned64(view, offset + at.order_id);
        const side = named(sides, view.getUint8(offset + at.side), "side");
        event.account = view.getUint32(offset + at.account, true) as AccountId;
        event.position = side === "buy" ? lots : -lots;
        return event;
      }
      case "busted":
        return fillTrade(this.#busted, view, offset);
      case "corrected": {
        const event = fillTrade(this.#corrected, view, offset);
        event.quantityBefore = getUnsigned64(view, offset + at.other_order_id) as QuantityLots;
        return event;
      }
      case "ticked":
        return fillHeader(this.#ticked, view, offset);
      case "seeded":
        return fillHeader(this.#seeded, view, offset);
      default:
        return unreachable(kind);
    }
  }

  #fill<T extends EventOf<OrderEventKind>>(event: T, view: DataView, offset: number): T {
    const at = layout.event;
    fillHeader(event, view, offset);
    event.orderId = getUnsigned64(view, offset + at.order_id) as OrderId;
    event.account = view.getUint32(offset + at.account, true) as AccountId;
    event.side = named(sides, view.getUint8(offset + at.side), "side");
    event.price = getSigned64(view, offset + at.price) as PriceTicks;
    event.quantity = view.getUint32(offset + at.quantity, true) as QuantityLots;
    return event;
  }
}

/** Events about one order. */
type OrderEventKind =
  | "accepted"
  | "executed"
  | "canceled"
  | "reduced"
  | "replaced"
  | "rested"
  | "triggered"
  | "activated"
  | "repriced";

function fillTrade<T extends EventOf<"busted" | "corrected">>(
  event: T,
  view: DataView,
  offset: number,
): T {
  const at = layout.event;
  fillHeader(event, view, offset);
  event.tradeSequence = getUnsigned64(view, offset + at.order_id) as Sequence;
  event.tradeIndex = view.getUint32(offset + at.remaining, true);
  event.buyer = view.getUint32(offset + at.account, true) as AccountId;
  event.seller = getUnsigned64(view, offset + at.other_price) as AccountId;
  event.price = getSigned64(view, offset + at.price) as PriceTicks;
  event.quantity = view.getUint32(offset + at.quantity, true) as QuantityLots;
  return event;
}

function fillHeader<T extends Mutable<EngineEvent>>(event: T, view: DataView, offset: number): T {
  const at = layout.event;
  event.sequence = getUnsigned64(view, offset + at.sequence) as Sequence;
  event.index = view.getUint32(offset + at.index, true);
  event.last = (view.getUint8(offset + at.flags) & EVENT_IS_LAST) !== 0;
  event.tag = view.getUint32(offset + at.tag, true);
  return event;
}

/** Whether the event in the slot is of a command that came through another ring than the reader's. */
export function isForeign(view: DataView, offset: number): boolean {
  return (view.getUint8(offset + layout.event.flags) & EVENT_IS_FOREIGN) !== 0;
}

/** Writes an event into the 64 bytes at `offset`, as the native engine would. */
export function encodeEvent(view: DataView, offset: number, event: EngineEvent): void {
  const at = layout.event;
  for (let byte = 0; byte < SLOT_BYTES; byte += 4) view.setInt32(offset + byte, 0);
  view.setUint8(offset + at.kind, code<string | undefined>(eventKinds, event.kind));
  view.setUint8(offset + at.flags, event.last ? EVENT_IS_LAST : 0);
  view.setUint32(offset + at.tag, event.tag, true);
  setInteger64(view, offset + at.sequence, event.sequence);
  view.setUint32(offset + at.index, event.index, true);
  switch (event.kind) {
    case "accepted":
      encodeOrder(view, offset, event);
      view.setUint8(offset + at.code, code(orderTypes, event.orderType));
      setInteger64(view, offset + at.other_order_id, event.linkedOrderId);
      setInteger64(view, offset + at.other_price, event.trigger);
      break;
    case "executed":
      encodeOrder(view, offset, event);
      view.setUint8(
        offset + at.code,
        (event.atUncross ? AT_UNCROSS : 0) | (event.makerWasDark ? MAKER_DARK : 0),
      );
      setInteger64(view, offset + at.other_order_id, event.makerOrderId);
      setInteger64(view, offset + at.other_price, event.makerAccount);
      view.setUint32(offset + at.remaining, event.makerRemaining, true);
      break;
    case "canceled":
      encodeOrder(view, offset, event);
      view.setUint8(offset + at.code, code(cancelReasons, event.reason));
      break;
    case "reduced":
      encodeOrder(view, offset, event);
      view.setUint8(offset + at.code, code(cancelReasons, event.reason));
      view.setUint32(offset + at.remaining, event.remaining, true);
      break;
    case "replaced":
      encodeOrder(view, offset, event);
      view.setUint8(offset + at.code, code(orderTypes, event.orderType));
      setInteger64(view, offset + at.other_price, event.trigger);
      setInteger64(view, offset + at.other_order_id, event.replacedOrderId);
      view.setUint32(offset + at.remaining, event.remaining, true);
      break;
    case "refused":
      view.setUint8(offset + at.code, code(refusals, event.refusal));
      setInteger64(view, offset + at.order_id, event.orderId);
      view.setUint32(offset + at.account, event.account, true);
      break;
    case "repeated":
      view.setUint8(offset + at.code, event.refusal === null ? 0 : code(refusals, event.refusal));
      setInteger64(view, offset + at.order_id, event.orderId);
      setInteger64(view, offset + at.other_order_id, event.originalSequence);
      view.setUint32(offset + at.quantity, event.executed, true);
      view.setUint32(offset + at.remaining, event.remaining, true);
      break;
    case "configured":
      setInteger64(view, offset + at.price, event.bandLow);
      setInteger64(view, offset + at.other_price, event.bandHigh);
      break;
    case "state_set":
      view.setUint8(offset + at.code, code(marketStates, event.state));
      break;
    case "touch":
      setInteger64(view, offset + at.price, event.bidPrice);
      setInteger64(view, offset + at.order_id, event.bidQuantity);
      setInteger64(view, offset + at.other_price, event.askPrice);
      setInteger64(view, offset + at.other_order_id, event.askQuantity);
      break;
    case "rested":
      encodeOrder(view, offset, event);
      break;
    case "triggered":
      encodeOrder(view, offset, event);
      setInteger64(view, offset + at.other_price, event.stopPrice);
      break;
    case "activated":
      encodeOrder(view, offset, event);
      setInteger64(view, offset + at.other_order_id, event.parentOrderId);
      break;
    case "repriced":
      encodeOrder(view, offset, event);
      setInteger64(view, offset + at.other_price, event.oldPrice);
      break;
    case "indicative":
      view.setUint8(offset + at.side, code(sides, event.surplusSide));
      setInteger64(view, offset + at.order_id, event.volume);
      setInteger64(view, offset + at.price, event.price);
      setInteger64(view, offset + at.other_order_id, event.surplus);
      break;
    case "limit_state":
      view.setUint8(offset + at.code, event.begins ? 1 : 0);
      view.setUint8(offset + at.side, code(sides, event.side));
      setInteger64(view, offset + at.price, event.price);
      break;
    case "breaker_set":
      view.setUint8(offset + at.code, code(breakerModes, event.mode));
      setInteger64(view, offset + at.price, event.reference);
      view.setUint32(offset + at.quantity, event.width, true);
      break;
    case "mass_canceled":
      view.setUint8(
        offset + at.code,
        (event.side === null ? 0 : FILTER_SIDE) |
          (event.byPrice ? FILTER_PRICE : 0) |
          (event.byGroup ? FILTER_GROUP : 0),
      );
      view.setUint8(offset + at.side, event.side === null ? 0 : code(sides, event.side));
      view.setUint32(offset + at.account, event.account, true);
      break;
    case "limit_set":
      view.setUint8(offset + at.code, code(accountLimits, event.limit));
      view.setUint32(offset + at.account, event.account, true);
      setInteger64(view, offset + at.order_id, event.value);
      view.setUint32(offset + at.quantity, event.windowMs, true);
      break;
    case "killed":
      view.setUint8(offset + at.code, event.engaged ? 0 : 1);
      view.setUint32(offset + at.account, event.account, true);
      break;
    case "position_set":
      view.setUint8(offset + at.side, event.position < 0 ? 1 : 0);
      view.setUint32(offset + at.account, event.account, true);
      setInteger64(view, offset + at.order_id, Math.abs(event.position));
      break;
    case "busted":
      encodeTrade(view, offset, event);
      break;
    case "corrected":
      encodeTrade(view, offset, event);
      setInteger64(view, offset + at.other_order_id, event.quantityBefore);
      break;
    case "ticked":
    case "seeded":
      break;
  }
}

function encodeTrade(view: DataView, offset: number, event: EventOf<"busted" | "corrected">): void {
  const at = layout.event;
  setInteger64(view, offset + at.order_id, event.tradeSequence);
  view.setUint32(offset + at.account, event.buyer, true);
  setInteger64(view, offset + at.price, event.price);
  view.setUint32(offset + at.quantity, event.quantity, true);
  view.setUint32(offset + at.remaining, event.tradeIndex, true);
  setInteger64(view, offset + at.other_price, event.seller);
}

function encodeOrder(view: DataView, offset: number, event: EventOf<OrderEventKind>): void {
  const at = layout.event;
  setInteger64(view, offset + at.order_id, event.orderId);
  view.setUint32(offset + at.account, event.account, true);
  view.setUint8(offset + at.side, code(sides, event.side));
  setInteger64(view, offset + at.price, event.price);
  view.setUint32(offset + at.quantity, event.quantity, true);
}
