/**
 * Two correlated assets, exactly: the Hamilton–Jacobi–Bellman equation of Guéant (2017) on the grid |q_i| <= Q_i
 * of lots, by Runge–Kutta, slow and without approximation. What the closed form of
 * gueant-lehalle-tapia-multi.ts is held against. With C_i as there and one unit per fill,
 *
 *   dtheta/ds = -gamma q' Sigma q / 2 + sum over i, sides of (A_i / k_i) C_i exp(k_i (theta(q +- e_i) - theta(q))).
 *
 * The bounds matter: correlated assets revert slowly along the hedged direction, so Q must come from the
 * stationary law along the smallest eigenvector of M and not from each asset alone.
 */
import {
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  refused,
} from "../numerics/failure.ts";
import { integrate } from "../numerics/ordinary-differential.ts";
import type { MultiAssetParameters } from "./gueant-lehalle-tapia-multi.ts";
import { stationaryMultiAsset } from "./gueant-lehalle-tapia-multi.ts";
import { fillDamping, fillPremium, type Seconds } from "./quotes.ts";

export interface TwoAssetSolution {
  readonly bound: number;
  /** theta at (q1 + Q) (2 Q + 1) + q2 + Q. */
  readonly value: Float64Array;
  readonly premiums: readonly [number, number];
}

/**
 * theta with `timeLeft` to the horizon, both inventories bounded by `bound` lots, from `terminal` (0 by default;
 * the closed form is near the stationary solution and saves most of the time to it). Stable while step *
 * (gamma Q^2 |Sigma| k + 4 A C) < 2.7. Codes: as stationaryMultiAsset; not_converged. O(steps * Q^2).
 */
export function solveTwoAssets(
  parameters: MultiAssetParameters,
  bound: number,
  timeLeft: Seconds,
  steps: number,
  terminal: (first: number, second: number) => number = () => 0,
): ModelResult<TwoAssetSolution> {
  const approximate = stationaryMultiAsset(parameters);
  if (!approximate.ok) return approximate;
  const wrong =
    firstFailure(integerWithin("bound", bound, 1, 500), notNegative("timeLeft", timeLeft)) ??
    (approximate.value.assets === 2 && approximate.value.lots.every((lot) => lot === 1)
      ? null
      : failure(
          "wrong_shape",
          `${approximate.value.assets} assets with lots ${approximate.value.lots.join(", ")}`,
          "two assets with lots of one unit are solved",
          "use the closed form, or scale units so that a lot is one",
        ));
  if (wrong !== null) return refused(wrong);
  const { arrivalRates, arrivalDecays, covariance, riskAversion } = parameters;
  const xi = parameters.fillRiskAversion ?? riskAversion;
  const [k1, k2] = [arrivalDecays[0]!, arrivalDecays[1]!];
  const flow1 = arrivalRates[0]! / k1 / fillDamping(xi, k1);
  const flow2 = arrivalRates[1]! / k2 / fillDamping(xi, k2);
  const size = 2 * bound + 1;
  const risk = new Float64Array(size * size);
  for (let a = -bound; a <= bound; a += 1) {
    for (let b = -bound; b <= bound; b += 1) {
      const variance =
        a * a * covariance.get(0, 0) +
        2 * a * b * covariance.get(0, 1) +
        b * b * covariance.get(1, 1);
      risk[(a + bound) * size + b + bound] = (riskAversion / 2) * variance;
    }
  }
  const solved = integrate(
    (_, theta, slope) => {
      for (let row = 0; row < size; row += 1) {
        for (let column = 0; column < size; column += 1) {
          const index = row * size + column;
          const here = theta[index]!;
          let rate = -risk[index]!;
          if (row + 1 < size) rate += flow1 * Math.exp(k1 * (theta[index + size]! - here));
          if (row > 0) rate += flow1 * Math.exp(k1 * (theta[index - size]! - here));
          if (column + 1 < size) rate += flow2 * Math.exp(k2 * (theta[index + 1]! - here));
          if (column > 0) rate += flow2 * Math.exp(k2 * (theta[index - 1]! - here));
          slope[index] = rate;
        }
      }
    },
    Float64Array.from({ length: size * size }, (_, index) =>
      terminal(Math.floor(index / size) - bound, (index % size) - bound),
    ),
    0,
    timeLeft,
    steps,
  );
  if (!solved.ok) return solved;
  return {
    ok: true,
    value: { bound, value: solved.value, premiums: [fillPremium(xi, k1), fillPremium(xi, k2)] },
  };
}

/** [bid1, bid2, ask1, ask2]; Infinity at the bounds. Code: out_of_range. O(1). */
export function twoAssetQuotes(
  { bound, value, premiums }: TwoAssetSolution,
  first: number,
  second: number,
): ModelResult<readonly [number, number, number, number]> {
  const wrong = firstFailure(
    integerWithin("first inventory", first, -bound, bound),
    integerWithin("second inventory", second, -bound, bound),
  );
  if (wrong !== null) return refused(wrong);
  const size = 2 * bound + 1;
  const at = (a: number, b: number): number =>
    Math.abs(a) > bound || Math.abs(b) > bound
      ? Number.NEGATIVE_INFINITY
      : value[(a + bound) * size + b + bound]!;
  const here = at(first, second);
  return {
    ok: true,
    value: [
      premiums[0] + here - at(first + 1, second),
      premiums[1] + here - at(first, second + 1),
      premiums[0] + here - at(first - 1, second),
      premiums[1] + here - at(first, second - 1),
    ],
  };
}
