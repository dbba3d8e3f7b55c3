import { suite } from "uvu";
import * as assert from "uvu/assert";

import { quantityLots } from "../../kernel/units.ts";
import { certain } from "../numerics/failure.ts";
import { solveQuadraticProgram } from "../numerics/quadratic-program.ts";
import { almgrenChriss, almgrenChrissLots } from "./almgren-chriss.ts";
import { paperParameters } from "./almgren-chriss.oracles.ts";

const test = suite("Almgren-Chriss");

test("B5.2 the closed form is the least E + lambda V that a quadratic program finds", () => {
  for (const riskAversion of [1e-7, 1e-6, 1e-5]) {
    for (const intervals of [1, 2, 5, 20]) {
      const parameters = { ...paperParameters, intervals, riskAversion };
      const { quantity: X, duration, volatility, fixedCost, permanentImpact } = parameters;
      const tau = duration / intervals;
      const impact = parameters.temporaryImpact - (permanentImpact * tau) / 2;
      // Over fractions y_k of X sold in interval k: x_j = X (1 - y_1 - … - y_j), all terms over X^2.
      const quadratic = new Float64Array(intervals * intervals);
      const linear = new Float64Array(intervals).fill(fixedCost / X);
      const risk = riskAversion * volatility ** 2 * tau;
      for (let a = 0; a < intervals; a += 1) {
        for (let b = 0; b < intervals; b += 1) {
          // x_j for j >= max(a, b) contains both.
          quadratic[a * intervals + b] = 2 * risk * (intervals - Math.max(a, b));
        }
        quadratic[a * intervals + a]! += (2 * impact) / tau;
        linear[a]! -= 2 * risk * (intervals - a);
      }
      const scale = 1 / impact;
      const found = certain(
        solveQuadraticProgram({
          quadratic: quadratic.map((value) => value * scale),
          linear: linear.map((value) => value * scale),
          equalities: { matrix: new Float64Array(intervals).fill(1), right: Float64Array.of(1) },
          lower: new Float64Array(intervals),
        }),
      );
      assert.ok(found.residual.largest < 1e-8, `${found.residual.largest}`);
      const schedule = certain(almgrenChriss(parameters));
      for (const [k, trade] of schedule.trades.entries()) {
        assert.ok(
          Math.abs(trade / X - found.point[k]!) < 1e-9,
          `${riskAversion} ${intervals} ${k}`,
        );
      }
    }
  }
});

test("B5.2 more aversion costs more and risks less, and at none or at no volatility trades are equal", () => {
  let [cost, variance] = [0, Infinity];
  for (const riskAversion of [0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-3]) {
    const schedule = certain(almgrenChriss({ ...paperParameters, riskAversion }));
    assert.ok(schedule.expectedCost > cost && schedule.variance < variance);
    [cost, variance] = [schedule.expectedCost, schedule.variance];
    assert.is(schedule.holdings[0], 1e6);
    assert.is(schedule.holdings.at(-1), 0);
    for (const trade of schedule.trades) assert.ok(trade > 0);
  }
  const still = certain(almgrenChriss({ ...paperParameters, volatility: 0, riskAversion: 1 }));
  for (const trade of still.trades) assert.ok(Math.abs(trade - 2e5) < 1e-6);
  // A vanishing aversion goes over into none without a step.
  const nearly = certain(almgrenChriss({ ...paperParameters, riskAversion: 1e-20 }));
  for (const trade of nearly.trades) assert.ok(Math.abs(trade - 2e5) < 1e-3);
});

test("B5.2 with many intervals the urgency is that of continuous time, and stays finite when extreme", () => {
  const riskAversion = 1e-6;
  const fine = certain(almgrenChriss({ ...paperParameters, intervals: 20_000, riskAversion }));
  const continuous = Math.sqrt((riskAversion * 0.95 ** 2) / 2.5e-6);
  assert.ok(Math.abs(fine.urgency / continuous - 1) < 1e-4);
  // The discrete urgency of the paper's five days is told from it.
  const coarse = certain(almgrenChriss({ ...paperParameters, riskAversion }));
  assert.ok(Math.abs(coarse.urgency / continuous - 1) > 0.005);
  const extreme = certain(
    almgrenChriss({ ...paperParameters, intervals: 10_000, riskAversion: 1e6 }),
  );
  assert.ok(extreme.holdings.every(Number.isFinite) && extreme.variance >= 0);
});

test("B5.2 lots of a schedule sum to the order", () => {
  for (const quantity of [1, 7, 1_000, 999_983]) {
    const lots = certain(
      almgrenChrissLots(quantityLots(quantity), { ...paperParameters, riskAversion: 1e-5 }),
    );
    assert.is(
      lots.reduce((sum, one) => sum + one, 0),
      quantity,
    );
  }
});

test("B5.2 parameters without a schedule are refused by name", () => {
  const good = { ...paperParameters, riskAversion: 1e-6 };
  const code = (parameters: typeof good): string => {
    const result = almgrenChriss(parameters);
    return result.ok ? "answered" : result.failure.code;
  };
  const change = (name: keyof typeof good, value: number) => ({ ...good, [name]: value });
  assert.is(code(change("quantity", 0)), "out_of_range");
  assert.is(code(change("intervals", 2.5)), "out_of_range");
  assert.is(code(change("volatility", Number.NaN)), "not_finite");
  assert.is(code(change("riskAversion", -1)), "out_of_range");
  assert.is(code(change("permanentImpact", 6e-6)), "out_of_range");
  assert.is(code(good), "answered");
});

test.run();
