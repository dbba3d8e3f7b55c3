/**
 * The closed-form approximation of Avellaneda and Stoikov, "High-frequency trading in a limit order book",
 * Quantitative Finance 8 (2008), section 3.2: a first-order expansion in the inventory of the optimum for a
 * dealer of constant absolute risk aversion who liquidates at the mid at the horizon. It is *not* the
 * optimum itself (avellaneda-stoikov-exact.ts): near the horizon the two differ by O(timeLeft^3), but at
 * A = 140, k = 1.5, gamma = 0.1, sigma = 2 and one unit of time left by 26 % of the exact distance.
 */
import {
  finite,
  firstFailure,
  type ModelResult,
  notNegative,
  refused,
} from "../numerics/failure.ts";
import {
  fillPremium,
  type InventoryLots,
  marketCheck,
  type MarketParameters,
  type Price,
  type Seconds,
  type TwoSidedQuotes,
} from "./quotes.ts";

/** gamma sigma^2 and c = ln(1 + gamma / k) / gamma: what quotes need of the parameters. */
export interface AvellanedaStoikovCoefficients {
  /** Price per lot of inventory and second that is left. */
  readonly inventoryCost: number;
  readonly premium: Price;
}

/** Codes: not_finite, out_of_range. O(1). */
export function avellanedaStoikovCoefficients(
  parameters: MarketParameters,
): ModelResult<AvellanedaStoikovCoefficients> {
  const wrong = marketCheck(parameters);
  if (wrong !== null) return refused(wrong);
  const { riskAversion, volatility, arrivalDecay } = parameters;
  return {
    ok: true,
    value: {
      inventoryCost: riskAversion * volatility * volatility,
      premium: fillPremium(riskAversion, arrivalDecay),
    },
  };
}

/**
 * r = S - q gamma sigma^2 (T - t): the mid at which a dealer with q lots is indifferent to one more lot
 * or one less. Codes: not_finite, out_of_range. O(1).
 */
export function reservationPrice(
  parameters: MarketParameters,
  mid: Price,
  inventory: InventoryLots,
  timeLeft: Seconds,
): ModelResult<Price> {
  const wrong = firstFailure(
    marketCheck(parameters),
    finite("mid", mid),
    finite("inventory", inventory),
    notNegative("timeLeft", timeLeft),
  );
  if (wrong !== null) return refused(wrong);
  const { riskAversion, volatility } = parameters;
  return { ok: true, value: mid - inventory * riskAversion * volatility * volatility * timeLeft };
}

/**
 * bid = c + gamma sigma^2 (T - t) (1/2 + q), ask = c + gamma sigma^2 (T - t) (1/2 - q). Codes: not_finite,
 * out_of_range. O(1).
 */
export function avellanedaStoikovQuotes(
  parameters: MarketParameters,
  inventory: InventoryLots,
  timeLeft: Seconds,
): ModelResult<TwoSidedQuotes> {
  const coefficients = avellanedaStoikovCoefficients(parameters);
  if (!coefficients.ok) return coefficients;
  const wrong = firstFailure(finite("inventory", inventory), notNegative("timeLeft", timeLeft));
  if (wrong !== null) return refused(wrong);
  const into = new Float64Array(2);
  writeAvellanedaStoikovQuotes(coefficients.value, inventory, timeLeft, into);
  return { ok: true, value: { bid: into[0]!, ask: into[1]! } };
}

/** The same for finite arguments: into[0] = bid, into[1] = ask. Allocates nothing. */
export function writeAvellanedaStoikovQuotes(
  { inventoryCost, premium }: AvellanedaStoikovCoefficients,
  inventory: InventoryLots,
  timeLeft: Seconds,
  into: Float64Array,
): void {
  const cost = inventoryCost * timeLeft;
  into[0] = premium + cost * (0.5 + inventory);
  into[1] = premium + cost * (0.5 - inventory);
}

/**
 * The benchmark of section 3.3 of the paper: the same average spread over the horizon, centred on the mid
 * whatever the inventory. Half of gamma sigma^2 T / 2 + 2 c, the mean over a horizon of `horizon` seconds.
 */
export function symmetricHalfSpread(
  { inventoryCost, premium }: AvellanedaStoikovCoefficients,
  horizon: Seconds,
): Price {
  return premium + (inventoryCost * horizon) / 4;
}
