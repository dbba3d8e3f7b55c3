import { suite } from "uvu";
import * as assert from "uvu/assert";

import { bouncingPrices, noisyLogPrices } from "../../../test/models/market-samples.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  fractionalSpread,
  noiseCorrelationOfMoments,
  ornsteinUhlenbeckSpread,
  whiteNoiseSpread,
} from "./noise-spread.ts";
import { dependentSignSpread, rollSpread, spreadOfAutocovariances } from "./roll-spread.ts";
import { prices } from "./spread.oracles.ts";

const test = suite("roll spread");
const SEED = seed(1_984);

const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);
const close = (a: number, b: number, relative = 1e-12): boolean =>
  Math.abs(a - b) <= relative * Math.abs(b);

const bouncing = (n: number, spread: number, rho: number, sigma: number): Float64Array =>
  bouncingPrices(modelRandomness(SEED), n, { spread, rho, sigma });

test("B4.5 the spread of a simulated bounce is recovered by the model that made it", () => {
  const n = 400_000;
  const independent = bouncing(n, 0.02, 0, 0.004);
  // s.e. of the covariance is below 1.6 s^2 / (4 sqrt n): 0.4 % of the spread, four of them allowed.
  assert.ok(close(certain(rollSpread(independent)), 0.02, 0.01), `SEED=${SEED}`);
  const dependent = bouncing(n, 0.02, 0.5, 0.004);
  const found = certain(dependentSignSpread(dependent));
  // Standard errors at this length: 2.1 % of the spread, 0.011 of the correlation.
  assert.ok(close(found.spread, 0.02, 0.085), `SEED=${SEED} ${found.spread}`);
  assert.ok(Math.abs(found.signCorrelation - 0.5) < 0.046, `SEED=${SEED} ${found.signCorrelation}`);
});

test("B4.5 Roll's spread falls to half of the true one when signs repeat with correlation 1/2", () => {
  const dependent = bouncing(400_000, 0.02, 0.5, 0.004);
  assert.ok(close(certain(rollSpread(dependent)), 0.01, 0.02), `SEED=${SEED}`);
});

test("B4.5 without sign correlation the dependent model is Roll's", () => {
  const found = certain(spreadOfAutocovariances(-4e-5, 0));
  assert.ok(close(found.spread, 2 * Math.sqrt(4e-5)));
  assert.is(Math.abs(found.signCorrelation), 0);
});

test("B4.5 a spread has the scale of the prices and ignores their level, drift and direction", () => {
  const spread = certain(rollSpread(prices));
  assert.ok(close(certain(rollSpread(prices.map((p) => 7 * p))), 7 * spread, 1e-9));
  assert.ok(close(certain(rollSpread(prices.map((p) => p + 55))), spread, 1e-9));
  assert.ok(close(certain(rollSpread(prices.map((p, t) => p + 0.3 * t))), spread, 1e-9));
  assert.ok(close(certain(rollSpread(prices.toReversed())), spread, 1e-9));
});

test("B4.5 a positive covariance gives no spread, never one from its size", () => {
  const trending = [1, 2, 4, 7, 9, 10, 10, 9, 7, 4, 2, 1];
  assert.is(code(rollSpread(trending)), "undefined");
  assert.is(code(dependentSignSpread(trending)), "undefined");
  assert.is(code(spreadOfAutocovariances(-1, -1.2)), "undefined");
  assert.is(code(rollSpread([1, 1, 1, 1])), "undefined");
});

test("B4.5 finite prices whose products overflow are refused", () => {
  const huge = [1e200, -1e200, 1e200, -1e200, 1e200, -1e200, 1e200];
  assert.is(code(rollSpread(huge)), "not_finite");
  assert.not.equal(code(dependentSignSpread(huge)), "ok");
  assert.is(code(whiteNoiseSpread(huge)), "not_finite");
  assert.is(code(fractionalSpread(huge, 1, 2, 0.3)), "not_finite");
  assert.not.equal(code(fractionalSpread(huge)), "ok");
  assert.not.equal(code(ornsteinUhlenbeckSpread(huge)), "ok");
});

test("B4.5 noise of negative correlation is told at an odd lag, and refused at an even one", () => {
  const moment = (lag: number): number => lag * 4e-8 + 1.8e-7 * (1 - (-0.5) ** lag);
  const at = (lag: number) =>
    noiseCorrelationOfMoments(lag, moment(lag), moment(2 * lag), moment(4 * lag));
  assert.ok(Math.abs(certain(at(1)) + 0.5) < 1e-12);
  assert.ok(Math.abs(certain(at(3)) + 0.5) < 1e-9);
  // rho^2 = 0.25 is positive and tells rho but for its sign.
  assert.ok(Math.abs(certain(at(2)) - 0.5) < 1e-9);
  assert.is(code(noiseCorrelationOfMoments(2, 1e-7, 1.5e-7, 2.7e-7)), "undefined");
  assert.is(code(noiseCorrelationOfMoments(1, 1e-7, 2.5e-7, 2.7e-7)), "undefined");
});

test("B4.5 too few prices and prices that are no numbers are refused", () => {
  assert.is(code(rollSpread([1, 2])), "too_short");
  assert.is(code(dependentSignSpread([1, 2, 1])), "too_short");
  assert.is(code(rollSpread([1, Number.NaN, 1, 2])), "not_finite");
  assert.is(code(whiteNoiseSpread([1, 2, Infinity, 1])), "not_finite");
  assert.is(code(whiteNoiseSpread([1, 2])), "too_short");
  assert.is(code(whiteNoiseSpread(prices, 1, 1)), "out_of_range");
  assert.is(code(fractionalSpread(prices, 1, 2, -0.1)), "out_of_range");
  assert.is(code(ornsteinUhlenbeckSpread(prices.slice(0, 5))), "too_short");
});

/** Efficient log price of deviation 2e-4 a step under noise. */
const noisy = (n: number, spread: number, rho: number, at: number): Float64Array =>
  noisyLogPrices(modelRandomness(at), n, { spread, rho, sigma: 2e-4, hurst: 0.5 });

test("B4.5 each noise model recovers the spread of its own simulation within four standard errors", () => {
  const repeats = 16;
  const estimates: Record<string, number[]> = { white: [], fractional: [], reverting: [] };
  for (let k = 0; k < repeats; k += 1) {
    const white = noisy(20_000, 6e-4, 0, SEED + k);
    estimates["white"]!.push(certain(whiteNoiseSpread(white)));
    estimates["fractional"]!.push(certain(fractionalSpread(white, 1, 2, 0.5)).spread);
    const reverting = noisy(60_000, 6e-4, 0.6, SEED + 1000 + k);
    estimates["reverting"]!.push(certain(ornsteinUhlenbeckSpread(reverting)).spread);
  }
  for (const [name, values] of Object.entries(estimates)) {
    const mean = values.reduce((a, b) => a + b, 0) / repeats;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (repeats - 1);
    const error = Math.sqrt(variance / repeats);
    assert.ok(error < 2e-5, `${name}: standard error ${error}`);
    assert.ok(Math.abs(mean - 6e-4) < 4 * error + 1e-6, `SEED=${SEED} ${name}: ${mean} ± ${error}`);
  }
});

test("B4.5 on reverting noise the white model is told apart by its bias", () => {
  const reverting = noisy(200_000, 6e-4, 0.6, SEED);
  const white = certain(whiteNoiseSpread(reverting));
  const right = certain(ornsteinUhlenbeckSpread(reverting)).spread;
  // 2 (2 V(1) - V(2)) = S^2 (1 - rho)^2: the white model sees 0.4 of the spread.
  assert.ok(close(white, 0.4 * 6e-4, 0.05), `SEED=${SEED} ${white}`);
  assert.ok(close(right, 6e-4, 0.1), `SEED=${SEED} ${right}`);
});

test("B4.5 with H = 1/2 the fractional form is the white one, and a negative square keeps its sign", () => {
  const walk = noisy(500, 0, 0, SEED);
  const pair = [certain(whiteNoiseSpread(walk, 1, 3)), certain(fractionalSpread(walk, 1, 3, 0.5))];
  assert.is((pair[1] as { spread: number }).spread, pair[0]);
  const trend = Float64Array.from({ length: 50 }, (_, t) => t);
  assert.ok(close(certain(whiteNoiseSpread(trend)), -2));
});

test.run();
