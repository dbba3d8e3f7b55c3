import { addTerm, orderTerm, removeTerm } from "./digest.ts";

/** 0 buy, 1 sell, as on the wire. */
export type SideNumber = 0 | 1;

/** Occupied price levels of both sides together. */
export const LEVEL_LIMIT = 2 ** 16;

/** An order that rests. `remaining` changes only through the book. */
export interface RestingBookOrder {
  readonly orderId: number;
  readonly account: number;
  readonly side: SideNumber;
  readonly price: number;
  readonly priority: number;
  remaining: number;
}

interface Level {
  readonly price: number;
  /** Oldest first. */
  readonly orders: RestingBookOrder[];
  total: number;
}

/** Price and total quantity at the top of one side; both 0 when it is empty. */
export interface Best {
  readonly price: number;
  readonly quantity: number;
}

/** Whether price `a` is better than `b` for an order resting on `side`. */
const better = (side: SideNumber, a: number, b: number): boolean => (side === 0 ? a > b : a < b);

/** Two arrays of price levels, best price first, each an array of orders, oldest first. */
export class Book {
  readonly #sides: readonly [Level[], Level[]] = [[], []];
  readonly #orders = new Map<number, RestingBookOrder>();
  #digest = 0n;

  /** Sum of the resting orders' digest terms, modulo 2^64. */
  get digest(): bigint {
    return this.#digest;
  }

  get size(): number {
    return this.#orders.size;
  }

  get levels(): number {
    return this.#sides[0].length + this.#sides[1].length;
  }

  /** The resting order of that id, or undefined. */
  find(orderId: number): RestingBookOrder | undefined {
    return this.#orders.get(orderId);
  }

  best(side: SideNumber): Best {
    const level = this.#sides[side][0];
    return level === undefined
      ? { price: 0, quantity: 0 }
      : { price: level.price, quantity: level.total };
  }

  /** The order that trades first on `side` against a limit of `limit` (null: any price). */
  firstMatch(side: SideNumber, limit: number | null): RestingBookOrder | undefined {
    const level = this.#sides[side][0];
    if (level === undefined) return undefined;
    if (limit !== null && better(side, limit, level.price)) return undefined;
    return level.orders[0];
  }

  /** Whether at least `quantity` lots rest on `side` within `limit` (null: any price). */
  canFill(side: SideNumber, limit: number | null, quantity: number): boolean {
    let found = 0;
    for (const level of this.#sides[side]) {
      if (found >= quantity || (limit !== null && better(side, limit, level.price))) break;
      found += level.total;
    }
    return found >= quantity;
  }

  /** How many orders rest on `side` at exactly `price`. */
  ordersAt(side: SideNumber, price: number): number {
    const level = this.#sides[side][this.#position(side, price)];
    return level !== undefined && level.price === price ? level.orders.length : 0;
  }

  /** Puts the order last in its level. */
  insert(order: RestingBookOrder): void {
    const levels = this.#sides[order.side];
    const position = this.#position(order.side, order.price);
    let level = levels[position];
    if (level === undefined || level.price !== order.price) {
      level = { price: order.price, orders: [], total: 0 };
      levels.splice(position, 0, level);
    }
    level.orders.push(order);
    level.total += order.remaining;
    this.#orders.set(order.orderId, order);
    this.#digest = addTerm(this.#digest, orderTerm(order));
  }

  /** Takes `quantity` lots off the order, and the order off the book when nothing is left. */
  take(order: RestingBookOrder, quantity: number): void {
    const levels = this.#sides[order.side];
    const position = this.#position(order.side, order.price);
    const level = levels[position];
    if (level === undefined || level.price !== order.price || quantity > order.remaining) {
      throw new Error(`order ${order.orderId} is not in the book as it should be`);
    }
    this.#digest = removeTerm(this.#digest, orderTerm(order));
    order.remaining -= quantity;
    level.total -= quantity;
    if (order.remaining > 0) {
      this.#digest = addTerm(this.#digest, orderTerm(order));
      return;
    }
    this.#orders.delete(order.orderId);
    level.orders.splice(level.orders.indexOf(order), 1);
    if (level.orders.length === 0) levels.splice(position, 1);
  }

  /** Resting orders of a side in price-time order, at most `limit`. */
  resting(side: SideNumber, limit: number): RestingBookOrder[] {
    const found: RestingBookOrder[] = [];
    for (const level of this.#sides[side]) {
      for (const order of level.orders) {
        if (found.length === limit) return found;
        found.push(order);
      }
    }
    return found;
  }

  /** What is wrong with the book, or null. */
  verify(): string | null {
    let digest = 0n;
    let count = 0;
    for (const side of [0, 1] as const) {
      let previous: Level | null = null;
      for (const level of this.#sides[side]) {
        if (previous !== null && !better(side, previous.price, level.price)) {
          return `levels ${previous.price} and ${level.price} are out of order`;
        }
        const fault = this.#levelFault(side, level);
        if (fault !== null) return fault;
        for (const order of level.orders) digest = addTerm(digest, orderTerm(order));
        count += level.orders.length;
        previous = level;
      }
    }
    const [bids, asks] = this.#sides;
    if (bids[0] !== undefined && asks[0] !== undefined && bids[0].price >= asks[0].price) {
      return `the book is crossed: bid ${bids[0].price}, offer ${asks[0].price}`;
    }
    if (count !== this.#orders.size) return `${count} orders in levels, ${this.#orders.size} known`;
    if (this.levels > LEVEL_LIMIT) return `${this.levels} levels are occupied`;
    return digest === this.#digest ? null : "the digest of the orders is wrong";
  }

  #levelFault(side: SideNumber, level: Level): string | null {
    let total = 0;
    let priority = 0;
    for (const order of level.orders) {
      if (this.#orders.get(order.orderId) !== order) return `order ${order.orderId} is not known`;
      if (order.side !== side || order.price !== level.price) {
        return `order ${order.orderId} stands at the wrong price`;
      }
      if (order.remaining <= 0) return `order ${order.orderId} rests with nothing left`;
      if (order.priority <= priority) return `order ${order.orderId} is out of time order`;
      total += order.remaining;
      priority = order.priority;
    }
    return total > 0 && total === level.total ? null : `level ${level.price} has the wrong total`;
  }

  /** Index of the first level of the side that is not better than `price`. */
  #position(side: SideNumber, price: number): number {
    const levels = this.#sides[side];
    let low = 0;
    let high = levels.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const level = levels[middle];
      if (level !== undefined && better(side, level.price, price)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
