import type { EngineEvent } from "../../kernel/ports/matching-engine.ts";

interface Known {
  readonly own: boolean;
  readonly side: "buy" | "sell";
  readonly price: number;
  lots: number;
  resting: boolean;
}

export interface Level {
  /** 0 = there is none. */
  readonly price: number;
  readonly lots: number;
}

const none: Level = { price: 0, lots: 0 };

/**
 * Lots that rest at each price, out of the events of limit orders: what stands before a new order, and what
 * the market is without the orders of one account.
 */
export class LevelLots {
  readonly #account: number;
  readonly #levels = new Map<number, number>();
  readonly #ownLots = new Map<number, number>();
  readonly #orders = new Map<number, Known>();
  /** The furthest prices that ever held lots bound the search for the next best one. */
  #lowest = Number.POSITIVE_INFINITY;
  #highest = 0;

  /** `account`: whose orders `bestOfOthers` leaves out. */
  constructor(account: number) {
    this.#account = account;
  }

  at(side: "buy" | "sell", price: number): number {
    return this.#levels.get(keyOf(side, price)) ?? 0;
  }

  /** The best level without the own orders; `best` is the best price with them. O(ticks to it). */
  bestOfOthers(side: "buy" | "sell", best: number): Level {
    if (best === 0) return none;
    const step = side === "buy" ? -1 : 1;
    for (let price = best; price >= this.#lowest && price <= this.#highest; price += step) {
      const key = keyOf(side, price);
      const lots = (this.#levels.get(key) ?? 0) - (this.#ownLots.get(key) ?? 0);
      if (lots > 0) return { price, lots };
    }
    return none;
  }

  /** The events of one command. */
  apply(events: readonly EngineEvent[]): void {
    let entered: Known | null = null;
    for (const event of events) {
      if (event.kind === "accepted") {
        entered = this.#enter(event);
      } else if (event.kind === "replaced") {
        this.#takeOff(event.replacedOrderId, Number.POSITIVE_INFINITY);
        entered = this.#enter(event);
      } else if (event.kind === "executed") {
        this.#takeOff(event.orderId, event.quantity);
        this.#takeOff(event.makerOrderId, event.quantity);
      } else if (event.kind === "canceled" || event.kind === "reduced") {
        this.#takeOff(event.orderId, event.quantity);
      }
    }
    if (entered === null || entered.lots === 0) return;
    entered.resting = true;
    this.#lowest = Math.min(this.#lowest, entered.price);
    this.#highest = Math.max(this.#highest, entered.price);
    this.#add(entered, entered.lots);
  }

  #enter(event: Extract<EngineEvent, { kind: "accepted" | "replaced" }>): Known {
    const { side, price } = event;
    const own = event.account === this.#account;
    const known = { own, side, price, lots: event.quantity, resting: false };
    this.#orders.set(event.orderId, known);
    return known;
  }

  #takeOff(id: number, lots: number): void {
    const known = this.#orders.get(id);
    if (known === undefined) return;
    const taken = Math.min(lots, known.lots);
    known.lots -= taken;
    if (known.resting) this.#add(known, -taken);
    if (known.lots === 0) this.#orders.delete(id);
  }

  #add({ own, side, price }: Known, lots: number): void {
    const key = keyOf(side, price);
    addTo(this.#levels, key, lots);
    if (own) addTo(this.#ownLots, key, lots);
  }
}

function addTo(levels: Map<number, number>, key: number, lots: number): void {
  const sum = (levels.get(key) ?? 0) + lots;
  if (sum === 0) levels.delete(key);
  else levels.set(key, sum);
}

const keyOf = (side: "buy" | "sell", price: number): number => (side === "buy" ? price : -price);
