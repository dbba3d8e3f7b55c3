/**
 * Ordinary least squares by the Householder QR of ml-matrix, with classical, heteroscedasticity- and
 * autocorrelation-consistent standard errors.
 */
import { Matrix, QrDecomposition } from "ml-matrix";

import { allFinite, firstFailure, type ModelResult, refusal, refused } from "./failure.ts";

export interface LeastSquares {
  /** b of y = Xb + e, one a column of X. */
  readonly coefficients: Float64Array;
  /** y - Xb, one a row. */
  readonly residuals: Float64Array;
  /** e'e / (n - k), in squared units of y. */
  readonly residualVariance: number;
  /** 1 - e'e / sum (y - mean y)^2; meaningful when a column of X is constant. */
  readonly determination: number;
  /** (X'X)^-1, row-major k x k: times `residualVariance` the classical covariance of b. */
  readonly inverseGram: Float64Array;
}

/**
 * Regresses `response` (n) on the columns of `design` (row-major n x k; an intercept is a column of
 * ones). O(n k^2). Failures: wrong_shape, too_short (n < k), not_finite, not_positive_definite (the
 * columns are linearly dependent: a diagonal entry of R below 1e-12 of the largest).
 */
export function leastSquares(
  design: Float64Array,
  response: Float64Array,
): ModelResult<LeastSquares> {
  const n = response.length;
  const k = n === 0 ? 0 : design.length / n;
  if (k < 1 || !Number.isInteger(k)) {
    return refusal(
      "wrong_shape",
      `a design of ${design.length} numbers for ${n} responses`,
      "the design is row-major, one row a response and one column a regressor",
      "give n x k numbers with k >= 1",
    );
  }
  if (n < k) {
    return refusal(
      "too_short",
      `${n} responses for ${k} regressors`,
      "there must be at least as many rows as columns",
      "give more observations or fewer regressors",
    );
  }
  const wrong = firstFailure(allFinite("design", design), allFinite("response", response));
  if (wrong !== null) return refused(wrong);

  const rows: Float64Array[] = [];
  for (let row = 0; row < n; row += 1) rows.push(design.subarray(row * k, (row + 1) * k));
  const qr = new QrDecomposition(new Matrix(rows));
  const upper = qr.upperTriangularMatrix;
  const inverse = inverseOfUpper(upper, k);
  if (inverse === null) {
    return refusal(
      "not_positive_definite",
      "the columns of the design are linearly dependent",
      "their coefficients are not determined by the data",
      "leave one of the dependent columns out",
    );
  }
  const coefficients = Float64Array.from(
    qr.solve(Matrix.columnVector(Array.from(response))).to1DArray(),
  );
  const overflow = allFinite("coefficients", coefficients) ?? allFinite("inverse", inverse);
  if (overflow !== null) return refused(overflow);
  const fit = described(design, response, coefficients, inverse);
  const beyond =
    allFinite("residuals", fit.residuals) ??
    allFinite("the fit's variances", [fit.residualVariance, fit.determination]) ??
    allFinite("inverse", fit.inverseGram);
  return beyond === null ? { ok: true, value: fit } : refused(beyond);
}

function described(
  design: Float64Array,
  response: Float64Array,
  coefficients: Float64Array,
  inverseUpper: Float64Array,
): LeastSquares {
  const n = response.length;
  const k = coefficients.length;
  const residuals = new Float64Array(n);
  let mean = 0;
  for (const value of response) mean += value / n;
  let [explained, total] = [0, 0];
  for (let row = 0; row < n; row += 1) {
    let residual = response[row] ?? 0;
    total += (residual - mean) ** 2;
    for (let j = 0; j < k; j += 1) {
      residual -= (design[row * k + j] ?? 0) * (coefficients[j] ?? 0);
    }
    residuals[row] = residual;
    explained += residual * residual;
  }
  const inverseGram = new Float64Array(k * k);
  for (let i = 0; i < k; i += 1) {
    for (let j = 0; j < k; j += 1) {
      let sum = 0;
      for (let l = Math.max(i, j); l < k; l += 1) {
        sum += (inverseUpper[i * k + l] ?? 0) * (inverseUpper[j * k + l] ?? 0);
      }
      inverseGram[i * k + j] = sum;
    }
  }
  return {
    coefficients,
    residuals,
    residualVariance: n > k ? explained / (n - k) : 0,
    determination: total > 0 ? 1 - explained / total : 1,
    inverseGram,
  };
}

/** Inverse of an upper triangle by back substitution; null where it is singular to working precision. */
function inverseOfUpper(upper: Matrix, k: number): Float64Array | null {
  let largest = 0;
  for (let i = 0; i < k; i += 1) largest = Math.max(largest, Math.abs(upper.get(i, i)));
  const inverse = new Float64Array(k * k);
  for (let j = 0; j < k; j += 1) {
    if (Math.abs(upper.get(j, j)) <= 1e-12 * largest) return null;
    for (let i = j; i >= 0; i -= 1) {
      let sum = i === j ? 1 : 0;
      for (let l = i + 1; l <= j; l += 1) sum -= upper.get(i, l) * (inverse[l * k + j] ?? 0);
      inverse[i * k + j] = sum / upper.get(i, i);
    }
  }
  return inverse;
}

/** Classical standard errors, in units of the coefficients: right under equal, uncorrelated errors. */
export function classicalErrors(fit: LeastSquares): Float64Array {
  const k = fit.coefficients.length;
  return fit.coefficients.map((_, i) =>
    Math.sqrt(fit.residualVariance * (fit.inverseGram[i * k + i] ?? 0)),
  );
}

/**
 * Standard errors of Newey & West, Econometrica 55 (1987), equation 5: Bartlett weights
 * 1 - lag / (lags + 1), no small-sample factor. `lags` = 0 are the errors of White (1980). O(n k^2 lags).
 * Failures: out_of_range (`lags` not an integer from 0 to n - 1), wrong_shape.
 */
export function neweyWestErrors(
  design: Float64Array,
  fit: LeastSquares,
  lags: number,
): ModelResult<Float64Array> {
  const n = fit.residuals.length;
  const k = fit.coefficients.length;
  if (design.length !== n * k) {
    return refusal(
      "wrong_shape",
      `a design of ${design.length} numbers for a fit of ${n} x ${k}`,
      "the errors belong to the design that was fitted",
      "give the design of the fit",
    );
  }
  if (!Number.isInteger(lags) || lags < 0 || lags >= n) {
    return refusal(
      "out_of_range",
      `${lags} lags for ${n} observations`,
      "lags are an integer from 0 to one less than the observations",
      "floor(4 (n / 100)^(2/9)) is a usual choice",
    );
  }
  const scores = new Float64Array(n * k);
  for (let row = 0; row < n; row += 1) {
    for (let j = 0; j < k; j += 1) {
      scores[row * k + j] = (design[row * k + j] ?? 0) * (fit.residuals[row] ?? 0);
    }
  }
  const middle = new Float64Array(k * k);
  for (let lag = 0; lag <= lags; lag += 1) addLag(middle, scores, n, k, lag, 1 - lag / (lags + 1));
  return { ok: true, value: sandwichErrors(fit.inverseGram, middle, k) };
}

function addLag(
  middle: Float64Array,
  scores: Float64Array,
  n: number,
  k: number,
  lag: number,
  weight: number,
): void {
  for (let row = lag; row < n; row += 1) {
    for (let i = 0; i < k; i += 1) {
      for (let j = 0; j < k; j += 1) {
        const product = weight * (scores[row * k + i] ?? 0) * (scores[(row - lag) * k + j] ?? 0);
        middle[i * k + j] = (middle[i * k + j] ?? 0) + product;
        if (lag > 0) middle[j * k + i] = (middle[j * k + i] ?? 0) + product;
      }
    }
  }
}

function sandwichErrors(inverseGram: Float64Array, middle: Float64Array, k: number): Float64Array {
  const errors = new Float64Array(k);
  for (let at = 0; at < k; at += 1) {
    let variance = 0;
    for (let i = 0; i < k; i += 1) {
      for (let j = 0; j < k; j += 1) {
        variance +=
          (inverseGram[at * k + i] ?? 0) *
          (middle[i * k + j] ?? 0) *
          (inverseGram[at * k + j] ?? 0);
      }
    }
    errors[at] = Math.sqrt(Math.max(variance, 0));
  }
  return errors;
}
