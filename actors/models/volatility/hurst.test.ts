import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  accumulateFractional,
  fractionalNoise,
  fractionalNoiseAutocovariance,
} from "./fractional-brownian.ts";
import {
  fillFractionalNoiseSpectrum,
  fractionalNoiseSpectrum,
} from "./fractional-noise-spectrum.ts";
import { structureHurst, whittleHurst } from "./hurst.ts";
import { cosines } from "./rough-volatility.oracles.ts";

const test = suite("hurst");
const SEED = seed(2018);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

function noises(steps: number, hurst: number, count: number): Float64Array[] {
  const random = modelRandomness(SEED);
  const sampler = certain(fractionalNoise(steps, hurst));
  return Array.from({ length: count / 2 }, () => {
    const pair = [new Float64Array(steps), new Float64Array(steps)] as const;
    sampler.fillPair(random, ...pair);
    return pair;
  }).flat();
}

test("B4.6 on 2^14 values of fractional Brownian motion the moments find H within 0.02, or 0.04 if smooth", () => {
  for (const [hurst, allowed] of [
    [0.1, 0.02],
    [0.3, 0.02],
    [0.5, 0.04],
    [0.7, 0.04],
  ] as const) {
    for (const noise of noises(2 ** 14, hurst, 2)) {
      const path = new Float64Array(noise.length);
      accumulateFractional(noise, 1 / 252, hurst, path);
      const fit = certain(structureHurst(path));
      assert.ok(Math.abs(fit.hurst - hurst) < allowed, `SEED=${SEED} H=${hurst}: ${fit.hurst}`);
      assert.ok(
        Math.abs(fit.slope - hurst) < 1.5 * allowed,
        `SEED=${SEED} H=${hurst}: ${fit.slope}`,
      );
    }
  }
});

test("B4.6 Whittle's estimates are unbiased and spread as their standard error says", () => {
  for (const hurst of [0.1, 0.5, 0.8]) {
    const fits = noises(1000, hurst, 24).map((noise) => certain(whittleHurst(noise)));
    const mean = fits.reduce((sum, fit) => sum + fit.hurst, 0) / fits.length;
    const spread = Math.sqrt(
      fits.reduce((sum, fit) => sum + (fit.hurst - mean) ** 2, 0) / (fits.length - 1),
    );
    const stated = fits[0]!.standardError;
    assert.ok(
      Math.abs(mean - hurst) < (4 * spread) / Math.sqrt(24) + 0.005,
      `SEED=${SEED} ${hurst}: ${mean}`,
    );
    // The standard error of a standard deviation of 24 values is 15 %.
    assert.ok(spread > 0.5 * stated && spread < 1.6 * stated, `SEED=${SEED} ${spread}, ${stated}`);
    const variance = fits.reduce((sum, fit) => sum + fit.variance, 0) / fits.length;
    assert.ok(Math.abs(variance - 1) < 0.15, `SEED=${SEED} ${variance}`);
  }
});

test("B4.6 Whittle's estimate is several times sharper than the one from moments", () => {
  const [hurst, steps] = [0.3, 1000];
  const errors = noises(steps, hurst, 24).map((noise) => {
    const path = new Float64Array(steps);
    accumulateFractional(noise, 1, hurst, path);
    return [
      (certain(whittleHurst(noise)).hurst - hurst) ** 2,
      (certain(structureHurst(path)).hurst - hurst) ** 2,
    ] as const;
  });
  const [whittle, moments] = [0, 1].map((at) => errors.reduce((sum, one) => sum + one[at]!, 0));
  assert.ok(whittle! < moments!, `SEED=${SEED} ${whittle} ${moments}`);
});

test("B4.6 the spectrum integrates to 1, and its cosine integrals are the autocovariances", () => {
  for (const hurst of [0.1, 0.5, 0.7]) {
    for (const lag of [0, 1, 5]) {
      // l = pi u^p removes the singularity at 0, where the density behaves as l^(1 - 2H).
      const p = 8;
      const cells = 4000;
      let sum = 0;
      for (let i = 0; i < cells; i += 1) {
        const u = (i + 0.5) / cells;
        const l = Math.PI * u ** p;
        sum +=
          (fractionalNoiseSpectrum(l, hurst) * Math.cos(lag * l) * Math.PI * p * u ** (p - 1)) /
          cells;
      }
      const expected = fractionalNoiseAutocovariance(lag, hurst);
      assert.ok(
        Math.abs(2 * sum - expected) < 1e-5,
        `H=${hurst} lag ${lag}: ${2 * sum} ${expected}`,
      );
    }
  }
  for (const l of [0.1, 1, 3]) {
    assert.ok(Math.abs(fractionalNoiseSpectrum(l, 0.5) * 2 * Math.PI - 1) < 1e-13);
  }
});

test("B4.6 the spectrum at all Fourier frequencies equals the one by zeta functions to 1e-13", () => {
  for (const hurst of [0.001, 0.1, 0.5, 0.77, 0.999]) {
    for (const n of [9, 200]) {
      const out = new Float64Array(Math.floor(n / 2));
      fillFractionalNoiseSpectrum(n, hurst, out);
      out.forEach((one, at) => {
        const exact = fractionalNoiseSpectrum((2 * Math.PI * (at + 1)) / n, hurst);
        assert.ok(
          Math.abs(one / exact - 1) < 1e-13,
          `H=${hurst} ${at + 1}/${n}: ${one / exact - 1}`,
        );
      });
    }
  }
});

test("B4.6 an estimate does not depend on the unit or the level of the series", () => {
  const x = cosines(0.3);
  const plain = certain(structureHurst(x));
  const moved = certain(structureHurst(x.map((one) => 7 - 40 * one)));
  assert.ok(Math.abs(plain.hurst - moved.hurst) < 1e-10);
  const noise = noises(500, 0.2, 2)[0]!;
  const [one, other] = [whittleHurst(noise), whittleHurst(noise.map((v) => 3 - 0.01 * v))].map(
    certain,
  );
  assert.ok(Math.abs(one!.hurst - other!.hurst) < 1e-5);
  assert.ok(Math.abs(other!.variance / one!.variance - 1e-4) < 1e-8);
});

test("B4.6 a straight line has H = 1, and still or short series are refused", () => {
  const line = Float64Array.from({ length: 200 }, (_, t) => 2 * t);
  assert.ok(Math.abs(certain(structureHurst(line)).hurst - 1) < 1e-12);
  assert.is(code(structureHurst(new Float64Array(100))), "undefined");
  assert.is(code(structureHurst([1, 2, 3])), "too_short");
  assert.is(code(structureHurst(line, { orders: [1] })), "too_short");
  assert.is(code(structureHurst(line, { orders: [1, -1] })), "out_of_range");
  assert.is(code(whittleHurst(new Float64Array(40))), "undefined");
  assert.is(code(whittleHurst([1, 2, 3])), "too_short");
  assert.is(code(whittleHurst(line.map((v, i) => (i === 9 ? Infinity : v)))), "not_finite");
});

test.run();
