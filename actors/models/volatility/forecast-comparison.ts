import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  allPositive,
  atLeast,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";
import { studentSurvival } from "../numerics/incomplete-functions.ts";

/**
 * Does one forecast beat another, or only by chance? Losses per period, equal in length and time
 * order.
 */

/** v / f - ln(v / f) - 1 of a variance v > 0 and its forecast f > 0: no unit, 0 where they agree. */
export function qlikeLoss(variance: number, forecast: number): number {
  const ratio = variance / forecast;
  return ratio - Math.log(ratio) - 1;
}

/**
 * QLIKE and squared loss are the two that order forecasts rightly when the variance is only seen
 * through a noisy proxy such as a squared return (Patton, Journal of Econometrics 160, 2011).
 * Writes one loss a period. Refuses not_finite, out_of_range (not positive), wrong_shape.
 */
export function qlikeLosses(
  variances: ArrayLike<number>,
  forecasts: ArrayLike<number>,
): ModelResult<Float64Array> {
  const wrong = firstFailure(
    sameLength("forecasts", forecasts, "variances", variances),
    allPositive("variances", variances),
    allPositive("forecasts", forecasts),
  );
  if (wrong !== null) return refused(wrong);
  return finiteLosses(Float64Array.from(variances, (one, t) => qlikeLoss(one, forecasts[t]!)));
}

/** (v - f)^2 a period. */
export function squaredLosses(
  variances: ArrayLike<number>,
  forecasts: ArrayLike<number>,
): ModelResult<Float64Array> {
  const wrong = firstFailure(
    sameLength("forecasts", forecasts, "variances", variances),
    allFinite("variances", variances),
    allFinite("forecasts", forecasts),
  );
  if (wrong !== null) return refused(wrong);
  return finiteLosses(Float64Array.from(variances, (one, t) => (one - forecasts[t]!) ** 2));
}

function finiteLosses(losses: Float64Array): ModelResult<Float64Array> {
  const wrong = allFinite("losses", losses);
  return wrong === null ? ok(losses) : refused(wrong);
}

export interface ForecastComparison {
  /** Mean of first loss less second loss: negative where the first forecast is better. */
  readonly meanDifference: number;
  /** Student t with n - 1 degrees of freedom when both are equally good. */
  readonly statistic: number;
  /** P(|t| is as large as this), two-sided. */
  readonly pValue: number;
  /** 1 - mean first loss / mean second loss: the first one's skill, null where the second never errs. */
  readonly skill: number | null;
}

/**
 * Diebold and Mariano, Journal of Business & Economic Statistics 13 (1995): the mean loss
 * difference over its standard error from autocovariances up to horizon - 1, with the correction for
 * small samples of Harvey, Leybourne and Newbold (International Journal of Forecasting 13,
 * 1997). `horizon`: periods that a forecast looks ahead. O(n horizon). Refuses with `undefined`
 * where the difference does not vary, or where its estimated variance is not positive.
 */
export function compareForecasts(
  firstLosses: ArrayLike<number>,
  secondLosses: ArrayLike<number>,
  horizon = 1,
): ModelResult<ForecastComparison> {
  const n = firstLosses.length;
  const wrong = firstFailure(
    sameLength("secondLosses", secondLosses, "firstLosses", firstLosses),
    atLeast("firstLosses", firstLosses, 3),
    allFinite("firstLosses", firstLosses),
    allFinite("secondLosses", secondLosses),
    integerWithin("horizon", horizon, 1, Math.max(1, n - 1)),
  );
  if (wrong !== null) return refused(wrong);
  let [first, second] = [0, 0];
  for (let t = 0; t < n; t += 1) {
    first += firstLosses[t]! / n;
    second += secondLosses[t]! / n;
  }
  const meanDifference = first - second;
  const excess = Float64Array.from(
    { length: n },
    (_, t) => firstLosses[t]! - secondLosses[t]! - meanDifference,
  );
  let variance = 0;
  for (let lag = 0; lag < horizon; lag += 1) {
    let sum = 0;
    for (let t = lag; t < n; t += 1) sum += excess[t]! * excess[t - lag]!;
    variance += ((lag === 0 ? 1 : 2) * sum) / n;
  }
  const finite = finiteResult("variance of the mean loss difference", variance);
  if (!finite.ok) return finite;
  if (variance <= 0) {
    return refused(
      failure(
        "undefined",
        `the variance of the mean loss difference = ${variance}`,
        "it must be positive for a difference to be told from chance",
        "compare forecasts that differ, over more periods",
      ),
    );
  }
  const correction = (n + 1 - 2 * horizon + (horizon * (horizon - 1)) / n) / n;
  const statistic = (meanDifference / Math.sqrt(variance / n)) * Math.sqrt(correction);
  return ok({
    meanDifference,
    statistic,
    pValue: 2 * studentSurvival(Math.abs(statistic), n - 1),
    skill: second > 0 ? 1 - first / second : null,
  });
}
