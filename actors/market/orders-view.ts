import type { EngineEvent, RestingOrder, Side } from "../kernel/ports/matching-engine.ts";

/** An order that rests, in ticks and lots. */
export interface OwnOrder {
  readonly orderId: number;
  readonly side: Side;
  readonly price: number;
  readonly remaining: number;
}

/** order id = generation * 2^24 + slot, and no two resting orders share a slot. */
const SLOTS = 2 ** 24;
const FIRST_SIZE = 1_024;

/**
 * Every resting order with its owner, kept from the events that have left: what a client asks for
 * when it comes back and does not know its own orders. Typed arrays by slot: 21 bytes an order.
 */
export class OrdersView {
  /** Order id in each slot, 0 = none. */
  #ids = new Float64Array(FIRST_SIZE);
  #accounts = new Uint32Array(FIRST_SIZE);
  #prices = new Int32Array(FIRST_SIZE);
  #remaining = new Uint32Array(FIRST_SIZE);
  #sells = new Uint8Array(FIRST_SIZE);
  /** The order whose events are under way, and what of it has neither traded nor been canceled. */
  #entering: RestingOrder | null = null;
  #enteringLots = 0;

  /** The orders as the engine holds them after recovery. */
  static from(orders: Iterable<RestingOrder>): OrdersView {
    const view = new OrdersView();
    for (const order of orders) view.#rest(order, order.remaining);
    return view;
  }

  apply(event: EngineEvent): void {
    switch (event.kind) {
      case "accepted":
      case "replaced": {
        if (event.kind === "replaced") this.#left(event.replacedOrderId, 0);
        const { orderId, account, side, price, quantity } = event;
        // A market order never rests, so its price of 0 is never stored.
        const entering = { orderId, account, side, price, remaining: quantity };
        this.#entering = entering as RestingOrder;
        this.#enteringLots = quantity;
        break;
      }
      case "executed":
        this.#left(event.makerOrderId, event.makerRemaining);
        // The buyer of an uncross rests as well, and its event does not say what is left.
        if (event.atUncross) this.#taken(event.orderId, event.quantity);
        else this.#enteringLots -= event.quantity;
        break;
      case "canceled":
        if (event.orderId === this.#entering?.orderId) this.#enteringLots -= event.quantity;
        else this.#left(event.orderId, 0);
        break;
      case "reduced":
        this.#left(event.orderId, event.remaining);
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
    if (event.last && this.#entering !== null) {
      if (this.#enteringLots > 0) this.#rest(this.#entering, this.#enteringLots);
      this.#entering = null;
    }
  }

  /** Orders of the account with an id above `after`, by rising id, at most `limit`. */
  ofAccount(account: number, after: number, limit: number): readonly OwnOrder[] {
    const ids: number[] = [];
    for (let slot = 0; slot < this.#ids.length; slot += 1) {
      const id = this.#ids[slot] ?? 0;
      if (id > after && this.#accounts[slot] === account) ids.push(id);
    }
    ids.sort((a, b) => a - b);
    return ids.slice(0, limit).map((orderId) => {
      const slot = orderId % SLOTS;
      return {
        orderId,
        side: this.#sells[slot] === 1 ? "sell" : "buy",
        price: this.#prices[slot] ?? 0,
        remaining: this.#remaining[slot] ?? 0,
      };
    });
  }

  #rest(order: RestingOrder, lots: number): void {
    const slot = order.orderId % SLOTS;
    if (slot >= this.#ids.length) this.#grow(slot + 1);
    this.#ids[slot] = order.orderId;
    this.#accounts[slot] = order.account;
    this.#prices[slot] = order.price;
    this.#remaining[slot] = lots;
    this.#sells[slot] = order.side === "sell" ? 1 : 0;
  }

  /** What is left of a resting order; 0 takes it away. */
  #left(orderId: number, remaining: number): void {
    const slot = orderId % SLOTS;
    if (this.#ids[slot] !== orderId) return;
    if (remaining === 0) this.#ids[slot] = 0;
    else this.#remaining[slot] = remaining;
  }

  #taken(orderId: number, lots: number): void {
    this.#left(orderId, Math.max(0, (this.#remaining[orderId % SLOTS] ?? 0) - lots));
  }

  #grow(size: number): void {
    const length = Math.max(size, this.#ids.length * 2);
    const grown = <T extends Float64Array | Uint32Array | Int32Array | Uint8Array>(
      to: T,
      from: T,
    ): T => {
      to.set(from);
      return to;
    };
    this.#ids = grown(new Float64Array(length), this.#ids);
    this.#accounts = grown(new Uint32Array(length), this.#accounts);
    this.#prices = grown(new Int32Array(length), this.#prices);
    this.#remaining = grown(new Uint32Array(length), this.#remaining);
    this.#sells = grown(new Uint8Array(length), this.#sells);
  }
}
