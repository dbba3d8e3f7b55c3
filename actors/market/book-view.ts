import type { EngineEvent, RestingOrder, Side } from "../kernel/ports/matching-engine.ts";

/**
 * Price levels of one market, kept from its events for market data and queries. It sees only what is
 * safe; the engine's own book may be ahead of it. Prices in ticks, quantities in lots.
 */

export interface Level {
  readonly price: number;
  quantity: number;
  orders: number;
}

/** order id = generation * 2^24 + slot, and no two resting orders share a slot. */
const SLOTS = 2 ** 24;

export class BookView {
  readonly #bids = new SideView("buy");
  readonly #asks = new SideView("sell");
  /** Price of the resting order in each slot; grows with the highest slot seen. */
  #prices = new Int32Array(1_024);
  /** Of the same orders: an uncross does not say what is left of its buyer. */
  #remaining = new Uint32Array(1_024);
  /** The order whose events are under way, and what of it has neither traded nor been canceled. */
  #entering = 0;
  #enteringSide: Side = "buy";
  #enteringPrice = 0;
  #enteringLots = 0;

  /** The book as the engine holds it after recovery. */
  static from(orders: Iterable<RestingOrder>): BookView {
    const view = new BookView();
    for (const order of orders) {
      view.#rest(order.orderId, order.side, order.price, order.remaining);
    }
    return view;
  }

  apply(event: EngineEvent): void {
    switch (event.kind) {
      case "accepted":
        this.#enter(event.orderId, event.side, event.price, event.quantity);
        break;
      case "replaced":
        this.#side(event.side).remove(this.#priceOf(event.replacedOrderId), event.remaining, 1);
        this.#enter(event.orderId, event.side, event.price, event.quantity);
        break;
      case "executed": {
        if (event.atUncross) {
          // Both rest, each at its own price.
          this.#take(event.side, event.orderId, event.quantity);
          this.#take(event.side === "buy" ? "sell" : "buy", event.makerOrderId, event.quantity);
          break;
        }
        const maker = event.side === "buy" ? this.#asks : this.#bids;
        maker.remove(event.price, event.quantity, event.makerRemaining === 0 ? 1 : 0);
        this.#remaining[event.makerOrderId % SLOTS] = event.makerRemaining;
        this.#enteringLots -= event.quantity;
        break;
      }
      case "canceled":
        if (event.orderId === this.#entering) this.#enteringLots -= event.quantity;
        else this.#side(event.side).remove(this.#priceOf(event.orderId), event.quantity, 1);
        break;
      case "reduced":
        this.#side(event.side).remove(event.price, event.quantity, 0);
        this.#remaining[event.orderId % SLOTS] = event.remaining;
        break;
      case "refused":
      case "repeated":
      case "configured":
      case "state_set":
      case "rested":
      case "triggered":
      case "activated":
      case "repriced":
      case "indicative":
      case "limit_state":
      case "breaker_set":
      case "mass_canceled":
      case "limit_set":
      case "killed":
      case "position_set":
      case "busted":
      case "corrected":
      case "ticked":
      case "seeded":
      case "touch":
        break;
    }
    if (event.last && this.#entering !== 0) {
      if (this.#enteringLots > 0) {
        this.#rest(this.#entering, this.#enteringSide, this.#enteringPrice, this.#enteringLots);
      }
      this.#entering = 0;
    }
  }

  /** Best first, at most `limit`. */
  bids(limit: number): readonly Level[] {
    return this.#bids.best(limit);
  }

  asks(limit: number): readonly Level[] {
    return this.#asks.best(limit);
  }

  #enter(id: number, side: Side, price: number, lots: number): void {
    this.#entering = id;
    this.#enteringSide = side;
    this.#enteringPrice = price;
    this.#enteringLots = lots;
  }

  #rest(id: number, side: Side, price: number, lots: number): void {
    const slot = id % SLOTS;
    if (slot >= this.#prices.length) {
      const length = Math.min(SLOTS, Math.max(slot + 1, this.#prices.length * 2));
      const prices = new Int32Array(length);
      prices.set(this.#prices);
      this.#prices = prices;
      const remaining = new Uint32Array(length);
      remaining.set(this.#remaining);
      this.#remaining = remaining;
    }
    this.#prices[slot] = price;
    this.#remaining[slot] = lots;
    this.#side(side).add(price, lots);
  }

  #take(side: Side, id: number, lots: number): void {
    const slot = id % SLOTS;
    const left = (this.#remaining[slot] ?? 0) - lots;
    this.#side(side).remove(this.#prices[slot] ?? 0, lots, left === 0 ? 1 : 0);
    this.#remaining[slot] = left;
  }

  #priceOf(id: number): number {
    return this.#prices[id % SLOTS] ?? 0;
  }

  #side(side: Side): SideView {
    return side === "buy" ? this.#bids : this.#asks;
  }
}

/** Levels of one side: by price, and their prices in order with the best at the end. */
class SideView {
  readonly #levels = new Map<number, Level>();
  /** Ascending keys; a bid's key is its price, an offer's is the price negated. */
  readonly #keys: number[] = [];
  readonly #sign: 1 | -1;

  constructor(side: Side) {
    this.#sign = side === "buy" ? 1 : -1;
  }

  add(price: number, lots: number): void {
    const level = this.#levels.get(price);
    if (level !== undefined) {
      level.quantity += lots;
      level.orders += 1;
      return;
    }
    this.#levels.set(price, { price, quantity: lots, orders: 1 });
    this.#keys.splice(this.#find(price), 0, price * this.#sign);
  }

  remove(price: number, lots: number, orders: 0 | 1): void {
    const level = this.#levels.get(price);
    if (level === undefined || level.quantity < lots || level.orders < orders) {
      throw new Error(`events take ${lots} lots off a level at ${price} that does not hold them`);
    }
    level.quantity -= lots;
    level.orders -= orders;
    if (level.orders > 0) return;
    this.#levels.delete(price);
    this.#keys.splice(this.#find(price), 1);
  }

  best(limit: number): readonly Level[] {
    const levels: Level[] = [];
    for (let at = this.#keys.length - 1; at >= 0 && levels.length < limit; at -= 1) {
      const level = this.#levels.get((this.#keys[at] ?? 0) * this.#sign);
      if (level !== undefined) levels.push(level);
    }
    return levels;
  }

  /** Index of the first key that is not below the price's. */
  #find(price: number): number {
    const key = price * this.#sign;
    let low = 0;
    for (let high = this.#keys.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? 0) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
