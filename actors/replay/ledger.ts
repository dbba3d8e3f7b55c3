import { isBetter, type Side } from "./events.ts";

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
    return this.#sides[side].bestPrice();
  }

  /** Orders at the best price of a side in time order; empty when the side is. */
  best(side: Side): readonly LiveOrder[] {
    return this.#sides[side].best();
  }
}

/** One side: levels by price, and a heap of prices that drops emptied levels when it meets them. */
class Ladder {
  readonly #side: Side;
  readonly #levels = new Map<number, Map<number, LiveOrder>>();
  readonly #heap: number[] = [];
  /** Prices in the heap, emptied levels included, so that none is in it twice. */
  readonly #inHeap = new Set<number>();

  constructor(side: Side) {
    this.#side = side;
  }

  add(order: LiveOrder): void {
    const level = this.#levels.get(order.price);
    if (level !== undefined) {
      level.set(order.id, order);
      return;
    }
    this.#levels.set(order.price, new Map([[order.id, order]]));
    if (this.#inHeap.has(order.price)) return;
    this.#inHeap.add(order.price);
    this.#push(order.price);
  }

  remove(order: LiveOrder): void {
    const level = this.#levels.get(order.price);
    level?.delete(order.id);
    if (level?.size === 0) this.#levels.delete(order.price);
  }

  bestPrice(): number | null {
    for (;;) {
      const price = this.#heap[0];
      if (price === undefined) return null;
      if (this.#levels.has(price)) return price;
      this.#pop();
      this.#inHeap.delete(price);
    }
  }

  best(): readonly LiveOrder[] {
    const price = this.bestPrice();
    return price === null ? [] : [...(this.#levels.get(price)?.values() ?? [])];
  }

  #push(price: number): void {
    const heap = this.#heap;
    let at = heap.push(price) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBetter(this.#side, price, heap[parent] as number)) break;
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = price;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as number;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (
        right < heap.length &&
        isBetter(this.#side, heap[right] as number, heap[child] as number)
      ) {
        child = right;
      }
      if (!isBetter(this.#side, heap[child] as number, last)) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = last;
  }
}
