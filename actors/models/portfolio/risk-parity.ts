import {
  allFinite,
  allPositive,
  type Check,
  failure,
  type ModelResult,
  refusal,
  refused,
} from "../numerics/failure.ts";
import { Matrix, solvePositiveDefinite, symmetricCheck } from "../numerics/linear-algebra.ts";

export interface RiskParity {
  /** Positive, sum 1. */
  readonly weights: Float64Array;
  /** w_i (Sw)_i / w'Sw: equal to the budgets. */
  readonly riskShares: Float64Array;
  readonly iterations: number;
}

const iterationLimit = 200;

/**
 * Weights whose shares of the variance are the `budgets` (scaled to sum 1; left out: equal). The minimum of
 * x'Sx / 2 - sum b ln x by damped Newton, w = x / sum x (Spinu, "An algorithm for computing risk parity weights",
 * 2013, whose step 1 / (1 + decrement) keeps x positive while the decrement is above 0.38). O(n^3) a step, about 10
 * steps. Failures: wrong_shape, not_finite, not_positive_definite, out_of_range, not_converged.
 */
export function riskParity(
  covariance: Float64Array,
  budgets?: Float64Array,
): ModelResult<RiskParity> {
  const n = Math.round(Math.sqrt(covariance.length));
  const wrong = inputsCheck(covariance, n, budgets);
  if (wrong !== null) return refused(wrong);
  const sigma = Matrix.from1DArray(n, n, covariance);
  const asymmetric = symmetricCheck("covariance", sigma);
  if (asymmetric !== null) return refused(asymmetric);
  let sum = 0;
  for (const budget of budgets ?? new Float64Array(n).fill(1)) sum += budget;
  const shares = Float64Array.from({ length: n }, (_, i) => (budgets?.[i] ?? 1) / sum);
  // Correlations: unit diagonal, so that the problem has one scale whatever the volatilities.
  const volatility = sigma.diagonal().map(Math.sqrt);
  const correlation = sigma.clone();
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      correlation.set(i, j, sigma.get(i, j) / (volatility[i]! * volatility[j]!));
    }
  }
  const found = newton(correlation, shares);
  if (!found.ok) return found;
  const raw = found.value.x.map((value, i) => value / volatility[i]!);
  let total = 0;
  for (const value of raw) total += value;
  const weights = raw.map((value) => value / total);
  const riskShares = sharesOf(sigma, weights);
  const overflow = allFinite("weights", weights) ?? allFinite("risk shares", riskShares);
  if (overflow !== null) return refused(overflow);
  return {
    ok: true,
    value: { weights, riskShares, iterations: found.value.iterations },
  };
}

function newton(
  matrix: Matrix,
  shares: Float64Array,
): ModelResult<{ readonly x: Float64Array; readonly iterations: number }> {
  const n = shares.length;
  const x = shares.map(Math.sqrt);
  for (let iteration = 0; iteration < iterationLimit; iteration += 1) {
    const gradient = new Float64Array(n);
    const hessian = matrix.clone();
    for (let i = 0; i < n; i += 1) {
      for (let j = 0; j < n; j += 1) gradient[i]! += matrix.get(i, j) * x[j]!;
      gradient[i]! -= shares[i]! / x[i]!;
      hessian.set(i, i, hessian.get(i, i) + shares[i]! / x[i]! ** 2);
    }
    const step = solvePositiveDefinite("Hessian", hessian, Matrix.from1DArray(n, 1, gradient));
    if (!step.ok) return step;
    let squared = 0;
    let shrink = 0;
    for (let i = 0; i < n; i += 1) {
      squared += gradient[i]! * step.value.get(i, 0);
      shrink = Math.max(shrink, Math.abs(step.value.get(i, 0)) / x[i]!);
    }
    const decrement = Math.sqrt(Math.max(0, squared));
    const length = decrement > 0.95 * ((3 - Math.sqrt(5)) / 2) ? 1 / (1 + shrink) : 1;
    for (let i = 0; i < n; i += 1) x[i]! -= length * step.value.get(i, 0);
    if (!x.every((value) => value > 0 && value < Infinity)) break;
    if (decrement < 1e-13) return { ok: true, value: { x, iterations: iteration + 1 } };
  }
  return refusal(
    "not_converged",
    `the risk shares are not met after ${iterationLimit} steps`,
    "the covariance may be singular, so that some portfolio has no risk",
    "shrink the covariance",
  );
}

/** w_i (Sw)_i / w'Sw. */
export function sharesOf(sigma: Matrix, weights: Float64Array): Float64Array {
  const n = weights.length;
  const shares = new Float64Array(n);
  let variance = 0;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) shares[i]! += weights[i]! * sigma.get(i, j) * weights[j]!;
    variance += shares[i]!;
  }
  return shares.map((share) => share / variance);
}

function inputsCheck(covariance: Float64Array, n: number, budgets?: Float64Array): Check {
  if (n === 0 || n * n !== covariance.length || (budgets?.length ?? n) !== n) {
    return failure(
      "wrong_shape",
      `a covariance of ${covariance.length} numbers and ${budgets?.length ?? n} budgets`,
      "the matrix is square and there is a budget for each asset",
      "give n x n and n numbers",
    );
  }
  for (let i = 0; i < n; i += 1) {
    const variance = covariance[i * n + i]!;
    if (!(variance > 0)) {
      return failure(
        "not_positive_definite",
        `the variance of asset ${i} is ${variance}`,
        "an asset without risk takes any weight",
        "leave it out",
      );
    }
  }
  return budgets === undefined ? null : allPositive("budgets", budgets);
}
