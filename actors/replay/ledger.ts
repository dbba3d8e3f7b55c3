import type { Side } from "./events.ts";

/** One of the replay's own resting orders. */
export interface LiveOrder {
  /** Id in the file. */
  readonly id: number;
  readonly side: Side;
  readonly price: number;
  /** Id in the exchange; null until the outcome of its entry is known. */
  orderId: number | null;
  remaining: number;
}

/**
 * The replay's own orders by id and by price. It tells which orders a row of the file is about, and
 * which it contradicts; best bid and offer states come from the exchange, never from here.
 */
export class Ledger {
  readonly #orders = new Map<number, LiveOrder>();
  readonly #byOrderId = new Map<number, LiveOrder>();
  readonly #sides = { buy: new Ladder("buy"), sell: new Ladder("sell") } as const;

  get size(): number {
    return this.#orders.size;
  }

  get(id: number): LiveOrder | undefined {
    return this.#orders.get(id);
  }

  byOrderId(orderId: number): LiveOrder | undefined {
    return this.#byOrderId.get(orderId);
  }

  /** Enters an order, last in its level. The id must not be there. */
  add(id: number, side: Side, price: number, size: number): LiveOrder {
    const order: LiveOrder = { id, side, price, orderId: null, remaining: size };
    this.#orders.set(id, order);
    this.#sides[side].add(order);
    return order;
  }

  /** The exchange has given the order its id. An order that is gone meanwhile is left alone. */
  identify(order: LiveOrder, orderId: number): void {
    order.orderId = orderId;
    if (this.#orders.get(order.id) === order) this.#byOrderId.set(orderId, order);
  }

  remove(order: LiveOrder): void {
    if (this.#orders.get(order.id) !== order) return;
    this.#orders.delete(order.id);
    if (order.orderId !== null) this.#byOrderId.delete(order.orderId);
    this.#sides[order.side].remove(order);
  }

  /** Sets what is left of the order; 0 removes it. */
  setRemaining(order: LiveOrder, remaining: number): void {
    order.remaining = remaining;
    if (remaining <= 0) this.remove(order);
  }

  /** Best price of a side; null when it is empty. */
  bestPrice(side: Side): number | null {
    return this.#sides[side].priceAt(0);
  }

  /** Orders at the best price of a side in time order; empty when the side is. */
  best(side: Side): readonly LiveOrder[] {
    return this.#sides[side].ordersAt(0);
  }

  /** The price levels of a side. */
  levels(side: Side): Omit<Ladder, "add" | "remove"> {
    return this.#sides[side];
  }
}

/** The price levels of one side in order of their prices, the orders of each in time order. */
export class Ladder {
  /** Positive where a higher price is better. */
  readonly #sign: number;
  readonly #levels = new Map<number, Map<number, LiveOrder>>();
  /** Worst price first: what comes and goes is mostly near the end. */
  readonly #prices: number[] = [];

  constructor(side: Side) {
    this.#sign = side === "buy" ? 1 : -1;
  }

  /** Occupied price levels. */
  get depth(): number {
    return this.#prices.length;
  }

  add(order: LiveOrder): void {
    const level = this.#levels.get(order.price);
    if (level !== undefined) {
      level.set(order.id, order);
      return;
    }
    this.#levels.set(order.price, new Map([[order.id, order]]));
    this.#prices.splice(this.#position(order.price), 0, order.price);
  }

  remove(order: LiveOrder): void {
    const level = this.#levels.get(order.price);
    if (level?.delete(order.id) !== true || level.size > 0) return;
    this.#levels.delete(order.price);
    this.#prices.splice(this.#position(order.price), 1);
  }

  /** Price of the level that has `better` levels before it; null when there are not so many. */
  priceAt(better: number): number | null {
    return this.#prices[this.#prices.length - 1 - better] ?? null;
  }

  /** Orders of the level that has `better` levels before it, in time order. */
  ordersAt(better: number): readonly LiveOrder[] {
    const price = this.priceAt(better);
    return price === null ? [] : [...(this.#levels.get(price)?.values() ?? [])];
  }

  /** Levels with a better price than this one. */
  levelsBetter(than: number): number {
    const at = this.#position(than);
    return this.#prices.length - at - (this.#prices[at] === than ? 1 : 0);
  }

  /** Where the price is, or would be: the first that is not worse. */
  #position(price: number): number {
    let low = 0;
    let high = this.#prices.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const worse = ((this.#prices[middle] as number) - price) * this.#sign < 0;
      if (worse) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
