import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  failure,
  firstFailure,
  type ModelResult,
  refused,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";

/**
 * Effective spread from the bounce of transaction prices between bid and ask. The spread has the unit
 * of the prices given: currency for prices, a ratio for log prices. O(n), one pass, no allocation.
 */

/**
 * Autocovariance of the changes of `prices` at `lag`: the mean of the n - 1 - lag products, each
 * change taken less the mean of all n - 1 changes (project choice: the literature is silent on both).
 */
export function changeAutocovariance(prices: ArrayLike<number>, lag: number): number {
  const changes = prices.length - 1;
  const mean = (prices[changes]! - prices[0]!) / changes;
  let sum = 0;
  for (let t = lag; t < changes; t += 1) {
    sum += (prices[t + 1]! - prices[t]! - mean) * (prices[t - lag + 1]! - prices[t - lag]! - mean);
  }
  return sum / (changes - lag);
}

/**
 * Roll, "A simple implicit measure of the effective bid-ask spread", Journal of Finance 39 (1984):
 * s = 2 sqrt(-cov(dp_t, dp_(t-1))). Refuses with `undefined` when the covariance is not negative: the
 * model gives no spread there, and |cov| would invent one. Also not_finite, too_short (< 3 prices).
 */
export function rollSpread(prices: ArrayLike<number>): ModelResult<number> {
  const wrong = firstFailure(atLeast("prices", prices, 3), allFinite("prices", prices));
  if (wrong !== null) return refused(wrong);
  const covariance = changeAutocovariance(prices, 1);
  if (Number.isNaN(covariance)) return finiteResult("cov(dp_t, dp_(t-1))", covariance);
  if (covariance >= 0) return refused(noBounce(covariance));
  return finiteResult("spread", 2 * Math.sqrt(-covariance));
}

/** What the prices say when the signs of trades follow one another. */
export interface DependentSignSpread {
  /** Spread, in the unit of the prices. */
  readonly spread: number;
  /** Correlation of the signs of successive trades, inside (-1, 1). */
  readonly signCorrelation: number;
}

/**
 * Roll's model with trade signs that are first-order autoregressive with correlation rho:
 * cov_1 = -(s^2 / 4)(1 - rho)^2 and cov_2 = rho cov_1, hence rho = cov_2 / cov_1 and
 * s = 2 sqrt(-cov_1) / (1 - rho). With rho = 0 this is Roll's. Refuses with `undefined` when cov_1 is
 * not negative or |rho| reaches 1; also not_finite, too_short (< 4 prices).
 */
export function dependentSignSpread(prices: ArrayLike<number>): ModelResult<DependentSignSpread> {
  const wrong = firstFailure(atLeast("prices", prices, 4), allFinite("prices", prices));
  if (wrong !== null) return refused(wrong);
  return spreadOfAutocovariances(changeAutocovariance(prices, 1), changeAutocovariance(prices, 2));
}

/** The same from the autocovariances of the changes at lags 1 and 2. */
export function spreadOfAutocovariances(
  first: number,
  second: number,
): ModelResult<DependentSignSpread> {
  const wrong = allFinite("autocovariances", [first, second]);
  if (wrong !== null) return refused(wrong);
  if (first >= 0) return refused(noBounce(first));
  const signCorrelation = second / first;
  if (Math.abs(signCorrelation) >= 1) {
    return refused(
      failure(
        "undefined",
        `cov_2 / cov_1 = ${signCorrelation}`,
        "a correlation of trade signs lies inside (-1, 1)",
        "use more prices",
      ),
    );
  }
  return ok({ spread: (2 * Math.sqrt(-first)) / (1 - signCorrelation), signCorrelation });
}

const noBounce = (covariance: number) =>
  failure(
    "undefined",
    `cov(dp_t, dp_(t-1)) = ${covariance}`,
    "prices that bounce between bid and ask have a negative one",
    "use more prices, or an estimator on high and low such as EDGE",
  );
