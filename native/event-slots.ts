import type { EngineEvent, Side } from "../actors/kernel/ports/matching-engine.ts";
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
  EVENT_IS_LAST,
  EVENT_IS_FOREIGN,
  eventKinds,
  sides,
  orderTypes,
  marketStates,
  breakerModes,
  accountLimits,
  refusals,
  cancelReasons,
  reduceReasons,
  FILTER_SIDE,
  FILTER_PRICE,
  FILTER_GROUP,
  AT_UNCROSS,
  MAKER_DARK,
  code,
  named,
  setInteger64,
  getUnsigned64,
  getSigned64,
  type Mutable,
} from "./slots.ts";

type EventOf<Kind extends EngineEvent["kind"]> = Mutable<Extract<EngineEvent, { kind: Kind }>>;

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
