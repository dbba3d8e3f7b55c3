import { suite } from "uvu";
import * as assert from "uvu/assert";

import { markPoundReturns } from "../../../test/models/mark-pound.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { firstLosses, secondLosses } from "./forecast-comparison.oracles.ts";
import { compareForecasts, qlikeLoss, qlikeLosses, squaredLosses } from "./forecast-comparison.ts";
import { fitGarch } from "./garch-fit.ts";
import { garchPath } from "./garch.ts";

const test = suite("forecast comparison");
const SEED = seed(1995);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

test("B5.7 forecasts of equal skill are told apart in no more than the nominal share of samples", () => {
  const random = modelRandomness(SEED);
  const runs = 2000;
  for (const horizon of [1, 3]) {
    let rejected = 0;
    for (let run = 0; run < runs; run += 1) {
      const shocks = Float64Array.from({ length: 202 }, () => standardNormal(random));
      // Forecast errors h periods ahead overlap: a moving average of h shocks.
      const difference = Float64Array.from({ length: 200 }, (_, t) =>
        shocks.subarray(t, t + horizon).reduce((a, b) => a + b, 0),
      );
      const zero = new Float64Array(200);
      if (certain(compareForecasts(difference, zero, horizon)).pValue < 0.05) rejected += 1;
    }
    // Standard error 0.5 %; at horizon 3 the estimated variance costs another point and a half.
    const nominal = 0.05 * runs;
    assert.ok(
      rejected > 0.6 * nominal && rejected < 1.7 * nominal,
      `SEED=${SEED} ${horizon}: ${rejected}`,
    );
  }
});

test("B5.7 swapping forecasts turns the sign and keeps the chance, and units do not matter", () => {
  const plain = certain(compareForecasts(firstLosses, secondLosses, 3));
  const swapped = certain(compareForecasts(secondLosses, firstLosses, 3));
  assert.ok(Math.abs(plain.statistic + swapped.statistic) < 1e-13);
  assert.ok(Math.abs(plain.pValue - swapped.pValue) < 1e-13);
  const scaled = certain(
    compareForecasts(
      firstLosses.map((l) => 1e6 * l),
      secondLosses.map((l) => 1e6 * l),
      3,
    ),
  );
  assert.ok(Math.abs(plain.statistic - scaled.statistic) < 1e-9);
});

test("B5.7 QLIKE is 0 where forecast and variance agree, positive elsewhere, and has no unit", () => {
  assert.is(qlikeLoss(2, 2), 0);
  for (const f of [0.1, 1.9, 2.1, 50]) assert.ok(qlikeLoss(2, f) > 0);
  assert.ok(Math.abs(qlikeLoss(2, 3) - qlikeLoss(2e-4, 3e-4)) < 1e-14);
  // A forecast that is too low costs more than one too high by the same factor.
  assert.ok(qlikeLoss(1, 0.5) > qlikeLoss(1, 2));
});

const markPound = markPoundReturns("forecast comparison");
if (markPound !== null) {
  test("B5.7 out of sample GARCH forecasts the mark's variance better than the mean, beyond chance", () => {
    const returns = markPound;
    const [squares, garch, mean] = [[], [], []] as [number[], number[], number[]];
    for (let start = 1000; start < returns.length; start += 200) {
      const known = returns.subarray(0, start);
      const { parameters } = certain(fitGarch(known));
      const naive = known.reduce((sum, r) => sum + (r - parameters.mu) ** 2 / start, 0);
      for (let t = start; t < Math.min(start + 200, returns.length); t += 1) {
        // Only returns before t enter the forecast for t.
        garch.push(certain(garchPath(returns.subarray(0, t), parameters)).nextVariance);
        mean.push(naive);
        squares.push((returns[t]! - parameters.mu) ** 2 + 1e-12);
      }
    }
    const byQlike = certain(
      compareForecasts(certain(qlikeLosses(squares, garch)), certain(qlikeLosses(squares, mean))),
    );
    assert.ok(byQlike.statistic < 0 && byQlike.pValue < 0.01, `${byQlike.statistic}`);
    assert.ok(byQlike.skill! > 0.05);
    const bySquares = certain(
      compareForecasts(
        certain(squaredLosses(squares, garch)),
        certain(squaredLosses(squares, mean)),
      ),
    );
    assert.ok(bySquares.statistic < 0, `${bySquares.statistic}`);
  });
}

test("B5.7 losses that do not vary, do not fit or are no numbers are refused", () => {
  assert.is(code(compareForecasts([1, 2, 3], [1, 2, 3])), "undefined");
  assert.is(code(compareForecasts([1, 2, 3], [1, 2])), "wrong_shape");
  assert.is(code(compareForecasts([1, 2], [2, 1])), "too_short");
  assert.is(code(compareForecasts([1, 2, 3], [3, 1, 2], 3)), "out_of_range");
  assert.is(code(compareForecasts([1, 2, Number.NaN], [3, 1, 2])), "not_finite");
  assert.is(code(compareForecasts([1e200, 2, 3], [3, 1, 2])), "not_finite");
  assert.is(code(qlikeLosses([1, 0], [1, 1])), "out_of_range");
  assert.is(code(squaredLosses([1], [1, 1])), "wrong_shape");
});

test.run();
