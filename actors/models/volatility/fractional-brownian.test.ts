import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Randomness } from "../../kernel/ports/randomness.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  accumulateFractional,
  fillFractionalNoiseBySteps,
  fractionalCovariance,
  fractionalNoise,
  fractionalNoiseAutocovariance,
  fractionalNoiseEigenvalues,
} from "./fractional-brownian.ts";

const test = suite("fractional brownian");
const SEED = seed(1987);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

/** Largest distance of a sample covariance of B from the exact one, in standard errors. */
function covarianceMiss(
  paths: number,
  steps: number,
  hurst: number,
  fill: (out: Float64Array) => void,
): number {
  const noise = new Float64Array(steps);
  const path = new Float64Array(steps);
  const sums = new Float64Array(steps * steps);
  for (let p = 0; p < paths; p += 1) {
    fill(noise);
    accumulateFractional(noise, 1, hurst, path);
    for (let s = 0; s < steps; s += 1) {
      for (let t = 0; t <= s; t += 1) sums[s * steps + t]! += path[s]! * path[t]!;
    }
  }
  const exact = (s: number, t: number): number => fractionalCovariance(s + 1, t + 1, hurst);
  let worst = 0;
  for (let s = 0; s < steps; s += 1) {
    for (let t = 0; t <= s; t += 1) {
      const error = Math.sqrt((exact(s, s) * exact(t, t) + exact(s, t) ** 2) / paths);
      worst = Math.max(worst, Math.abs(sums[s * steps + t]! / paths - exact(s, t)) / error);
    }
  }
  return worst;
}

function circulantFill(
  random: Randomness,
  steps: number,
  hurst: number,
): (out: Float64Array) => void {
  const sampler = certain(fractionalNoise(steps, hurst));
  const second = new Float64Array(steps);
  let waiting = false;
  return (out) => {
    if (waiting) out.set(second);
    else sampler.fillPair(random, out, second);
    waiting = !waiting;
  };
}

test("B4.6 both samplers have the covariance of fractional Brownian motion within five standard errors", () => {
  for (const hurst of [0.1, 0.3, 0.7, 0.95]) {
    const random = modelRandomness(SEED);
    const steps = 6;
    const circulant = covarianceMiss(200_000, steps, hurst, circulantFill(random, steps, hurst));
    const stepwise = covarianceMiss(200_000, steps, hurst, (out) =>
      fillFractionalNoiseBySteps(random, hurst, out),
    );
    assert.ok(circulant < 5 && stepwise < 5, `SEED=${SEED} H=${hurst}: ${circulant}, ${stepwise}`);
  }
});

test("B4.6 the covariance test fails a sampler of another exponent", () => {
  const random = modelRandomness(SEED);
  assert.ok(covarianceMiss(60_000, 6, 0.3, circulantFill(random, 6, 0.32)) > 5);
});

test("B4.6 the two paths of a pair are independent", () => {
  const random = modelRandomness(SEED);
  const sampler = certain(fractionalNoise(64, 0.2));
  const [first, second] = [new Float64Array(64), new Float64Array(64)];
  const n = 2000;
  let [same, shifted] = [0, 0];
  for (let k = 0; k < n; k += 1) {
    sampler.fillPair(random, first, second);
    same += first[10]! * second[10]!;
    shifted += first[10]! * second[11]!;
  }
  assert.ok(
    Math.abs(same / Math.sqrt(n)) < 4 && Math.abs(shifted / Math.sqrt(n)) < 4,
    `SEED=${SEED}`,
  );
});

test("B4.6 at H = 1/2 the increments are white and all eigenvalues 1", () => {
  for (let lag = 1; lag < 200; lag += 7) {
    assert.ok(Math.abs(fractionalNoiseAutocovariance(lag, 0.5)) < 1e-13);
  }
  fractionalNoiseEigenvalues(64, 0.5).forEach((value) => assert.ok(Math.abs(value - 1) < 1e-12));
});

test("B4.6 eigenvalues are never negative and their mean is the variance", () => {
  for (let hurst = 0.02; hurst < 1; hurst += 0.07) {
    const values = fractionalNoiseEigenvalues(512, hurst);
    assert.ok(
      values.every((value) => value > -1e-12),
      `H=${hurst}`,
    );
    assert.ok(Math.abs(values.reduce((a, b) => a + b, 0) / values.length - 1) < 1e-12);
  }
});

test("B4.6 the series for far lags continues the formula of near ones, and falls as a power", () => {
  for (const hurst of [0.1, 0.4, 0.8]) {
    const power = 2 * hurst;
    // At lag 60 the plain second difference still has eleven digits.
    const plain = 0.5 * (61 ** power - 2 * 60 ** power + 59 ** power);
    assert.ok(Math.abs(fractionalNoiseAutocovariance(60, hurst) / plain - 1) < 1e-9);
    const limit = hurst * (2 * hurst - 1) * 1e6 ** (power - 2);
    assert.ok(Math.abs(fractionalNoiseAutocovariance(1e6, hurst) / limit - 1) < 1e-9);
    assert.is(fractionalNoiseAutocovariance(-3, hurst), fractionalNoiseAutocovariance(3, hurst));
  }
});

test("B4.6 sums of autocovariances give the variance of the motion: self-similarity", () => {
  for (const hurst of [0.15, 0.6]) {
    let variance = 0;
    const n = 300;
    for (let s = 0; s < n; s += 1) {
      for (let t = 0; t < n; t += 1) variance += fractionalNoiseAutocovariance(s - t, hurst);
    }
    assert.ok(Math.abs(variance / n ** (2 * hurst) - 1) < 1e-9);
    assert.ok(
      Math.abs(
        fractionalCovariance(2, 6, hurst) - 2 ** (2 * hurst) * fractionalCovariance(1, 3, hurst),
      ) < 1e-12,
    );
  }
});

test("B4.6 exponents and lengths out of range are refused", () => {
  for (const hurst of [0, 1, -0.1, 1.2]) assert.is(code(fractionalNoise(8, hurst)), "out_of_range");
  assert.is(code(fractionalNoise(8, Number.NaN)), "not_finite");
  assert.is(code(fractionalNoise(0, 0.3)), "out_of_range");
  const one = certain(fractionalNoise(1, 0.3));
  assert.throws(
    () => one.fillPair(modelRandomness(1), new Float64Array(2), new Float64Array(1)),
    /has 1 steps/,
  );
});

test.run();
