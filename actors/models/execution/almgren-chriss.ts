import type { QuantityLots } from "../../kernel/units.ts";
import {
  failure,
  finite,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";
import { apportion } from "./apportionment.ts";

/** Symbols of Almgren & Chriss, "Optimal execution of portfolio transactions", J. Risk 3 (2000). */
export interface AlmgrenChrissParameters {
  /** X: units to sell (a purchase is its mirror image), > 0. */
  readonly quantity: number;
  /** T: time in which all is to be done, in units of time, > 0. */
  readonly duration: number;
  /** N: number of intervals, >= 1. */
  readonly intervals: number;
  /** sigma: currency per square root of the unit of time, >= 0. */
  readonly volatility: number;
  /** epsilon: fixed cost of a unit, half the spread and fees, currency, >= 0. */
  readonly fixedCost: number;
  /** gamma: permanent impact, currency per unit of quantity, >= 0. */
  readonly permanentImpact: number;
  /** eta: temporary impact, currency per (unit of quantity per unit of time), > gamma tau / 2. */
  readonly temporaryImpact: number;
  /** lambda: risk aversion, per currency, >= 0. */
  readonly riskAversion: number;
}

export interface AlmgrenChrissSchedule {
  /** x_0 = X … x_N = 0: units left after each interval. */
  readonly holdings: Float64Array;
  /** n_1 … n_N: units of each interval. */
  readonly trades: Float64Array;
  /** kappa, per unit of time; 1 / kappa is the time in which a position falls by e. */
  readonly urgency: number;
  /** E: expected implementation shortfall, currency (equations 5 and 8). */
  readonly expectedCost: number;
  /** V: its variance, currency squared (equation 4 with the sum over x_1 … x_N). */
  readonly variance: number;
}

/**
 * The schedule of least E + lambda V: x_j = X sinh(kappa (T - t_j)) / sinh(kappa T) with
 * 2 (cosh(kappa tau) - 1) / tau^2 = lambda sigma^2 / eta~, eta~ = eta - gamma tau / 2 (equations 16-19).
 * lambda = 0 gives equal trades. O(N). Failures: not_finite, out_of_range (also: eta~ <= 0, where splitting
 * an order more finely would cost nothing).
 */
export function almgrenChriss(
  parameters: AlmgrenChrissParameters,
): ModelResult<AlmgrenChrissSchedule> {
  const { quantity, duration, intervals, riskAversion, volatility } = parameters;
  const wrong = firstFailure(
    positive("quantity", quantity),
    positive("duration", duration),
    integerWithin("intervals", intervals, 1, 1_000_000),
    notNegative("volatility", volatility),
    notNegative("fixedCost", parameters.fixedCost),
    notNegative("permanentImpact", parameters.permanentImpact),
    positive("temporaryImpact", parameters.temporaryImpact),
    notNegative("riskAversion", riskAversion),
  );
  if (wrong !== null) return refused(wrong);
  const tau = duration / intervals;
  const impact = parameters.temporaryImpact - (parameters.permanentImpact * tau) / 2;
  if (impact <= 0) {
    return refused(
      failure(
        "out_of_range",
        `eta - gamma tau / 2 = ${impact}`,
        "the temporary impact must exceed half the permanent impact of an interval",
        "use more intervals",
      ),
    );
  }
  const squared = (riskAversion * volatility ** 2) / impact;
  // acosh(1 + u) = 2 asinh(sqrt(u / 2)), which does not cancel where u is small.
  const urgency = (2 / tau) * Math.asinh((tau * Math.sqrt(squared)) / 2);
  const holdings = Float64Array.from({ length: intervals + 1 }, (_, j) =>
    j === intervals ? 0 : quantity * share(urgency, duration, j * tau),
  );
  const schedule = costed(parameters, holdings, impact, urgency);
  const overflow =
    finite("the expected cost", schedule.expectedCost) ?? finite("the variance", schedule.variance);
  return overflow === null ? { ok: true, value: schedule } : refused(overflow);
}

/** sinh(k (T - t)) / sinh(k T) without overflow; (T - t) / T at k = 0. */
function share(urgency: number, duration: number, time: number): number {
  const whole = urgency * duration;
  if (whole < 1e-8) return (duration - time) / duration;
  const left = urgency * (duration - time);
  return (Math.exp(left - whole) * -Math.expm1(-2 * left)) / -Math.expm1(-2 * whole);
}

function costed(
  parameters: AlmgrenChrissParameters,
  holdings: Float64Array,
  impact: number,
  urgency: number,
): AlmgrenChrissSchedule {
  const { quantity, duration, intervals, volatility } = parameters;
  const tau = duration / intervals;
  const trades = new Float64Array(intervals);
  let [absolute, squares, exposure] = [0, 0, 0];
  for (let j = 1; j <= intervals; j += 1) {
    const trade = holdings[j - 1]! - holdings[j]!;
    trades[j - 1] = trade;
    absolute += Math.abs(trade);
    squares += trade * trade;
    exposure += holdings[j]! ** 2;
  }
  return {
    holdings,
    trades,
    urgency,
    expectedCost:
      (parameters.permanentImpact * quantity ** 2) / 2 +
      parameters.fixedCost * absolute +
      (impact / tau) * squares,
    variance: volatility ** 2 * tau * exposure,
  };
}

/** The schedule in whole lots of an order of `quantity` lots, by largest remainder. Failures as above. */
export function almgrenChrissLots(
  quantity: QuantityLots,
  parameters: Omit<AlmgrenChrissParameters, "quantity">,
): ModelResult<QuantityLots[]> {
  const schedule = almgrenChriss({ ...parameters, quantity });
  return schedule.ok ? apportion(quantity, schedule.value.trades) : schedule;
}
