import { better, moreAggressive, standings } from "./order.ts";
import type { Order } from "./order.ts";
import { opposite } from "./codes.ts";
import type { SideNumber } from "./codes.ts";

/** Occupied price levels of one side of the lit book. */
export const LEVEL_LIMIT = 2 ** 16;

interface Level {
  readonly price: number;
  /** Oldest first. */
  readonly orders: Order[];
  /** Shown lots of all of them. */
  total: number;
}

/** Price and shown lots at the top of one side; both 0 when it is empty. */
export interface Best {
  readonly price: number;
  readonly quantity: number;
}

const EMPTY: Best = { price: 0, quantity: 0 };

/** One side of a book: levels in an array, best price first. */
class Levels {
  readonly side: SideNumber;
  readonly all: Level[] = [];

  constructor(side: SideNumber) {
    this.side = side;
  }

  at(price: number): Level | undefined {
    const level = this.all[this.#position(price)];
    return level?.price === price ? level : undefined;
  }

  append(order: Order): void {
    const position = this.#position(order.at);
    let level = this.all[position];
    if (level === undefined || level.price !== order.at) {
      level = { price: order.at, orders: [], total: 0 };
      this.all.splice(position, 0, level);
    }
    level.orders.push(order);
    level.total += order.shown;
  }

  remove(order: Order): void {
    const position = this.#position(order.at);
    const level = this.all[position];
    const place = level?.price === order.at ? level.orders.indexOf(order) : -1;
    if (level === undefined || place < 0) {
      throw new Error(`order ${order.id} is not in the book as it should be`);
    }
    level.orders.splice(place, 1);
    level.total -= order.shown;
    if (level.orders.length === 0) this.all.splice(position, 1);
  }

  /** What is wrong, or null. */
  verify(): string | null {
    let previous: Level | null = null;
    for (const level of this.all) {
      if (previous !== null && !better(this.side, previous.price, level.price)) {
        return `levels ${previous.price} and ${level.price} are out of order`;
      }
      const fault = this.#levelFault(level);
      if (fault !== null) return fault;
      previous = level;
    }
    return null;
  }

  #levelFault(level: Level): string | null {
    let total = 0;
    let priority = 0;
    for (const order of level.orders) {
      if (order.side !== this.side || order.at !== level.price) {
        return `order ${order.id} stands at the wrong price`;
      }
      if (order.lots <= 0) return `order ${order.id} rests with nothing left`;
      if (order.priority < priority) return `order ${order.id} is out of time order`;
      total += order.shown;
      priority = order.priority;
    }
    const right = level.orders.length > 0 && total === level.total;
    return right ? null : `level ${level.price} has the wrong total`;
  }

  /** Index of the first level that is not better than `price`. */
  #position(price: number): number {
    let low = 0;
    let high = this.all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const level = this.all[middle];
      if (level !== undefined && better(this.side, level.price, price)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The resting orders: a lit and a dark book, and of call phases the market orders, which stand before
 * all others of their side and count as lit.
 */
export class Book {
  readonly #lit = [new Levels(0), new Levels(1)] as const;
  readonly #dark = [new Levels(0), new Levels(1)] as const;
  readonly #market: readonly [Order[], Order[]] = [[], []];

  /** Best price of the lit book and what is shown there. */
  best(side: SideNumber): Best {
    const level = this.#lit[side].all[0];
    return level === undefined ? EMPTY : { price: level.price, quantity: level.total };
  }

  /** Best price of the lit book, 0 when the side is empty. */
  bestPrice(side: SideNumber): number {
    return this.#lit[side].all[0]?.price ?? 0;
  }

  /** Puts an order of this standing last in its level or queue. */
  append(order: Order): void {
    if (order.standing === standings.dark) this.#dark[order.side].append(order);
    else if (order.at === 0) this.#market[order.side].push(order);
    else this.#lit[order.side].append(order);
  }

  remove(order: Order): void {
    if (order.standing === standings.dark) this.#dark[order.side].remove(order);
    else if (order.at === 0) {
      const queue = this.#market[order.side];
      queue.splice(queue.indexOf(order), 1);
    } else this.#lit[order.side].remove(order);
  }

  /** Changes how many lots a resting order shows. */
  show(order: Order, shown: number): void {
    if (order.standing === standings.lit && order.at !== 0) {
      const level = this.#lit[order.side].at(order.at);
      if (level !== undefined) level.total += shown - order.shown;
    }
    order.shown = shown;
  }

  /** How many orders are shown on `side` at exactly `price`. */
  ordersAt(side: SideNumber, price: number): number {
    return this.#lit[side].at(price)?.orders.length ?? 0;
  }

  /** Occupied levels of one side of the lit book. */
  levels(side: SideNumber): number {
    return this.#lit[side].all.length;
  }

  /**
   * Visits the orders of a side, best price first, at one price lit before dark, in each by time, as
   * far as `limit` of an order of the other side reaches (null: any price). Ends at the first for
   * which `visit` is true, and returns it.
   */
  find(
    side: SideNumber,
    limit: number | null,
    visit: (order: Order) => boolean,
  ): Order | undefined {
    const lit = this.#lit[side].all;
    const dark = this.#dark[side].all;
    let nextLit = 0;
    let nextDark = 0;
    for (;;) {
      let level = lit[nextLit];
      const other = dark[nextDark];
      if (other !== undefined && (level === undefined || better(side, other.price, level.price))) {
        level = other;
        nextDark += 1;
      } else {
        nextLit += 1;
      }
      if (level === undefined) return undefined;
      if (limit !== null && better(opposite(side), level.price, limit)) {
        // A price above the limit of a buyer, or below that of a seller.
        return undefined;
      }
      for (const order of level.orders) if (visit(order)) return order;
    }
  }

  /** Market orders of a call phase, oldest first. */
  marketOrders(side: SideNumber): readonly Order[] {
    return this.#market[side];
  }

  /** Lit orders of a side in price-time order, at most `limit`. */
  lit(side: SideNumber, limit: number): Order[] {
    const found: Order[] = [];
    for (const level of this.#lit[side].all) {
      for (const order of level.orders) {
        if (found.length === limit) return found;
        found.push(order);
      }
    }
    return found;
  }

  /** All resting orders in no particular order. */
  all(): Order[] {
    const found: Order[] = [];
    for (const side of [0, 1] as const) {
      found.push(...this.#market[side]);
      for (const levels of [this.#lit[side], this.#dark[side]]) {
        for (const level of levels.all) found.push(...level.orders);
      }
    }
    return found;
  }

  /** What is wrong with the book, or null. `open`: the lit book must not be crossed. */
  verify(open: boolean): string | null {
    for (const levels of [...this.#lit, ...this.#dark]) {
      const fault = levels.verify();
      if (fault !== null) return fault;
    }
    for (const side of [0, 1] as const) {
      if (this.levels(side) > LEVEL_LIMIT) return `${this.levels(side)} levels are occupied`;
    }
    const [bid, ask] = [this.bestPrice(0), this.bestPrice(1)];
    if (open && bid !== 0 && ask !== 0 && bid >= ask) {
      return `the book is crossed: bid ${bid}, offer ${ask}`;
    }
    if (open && this.#market.some((queue) => queue.length > 0)) return "market orders rest";
    return null;
  }
}

/** The furthest price that `ticks` beyond `price` reach, within the range of prices. */
export function reach(side: SideNumber, price: number, ticks: number, maximum: number): number {
  return Math.max(1, Math.min(maximum, moreAggressive(side, price, ticks)));
}
