import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { harSeries } from "./har.oracles.ts";
import { fitHar, harForecast } from "./har.ts";

const test = suite("har");
const SEED = seed(2009);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

test("B5.7 coefficients of a simulated HAR are recovered, and its forecast is the right side", () => {
  const random = modelRandomness(SEED);
  const values = Array.from({ length: 22 }, () => 1);
  const mean = (days: number): number => values.slice(-days).reduce((a, b) => a + b, 0) / days;
  while (values.length < 40_000) {
    values.push(
      0.1 + 0.4 * values.at(-1)! + 0.3 * mean(5) + 0.2 * mean(22) + 0.1 * standardNormal(random),
    );
  }
  const { coefficients, determination } = certain(fitHar(values));
  // Standard errors at this length: 0.006, 0.006, 0.011, 0.010.
  assert.ok(Math.abs(coefficients.daily - 0.4) < 0.025, `SEED=${SEED} ${coefficients.daily}`);
  assert.ok(Math.abs(coefficients.weekly - 0.3) < 0.045, `SEED=${SEED} ${coefficients.weekly}`);
  assert.ok(Math.abs(coefficients.monthly - 0.2) < 0.04, `SEED=${SEED} ${coefficients.monthly}`);
  assert.ok(determination > 0.3 && determination < 1);
  const truth = { constant: 0.1, daily: 0.4, weekly: 0.3, monthly: 0.2 };
  const expected = 0.1 + 0.4 * values.at(-1)! + 0.3 * mean(5) + 0.2 * mean(22);
  assert.ok(Math.abs(certain(harForecast(values, truth)) - expected) < 1e-12);
});

test("B5.7 on a series without chance the fit is exact", () => {
  const values = Array.from({ length: 22 }, (_, i) => 1 + Math.sin(i));
  const mean = (days: number): number => values.slice(-days).reduce((a, b) => a + b, 0) / days;
  while (values.length < 120)
    values.push(0.2 - 0.9 * values.at(-1)! + 0.5 * mean(5) + 0.3 * mean(22));
  const { coefficients, residuals } = certain(fitHar(values));
  assert.ok(
    Math.abs(coefficients.daily + 0.9) < 1e-8 && Math.abs(coefficients.weekly - 0.5) < 1e-7,
  );
  assert.ok(residuals.every((one) => Math.abs(one) < 1e-9));
});

test("B5.7 slopes do not depend on the unit and residuals are orthogonal to what is regressed on", () => {
  const plain = certain(fitHar(harSeries));
  const scaled = certain(fitHar(harSeries.map((v) => 1e-4 * v)));
  assert.ok(Math.abs(plain.coefficients.weekly - scaled.coefficients.weekly) < 1e-9);
  assert.ok(Math.abs(plain.coefficients.constant * 1e-4 - scaled.coefficients.constant) < 1e-12);
  let [sum, daily] = [0, 0];
  plain.residuals.forEach((e, row) => {
    sum += e;
    daily += e * harSeries[21 + row]!;
  });
  assert.ok(Math.abs(sum) < 1e-11 && Math.abs(daily) < 1e-11);
});

test("B5.7 short, still and broken series are refused", () => {
  assert.is(code(fitHar(harSeries.subarray(0, 26))), "too_short");
  assert.is(code(fitHar(new Float64Array(50).fill(2))), "not_positive_definite");
  assert.is(code(fitHar(harSeries.map((v, i) => (i === 60 ? Number.NaN : v)))), "not_finite");
  const none = { constant: 0, daily: 0, weekly: 0, monthly: Number.NaN };
  assert.is(code(harForecast(harSeries, none)), "not_finite");
  assert.is(code(harForecast([1, 2], { ...none, monthly: 0 })), "too_short");
});

test.run();
