import { suite } from "uvu";
import * as assert from "uvu/assert";

import { allowedError, errorReached } from "../oracle.ts";
import {
  betaI,
  chiSquareCdf,
  chiSquareQuantile,
  gammaP,
  gammaQ,
  kolmogorovSurvival,
  studentCdf,
  studentDensity,
  studentQuantile,
} from "./incomplete-functions.ts";
import {
  digamma,
  erf,
  erfc,
  gamma,
  hurwitzZeta,
  lnGamma,
  logSumExp,
  normalCdf,
  normalDensity,
  normalQuantile,
} from "./special-functions.ts";
import { oracles } from "./special-functions.oracles.ts";

const test = suite("special functions");

function near(actual: number, expected: number, relative: number, what = ""): void {
  const error = Math.abs(actual - expected);
  assert.ok(error <= relative * Math.abs(expected), `${what} ${actual} is not ${expected}`);
}

test("B7.4 special functions agree with values of 40 digits to 2e-12", () => {
  for (const oracle of oracles) {
    assert.ok(errorReached(oracle) <= allowedError(oracle), oracle.quantity);
  }
});

test("B7.4 the normal quantile undoes the distribution function", () => {
  for (let x = -37; x <= 4; x += 0.37) {
    const back = normalQuantile(normalCdf(x));
    assert.ok(Math.abs(back - x) < 1e-12 * Math.max(1, Math.abs(x)), `${back} is not ${x}`);
  }
  assert.is(normalQuantile(0.5), 0);
  near(normalQuantile(0.975), -normalQuantile(0.025), 1e-14);
});

test("B7.4 recurrences, reflections and sums hold where no table reaches", () => {
  for (let x = 0.013; x < 60; x *= 1.7) {
    near(gamma(x + 1), x * gamma(x), 1e-13, `gamma ${x}`);
    near(digamma(x + 1), digamma(x) + 1 / x, 1e-12, `digamma ${x}`);
    near(hurwitzZeta(1.3, x), x ** -1.3 + hurwitzZeta(1.3, x + 1), 1e-13, `zeta ${x}`);
    near(erf(x) + erfc(x), 1, 1e-15);
    near(erfc(-x), 2 - erfc(x), 1e-15);
    near(gammaP(3.3, x) + gammaQ(3.3, x), 1, 1e-14);
    near(betaI(x, 2.2, 0.4) + betaI(2.2, x, 0.6), 1, 1e-13);
    near(chiSquareCdf(x, 2), -Math.expm1(-x / 2), 1e-13);
    near(studentCdf(x, 1), 0.5 + Math.atan(x) / Math.PI, 1e-13);
    near(Math.exp(lnGamma(x)), gamma(x), 1e-12);
  }
  near(hurwitzZeta(2, 1), Math.PI ** 2 / 6, 1e-14);
});

test("B7.4 a density is the slope of its distribution function", () => {
  const h = 1e-5;
  for (let x = -3; x <= 3; x += 0.31) {
    near((normalCdf(x + h) - normalCdf(x - h)) / (2 * h), normalDensity(x), 1e-8);
    near((studentCdf(x + h, 4.5) - studentCdf(x - h, 4.5)) / (2 * h), studentDensity(x, 4.5), 1e-8);
  }
});

test("B7.4 quantiles undo their distribution functions", () => {
  for (let p = 0.001; p < 1; p += 0.0499) {
    for (const degrees of [0.7, 1, 4, 33.3, 500]) {
      near(studentCdf(studentQuantile(p, degrees), degrees), p, 1e-12, `t ${p} ${degrees}`);
      near(chiSquareCdf(chiSquareQuantile(p, degrees), degrees), p, 1e-12, `chi ${p} ${degrees}`);
    }
  }
});

test("B7.4 the two series of the Kolmogorov distribution meet", () => {
  near(kolmogorovSurvival(1 - 1e-12), kolmogorovSurvival(1), 1e-10);
  near(kolmogorovSurvival(1.3580986393225505), 0.05, 1e-9);
});

test("B7.4 a sum of exponentials far outside a double's range is exact", () => {
  near(logSumExp([-1000, -1000]), -1000 + Math.LN2, 1e-15);
  near(logSumExp([1000, 0]), 1000, 1e-15);
  assert.is(logSumExp([]), -Infinity);
});

test("B7.4 far tails are 0 and 1, as far as a double goes", () => {
  for (const x of [28.1, 1e10, 1e160, 1.7e308]) {
    assert.is(erfc(x), 0);
    assert.is(erfc(-x), 2);
    assert.is(erf(-x), -1);
    assert.is(normalCdf(2 * Math.min(x, 8e307)), 1);
  }
  assert.ok(erfc(27.2) > 0);
  assert.is(gammaQ(3, 1e6), 0);
  assert.is(studentCdf(-1e300, 3), 0);
});

test("B7.4 outside its domain, NaN included, a function throws and never answers NaN", () => {
  for (const call of [
    () => erf(Number.NaN),
    () => erfc(Infinity),
    () => lnGamma(0),
    () => gamma(200),
    () => digamma(-1),
    () => normalQuantile(1),
    () => normalCdf(Number.NaN),
    () => hurwitzZeta(1, 2),
    () => gammaP(-1, 2),
    () => betaI(1, 1, 1.1),
    () => studentCdf(1, 0),
    () => chiSquareQuantile(0, 3),
    () => kolmogorovSurvival(-1),
  ]) {
    assert.throws(call, (error: unknown) => error instanceof RangeError);
  }
});

test.run();
