/**
 * Pre-trade limits of one account in one market: the arithmetic that a risk actor or a gateway runs before an
 * order leaves. A check takes O(1), allocates nothing, does not depend on the order in which limits are
 * looked at (it reports all that an order would break) and counts what is open as if it had all traded, so
 * that no sequence of accepted orders, whatever fills in whatever order, breaks a limit.
 */
import type { PriceTicks, QuantityLots } from "../../kernel/units.ts";
import {
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
} from "../numerics/failure.ts";

export interface LimitSet {
  /** Largest long or short position in lots, open orders included. */
  readonly positionLots: number;
  /** Largest sum of price times quantity over open orders, in ticks times lots, <= 2^53 - 1. */
  readonly openNotional: number;
  /** Largest quantity of one order, lots ("fat finger"). */
  readonly orderLots: number;
  /** Largest distance of a limit price from the reference, basis points of the reference, 0 to 10,000. */
  readonly collarBasisPoints: number;
  /** Orders accepted within any window of `rateWindow` nanoseconds, 1 to 1,000,000. */
  readonly ordersPerWindow: number;
  readonly rateWindow: number;
  /** Loss of the day, realised and unrealised, in ticks times lots, at which orders stop. */
  readonly dailyLoss: number;
}

/** Bits of the limits that an order would break; 0: accepted. */
export const breaches = {
  position: 1,
  openNotional: 2,
  orderSize: 4,
  collar: 8,
  rate: 16,
  loss: 32,
} as const;
export type Breaches = number;

const largest = Number.MAX_SAFE_INTEGER;

function limitsCheck(limits: LimitSet): Check {
  return firstFailure(
    integerWithin("positionLots", limits.positionLots, 0, largest),
    integerWithin("openNotional", limits.openNotional, 0, largest),
    integerWithin("orderLots", limits.orderLots, 0, largest),
    integerWithin("collarBasisPoints", limits.collarBasisPoints, 0, 10_000),
    integerWithin("ordersPerWindow", limits.ordersPerWindow, 1, 1_000_000),
    integerWithin("rateWindow", limits.rateWindow, 1, largest),
    integerWithin("dailyLoss", limits.dailyLoss, 1, largest),
  );
}

/** What an account has done and may still do. Times are nanoseconds on any clock that does not go back. */
export class PreTradeLimits {
  readonly #limits: LimitSet;
  /** Times of the last accepted orders: the one about to be overwritten is the oldest that counts. */
  readonly #accepted: Float64Array;
  #next = 0;
  #position = 0;
  #openBuys = 0;
  #openSells = 0;
  #openNotional = 0;
  /** Ticks times lots; what was paid is below 0. */
  #cash = 0;

  private constructor(limits: LimitSet) {
    this.#limits = limits;
    this.#accepted = new Float64Array(limits.ordersPerWindow).fill(-Infinity);
  }

  /** A flat account. Failures: out_of_range, not_finite. */
  static of(limits: LimitSet): ModelResult<PreTradeLimits> {
    const wrong = limitsCheck(limits);
    return wrong === null ? { ok: true, value: new PreTradeLimits(limits) } : refused(wrong);
  }

  get position(): number {
    return this.#position;
  }

  /** Lots that would be held if every open buy traded and no open sell did, and the other way round. */
  get extremes(): readonly [number, number] {
    return [this.#position - this.#openSells, this.#position + this.#openBuys];
  }

  get openNotional(): number {
    return this.#openNotional;
  }

  /** Realised and unrealised profit at a mark, ticks times lots. */
  profit(mark: PriceTicks): number {
    return this.#cash + this.#position * mark;
  }

  /** Bits of the limits that the order would break; changes nothing. `reference` is the collar's price and the mark. */
  check(
    side: "buy" | "sell",
    price: PriceTicks,
    quantity: QuantityLots,
    reference: PriceTicks,
    now: number,
  ): Breaches {
    const limits = this.#limits;
    let broken = 0;
    const extreme =
      side === "buy"
        ? this.#position + this.#openBuys + quantity
        : this.#openSells - this.#position + quantity;
    if (extreme > limits.positionLots) broken |= breaches.position;
    // price * quantity may exceed 2^53; the quotient does not.
    if (quantity > Math.floor((limits.openNotional - this.#openNotional) / price)) {
      broken |= breaches.openNotional;
    }
    if (quantity > limits.orderLots) broken |= breaches.orderSize;
    if (Math.abs(price - reference) * 10_000 > reference * limits.collarBasisPoints) {
      broken |= breaches.collar;
    }
    if (now - this.#accepted[this.#next]! < limits.rateWindow) broken |= breaches.rate;
    if (this.profit(reference) <= -limits.dailyLoss) broken |= breaches.loss;
    return broken;
  }

  /** Checks an order and, when nothing is broken, counts it as open. */
  accept(
    side: "buy" | "sell",
    price: PriceTicks,
    quantity: QuantityLots,
    reference: PriceTicks,
    now: number,
  ): Breaches {
    const broken = this.check(side, price, quantity, reference, now);
    if (broken !== 0) return broken;
    this.#accepted[this.#next] = now;
    this.#next = (this.#next + 1) % this.#accepted.length;
    this.#open(side, price, quantity);
    return 0;
  }

  /** `quantity` lots of an open order of limit `price` traded at `tradePrice`. */
  fill(
    side: "buy" | "sell",
    price: PriceTicks,
    quantity: QuantityLots,
    tradePrice: PriceTicks,
  ): void {
    const lots: number = quantity;
    this.#open(side, price, -lots);
    const signed = side === "buy" ? lots : -lots;
    this.#position += signed;
    this.#cash -= signed * tradePrice;
  }

  /** `quantity` lots of an open order of limit `price` were cancelled. */
  cancel(side: "buy" | "sell", price: PriceTicks, quantity: QuantityLots): void {
    const lots: number = quantity;
    this.#open(side, price, -lots);
  }

  #open(side: "buy" | "sell", price: PriceTicks, signedLots: number): void {
    if (side === "buy") this.#openBuys += signedLots;
    else this.#openSells += signedLots;
    this.#openNotional += signedLots * price;
  }
}

/** The names of the limits in a set of bits, in their order. */
export function breachNames(broken: Breaches): readonly (keyof typeof breaches)[] {
  return (Object.keys(breaches) as (keyof typeof breaches)[]).filter(
    (name) => (broken & breaches[name]) !== 0,
  );
}

/** Refuses by name what `accept` refused by bits. */
export function breachRefusal(broken: Breaches): ModelResult<never> {
  return refused(
    failure(
      "out_of_range",
      `the order breaks: ${breachNames(broken).join(", ")}`,
      "open orders count as if they had traded",
      "reduce the order, cancel open ones or ask for higher limits",
    ),
  );
}
