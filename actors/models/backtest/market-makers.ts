/** Market makers over the strategy interface: what the backtester runs by name. */
import { ok } from "../../kernel/result.ts";
import {
  type AvellanedaStoikovCoefficients,
  avellanedaStoikovCoefficients,
  writeAvellanedaStoikovQuotes,
} from "../market-making/avellaneda-stoikov.ts";
import { feature } from "../microstructure/feature-stream.ts";
import {
  type Check,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";
import {
  type DesiredQuotes,
  type MarketView,
  noQuotes,
  type Quote,
  type Strategy,
} from "./strategy.ts";

export interface MakerLimits {
  /** Lots of one quote; >= 1. */
  readonly quantity: number;
  /** No bid that could take the inventory above this, no ask below its negative; lots. */
  readonly inventoryBound: number;
}

const limitsCheck = ({ quantity, inventoryBound }: MakerLimits): Check =>
  firstFailure(
    integerWithin("quantity", quantity, 1, 2 ** 31 - 1),
    integerWithin("inventoryBound", inventoryBound, quantity, 2 ** 40),
  );

export interface TouchMakerParameters extends MakerLimits {
  /** Ticks behind the best price of either side; 0 joins it. */
  readonly depth: number;
}

/** Quotes both sides at a fixed depth behind the touch. Failure codes: not_finite, out_of_range. */
export function touchMaker(parameters: TouchMakerParameters): ModelResult<Strategy<null>> {
  const wrong = limitsCheck(parameters) ?? integerWithin("depth", parameters.depth, 0, 1_000_000);
  if (wrong !== null) return refused(wrong);
  return ok({
    name: `touch maker, ${parameters.depth} behind`,
    start: null,
    decide: (state, view) => ({
      state,
      desired: twoSided(view)
        ? within(
            view,
            parameters,
            view.bidPrice - parameters.depth,
            view.askPrice + parameters.depth,
          )
        : noQuotes,
    }),
  });
}

export interface InventoryMakerParameters extends MakerLimits {
  /** gamma, per tick and lot; >= 0. */
  readonly riskAversion: number;
  /** sigma, ticks per root second, where `volatilityFromFeatures` is false or nothing moved yet. */
  readonly volatility: number;
  /** Takes sigma from the decayed variance of the mid instead; null for the fixed one. */
  readonly decaySeconds: number | null;
  /** k, per tick; > 0. */
  readonly arrivalDecay: number;
  /** Seconds of risk that a unit of inventory is priced with: T - t held fixed; > 0. */
  readonly horizonSeconds: number;
  /** What the quotes are centred on. */
  readonly centre: "mid" | "weighted_mid" | "microprice";
}

const centres = {
  mid: feature.mid,
  weighted_mid: feature.weightedMid,
  microprice: feature.microprice,
} as const;

/**
 * Avellaneda and Stoikov's closed form with a rolling horizon (project choice: a session without an end
 * that matters), rounded away from the centre to the tick, never through the touch.
 * Failure codes: not_finite, out_of_range.
 */
export function inventoryMaker(parameters: InventoryMakerParameters): ModelResult<Strategy<null>> {
  const { horizonSeconds, decaySeconds, centre } = parameters;
  const wrong =
    limitsCheck(parameters) ??
    firstFailure(
      positive("horizonSeconds", horizonSeconds),
      notNegative("decaySeconds", decaySeconds ?? 0),
    );
  if (wrong !== null) return refused(wrong);
  const coefficients = avellanedaStoikovCoefficients({ ...parameters, arrivalRate: 1 });
  if (!coefficients.ok) return coefficients;
  const distances = new Float64Array(2);
  return ok({
    name: "Avellaneda-Stoikov maker",
    start: null,
    decide: (state, view) => {
      if (!twoSided(view)) return { state, desired: noQuotes };
      const cost = costNow(parameters, coefficients.value, view);
      // The paper's inventory counts fills: here one of them is a whole quote.
      const inventory = view.inventory / parameters.quantity;
      writeAvellanedaStoikovQuotes(cost, inventory, horizonSeconds, distances);
      const middle = view.features[centres[centre]]!;
      const bid = Math.min(Math.floor(middle - distances[0]!), view.askPrice - 1);
      const ask = Math.max(Math.ceil(middle + distances[1]!), view.bidPrice + 1);
      return { state, desired: within(view, parameters, bid, ask) };
    },
  });
}

function costNow(
  { decaySeconds, riskAversion }: InventoryMakerParameters,
  fixed: AvellanedaStoikovCoefficients,
  view: MarketView,
): AvellanedaStoikovCoefficients {
  const decayed = view.features[feature.decayedVariance]!;
  if (decaySeconds === null || decaySeconds === 0 || decayed === 0) return fixed;
  return { premium: fixed.premium, inventoryCost: (riskAversion * decayed) / decaySeconds };
}

const twoSided = (view: MarketView): boolean =>
  view.bidPrice > 0 && view.askPrice > view.bidPrice && view.features[feature.mid]! > 0;

function within(
  view: MarketView,
  { quantity, inventoryBound }: MakerLimits,
  bid: number,
  ask: number,
): DesiredQuotes {
  const quote = (price: number, room: number): Quote | null => {
    const lots = Math.min(quantity, room);
    return price >= 1 && lots >= 1 ? { price, quantity: lots } : null;
  };
  return {
    bid: quote(bid, inventoryBound - view.inventory),
    ask: quote(ask, inventoryBound + view.inventory),
    take: null,
  };
}
