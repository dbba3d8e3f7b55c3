import type { OrderIntent, OwnOrder, Side } from "../../models/backtest/strategy.ts";
import type { OwnEntry, OwnEvent } from "./venue.ts";

interface Own {
  reference: number;
  side: Side;
  price: number;
  remaining: number;
  working: boolean;
  leaving: boolean;
}

/** Answers of the exchange to own orders, counted as they are heard. */
export interface OrderCounts {
  quotes: number;
  takes: number;
  cancels: number;
  /** Lots of quotes and takes sent. */
  lots: number;
  filledLots: number;
  /** Fills in which the own order rested. */
  makerFills: number;
  takerFills: number;
  /** Lots at the price before the own order, summed over the quotes that came to rest. */
  queueAhead: number;
  rested: number;
  readonly refused: Record<string, number>;
}

/** What the strategy's side knows of its orders: what it sent, and what it has heard. */
export class OwnOrders {
  readonly #orders: Own[] = [];
  readonly counts: OrderCounts = {
    quotes: 0,
    takes: 0,
    cancels: 0,
    lots: 0,
    filledLots: 0,
    makerFills: 0,
    takerFills: 0,
    queueAhead: 0,
    rested: 0,
    refused: {},
  };
  #references = 0;
  /** Bought less sold; ticks times lots received less paid. */
  inventory = 0;
  cash = 0;

  get orders(): readonly OwnOrder[] {
    return this.#orders;
  }

  /** What goes to the exchange for this intent. */
  send(intent: OrderIntent): OwnEntry | { readonly kind: "cancel"; readonly reference: number } {
    if (intent.kind === "cancel") {
      const order = this.#orders.find(({ reference }) => reference === intent.reference);
      if (order !== undefined) order.leaving = true;
      this.counts.cancels += 1;
      return intent;
    }
    this.#references += 1;
    const { kind, side, price, quantity } = intent;
    if (kind === "quote") this.counts.quotes += 1;
    else this.counts.takes += 1;
    this.counts.lots += quantity;
    const reference = this.#references;
    // A take is gone by the time it is answered: it never stands among the orders to reconcile.
    if (kind === "quote") {
      this.#orders.push({
        reference,
        side,
        price,
        remaining: quantity,
        working: false,
        leaving: false,
      });
    } else {
      this.#takes.set(reference, side);
    }
    return { reference, kind, side, price, quantity };
  }

  readonly #takes = new Map<number, Side>();

  hear(event: OwnEvent): void {
    const at = this.#orders.findIndex(({ reference }) => reference === event.reference);
    const order = this.#orders[at];
    switch (event.kind) {
      case "accepted":
        if (order === undefined) break;
        order.working = true;
        this.counts.rested += 1;
        this.counts.queueAhead += event.queueAhead;
        break;
      case "filled": {
        const side = order?.side ?? this.#takes.get(event.reference);
        if (side === undefined) break;
        this.#book(side, event.price, event.quantity);
        if (event.maker) this.counts.makerFills += 1;
        else this.counts.takerFills += 1;
        if (order === undefined) break;
        order.remaining -= event.quantity;
        if (order.remaining <= 0) this.#orders.splice(at, 1);
        break;
      }
      case "refused":
        this.counts.refused[event.code] = (this.counts.refused[event.code] ?? 0) + 1;
        if (order !== undefined) this.#orders.splice(at, 1);
        break;
      case "canceled":
        if (order !== undefined) this.#orders.splice(at, 1);
        break;
      default:
        event satisfies never;
    }
  }

  #book(side: Side, price: number, lots: number): void {
    const sign = side === "buy" ? 1 : -1;
    this.inventory += sign * lots;
    this.cash -= sign * price * lots;
    this.counts.filledLots += lots;
  }
}
