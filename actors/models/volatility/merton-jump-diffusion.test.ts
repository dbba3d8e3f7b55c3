import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { poisson, standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { blackScholesCall, impliedVolatility } from "./black-scholes.ts";
import { mertonCall } from "./merton-jump-diffusion.ts";

const test = suite("merton jump diffusion");
const SEED = seed(1976);
const terms = { spot: 100, strike: 105, expiry: 0.7, rate: 0.03 };
const jumps = { volatility: 0.2, intensity: 1.3, jumpMean: -0.1, jumpDeviation: 0.15 };
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);
const near = (a: number, b: number, error: number, what = ""): void =>
  assert.ok(Math.abs(a - b) <= error, `${what} ${a} is not ${b}`);

test("B4.3 the series is within four standard errors of a simulation of the jumps", () => {
  const random = modelRandomness(SEED);
  const { spot, strike, expiry, rate } = terms;
  const drag = jumps.intensity * Math.expm1(jumps.jumpMean + jumps.jumpDeviation ** 2 / 2);
  const n = 200_000;
  let [sum, squares] = [0, 0];
  for (let k = 0; k < n; k += 1) {
    const count = poisson(random, jumps.intensity * expiry);
    const log =
      (rate - drag - jumps.volatility ** 2 / 2) * expiry +
      jumps.volatility * Math.sqrt(expiry) * standardNormal(random) +
      count * jumps.jumpMean +
      Math.sqrt(count) * jumps.jumpDeviation * standardNormal(random);
    const paid = Math.exp(-rate * expiry) * Math.max(0, spot * Math.exp(log) - strike);
    sum += paid;
    squares += paid * paid;
  }
  const mean = sum / n;
  const error = Math.sqrt((squares / n - mean * mean) / n);
  near(certain(mertonCall(terms, jumps)), mean, 4 * error, `SEED=${SEED}`);
  // The mixture is not a Black-Scholes price of the same variance: the simulation tells them apart.
  const variance =
    jumps.volatility ** 2 + jumps.intensity * (jumps.jumpMean ** 2 + jumps.jumpDeviation ** 2);
  const gaussian = certain(blackScholesCall(terms, Math.sqrt(variance)));
  assert.ok(Math.abs(gaussian - mean) > 6 * error);
});

test("B4.3 without jumps, or with jumps of no size, the price is Black and Scholes'", () => {
  const plain = certain(blackScholesCall(terms, 0.2));
  near(certain(mertonCall(terms, { ...jumps, intensity: 0 })), plain, 1e-13);
  near(certain(mertonCall(terms, { ...jumps, jumpMean: 0, jumpDeviation: 0 })), plain, 1e-12);
});

test("B4.3 Black and Scholes' price is 10.4506 at the textbook's parameters, and the put by parity", () => {
  const book = { spot: 100, strike: 100, expiry: 1, rate: 0.05 };
  near(certain(blackScholesCall(book, 0.2)), 10.450583572185565, 1e-11);
  const swapped = { spot: 100 * Math.exp(-0.05), strike: 100 * Math.exp(0.05), expiry: 1, rate: 0 };
  // Scale: a call on lambda S struck at lambda K costs lambda times as much.
  const doubled = { ...book, spot: 200, strike: 200 };
  near(certain(blackScholesCall(doubled, 0.2)), 2 * certain(blackScholesCall(book, 0.2)), 1e-11);
  // Put-call symmetry with r = 0: C(S, K) - C(K, S) = S - K.
  const [one, other] = [swapped, { ...swapped, spot: swapped.strike, strike: swapped.spot }];
  near(
    certain(blackScholesCall(one, 0.3)) - certain(blackScholesCall(other, 0.3)),
    one.spot - one.strike,
    1e-11,
  );
});

test("B4.3 a price rises with volatility, intensity and spot, and falls with the strike", () => {
  const price = (change: object, option: object = {}): number =>
    certain(mertonCall({ ...terms, ...option }, { ...jumps, ...change }));
  const base = price({});
  assert.ok(price({ volatility: 0.25 }) > base && price({ intensity: 2 }) > base);
  assert.ok(price({ jumpDeviation: 0.2 }) > base);
  assert.ok(price({}, { spot: 101 }) > base && price({}, { strike: 106 }) < base);
  assert.ok(price({}, { strike: 1e-6 }) > 99.99);
});

test("B4.3 many small jumps are a Brownian motion", () => {
  const many = { volatility: 0.1, intensity: 400, jumpMean: 0, jumpDeviation: 0.01 };
  const gaussian = certain(blackScholesCall(terms, Math.sqrt(0.01 + 400 * 1e-4)));
  near(certain(mertonCall(terms, many)), gaussian, 0.01);
});

test("B4.3 at the ends of double precision a call is a forward, the spot or nothing", () => {
  const edge = (option: object, volatility: number): number =>
    certain(blackScholesCall({ ...terms, ...option }, volatility));
  assert.is(edge({}, 1e-310), 0);
  assert.is(edge({ strike: 90, rate: 0 }, 1e-310), 10);
  assert.is(edge({}, 1e308), 100);
  assert.is(edge({}, 1e200), 100);
  assert.is(edge({ expiry: 9 }, 1e308), 100);
  assert.is(edge({ expiry: 0, strike: 99 }, 0.2), 1);
  assert.is(edge({ rate: 1, expiry: 1e4 }, 0.2), 100);
  assert.is(edge({ rate: -1, expiry: 1e4 }, 0.2), 0);
  const falling = { ...jumps, intensity: 100, jumpMean: -9, jumpDeviation: 0 };
  const price = certain(mertonCall(terms, falling));
  assert.ok(price > 99.99 && price <= 100, `${price}`);
});

test("B4.3 the implied volatility undoes the price from 1 % to 300 %", () => {
  for (const volatility of [0.01, 0.2, 1, 3]) {
    for (const strike of [95, 100, 110]) {
      const option = { spot: 100, strike, expiry: 2, rate: 0.01 };
      const price = certain(blackScholesCall(option, volatility));
      const back = certain(blackScholesCall(option, certain(impliedVolatility(option, price))));
      near(back, price, 1e-11, `${volatility} ${strike}`);
    }
  }
  assert.is(code(impliedVolatility(terms, 101)), "undefined");
  assert.is(code(impliedVolatility(terms, 0)), "undefined");
});

test("B4.3 terms out of range and series too long are refused", () => {
  assert.is(code(mertonCall({ ...terms, spot: 0 }, jumps)), "out_of_range");
  assert.is(code(mertonCall(terms, { ...jumps, intensity: -1 })), "out_of_range");
  assert.is(code(mertonCall(terms, { ...jumps, jumpMean: Number.NaN })), "not_finite");
  assert.is(code(mertonCall(terms, { ...jumps, intensity: 1e4 })), "not_converged");
  assert.is(code(blackScholesCall({ ...terms, expiry: -1 }, 0.2)), "out_of_range");
});

test.run();
