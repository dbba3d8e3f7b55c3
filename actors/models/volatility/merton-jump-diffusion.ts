import { ok } from "../../kernel/result.ts";
import {
  failure,
  finite,
  firstFailure,
  type ModelResult,
  notNegative,
  refused,
} from "../numerics/failure.ts";
import { blackScholesCallUnchecked, type CallTerms, checkCall } from "./black-scholes.ts";

/** Log price with Brownian part and compound Poisson jumps of normal size. Per year. */
export interface MertonParameters {
  /** Volatility of the Brownian part, >= 0. */
  readonly volatility: number;
  /** Jumps a year, >= 0. */
  readonly intensity: number;
  /** Mean of a jump of the log price. */
  readonly jumpMean: number;
  /** Standard deviation of a jump, >= 0. */
  readonly jumpDeviation: number;
}

/**
 * Call price of Merton, Journal of Financial Economics 3 (1976), eq. 19: a Poisson mixture of
 * Black-Scholes prices, with volatility^2 + n jumpDeviation^2 / T and the rate
 * r - intensity k + n ln(1 + k) / T after n jumps, k the mean relative jump. The sum ends at a Poisson
 * weight of 1e-18. An exact value to hold
 * simulations against. Fails with out_of_range, not_finite, not_converged (intensity (1 + k) T > 500).
 */
export function mertonCall(terms: CallTerms, parameters: MertonParameters): ModelResult<number> {
  const { volatility, intensity, jumpMean, jumpDeviation } = parameters;
  const wrong = firstFailure(
    checkCall(terms),
    notNegative("volatility", volatility),
    notNegative("intensity", intensity),
    finite("jumpMean", jumpMean),
    notNegative("jumpDeviation", jumpDeviation),
  );
  if (wrong !== null) return refused(wrong);
  const { expiry, rate } = terms;
  if (expiry === 0 || intensity === 0) return ok(blackScholesCallUnchecked(terms, volatility));
  const lnGrowth = jumpMean + jumpDeviation ** 2 / 2;
  const drag = intensity * Math.expm1(lnGrowth);
  const mean = intensity * Math.exp(lnGrowth) * expiry;
  if (!(mean <= 500)) {
    return refused(
      failure(
        "not_converged",
        `intensity (1 + k) T = ${mean}`,
        "beyond 500 jumps the series is long and its weights underflow",
        "put small jumps into the volatility",
      ),
    );
  }
  let weight = Math.exp(-mean);
  let price = 0;
  for (let n = 0; n < mean || weight > 1e-18; n += 1) {
    const conditional = {
      ...terms,
      rate: rate - drag + (n * lnGrowth) / expiry,
    };
    const deviation = Math.sqrt(volatility ** 2 + (n * jumpDeviation ** 2) / expiry);
    price += weight * blackScholesCallUnchecked(conditional, deviation);
    weight *= mean / (n + 1);
  }
  return ok(price);
}
