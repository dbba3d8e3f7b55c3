import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { solvePositiveDefinite, Matrix } from "../numerics/linear-algebra.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { nile } from "./local-level.oracles.ts";
import {
  filterLocalLevel,
  fitLocalLevel,
  type LevelState,
  steadyGain,
  updateLevel,
} from "./local-level.ts";

const test = suite("local level");
const SEED = seed(1871);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

test("B4.5 the smoother is the regression that defines it", () => {
  const parameters = { noiseVariance: 2, levelVariance: 0.5 };
  const y = [3, 1, 4, 1, 5, 9, 2, 6];
  const n = y.length;
  // Minimises sum (y - x)^2 / noise + sum (x_(t+1) - x_t)^2 / level: a tridiagonal system.
  const system = Matrix.zeros(n, n);
  for (let t = 0; t < n; t += 1) {
    const ends = (t > 0 ? 1 : 0) + (t < n - 1 ? 1 : 0);
    system.set(t, t, 1 / 2 + ends / 0.5);
    if (t > 0) system.set(t, t - 1, -1 / 0.5).set(t - 1, t, -1 / 0.5);
  }
  const exact = certain(
    solvePositiveDefinite("system", system, Matrix.columnVector(y.map((one) => one / 2))),
  );
  const inverse = certain(solvePositiveDefinite("system", system, Matrix.eye(n, n)));
  const { smoothed, smoothedVariance, filtered } = certain(filterLocalLevel(y, parameters));
  for (let t = 0; t < n; t += 1) {
    assert.ok(Math.abs(smoothed[t]! - exact.get(t, 0)) < 1e-12);
    assert.ok(Math.abs(smoothedVariance[t]! - inverse.get(t, t)) < 1e-12);
  }
  assert.is(filtered.at(-1), smoothed.at(-1));
});

test("B4.5 without noise's share the filter follows the data, without movement it is their mean", () => {
  const y = [3, 1, 4, 1, 5];
  const follows = certain(filterLocalLevel(y, { noiseVariance: 1e-12, levelVariance: 1 }));
  follows.filtered.forEach((level, t) => assert.ok(Math.abs(level - y[t]!) < 1e-11));
  const still = certain(filterLocalLevel(y, { noiseVariance: 1, levelVariance: 0 }));
  assert.ok(Math.abs(still.filtered.at(-1)! - 2.8) < 1e-14);
  assert.ok(Math.abs(still.filteredVariance.at(-1)! - 0.2) < 1e-15);
});

test("B4.5 the variance settles to the steady gain, and steps equal the filter", () => {
  const parameters = { noiseVariance: 15098.5187, levelVariance: 1469.177 };
  let state: LevelState | null = null;
  const { filtered } = certain(filterLocalLevel(nile, parameters));
  nile.forEach((flow, t) => {
    state = updateLevel(state, flow, parameters);
    assert.is(state.level, filtered[t]);
  });
  const gain = state!["variance"] / parameters.noiseVariance;
  assert.ok(Math.abs(gain - steadyGain(parameters)) < 1e-9);
});

test("B4.5 the likelihood is the one of the normal distribution of the differences", () => {
  const parameters = { noiseVariance: 2, levelVariance: 0.5 };
  const y = [3, 1, 4, 1];
  // Two hands' derivation: differences have variance level + 2 noise and neighbours -noise.
  const [a, b, c] = [-2, 3, -3];
  const [d, o] = [4.5, -2];
  const determinant = d * (d * d - 2 * o * o);
  const minor = d * d - o * o;
  const quadratic =
    (a * a * minor +
      b * b * d * d +
      c * c * minor -
      2 * a * b * o * d -
      2 * b * c * o * d +
      2 * a * c * o * o) /
    determinant;
  const expected = -0.5 * (3 * Math.log(2 * Math.PI) + Math.log(determinant) + quadratic);
  assert.ok(Math.abs(certain(filterLocalLevel(y, parameters)).logLikelihood - expected) < 1e-12);
});

test("B4.5 fitted variances scale with the square of the data and no neighbour is likelier", () => {
  const fit = certain(fitLocalLevel(nile));
  const scaled = certain(fitLocalLevel(nile.map((flow) => 3 * flow + 7)));
  assert.ok(Math.abs(scaled.noiseVariance / fit.noiseVariance / 9 - 1) < 1e-6);
  assert.ok(Math.abs(scaled.levelVariance / fit.levelVariance / 9 - 1) < 1e-6);
  for (const [a, b] of [
    [1.01, 1],
    [0.99, 1],
    [1, 1.02],
    [1, 0.98],
  ] as const) {
    const near = { noiseVariance: fit.noiseVariance * a, levelVariance: fit.levelVariance * b };
    assert.ok(certain(filterLocalLevel(nile, near)).logLikelihood < fit.logLikelihood);
  }
});

test("B4.5 variances of a long simulated series are recovered", () => {
  const random = modelRandomness(SEED);
  let level = 0;
  const y = Float64Array.from({ length: 20_000 }, () => {
    level += 0.5 * standardNormal(random);
    return level + 2 * standardNormal(random);
  });
  const fit = certain(fitLocalLevel(y));
  assert.ok(Math.abs(fit.noiseVariance / 4 - 1) < 0.06, `SEED=${SEED} ${fit.noiseVariance}`);
  assert.ok(Math.abs(fit.levelVariance / 0.25 - 1) < 0.15, `SEED=${SEED} ${fit.levelVariance}`);
});

test("B4.5 pure noise has no moving level, and a pure walk has no noise", () => {
  const random = modelRandomness(SEED);
  const noise = Float64Array.from({ length: 3000 }, () => 5 + standardNormal(random));
  const still = certain(fitLocalLevel(noise));
  assert.ok(still.levelVariance < 1e-5 && Math.abs(still.noiseVariance - 1) < 0.1, `SEED=${SEED}`);
  let level = 0;
  const walk = Float64Array.from({ length: 3000 }, () => (level += standardNormal(random)));
  const moving = certain(fitLocalLevel(walk));
  assert.ok(moving.noiseVariance < 0.05, `SEED=${SEED} ${moving.noiseVariance}`);
  assert.ok(Math.abs(moving.levelVariance - 1) < 0.15, `SEED=${SEED} ${moving.levelVariance}`);
});

test("B4.5 bad variances and observations without movement are refused", () => {
  assert.is(code(filterLocalLevel([1], { noiseVariance: 1, levelVariance: 1 })), "too_short");
  assert.is(code(filterLocalLevel([1, 2], { noiseVariance: 0, levelVariance: 1 })), "out_of_range");
  assert.is(
    code(filterLocalLevel([1, 2], { noiseVariance: 1, levelVariance: -1 })),
    "out_of_range",
  );
  assert.is(code(filterLocalLevel([1, NaN], { noiseVariance: 1, levelVariance: 1 })), "not_finite");
  assert.is(code(fitLocalLevel([5, 5, 5, 5])), "undefined");
  const huge = [1e200, -1e200, 1e200, 0];
  assert.is(code(filterLocalLevel(huge, { noiseVariance: 1, levelVariance: 1 })), "not_finite");
  assert.is(code(fitLocalLevel(huge)), "not_finite");
});

test.run();
