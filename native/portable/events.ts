import type { EngineEvent } from "../../actors/kernel/ports/matching-engine.ts";
import { EventReader } from "../event-slots.ts";
import { layout, setInteger64, SLOT_BYTES } from "../slots.ts";

/** An event as its cells on the wire, without what all events of a command have in common. */
export interface EventCells {
  readonly kind: number;
  readonly code: number;
  readonly side: number;
  readonly orderId: number;
  readonly account: number;
  readonly price: number;
  readonly quantity: number;
  readonly remaining: number;
  readonly otherOrderId: number;
  readonly otherPrice: number;
}

/** Cells of which only `given` is set; everything else is 0. */
export function cells(given: Partial<EventCells>): EventCells {
  return {
    kind: given.kind ?? 0,
    code: given.code ?? 0,
    side: given.side ?? 0,
    orderId: given.orderId ?? 0,
    account: given.account ?? 0,
    price: given.price ?? 0,
    quantity: given.quantity ?? 0,
    remaining: given.remaining ?? 0,
    otherOrderId: given.otherOrderId ?? 0,
    otherPrice: given.otherPrice ?? 0,
  };
}

/** What all events of one command have in common. */
export interface EventHeader {
  readonly sequence: number;
  readonly tag: number;
}

const EVENT_IS_LAST = 1;

/** Writes the 64 bytes of the event with this index within its command. */
export function writeEvent(
  view: DataView,
  offset: number,
  event: EventCells,
  { sequence, tag }: EventHeader,
  index: number,
  last: boolean,
): void {
  const at = layout.event;
  view.setUint8(offset + at.kind, event.kind);
  view.setUint8(offset + at.code, event.code);
  view.setUint8(offset + at.side, event.side);
  view.setUint8(offset + at.flags, last ? EVENT_IS_LAST : 0);
  view.setUint32(offset + at.tag, tag, true);
  setInteger64(view, offset + at.sequence, sequence);
  view.setUint32(offset + at.index, index, true);
  view.setUint32(offset + at.account, event.account, true);
  setInteger64(view, offset + at.order_id, event.orderId);
  setInteger64(view, offset + at.price, event.price);
  setInteger64(view, offset + at.other_order_id, event.otherOrderId);
  setInteger64(view, offset + at.other_price, event.otherPrice);
  view.setUint32(offset + at.quantity, event.quantity, true);
  view.setUint32(offset + at.remaining, event.remaining, true);
}

const slot = new DataView(new ArrayBuffer(SLOT_BYTES));
const reader = new EventReader();

/** The events as the engine port tells them. */
export const typedEvents = (events: readonly EventCells[], header: EventHeader): EngineEvent[] =>
  events.map((event, index) => {
    writeEvent(slot, 0, event, header, index, index === events.length - 1);
    return { ...reader.read(slot, 0) };
  });
