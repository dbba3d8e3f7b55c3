import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  firstFailure,
  type ModelResult,
  refused,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";
import { leastSquares } from "../numerics/least-squares.ts";

/**
 * HAR-RV: Corsi, "A simple approximate long-memory model of realized volatility", Journal of
 * Financial Econometrics 7 (2009):
 *   RV_(t+1) = b0 + b1 RV_t + b5 mean of the last 5 + b22 mean of the last 22 (RV_t included) + e.
 * A realised variance (or its root, or its logarithm) a day, in time order.
 */
export interface HarCoefficients {
  readonly constant: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

/** Days of a week and of a month. */
export const HAR_WEEK = 5;
export const HAR_MONTH = 22;

/** Mean of the `days` values up to and including index t. */
function meanOfLast(values: ArrayLike<number>, t: number, days: number): number {
  let sum = 0;
  for (let i = t - days + 1; i <= t; i += 1) sum += values[i]!;
  return sum / days;
}

export interface HarFit {
  readonly coefficients: HarCoefficients;
  /** e_t of each day fitted, the first being day 22 (from 0). */
  readonly residuals: Float64Array;
  /** Share of the variance that is explained. */
  readonly determination: number;
}

/**
 * Least squares by QR over all days with a full month before them. Needs 22 + 5 values. O(n). Fails
 * with too_short, not_finite, not_positive_definite (values that do not vary).
 */
export function fitHar(values: ArrayLike<number>): ModelResult<HarFit> {
  const wrong = firstFailure(atLeast("values", values, HAR_MONTH + 5), allFinite("values", values));
  if (wrong !== null) return refused(wrong);
  const rows = values.length - HAR_MONTH;
  const design = new Float64Array(4 * rows);
  const response = new Float64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const t = HAR_MONTH - 1 + row;
    design[4 * row] = 1;
    design[4 * row + 1] = values[t]!;
    design[4 * row + 2] = meanOfLast(values, t, HAR_WEEK);
    design[4 * row + 3] = meanOfLast(values, t, HAR_MONTH);
    response[row] = values[t + 1]!;
  }
  const fit = leastSquares(design, response);
  if (!fit.ok) return fit;
  const [constant, daily, weekly, monthly] = fit.value.coefficients as unknown as [
    number,
    number,
    number,
    number,
  ];
  return ok({
    coefficients: { constant, daily, weekly, monthly },
    residuals: fit.value.residuals,
    determination: fit.value.determination,
  });
}

/** Forecast of the value after the last one. Needs 22 values. O(1). */
export function harForecast(
  values: ArrayLike<number>,
  { constant, daily, weekly, monthly }: HarCoefficients,
): ModelResult<number> {
  const wrong = firstFailure(
    atLeast("values", values, HAR_MONTH),
    allFinite("values", values),
    allFinite("coefficients", [constant, daily, weekly, monthly]),
  );
  if (wrong !== null) return refused(wrong);
  const t = values.length - 1;
  return finiteResult(
    "forecast",
    constant +
      daily * values[t]! +
      weekly * meanOfLast(values, t, HAR_WEEK) +
      monthly * meanOfLast(values, t, HAR_MONTH),
  );
}
