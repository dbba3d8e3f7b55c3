import { unreachable } from "../kernel/result.ts";
import { avellanedaStoikovQuotes } from "../models/market-making/avellaneda-stoikov.ts";
import { gueantLehalleTapiaQuotes } from "../models/market-making/gueant-lehalle-tapia.ts";
import type { TwoSidedQuotes } from "../models/market-making/quotes.ts";
import type { ModelResult } from "../models/numerics/failure.ts";
import type { Planner } from "../trading/decide.ts";
import type { LiveOrder, Order, Side } from "../trading/ledger.ts";
import { type MarketView, midOf } from "../trading/market-view.ts";
import type { Instrument } from "../trading/messages.ts";
import type { MarketMakerMemo, MarketMakerParameters, MarketMakerStart } from "./messages.ts";

/** What ought to rest; a price of null: nothing on that side. Price units. */
export interface TargetQuotes {
  readonly bid: number | null;
  readonly ask: number | null;
}

const sides = ["buy", "sell"] as const;

/**
 * Pure. The model's quotes around the mid, on ticks, within the band, never through the other side; a side
 * that would carry the inventory beyond its maximum is empty. Null: there is no price to quote around, or
 * the model has no answer for these numbers.
 */
export function targetQuotes(
  parameters: MarketMakerParameters,
  instrument: Instrument,
  inventory: number,
  view: MarketView,
): TargetQuotes | null {
  const { tick, bandLow, bandHigh } = instrument;
  const { quantity, maximumInventory, reference } = parameters;
  const seen = midOf(view);
  const mid = seen === 0 ? reference : seen;
  if (mid === null) return null;
  const shown = Math.max(1, Math.sqrt(view.variance) / tick);
  const distances = modelQuotes(parameters, parameters.sigma ?? shown, inventory / quantity);
  if (!distances.ok) return null;
  const low = Math.ceil(bandLow / tick);
  const high = Math.floor(bandHigh / tick);
  let bid = Math.floor(mid / tick - distances.value.bid);
  let ask = Math.ceil(mid / tick + distances.value.ask);
  if (view.ask > 0) bid = Math.min(bid, Math.round(view.ask / tick) - 1);
  if (view.bid > 0) ask = Math.max(ask, Math.round(view.bid / tick) + 1);
  // A model may answer with distances that cross: one tick apart is the least.
  if (ask <= bid) ask = bid + 1;
  const full = inventory + quantity > maximumInventory;
  const empty = inventory - quantity < -maximumInventory;
  return {
    bid: full || bid < low || bid > high ? null : bid * tick,
    ask: empty || ask < low || ask > high ? null : ask * tick,
  };
}

function modelQuotes(
  parameters: MarketMakerParameters,
  volatility: number,
  inventory: number,
): ModelResult<TwoSidedQuotes> {
  const { gamma, kappa, arrivalRate, horizon, model } = parameters;
  const market = { riskAversion: gamma, volatility, arrivalRate, arrivalDecay: kappa };
  switch (model) {
    case "avellaneda-stoikov":
      return avellanedaStoikovQuotes(market, inventory, horizon);
    case "gueant-lehalle-tapia":
      return gueantLehalleTapiaQuotes(market, inventory);
    default:
      return unreachable(model);
  }
}

/** Pure. Cancels what is off by more than the tolerance or has shrunk by half, and places it anew. */
export function marketMakerPlanner(start: MarketMakerStart): Planner<MarketMakerMemo> {
  const { parameters, instrument } = start;
  return ({ ledger, view }) => {
    const target = targetQuotes(parameters, instrument, ledger.inventory, view);
    if (target === null) return null;
    const cancels: Order[] = [];
    const places: Order[] = [];
    for (const side of sides) {
      const wanted = side === "buy" ? target.bid : target.ask;
      const resting = ledger.live.filter((order) => order.side === side);
      const kept = resting.find((order) => good(order, wanted, parameters, instrument.tick));
      for (const order of resting) {
        if (order !== kept) cancels.push({ kind: "cancel", orderId: order.orderId });
      }
      if (wanted !== null && kept === undefined) places.push(quote(side, wanted, parameters));
    }
    // Cancels first: a new quote must not meet an old one of one's own.
    const orders = [...cancels, ...places];
    return orders.length === 0 ? null : { orders, memo: {} };
  };
}

function good(
  order: LiveOrder,
  wanted: number | null,
  { tolerance, quantity }: MarketMakerParameters,
  tick: number,
): boolean {
  if (wanted === null) return false;
  return Math.abs(order.price - wanted) <= tolerance * tick && order.remaining * 2 > quantity;
}

const quote = (side: Side, price: number, { quantity }: MarketMakerParameters): Order => ({
  kind: "place",
  side,
  price,
  quantity,
  timeInForce: "day",
});
