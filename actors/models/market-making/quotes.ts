/**
 * What the market-making models of this folder share: units, parameters and the form of their answers.
 * Prices and distances are in one currency unit (or in ticks: then k is per tick and sigma in ticks),
 * times in seconds, inventories in the unit that is quoted.
 */
import { type Check, firstFailure, notNegative, positive } from "../numerics/failure.ts";

export type Seconds = number;
export type PerSecond = number;
/** A price or a distance between prices. */
export type Price = number;
export type PerPrice = number;
export type PricePerRootSecond = number;
/** Signed: bought less sold. A lot is what one fill trades. */
export type InventoryLots = number;

/**
 * The market of Avellaneda and Stoikov: the mid moves by dS = sigma dW, and a quote at the distance d
 * from it is filled with the intensity A exp(-k d).
 */
export interface MarketParameters {
  /** gamma: absolute risk aversion, per unit of wealth (price times lots); 0 is risk-neutral. Sane: 1e-4 to 1. */
  readonly riskAversion: PerPrice;
  /** sigma >= 0. */
  readonly volatility: PricePerRootSecond;
  /** A > 0: fills at distance 0. */
  readonly arrivalRate: PerSecond;
  /** k > 0: how fast fills get rarer with the distance. Sane: 0.1 to 100 per currency unit. */
  readonly arrivalDecay: PerPrice;
}

/**
 * Distances from the mid: the bid is quoted at mid - bid, the ask at mid + ask. Either may be negative (a
 * price through the mid). null is no quote on that side: the inventory is at its bound.
 */
export interface QuoteDistances {
  readonly bid: Price | null;
  readonly ask: Price | null;
}

/** A model without inventory bounds quotes both sides always. */
export interface TwoSidedQuotes extends QuoteDistances {
  readonly bid: Price;
  readonly ask: Price;
}

/** Codes: not_finite, out_of_range. */
export function marketCheck(parameters: MarketParameters): Check {
  return firstFailure(
    notNegative("riskAversion", parameters.riskAversion),
    notNegative("volatility", parameters.volatility),
    positive("arrivalRate", parameters.arrivalRate),
    positive("arrivalDecay", parameters.arrivalDecay),
  );
}

/** Below this share of k a risk aversion is none: both expressions are at their limits to all digits. */
const NO_RISK = 1e-200;

/** ln(1 + risk / k) / risk, which tends to 1 / k: the distance that a single fill is worth waiting for. */
export function fillPremium(risk: PerPrice, arrivalDecay: PerPrice): Price {
  return risk <= NO_RISK * arrivalDecay ? 1 / arrivalDecay : Math.log1p(risk / arrivalDecay) / risk;
}

/** (1 + risk / k)^(1 + k / risk), which tends to e. */
export function fillDamping(risk: PerPrice, arrivalDecay: PerPrice): number {
  return risk <= NO_RISK * arrivalDecay
    ? Math.E
    : Math.exp(Math.log1p(risk / arrivalDecay) * (1 + arrivalDecay / risk));
}
