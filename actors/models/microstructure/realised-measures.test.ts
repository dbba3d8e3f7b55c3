import { suite } from "uvu";
import * as assert from "uvu/assert";

import { noisyDay } from "../../../test/models/market-samples.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  bipowerVariation,
  noiseVariance,
  parzen,
  parzenBandwidth,
  preAveragedVariance,
  realisedKernel,
  realisedVariance,
  twoScaleVariance,
} from "./realised-measures.ts";

const test = suite("realised measures");
const SEED = seed(23_400);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

test("B4.5 with noise the robust measures are within 2 % and four standard errors, the plain one is far off", () => {
  const days = Array.from({ length: 48 }, (_, k) => noisyDay(modelRandomness(SEED + k), 23_400));
  const measures: Record<string, (returns: Float64Array) => ModelResult<number>> = {
    "two scales": (returns) => twoScaleVariance(returns, 200),
    kernel: (returns) => realisedKernel(returns, 150),
    "pre-averaged": (returns) => preAveragedVariance(returns),
  };
  const biases = (measure: (returns: Float64Array) => ModelResult<number>): number[] =>
    days.map(
      ({ returns, integratedVariance }) => certain(measure(returns)) / integratedVariance - 1,
    );
  for (const [name, measure] of Object.entries(measures)) {
    const errors = biases(measure);
    const mean = errors.reduce((a, b) => a + b, 0) / errors.length;
    const variance = errors.reduce((s, x) => s + (x - mean) ** 2, 0) / (errors.length - 1);
    const error = Math.sqrt(variance / errors.length);
    assert.ok(error < 0.02, `${name}: standard error ${error}`);
    assert.ok(Math.abs(mean) < 0.02 + 4 * error, `SEED=${SEED} ${name}: ${mean} ± ${error}`);
  }
  assert.ok(biases(realisedVariance).every((bias) => bias > 1));
});

test("B4.5 without noise and with a constant volatility all measures agree", () => {
  const random = modelRandomness(SEED);
  const returns = Float64Array.from({ length: 20_000 }, () => 0.001 * standardNormal(random));
  const truth = 20_000 * 1e-6;
  for (const [measure, allowed] of [
    [certain(realisedVariance(returns)), 0.04],
    [certain(bipowerVariation(returns, { finiteSample: true })), 0.05],
    [certain(twoScaleVariance(returns, 5, { adjusted: true })), 0.1],
    [certain(realisedKernel(returns, 5)), 0.1],
    [certain(preAveragedVariance(returns, 0.1)), 0.2],
  ] as const) {
    assert.ok(Math.abs(measure / truth - 1) < allowed, `SEED=${SEED} ${measure}`);
  }
});

test("B4.5 a measure scales with the square of returns and ignores their sign and order in time", () => {
  const random = modelRandomness(SEED);
  const returns = Float64Array.from({ length: 300 }, () => standardNormal(random));
  for (const measure of [
    realisedVariance,
    bipowerVariation,
    (r: ArrayLike<number>) => twoScaleVariance(r, 7),
    (r: ArrayLike<number>) => realisedKernel(r, 9),
    preAveragedVariance,
  ]) {
    const value = certain(measure(returns));
    const close = (other: number): boolean => Math.abs(other - value) < 1e-10 * Math.abs(value);
    assert.ok(close(certain(measure(returns.map((r) => -3 * r))) / 9));
    assert.ok(close(certain(measure(returns.toReversed()))));
  }
});

test("B4.5 the variance of noise is read off the finest returns, and sets the bandwidth", () => {
  const random = modelRandomness(SEED + 1);
  const noise = Float64Array.from({ length: 20_001 }, () => 0.5 * standardNormal(random));
  const returns = noise.subarray(1).map((one, i) => one - noise[i]!);
  const found = certain(noiseVariance(returns));
  // Standard error 1.2 %: 0.25 sqrt(3 / n).
  assert.ok(Math.abs(found / 0.25 - 1) < 0.05, `SEED=${SEED} ${found}`);
  assert.ok(certain(parzenBandwidth(1000, 0.01)) > certain(parzenBandwidth(1000, 0.001)));
  assert.is(certain(parzenBandwidth(5, 1e9)), 4);
  assert.is(code(parzenBandwidth(0, 1)), "out_of_range");
  assert.is(code(parzenBandwidth(10, 0)), "out_of_range");
  assert.is(code(noiseVariance([])), "too_short");
});

test("B4.5 a kernel of bandwidth 0 is the realised variance, and no kernel is negative", () => {
  const random = modelRandomness(SEED);
  for (let k = 0; k < 50; k += 1) {
    const returns = Float64Array.from({ length: 40 }, () => standardNormal(random));
    assert.is(certain(realisedKernel(returns, 0)), certain(realisedVariance(returns)));
    for (let h = 1; h < 39; h += 6) assert.ok(certain(realisedKernel(returns, h)) >= 0);
    const bounce = returns.map((_, i) => (i % 2 === 0 ? 1 : -1));
    assert.ok(certain(realisedKernel(bounce, 20)) >= 0);
  }
  assert.is(parzen(0), 1);
  assert.is(parzen(1), 0);
  assert.ok(Math.abs(parzen(0.5) - 0.25) < 1e-15);
});

test("B4.5 a jump moves the realised variance and hardly the bipower variation", () => {
  const random = modelRandomness(SEED);
  const returns = Float64Array.from({ length: 2000 }, () => 0.001 * standardNormal(random));
  const before = certain(bipowerVariation(returns));
  const varianceBefore = certain(realisedVariance(returns));
  returns[1000]! += 0.05;
  assert.ok(certain(realisedVariance(returns)) > varianceBefore + 0.002);
  assert.ok(certain(bipowerVariation(returns)) < before + 0.0005);
});

test("B4.5 finite returns whose squares overflow are refused, never answered with infinity", () => {
  const huge = Float64Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1e200 : -1e200));
  for (const measure of [
    realisedVariance,
    bipowerVariation,
    (r: ArrayLike<number>) => twoScaleVariance(r, 3),
    (r: ArrayLike<number>) => realisedKernel(r, 3),
    (r: ArrayLike<number>) => preAveragedVariance(r, 0.5),
  ]) {
    assert.is(code(measure(huge)), "not_finite");
  }
});

test("B4.5 returns that are no numbers, too few, or a bandwidth beyond them are refused", () => {
  assert.is(code(realisedVariance([])), "too_short");
  assert.is(code(bipowerVariation([1])), "too_short");
  assert.is(code(realisedVariance([1, Number.NaN])), "not_finite");
  assert.is(code(realisedKernel([1, 2, 3], 3)), "out_of_range");
  assert.is(code(twoScaleVariance([1, 2, 3], 1)), "out_of_range");
  assert.is(code(preAveragedVariance([1, 2, 3, 4, 5], 0.1)), "out_of_range");
});

test.run();
