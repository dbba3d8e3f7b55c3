import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { fillStandardNormal, studentT } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { normalComponents, scenarioComponents } from "./components.ts";
import { filteredHorizonRisk, filteredRisk } from "./filtered-historical.ts";
import { historicalRisk, interpolatedValueAtRisk } from "./historical.ts";
import { linearLosses, revaluedLosses } from "./monte-carlo.ts";
import { normalRisk, studentRisk } from "./parametric.ts";

const test = suite("value at risk");
const SEED = seed(1_999_042);
const code = (result: { ok: boolean; failure?: { code: string } }): string =>
  result.failure?.code ?? "answered";

function normals(count: number, stream = SEED): Float64Array {
  const out = new Float64Array(count);
  fillStandardNormal(modelRandomness(stream), out);
  return out;
}

test("B5.3 historical risk is the stated order statistic and the coherent mean beyond it", () => {
  const losses = Float64Array.from({ length: 10 }, (_, i) => 10 - i);
  assert.equal(certain(historicalRisk(losses, 0.8)), { valueAtRisk: 8, expectedShortfall: 9.5 });
  // c = 0.85: the ninth loss; one and a half losses lie beyond: 10 and half of 9.
  const between = certain(historicalRisk(losses, 0.85));
  assert.is(between.valueAtRisk, 9);
  assert.ok(Math.abs(between.expectedShortfall - (10 + 4.5) / 1.5) < 1e-12);
  // 100 * 0.99 is 99 exactly, whatever the product in binary.
  const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);
  for (let percent = 1; percent < 100; percent += 1) {
    assert.is(certain(historicalRisk(hundred, percent / 100)).valueAtRisk, percent);
  }
  // numpy.quantile of 1..10 at 0.85 is 8.65.
  assert.ok(Math.abs(certain(interpolatedValueAtRisk(losses, 0.85)) - 8.65) < 1e-12);
  assert.equal(certain(historicalRisk(Float64Array.of(3), 0.99)), {
    valueAtRisk: 3,
    expectedShortfall: 3,
  });
});

test("B5.3 expected shortfall is sub-additive, grows with confidence, and value at risk need not be", () => {
  const random = modelRandomness(SEED);
  let violated = 0;
  for (let round = 0; round < 300; round += 1) {
    const n = 5 + random.below(60);
    const skewed = (): Float64Array =>
      Float64Array.from({ length: n }, () => (random.below(10) === 0 ? 5 : 0) + random.unit());
    const [a, b] = [skewed(), skewed()];
    const sum = a.map((value, i) => value + b[i]!);
    const c = 0.5 + 0.49 * random.unit();
    const [ra, rb, rs] = [a, b, sum].map((x) => certain(historicalRisk(x, c)));
    const slack = ra!.expectedShortfall + rb!.expectedShortfall - rs!.expectedShortfall;
    assert.ok(slack > -1e-9, `round ${round} SEED=${SEED}`);
    if (rs!.valueAtRisk > ra!.valueAtRisk + rb!.valueAtRisk + 1e-9) violated += 1;
    assert.ok(rs!.expectedShortfall >= rs!.valueAtRisk - 1e-12, `SEED=${SEED}`);
    const higher = certain(historicalRisk(sum, c + (1 - c) / 2));
    assert.ok(higher.expectedShortfall >= rs!.expectedShortfall - 1e-12, `SEED=${SEED}`);
  }
  assert.ok(violated > 0, "the sums never tell the two measures apart");
});

/** Factor model: covariance of n assets with distinct volatilities, and weights. */
function book(n: number): { weights: Float64Array; covariance: Float64Array; deviation: number } {
  const weights = Float64Array.from({ length: n }, (_, i) => (1 + (i % 5)) / n);
  const covariance = new Float64Array(n * n);
  let variance = 0;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      const value = (0.01 + 0.0004 * i) * (0.01 + 0.0004 * j) * (i === j ? 1 : 0.3);
      covariance[i * n + j] = value;
      variance += weights[i]! * weights[j]! * value;
    }
  }
  return { weights, covariance, deviation: Math.sqrt(variance) };
}

test("B5.3 Monte Carlo converges to the closed forms within four standard errors", () => {
  const { weights, covariance, deviation } = book(20);
  const count = 40_000;
  for (const degrees of [undefined, 5]) {
    const scenarios = { covariance, count, ...(degrees === undefined ? {} : { degrees }) };
    const losses = certain(linearLosses(weights, scenarios, modelRandomness(SEED)));
    for (const c of [0.95, 0.99]) {
      const exact = certain(
        degrees === undefined ? normalRisk(c, deviation) : studentRisk(c, degrees, deviation),
      );
      const found = certain(historicalRisk(losses, c));
      // Of a quantile: sqrt(c (1 - c) / n) / density, the density by a difference of quantiles.
      const step = 0.002;
      const near = (at: number): number =>
        certain(
          degrees === undefined ? normalRisk(at, deviation) : studentRisk(at, degrees, deviation),
        ).valueAtRisk;
      const density = (2 * step) / (near(c + step) - near(c - step));
      const error = Math.sqrt((c * (1 - c)) / count) / density;
      const z = (found.valueAtRisk - exact.valueAtRisk) / error;
      assert.ok(Math.abs(z) < 4, `VaR ${c} ${degrees}: ${z} standard errors SEED=${SEED}`);
      const ratio = found.expectedShortfall / exact.expectedShortfall - 1;
      assert.ok(Math.abs(ratio) < 0.05, `ES ${c} ${degrees}: ${ratio} SEED=${SEED}`);
    }
  }
});

test("B5.3 a linear portfolio revalued asset by asset loses the same in every scenario", () => {
  const { weights, covariance } = book(6);
  const scenarios = { covariance, count: 500, degrees: 4 };
  const fast = certain(linearLosses(weights, scenarios, modelRandomness(SEED)));
  const revalue = (returns: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < returns.length; i += 1) sum -= weights[i]! * returns[i]!;
    return sum;
  };
  const slow = certain(revaluedLosses(revalue, scenarios, modelRandomness(SEED)));
  for (const [index, loss] of fast.entries()) {
    assert.ok(Math.abs(loss - slow[index]!) < 1e-13, `SEED=${SEED}`);
  }
  // A bought straddle loses nothing on either side: what no linear portfolio can.
  const convex = (returns: Float64Array): number => 0.01 - Math.abs(returns[0]!);
  const bounded = certain(revaluedLosses(convex, scenarios, modelRandomness(SEED)));
  assert.ok(bounded.every((loss) => loss <= 0.01));
});

test("B5.3 filtered simulation of one constant deviation is the historical risk exactly", () => {
  const losses = normals(500).map((value) => value * 0.02);
  const constant = new Float64Array(500).fill(0.02);
  const plain = certain(historicalRisk(losses, 0.99));
  assert.equal(certain(filteredRisk(losses, constant, 0.02, 0.99)), plain);
  // The forecast scales it, and a calm past under a wild forecast is not the historical risk.
  const doubled = certain(filteredRisk(losses, constant, 0.04, 0.99));
  assert.ok(Math.abs(doubled.valueAtRisk / plain.valueAtRisk - 2) < 1e-12);
});

test("B5.3 over a horizon filtered risk grows as the square root where the variance is constant", () => {
  const losses = normals(4_000);
  const constant = new Float64Array(4_000).fill(1);
  const paths = { horizon: 10, count: 20_000, random: modelRandomness(SEED) };
  const flat = { w: 1, a: 0, b: 0 };
  const risk = certain(filteredHorizonRisk(losses, constant, 1, 0.95, flat, paths));
  const expected = certain(normalRisk(0.95, Math.sqrt(10))).valueAtRisk;
  assert.ok(Math.abs(risk.valueAtRisk / expected - 1) < 0.05, `${risk.valueAtRisk} SEED=${SEED}`);
  // Standardised losses that are all 1 leave nothing to chance: h' = w + (a + b) h from 4.
  const ones = new Float64Array(5).fill(1);
  const certainPath = { w: 0.3, a: 0.25, b: 0.5 };
  const three = { horizon: 3, count: 10, random: modelRandomness(SEED) };
  const sum = certain(filteredHorizonRisk(ones, ones, 2, 0.5, certainPath, three)).valueAtRisk;
  const second = 0.3 + 0.75 * 4;
  const exact = 2 + Math.sqrt(second) + Math.sqrt(0.3 + 0.75 * second);
  assert.ok(Math.abs(sum - exact) < 1e-12);
  const unlike = new Float64Array(5).fill(0.5);
  const halves = certain(filteredHorizonRisk(ones, unlike, 2, 0.5, certainPath, three)).valueAtRisk;
  const next = 0.3 + 0.25 * 16 + 0.5 * 4;
  const last = 0.3 + 0.25 * 4 * next + 0.5 * next;
  assert.ok(Math.abs(halves - (4 + 2 * Math.sqrt(next) + 2 * Math.sqrt(last))) < 1e-12);
  // Starting at four times its long-run variance a process that forgets is less risky than one that does not.
  const forgets = { w: 0.2, a: 0.1, b: 0.7 };
  const lasting = { w: 0, a: 0, b: 1 };
  const at = (recursion: typeof flat): number =>
    certain(filteredHorizonRisk(losses, constant, 2, 0.95, recursion, paths)).valueAtRisk;
  assert.ok(at(forgets) < 0.95 * at(lasting), `SEED=${SEED}`);
});

test("B5.3 components sum to the whole and marginals are its derivatives", () => {
  const { weights, covariance } = book(8);
  for (const measure of ["valueAtRisk", "expectedShortfall"] as const) {
    const split = certain(normalComponents(weights, covariance, 0.99, measure));
    const sum = split.components.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum / split.total - 1) < 1e-12);
    for (let i = 0; i < weights.length; i += 1) {
      const [up, down] = [Float64Array.from(weights), Float64Array.from(weights)];
      up[i]! += 1e-5;
      down[i]! -= 1e-5;
      const slope =
        (certain(normalComponents(up, covariance, 0.99, measure)).total -
          certain(normalComponents(down, covariance, 0.99, measure)).total) /
        2e-5;
      assert.ok(Math.abs(slope / split.marginals[i]! - 1) < 1e-6);
    }
  }
  const losses = normals(3 * 400);
  const split = certain(scenarioComponents(losses, 3, 0.93));
  const sum = split.components.reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(sum - split.total) < 1e-12, `${sum} ${split.total} SEED=${SEED}`);
});

test("B5.3 value at risk of bad inputs is refused by name", () => {
  const losses = Float64Array.of(1, 2);
  assert.is(code(historicalRisk(new Float64Array(0), 0.9)), "empty");
  assert.is(code(historicalRisk(Float64Array.of(1, Number.NaN), 0.9)), "not_finite");
  for (const c of [0, 1, -1, 2]) assert.is(code(historicalRisk(losses, c)), "out_of_range");
  assert.is(code(historicalRisk(losses, Number.NaN)), "not_finite");
  assert.is(code(normalRisk(0.9, -1)), "out_of_range");
  assert.is(code(studentRisk(0.9, 2, 1)), "out_of_range");
  const random = modelRandomness(1);
  const one = { covariance: Float64Array.of(1), count: 10 };
  assert.is(code(linearLosses(Float64Array.of(1, 1), one, random)), "wrong_shape");
  const indefinite = { covariance: Float64Array.of(1, 2, 2, 1), count: 10 };
  assert.is(code(linearLosses(Float64Array.of(1, 1), indefinite, random)), "not_positive_definite");
  assert.is(code(linearLosses(Float64Array.of(1), { ...one, count: 0 }, random)), "out_of_range");
  assert.is(
    code(linearLosses(Float64Array.of(1), { ...one, degrees: 1.5 }, random)),
    "out_of_range",
  );
  assert.is(code(revaluedLosses(() => Number.NaN, one, random)), "not_finite");
  assert.is(code(filteredRisk(losses, Float64Array.of(1, 0), 1, 0.9)), "out_of_range");
  assert.is(code(filteredRisk(losses, Float64Array.of(1), 1, 0.9)), "wrong_shape");
  assert.is(code(normalComponents(losses, new Float64Array(4), 0.9)), "undefined");
  assert.is(code(scenarioComponents(losses, 3, 0.9)), "wrong_shape");
});

test("B5.3 a Student t of the same deviation has the fatter tail, and goes over into the normal", () => {
  const normal = certain(normalRisk(0.99, 1));
  let before = Infinity;
  for (const degrees of [3, 5, 10, 100, 1e4]) {
    const student = certain(studentRisk(0.99, degrees, 1)).expectedShortfall;
    assert.ok(student > normal.expectedShortfall && student < before);
    before = student;
  }
  assert.ok(before / normal.expectedShortfall - 1 < 1e-3);
  // Its own samples confirm the scale: variance of t(5) is 5/3.
  const random = modelRandomness(SEED);
  const sample = Float64Array.from({ length: 40_000 }, () => studentT(random, 5));
  const found = certain(historicalRisk(sample, 0.95)).valueAtRisk;
  const expected = certain(studentRisk(0.95, 5, Math.sqrt(5 / 3))).valueAtRisk;
  assert.ok(Math.abs(found / expected - 1) < 0.04, `${found} ${expected} SEED=${SEED}`);
});

test.run();
