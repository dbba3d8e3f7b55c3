import type { Randomness } from "../../kernel/ports/randomness.ts";
import {
  allFinite,
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refusal,
  refused,
} from "../numerics/failure.ts";
import { choleskyFactor, Matrix } from "../numerics/linear-algebra.ts";
import { chiSquare, fillStandardNormal } from "../random/distributions.ts";

export interface Scenarios {
  /** Covariance of the assets' returns over the horizon, row-major n x n, positive definite. */
  readonly covariance: Float64Array;
  /** Number of scenarios, 1 to 100,000,000. */
  readonly count: number;
  /** Degrees of freedom > 2 of a multivariate t of the same covariance; left out: normal. */
  readonly degrees?: number;
}

/**
 * Losses -w'r of a linear portfolio over normal or t scenarios r = L z of mean 0, L the Cholesky factor. The
 * product w'L is taken before the scenarios, so each costs n normal draws and n products. O(n^3 + count n),
 * one allocation. Failures: wrong_shape, not_finite, not_positive_definite, out_of_range.
 */
export function linearLosses(
  weights: Float64Array,
  scenarios: Scenarios,
  random: Randomness,
): ModelResult<Float64Array> {
  const n = weights.length;
  const wrong = allFinite("weights", weights) ?? scenariosCheck(scenarios, n);
  if (wrong !== null) return refused(wrong);
  const factor = choleskyFactor("covariance", Matrix.from1DArray(n, n, scenarios.covariance));
  if (!factor.ok) return factor;
  const exposure = new Float64Array(n);
  for (let column = 0; column < n; column += 1) {
    for (let row = column; row < n; row += 1) {
      exposure[column]! += weights[row]! * factor.value.get(row, column);
    }
  }
  const losses = new Float64Array(scenarios.count);
  const normals = new Float64Array(n);
  for (let index = 0; index < losses.length; index += 1) {
    fillStandardNormal(random, normals);
    let sum = 0;
    for (let i = 0; i < n; i += 1) sum += exposure[i]! * normals[i]!;
    losses[index] = -sum * mixing(scenarios, random);
  }
  const overflow = allFinite("losses", losses);
  if (overflow !== null) return refused(overflow);
  return { ok: true, value: losses };
}

/**
 * Losses of any portfolio: `revalue` gets the returns of one scenario, in an array that the next scenario
 * overwrites, and answers the loss. Draws the same scenarios as linearLosses. O(n^3 + count n^2).
 * Failures: as above, not_finite (also: a loss that is no number).
 */
export function revaluedLosses(
  revalue: (returns: Float64Array) => number,
  scenarios: Scenarios,
  random: Randomness,
): ModelResult<Float64Array> {
  const n = Math.round(Math.sqrt(scenarios.covariance.length));
  const wrong = scenariosCheck(scenarios, n);
  if (wrong !== null) return refused(wrong);
  const factor = choleskyFactor("covariance", Matrix.from1DArray(n, n, scenarios.covariance));
  if (!factor.ok) return factor;
  const lower = Float64Array.from(factor.value.to1DArray());
  const losses = new Float64Array(scenarios.count);
  const normals = rowsOf(n);
  const returns = rowsOf(n);
  const mixes = new Float64Array(block);
  for (let first = 0; first < losses.length; first += block) {
    const count = Math.min(block, losses.length - first);
    for (let index = 0; index < count; index += 1) {
      fillStandardNormal(random, normals[index]!);
      mixes[index] = mixing(scenarios, random);
    }
    correlate(lower, normals, mixes, returns);
    for (let index = 0; index < count; index += 1) {
      const loss = revalue(returns[index]!);
      if (!Number.isFinite(loss)) {
        return refusal(
          "not_finite",
          `the loss of scenario ${first + index} is ${loss}`,
          "a portfolio has a value in every scenario",
          "make the revaluation answer a finite number",
        );
      }
      losses[first + index] = loss;
    }
  }
  return { ok: true, value: losses };
}

/** Scenarios that go through the Cholesky factor together: each of its entries is read once for all of them. */
const block = 4;

const rowsOf = (n: number): readonly Float64Array[] =>
  Array.from({ length: block }, () => new Float64Array(n));

/** returns = L normals, times the mix of each scenario. */
function correlate(
  lower: Float64Array,
  normals: readonly Float64Array[],
  mixes: Float64Array,
  returns: readonly Float64Array[],
): void {
  const [z0, z1, z2, z3] = normals as [Float64Array, Float64Array, Float64Array, Float64Array];
  const n = z0.length;
  for (let row = 0; row < n; row += 1) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let column = 0, at = row * n; column <= row; column += 1, at += 1) {
      const entry = lower[at]!;
      s0 += entry * z0[column]!;
      s1 += entry * z1[column]!;
      s2 += entry * z2[column]!;
      s3 += entry * z3[column]!;
    }
    returns[0]![row] = s0 * mixes[0]!;
    returns[1]![row] = s1 * mixes[1]!;
    returns[2]![row] = s2 * mixes[2]!;
    returns[3]![row] = s3 * mixes[3]!;
  }
}

/** sqrt((nu - 2) / chi-square(nu)) makes normals a t of the same covariance; 1 without degrees. */
function mixing({ degrees }: Scenarios, random: Randomness): number {
  return degrees === undefined ? 1 : Math.sqrt((degrees - 2) / chiSquare(random, degrees));
}

function scenariosCheck({ covariance, count, degrees }: Scenarios, n: number): Check {
  if (covariance.length !== n * n || n === 0) {
    return failure(
      "wrong_shape",
      `a covariance of ${covariance.length} numbers for ${n} assets`,
      `${n * n} are needed`,
      "give a square matrix over the assets of the portfolio",
    );
  }
  return firstFailure(
    integerWithin("count", count, 1, 100_000_000),
    degrees === undefined || (degrees > 2 && degrees < Infinity)
      ? null
      : failure(
          "out_of_range",
          `degrees = ${degrees}`,
          "a t has a covariance above 2 degrees of freedom only",
          "give more degrees, or none for normal scenarios",
        ),
  );
}
