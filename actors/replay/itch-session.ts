import {
  type ByteSource,
  MAXIMUM_PRICE,
  MAXIMUM_SIZE,
  type SessionEvent,
  type SessionSource,
  type Side,
} from "./events.ts";
import { decodeItch, frameFault, ItchFramer, type ItchMessage, locateOf } from "./itch.ts";
import { REPORTED_FAULTS, type RowFault } from "./summary.ts";

/** What an ITCH file holds: one pass over it. */
export interface ItchOverview {
  readonly bytes: number;
  readonly messages: number;
  /** By type letter. */
  readonly types: Readonly<Record<string, number>>;
  /** Symbols with orders entered, most orders first. */
  readonly symbols: readonly { readonly symbol: string; readonly orders: number }[];
  readonly malformed: number;
  readonly faults: readonly RowFault[];
}

const letterA = 0x41;
const letterF = 0x46;
const STOCK_OFFSET = 24;
const STOCK_LENGTH = 8;

/** Counts messages by type and orders by symbol. */
export async function itchOverview(bytes: ByteSource): Promise<ItchOverview> {
  const types = new Map<number, number>();
  const orders = new Map<string, number>();
  const faults: RowFault[] = [];
  let malformed = 0;
  let size = 0;
  let messages = 0;
  const note = (position: number, reason: string): void => {
    malformed += 1;
    if (faults.length < REPORTED_FAULTS) faults.push({ position, reason });
  };
  const framer = new ItchFramer();
  for await (const chunk of bytes()) {
    size += chunk.length;
    framer.push(chunk, (message, offset) => {
      const fault = frameFault(message);
      if (fault !== null) return note(offset, fault);
      messages += 1;
      const type = message[0] ?? 0;
      types.set(type, (types.get(type) ?? 0) + 1);
      if (type !== letterA && type !== letterF) return;
      const symbol = latin1(message.subarray(STOCK_OFFSET, STOCK_OFFSET + STOCK_LENGTH));
      orders.set(symbol, (orders.get(symbol) ?? 0) + 1);
    });
  }
  const end = framer.end();
  if (end !== null) note(end.offset, end.reason);
  return {
    bytes: size,
    messages,
    types: Object.fromEntries(
      [...types].map(([type, count]) => [String.fromCharCode(type), count] as const),
    ),
    symbols: [...orders]
      .map(([symbol, count]) => ({ symbol, orders: count }))
      .sort((a, b) => b.orders - a.orders),
    malformed,
    faults,
  };
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1").trimEnd();

/**
 * The rows of one symbol. Messages say what an order is only when it is entered: what is left of it
 * is kept here. An execution at the order's own price is an `execute`; one at another price, or one
 * that is not printed because a cross prints it, happened outside the book's priority and is a
 * `reduce`.
 */
export function itchSession(bytes: ByteSource, symbol: string): SessionSource {
  return async function* read() {
    const framer = new ItchFramer();
    const reader = new SymbolReader(symbol);
    for await (const chunk of bytes()) {
      framer.push(chunk, (message, offset) => reader.take(message, offset));
      if (reader.events.length > 0) yield reader.events;
      reader.events = [];
    }
    const end = framer.end();
    if (end === null) return;
    yield [{ type: "malformed", position: end.offset, time: 0, reason: end.reason }];
  };
}

interface Order {
  readonly side: Side;
  readonly price: number;
  left: number;
}

class SymbolReader {
  events: SessionEvent[] = [];
  readonly #symbol: string;
  readonly #orders = new Map<number, Order>();
  #locate: number | null = null;

  constructor(symbol: string) {
    this.#symbol = symbol;
  }

  take(message: Uint8Array, offset: number): void {
    const fault = frameFault(message);
    if (fault !== null) return this.#malformed(offset, fault);
    // Without a directory message the first order of the symbol tells its locate number.
    if (this.#locate === null) this.#learnLocate(message);
    if (this.#locate === null || locateOf(message) !== this.#locate) return;
    const decoded = decodeItch(message);
    if (typeof decoded === "string") this.#malformed(offset, decoded);
    else this.#row(decoded, offset);
  }

  #learnLocate(message: Uint8Array): void {
    const decoded = decodeItch(message);
    if (typeof decoded === "string" || !("stock" in decoded)) return;
    if (decoded.stock === this.#symbol) this.#locate = decoded.locate;
  }

  #row(message: ItchMessage, position: number): void {
    const { time } = message;
    switch (message.type) {
      case "add":
        return this.#add(message.reference, message.side, message.price, message.shares, {
          position,
          time,
        });
      case "executed":
        return this.#take("execute", message.reference, message.shares, { position, time });
      case "executed_at_price": {
        const own = this.#orders.get(message.reference)?.price === message.price;
        const type = own && message.printable ? "execute" : "reduce";
        return this.#take(type, message.reference, message.shares, { position, time });
      }
      case "cancel":
        return this.#take("reduce", message.reference, message.shares, { position, time });
      case "delete": {
        const left = this.#orders.get(message.reference)?.left ?? 0;
        return this.#take("delete", message.reference, left, { position, time });
      }
      case "replace":
        return this.#replace(message, { position, time });
      case "trade":
        this.events.push({ type: "hidden", position, time });
        return;
      case "cross":
        this.events.push({ type: "cross", position, time });
        return;
      case "trading_action":
        this.events.push({ type: "halt", position, time });
        return;
      case "directory":
      case "system_event":
      case "other":
        return;
      default:
        message satisfies never;
    }
  }

  #add(id: number, side: Side, price: number, size: number, at: Place): void {
    const fault = orderFault(id, price, size);
    if (fault !== null) return this.#malformed(at.position, fault);
    if (!this.#orders.has(id)) this.#orders.set(id, { side, price, left: size });
    this.events.push({ type: "add", id, side, price, size, ...at });
  }

  #take(type: "execute" | "reduce" | "delete", id: number, size: number, at: Place): void {
    const order = this.#orders.get(id);
    if (order === undefined) {
      this.events.push({ type: "unknown", id, ...at });
      return;
    }
    if (size < 1 || size > MAXIMUM_SIZE) {
      return this.#malformed(at.position, `the size ${size} is not 1 … ${MAXIMUM_SIZE}`);
    }
    order.left -= size;
    if (order.left <= 0) this.#orders.delete(id);
    this.events.push({ type, id, side: order.side, price: order.price, size, ...at });
  }

  #replace(message: Extract<ItchMessage, { readonly type: "replace" }>, at: Place): void {
    const { reference: id, newReference: newId, shares: size, price } = message;
    const old = this.#orders.get(id);
    if (old === undefined) {
      this.events.push({ type: "unknown", id, ...at });
      return;
    }
    const fault = orderFault(newId, price, size);
    if (fault !== null) return this.#malformed(at.position, fault);
    const { side } = old;
    this.#orders.delete(id);
    this.#orders.set(newId, { side, price, left: size });
    this.events.push({ type: "replace", id, newId, side, price, size, ...at });
  }

  #malformed(position: number, reason: string): void {
    this.events.push({ type: "malformed", position, time: 0, reason });
  }
}

interface Place {
  readonly position: number;
  readonly time: number;
}

function orderFault(id: number, price: number, size: number): string | null {
  if (id < 1 || !Number.isSafeInteger(id)) return `the order reference ${id} is not usable`;
  if (size < 1 || size > MAXIMUM_SIZE) return `the size ${size} is not 1 … ${MAXIMUM_SIZE}`;
  if (price < 1 || price > MAXIMUM_PRICE) return `the price ${price} is not 1 … ${MAXIMUM_PRICE}`;
  return null;
}
