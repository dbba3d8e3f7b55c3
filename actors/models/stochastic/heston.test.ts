import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { normalCdf } from "../numerics/special-functions.ts";
import { modelRandomness } from "../random/generator.ts";
import { type Heston, hestonPrices } from "./heston.ts";
import { hestonCall } from "./heston-fourier.ts";
import { hestonCases, strikes } from "./stochastic.oracles.ts";

const test = suite("Heston");
const SEED = seed(2_008_3);

interface Estimate {
  readonly mean: number;
  readonly error: number;
}

function estimate(values: Float64Array, of: (price: number) => number): Estimate {
  let [sum, squares] = [0, 0];
  for (const value of values) {
    const payoff = of(value);
    sum += payoff;
    squares += payoff * payoff;
  }
  const mean = sum / values.length;
  return { mean, error: Math.sqrt((squares / values.length - mean * mean) / values.length) };
}

test("B4.8 simulated calls are the Fourier prices within 0.03 and four standard errors", () => {
  const paths = 8_000;
  for (const { name, model, horizon, prices, errors } of hestonCases) {
    const out = new Float64Array(paths);
    certain(hestonPrices(model, { horizon, steps: 8 * horizon }, modelRandomness(SEED), out));
    const forward = estimate(out, (price) => price);
    const z = (forward.mean - 100) / forward.error;
    assert.ok(Math.abs(z) < 4, `case ${name}: forward ${z} standard errors off SEED=${SEED}`);
    for (const [index, strike] of strikes.entries()) {
      const found = estimate(out, (price) => Math.max(0, price - strike));
      const miss = Math.abs(found.mean - Number(prices[index]));
      // Case III has so heavy a tail that a sample's own error can be far too small: the larger of both.
      const error = Math.max(found.error, errors[index]! * Math.sqrt(1e6 / paths));
      assert.ok(miss < 0.03 + 4 * error, `case ${name} K=${strike}: ${miss} SEED=${SEED}`);
    }
  }
});

test("B4.8 the martingale correction is seen: without it coarse steps miss the forward", () => {
  const { model } = hestonCases[0]!;
  const paths = { horizon: 10, steps: 2 };
  const out = new Float64Array(20_000);
  const off = (withoutMartingaleCorrection: boolean): number => {
    const random = modelRandomness(SEED);
    certain(hestonPrices(model, { ...paths, withoutMartingaleCorrection }, random, out));
    const forward = estimate(out, (price) => price);
    return Math.abs(forward.mean - 100) / forward.error;
  };
  assert.ok(off(false) < 4, `${off(false)} SEED=${SEED}`);
  assert.ok(off(true) > 6, `${off(true)} SEED=${SEED}`);
});

/** Black & Scholes 1973. */
function blackScholes(spot: number, strike: number, rate: number, deviation: number, T: number) {
  const total = deviation * Math.sqrt(T);
  const d1 = Math.log(spot / strike) / total + (rate * T) / total + total / 2;
  return spot * normalCdf(d1) - strike * Math.exp(-rate * T) * normalCdf(d1 - total);
}

test("B4.8 a variance that hardly moves gives Black and Scholes, and one that moves does not", () => {
  const model: Heston = {
    spot: 100,
    rate: 0.03,
    variance: 0.04,
    meanVariance: 0.04,
    reversion: 2,
    volatilityOfVariance: 1e-9,
    correlation: -0.4,
  };
  for (const strike of [50, 90, 100, 130, 300]) {
    for (const T of [0.1, 1, 5]) {
      const price = certain(hestonCall(model, strike, T));
      const reference = blackScholes(100, strike, 0.03, 0.2, T);
      assert.ok(Math.abs(price - reference) < 1e-8, `${strike} ${T}: ${price} ${reference}`);
      const moving = certain(hestonCall({ ...model, volatilityOfVariance: 0.6 }, strike, T));
      if (strike >= 90 && strike <= 130 && T >= 1) assert.ok(Math.abs(moving - reference) > 0.01);
    }
  }
});

test("B4.8 call prices scale with units, fall in the strike, are convex and within their bounds", () => {
  for (const { model, horizon } of hestonCases) {
    let [before, slopeBefore] = [100, -1];
    for (let strike = 20; strike <= 200; strike += 20) {
      const price = certain(hestonCall(model, strike, horizon));
      assert.ok(price >= Math.max(0, 100 - strike) - 1e-10 && price <= 100);
      const slope = (price - before) / 20;
      assert.ok(slope >= slopeBefore - 1e-10 && slope <= 0, `${strike}`);
      [before, slopeBefore] = [price, slope];
      const scaled = certain(hestonCall({ ...model, spot: 7 }, 0.07 * strike, horizon));
      assert.ok(Math.abs(scaled / 7 - price / 100) < 1e-12);
    }
  }
});

test("B4.8 models outside their range are refused by name, and a path follows from its seed", () => {
  const { model } = hestonCases[0]!;
  const code = (change: Partial<Heston>, strike = 100, T = 1): string => {
    const result = hestonCall({ ...model, ...change }, strike, T);
    return result.ok ? "answered" : result.failure.code;
  };
  assert.is(code({ correlation: 1.1 }), "out_of_range");
  assert.is(code({ reversion: 0 }), "out_of_range");
  assert.is(code({ spot: Number.NaN }), "not_finite");
  assert.is(code({}, 0), "out_of_range");
  assert.is(code({}, 100, 0), "out_of_range");
  const run = (stream: number): readonly number[] =>
    Array.from(
      certain(
        hestonPrices(model, { horizon: 1, steps: 4 }, modelRandomness(stream), new Float64Array(3)),
      ),
    );
  assert.equal(run(SEED), run(SEED));
  assert.not.equal(run(SEED), run(SEED + 1));
  const none = hestonPrices(
    model,
    { horizon: 1, steps: 0 },
    modelRandomness(1),
    new Float64Array(1),
  );
  assert.is(none.ok ? "answered" : none.failure.code, "out_of_range");
});

test.run();
