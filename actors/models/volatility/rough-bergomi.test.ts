import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { blackScholesCall, impliedVolatility } from "./black-scholes.ts";
import {
  hybridCovariance,
  hybridPoint,
  roughBergomi,
  type RoughBergomiParameters,
} from "./rough-bergomi.ts";

const test = suite("rough bergomi");
const SEED = seed(2016);
const published = { hurst: 0.07, eta: 1.9, rho: -0.9, forwardVariance: 0.235 ** 2 };
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

interface Sample {
  readonly mean: number;
  readonly error: number;
}
function sample(paths: number, draw: () => number): Sample {
  let [sum, squares] = [0, 0];
  for (let p = 0; p < paths; p += 1) {
    const x = draw();
    sum += x;
    squares += x * x;
  }
  const mean = sum / paths;
  return { mean, error: Math.sqrt((squares / paths - mean * mean) / paths) };
}

test("B4.6 the convolution by transform equals the double sum, number for number", () => {
  const steps = 23;
  const dt = 1 / steps;
  const a = published.hurst - 0.5;
  const simulator = certain(roughBergomi(published, { horizon: 1, steps }));
  const [variances, logs] = [new Float64Array(steps + 1), new Float64Array(steps + 1)];
  simulator.fillPath(modelRandomness(SEED), variances, logs);
  const random = modelRandomness(SEED);
  const [, covariance, cell] = hybridCovariance(dt, a);
  const onShock = covariance / Math.sqrt(dt);
  const pairs = Array.from({ length: steps }, () => {
    const z = standardNormal(random);
    const w = onShock * z + Math.sqrt(cell - onShock ** 2) * standardNormal(random);
    return [Math.sqrt(dt) * z, w] as const;
  });
  for (let i = 1; i <= steps; i += 1) {
    let y = pairs[i - 1]![1];
    for (let k = 2; k <= i; k += 1) y += (hybridPoint(k, a) * dt) ** a * pairs[i - k]![0];
    y *= Math.sqrt(2 * published.hurst);
    const v =
      published.forwardVariance *
      Math.exp(1.9 * y - 0.5 * 1.9 ** 2 * (i * dt) ** (2 * published.hurst));
    assert.ok(Math.abs(variances[i]! / v - 1) < 1e-11, `step ${i}`);
  }
});

test("B4.6 the variance of Y is t^2H within 0.1 % on a year of 312 steps", () => {
  for (const hurst of [0.07, 0.3]) {
    const a = hurst - 0.5;
    const steps = 312;
    const dt = 1 / steps;
    let variance = hybridCovariance(dt, a)[2];
    for (let k = 2; k <= steps; k += 1) variance += (hybridPoint(k, a) * dt) ** (2 * a) * dt;
    const share = 2 * hurst * variance;
    assert.ok(share < 1 && share > 0.998, `H=${hurst}: ${share}`);
  }
});

test("B4.6 the mean of the variance is the forward variance, and the price is a martingale", () => {
  const steps = 312;
  // A milder volatility of volatility than the published: the mean of exp(1.9 Y) has a wild error.
  for (const eta of [0.8, 1.9]) {
    const random = modelRandomness(SEED);
    const simulator = certain(roughBergomi({ ...published, eta }, { horizon: 1, steps }));
    const [variances, logs] = [new Float64Array(steps + 1), new Float64Array(steps + 1)];
    const middle: number[] = [];
    const last: number[] = [];
    const prices: number[] = [];
    for (let p = 0; p < 4000; p += 1) {
      simulator.fillPath(random, variances, logs);
      middle.push(variances[steps / 2]!);
      last.push(variances[steps]!);
      prices.push(Math.exp(logs[steps]!));
    }
    const check = (values: number[], expected: number, what: string): void => {
      const { mean, error } = sample(values.length, () => values.pop()!);
      assert.ok(
        Math.abs(mean - expected) < 4 * error + 0.002 * expected,
        `SEED=${SEED} eta=${eta} ${what}: ${mean} ± ${error}, not ${expected}`,
      );
    };
    check(middle, published.forwardVariance, "V at the middle");
    check(last, published.forwardVariance, "V at the end");
    check(prices, 1, "price");
  }
});

function callPrice(parameters: RoughBergomiParameters, strike: number, paths: number): Sample {
  const steps = 100;
  const simulator = certain(roughBergomi(parameters, { horizon: 0.25, steps }));
  const [variances, logs] = [new Float64Array(steps + 1), new Float64Array(steps + 1)];
  const random = modelRandomness(SEED);
  return sample(paths, () => {
    simulator.fillPath(random, variances, logs);
    return Math.max(0, Math.exp(logs[steps]!) - strike);
  });
}

test("B4.6 without volatility of volatility a call costs what Black and Scholes say", () => {
  const { mean, error } = callPrice({ ...published, eta: 0 }, 1, 20_000);
  const exact = certain(blackScholesCall({ spot: 1, strike: 1, expiry: 0.25, rate: 0 }, 0.235));
  assert.ok(Math.abs(mean - exact) < 4 * error, `SEED=${SEED} ${mean} ± ${error}, not ${exact}`);
});

test("B4.6 with a negative correlation low strikes imply more volatility than high ones", () => {
  const implied = [0.9, 1.05].map((strike) => {
    const { mean } = callPrice(published, strike, 8000);
    return certain(impliedVolatility({ spot: 1, strike, expiry: 0.25, rate: 0 }, mean));
  });
  assert.ok(implied[0]! > implied[1]! + 0.04, `SEED=${SEED} ${implied.join(", ")}`);
});

test("B4.6 at H = 1/2 the driver is Brownian motion itself", () => {
  const steps = 16;
  const simulator = certain(
    roughBergomi({ hurst: 0.5, eta: 1, rho: 1, forwardVariance: 1 }, { horizon: 1, steps }),
  );
  const [variances, logs] = [new Float64Array(steps + 1), new Float64Array(steps + 1)];
  simulator.fillPath(modelRandomness(SEED), variances, logs);
  // ln V = W - t / 2, and with rho = 1 the price moves by sqrt(V) times the same W.
  let log = 0;
  for (let i = 1; i <= steps; i += 1) {
    const w = (k: number): number => Math.log(variances[k]!) + k / steps / 2;
    const v = variances[i - 1]!;
    log += (-0.5 * v) / steps + Math.sqrt(v) * (w(i) - w(i - 1));
    assert.ok(Math.abs(logs[i]! - log) < 1e-10, `step ${i}`);
  }
});

test("B4.6 parameters, grids and arrays out of range are refused", () => {
  const grid = { horizon: 1, steps: 8 };
  assert.is(code(roughBergomi({ ...published, hurst: 0 }, grid)), "out_of_range");
  assert.is(code(roughBergomi({ ...published, hurst: 0.6 }, grid)), "out_of_range");
  assert.is(code(roughBergomi({ ...published, rho: -1.1 }, grid)), "out_of_range");
  assert.is(code(roughBergomi({ ...published, forwardVariance: 0 }, grid)), "out_of_range");
  assert.is(code(roughBergomi(published, { horizon: 1, steps: 1.5 })), "out_of_range");
  assert.is(code(roughBergomi(published, { horizon: Number.NaN, steps: 2 })), "not_finite");
  const one = certain(roughBergomi(published, grid));
  assert.throws(
    () => one.fillPath(modelRandomness(1), new Float64Array(8), new Float64Array(9)),
    /has 9 values/,
  );
});

test.run();
