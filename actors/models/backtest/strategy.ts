/**
 * A trading strategy as a pure function: what it sees in, what it wants out. The backtester of
 * actors/replay calls it and a live strategy actor can: time, chance, orders and the network are the
 * caller's. Prices in ticks, quantities in lots, times in nanoseconds.
 */
export type Side = "buy" | "sell";

/**
 * What the strategy has heard until now. Nothing in it is younger than `time` less the delay of the
 * market data. The object and its arrays are reused: valid during the call.
 */
export interface MarketView {
  readonly time: number;
  /**
   * Best prices of everybody else as last heard; 0 = that side is empty. Own orders are left out: a
   * strategy that saw them would follow its own quotes.
   */
  readonly bidPrice: number;
  readonly bidQuantity: number;
  readonly askPrice: number;
  readonly askQuantity: number;
  /** By the positions of `feature` (microstructure/feature-stream.ts). */
  readonly features: Float64Array;
  /** Lots bought less lots sold, of the fills heard of. */
  readonly inventory: number;
  /** Ticks times lots received less paid, fees left out, of the fills heard of. */
  readonly cash: number;
}

export interface Quote {
  readonly price: number;
  readonly quantity: number;
}

/** What the strategy wants to stand in the market; null = nothing on that side. */
export interface DesiredQuotes {
  readonly bid: Quote | null;
  readonly ask: Quote | null;
  /** An immediate-or-cancel order on top; null = none. */
  readonly take: (Quote & { readonly side: Side }) | null;
}

export const noQuotes: DesiredQuotes = { bid: null, ask: null, take: null };

/** `State` is plain data, so that an actor can store it. */
export interface Strategy<State> {
  readonly name: string;
  readonly start: State;
  /** Pure: the same state and view give the same decision. */
  decide(state: State, view: MarketView): Decision<State>;
}

export interface Decision<State> {
  readonly state: State;
  readonly desired: DesiredQuotes;
}

/** An own order as far as was heard; `working` is false while its entry is unanswered. */
export interface OwnOrder {
  /** The sender's own number of it. */
  readonly reference: number;
  readonly side: Side;
  readonly price: number;
  readonly remaining: number;
  readonly working: boolean;
  /** A cancel is on its way. */
  readonly leaving: boolean;
}

export type OrderIntent =
  | { readonly kind: "cancel"; readonly reference: number }
  | {
      readonly kind: "quote";
      readonly side: Side;
      readonly price: number;
      readonly quantity: number;
    }
  | {
      readonly kind: "take";
      readonly side: Side;
      readonly price: number;
      readonly quantity: number;
    };

/**
 * What to send so that the own orders become the desired quotes. An order at the desired price stays and
 * keeps its place in the queue, whatever is left of it; every other one is canceled, and the new one is
 * entered only when none of its side is unanswered or leaving, so that a side never holds two quotes.
 * O(orders).
 */
export function reconcile(
  desired: DesiredQuotes,
  orders: readonly OwnOrder[],
): readonly OrderIntent[] {
  const intents: OrderIntent[] = [];
  for (const side of ["buy", "sell"] as const) {
    const wanted = side === "buy" ? desired.bid : desired.ask;
    let occupied = false;
    for (const order of orders) {
      if (order.side !== side) continue;
      occupied = true;
      if (order.leaving || !order.working || order.price === wanted?.price) continue;
      intents.push({ kind: "cancel", reference: order.reference });
    }
    if (!occupied && wanted !== null && wanted.quantity > 0)
      intents.push({ kind: "quote", side, price: wanted.price, quantity: wanted.quantity });
  }
  if (desired.take !== null && desired.take.quantity > 0)
    intents.push({ kind: "take", ...desired.take });
  return intents;
}
