import type {
  EngineCommand,
  OrderAttributes,
  PlaceCommand,
} from "../actors/kernel/ports/matching-engine.ts";
import { unreachable } from "../actors/kernel/result.ts";
import type {
  AccountId,
  OrderId,
  PriceTicks,
  QuantityLots,
  Sequence,
} from "../actors/kernel/units.ts";
import {
  SLOT_BYTES,
  layout,
  commandKinds,
  sides,
  orderTypes,
  timesInForce,
  marketStates,
  breakerModes,
  accountLimits,
  selfTradePreventions,
  links,
  durabilityModes,
  attributeBits,
  SELF_TRADE_UNIT,
  LINK_UNIT,
  LINK_END,
  FILTER_SIDE,
  FILTER_PRICE,
  FILTER_GROUP,
  code,
  setInteger64,
  getUnsigned64,
  type Mutable,
} from "./slots.ts";

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
