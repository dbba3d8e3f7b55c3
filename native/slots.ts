import type {
  CancelReason,
  DurabilityMode,
  EngineCommand,
  EngineEvent,
  EngineRefusal,
  MarketState,
  OrderType,
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
    band_high: 40,
    quantity: 48,
    account: 56,
    reserved: 60,
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

/** Kinds and codes by their number on the wire; a hole is a number without a meaning. */
const commandKinds = [
  undefined,
  "place",
  "cancel",
  "reduce",
  "replace",
  "configure",
  "set_state",
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
] as const;
const sides: readonly Side[] = ["buy", "sell"];
const orderTypes: readonly OrderType[] = ["limit", "market"];
const timesInForce: readonly TimeInForce[] = ["day", "ioc", "fok"];
const marketStates: readonly MarketState[] = ["open", "halted"];
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
];
const cancelReasons: readonly (CancelReason | undefined)[] = [
  undefined,
  "user",
  "reduced_to_zero",
  "ioc_rest",
  "fok_unfilled",
  "no_liquidity",
];

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
 * Writes a command into the 64 bytes at `offset`. Values are not judged: what is out of range for
 * the market is the engine's to refuse. Integers must be safe, tag and account within 32 bits.
 */
export function encodeCommand(view: DataView, offset: number, command: EngineCommand): void {
  const at = layout.command;
  let side = 0;
  let second = 0;
  let timeInForce = 0;
  let orderId = 0;
  let price = 0;
  let bandHigh = 0;
  let quantity = 0;
  switch (command.kind) {
    case "place":
      side = code(sides, command.side);
      second = code(orderTypes, command.orderType);
      timeInForce = code(timesInForce, command.timeInForce);
      price = command.price;
      quantity = command.quantity;
      break;
    case "cancel":
      orderId = command.orderId;
      break;
    case "reduce":
      orderId = command.orderId;
      quantity = command.quantity;
      break;
    case "replace":
      orderId = command.orderId;
      price = command.price;
      quantity = command.quantity;
      break;
    case "configure":
      second = code(durabilityModes, command.mode);
      orderId = command.orderCapacity;
      price = command.bandLow;
      bandHigh = command.bandHigh;
      quantity = command.maximumQuantity;
      break;
    case "set_state":
      second = code(marketStates, command.state);
      break;
  }
  view.setUint8(offset + at.kind, code<string | undefined>(commandKinds, command.kind));
  view.setUint8(offset + at.side, side);
  view.setUint8(offset + at.order_type, second);
  view.setUint8(offset + at.time_in_force, timeInForce);
  view.setUint32(offset + at.tag, command.tag, true);
  setInteger64(view, offset + at.session, command.session);
  setInteger64(view, offset + at.number, command.number);
  setInteger64(view, offset + at.order_id, orderId);
  setInteger64(view, offset + at.price, price);
  setInteger64(view, offset + at.band_high, bandHigh);
  setInteger64(view, offset + at.quantity, quantity);
  view.setUint32(offset + at.account, command.account, true);
  view.setUint32(offset + at.reserved, 0, true);
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
  const price = getSigned64(view, offset + at.price) as PriceTicks;
  const quantity = getUnsigned64(view, offset + at.quantity) as QuantityLots;
  const second = view.getUint8(offset + at.order_type);
  const command = ((): EngineCommand | null => {
    if (kind === undefined) return null;
    switch (kind) {
      case "place": {
        const side = sides[view.getUint8(offset + at.side)];
        const orderType = orderTypes[second];
        const timeInForce = timesInForce[view.getUint8(offset + at.time_in_force)];
        if (side === undefined || orderType === undefined || timeInForce === undefined) return null;
        return { kind, ...header, side, orderType, timeInForce, price, quantity };
      }
      case "cancel":
        return { kind, ...header, orderId };
      case "reduce":
        return { kind, ...header, orderId, quantity };
      case "replace":
        return { kind, ...header, orderId, price, quantity };
      case "configure": {
        const mode = durabilityModes[second];
        const bandHigh = getSigned64(view, offset + at.band_high) as PriceTicks;
        if (mode === undefined) return null;
        return {
          kind,
          ...header,
          bandLow: price,
          bandHigh,
          maximumQuantity: quantity,
          orderCapacity: orderId,
          mode,
        };
      }
      case "set_state": {
        const state = marketStates[second];
        return state === undefined ? null : { kind, ...header, state };
      }
      default:
        return unreachable(kind);
    }
  })();
  // A field that the command does not use makes it invalid too: it must survive a round trip.
  if (command !== null && sameSlot(view, offset, command)) return command;
  const names = kind === "cancel" || kind === "reduce" || kind === "replace";
  return { kind: "unreadable", ...header, orderId: names && safe(orderId) ? orderId : 0 };
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
  readonly #accepted: EventOf<"accepted"> = { kind: "accepted", ...this.#header, ...this.#order };
  readonly #executed: EventOf<"executed"> = {
    kind: "executed",
    ...this.#header,
    ...this.#order,
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
    remaining: 0 as QuantityLots,
  };
  readonly #replaced: EventOf<"replaced"> = {
    kind: "replaced",
    ...this.#header,
    ...this.#order,
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

  /** The event in the 64 bytes at `offset`. Throws on a kind or code that the engine never writes. */
  read(view: DataView, offset: number): EngineEvent {
    const at = layout.event;
    const kind = named(eventKinds, view.getUint8(offset + at.kind), "event kind");
    switch (kind) {
      case "accepted":
        return this.#fill(this.#accepted, view, offset);
      case "executed": {
        const event = this.#fill(this.#executed, view, offset);
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
        event.remaining = view.getUint32(offset + at.remaining, true) as QuantityLots;
        return event;
      }
      case "replaced": {
        const event = this.#fill(this.#replaced, view, offset);
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
      default:
        return unreachable(kind);
    }
  }

  #fill<T extends EventOf<"accepted" | "executed" | "canceled" | "reduced" | "replaced">>(
    event: T,
    view: DataView,
    offset: number,
  ): T {
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

function fillHeader<T extends Mutable<EngineEvent>>(event: T, view: DataView, offset: number): T {
  const at = layout.event;
  event.sequence = getUnsigned64(view, offset + at.sequence) as Sequence;
  event.index = view.getUint32(offset + at.index, true);
  event.last = (view.getUint8(offset + at.flags) & EVENT_IS_LAST) !== 0;
  event.tag = view.getUint32(offset + at.tag, true);
  return event;
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
      break;
    case "executed":
      encodeOrder(view, offset, event);
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
      view.setUint32(offset + at.remaining, event.remaining, true);
      break;
    case "replaced":
      encodeOrder(view, offset, event);
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
  }
}

function encodeOrder(
  view: DataView,
  offset: number,
  event: Extract<EngineEvent, { readonly side: Side }>,
): void {
  const at = layout.event;
  setInteger64(view, offset + at.order_id, event.orderId);
  view.setUint32(offset + at.account, event.account, true);
  view.setUint8(offset + at.side, code(sides, event.side));
  setInteger64(view, offset + at.price, event.price);
  view.setUint32(offset + at.quantity, event.quantity, true);
}
