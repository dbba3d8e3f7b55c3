/**
 * Order flow of zero intelligence: limit orders at geometric distances from the opposite touch, market
 * orders, and cancellations at a constant rate per resting order, which together keep a book alive
 * (Smith, Farmer, Gillemot, Krishnamurthy, "Statistical theory of the continuous double auction",
 * Quantitative Finance 3 (2003)). Two things are added so that it can run for months inside price
 * bands: the side of an order leans towards an anchor price, and the number of live orders has a bound.
 *
 * Prices are in price units and quantities in quantity units of the market; chance comes in as a
 * function that returns a uniform double in [0, 1).
 */
export interface ZeroIntelligenceParameters {
  /** Price units; every price is a multiple. */
  readonly tick: number;
  /** Quantity units; every quantity is a multiple. */
  readonly lot: number;
  /** Prices lie within, in price units. */
  readonly bandLow: number;
  readonly bandHigh: number;
  /** The price of the first orders, towards which the flow leans; price units. */
  readonly anchor: number;
  /** Distance from the anchor, in price units, at which the flow leans fully; > 0. */
  readonly leash: number;
  /** Mean distance of a limit price from the best one that does not trade, in ticks; >= 0. */
  readonly meanDistanceTicks: number;
  /** Mean quantity in lots, >= 1; never above `maximumLots`. */
  readonly meanLots: number;
  readonly maximumLots: number;
  /** Weights of limit and market orders, > 0; a cancellation weighs `cancelWeight` at `targetOrders`. */
  readonly limitWeight: number;
  readonly marketWeight: number;
  readonly cancelWeight: number;
  /** Live orders about which the number settles; >= 2. */
  readonly targetOrders: number;
  /** Live orders beyond which only cancellations are decided; > targetOrders. */
  readonly maximumOrders: number;
}

/** What the flow sees. Prices in price units, 0 = that side of the book is empty. */
export interface BookView {
  readonly bid: number;
  readonly ask: number;
  /** Price of the last trade, 0 = none known. */
  readonly last: number;
  /** Own live orders, oldest first, by count. */
  readonly liveOrders: number;
}

export type FlowDecision =
  | {
      readonly type: "limit";
      readonly side: "buy" | "sell";
      readonly price: number;
      readonly quantity: number;
    }
  | { readonly type: "market"; readonly side: "buy" | "sell"; readonly quantity: number }
  /** `age`: position among own live orders, 0 = the oldest. */
  | { readonly type: "cancel"; readonly age: number };

/** Failures before the first success at a mean of `mean`: 0, 1, 2, …, at most `limit`. */
function geometric(mean: number, limit: number, uniform: () => number): number {
  const draw = uniform();
  if (mean <= 0) return 0;
  return Math.min(limit, Math.floor(Math.log(1 - draw) / Math.log(mean / (1 + mean))));
}

/** The next order or cancellation, a function of its arguments alone. Draws at most four times. */
export function decideFlow(
  parameters: ZeroIntelligenceParameters,
  view: BookView,
  uniform: () => number,
): FlowDecision {
  const kind = uniform();
  if (view.liveOrders >= parameters.maximumOrders) return { type: "cancel", age: 0 };

  const cancel = (parameters.cancelWeight * view.liveOrders) / parameters.targetOrders;
  // A market order against an empty side does nothing; the side is filled first.
  const market = view.bid === 0 || view.ask === 0 ? 0 : parameters.marketWeight;
  const chosen = kind * (parameters.limitWeight + market + cancel);
  if (chosen < cancel) {
    return { type: "cancel", age: Math.floor(uniform() * view.liveOrders) };
  }
  const side = sideOf(parameters, view, uniform);
  const lots = 1 + geometric(parameters.meanLots - 1, parameters.maximumLots - 1, uniform);
  const quantity = lots * parameters.lot;
  if (chosen < cancel + market) return { type: "market", side, quantity };
  return { type: "limit", side, price: limitPrice(parameters, view, side, uniform), quantity };
}

function sideOf(
  parameters: ZeroIntelligenceParameters,
  view: BookView,
  uniform: () => number,
): "buy" | "sell" {
  const draw = uniform();
  if (view.bid === 0 && view.ask !== 0) return "buy";
  if (view.ask === 0 && view.bid !== 0) return "sell";
  const lean = (middle(parameters, view) - parameters.anchor) / parameters.leash;
  return draw < 0.5 - 0.5 * Math.max(-1, Math.min(1, lean)) ? "buy" : "sell";
}

function middle(parameters: ZeroIntelligenceParameters, view: BookView): number {
  if (view.bid !== 0 && view.ask !== 0) return (view.bid + view.ask) / 2;
  return view.bid || view.ask || view.last || parameters.anchor;
}

/** A price that rests: at least one tick behind the opposite touch, within the bands. */
function limitPrice(
  parameters: ZeroIntelligenceParameters,
  view: BookView,
  side: "buy" | "sell",
  uniform: () => number,
): number {
  const { tick, bandLow, bandHigh } = parameters;
  const lowest = Math.ceil(bandLow / tick);
  const highest = Math.floor(bandHigh / tick);
  const distance = 1 + geometric(parameters.meanDistanceTicks, highest - lowest, uniform);
  const opposite = side === "buy" ? view.ask : view.bid;
  const from = Math.round((opposite === 0 ? middle(parameters, view) : opposite) / tick);
  const ticks = side === "buy" ? from - distance : from + distance;
  return Math.max(lowest, Math.min(highest, ticks)) * tick;
}
