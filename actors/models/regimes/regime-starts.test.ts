import { suite } from "uvu";
import * as assert from "uvu/assert";

import { regimeSample } from "../../../test/models/market-samples.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  checkRegimes,
  fitRegimes,
  type GaussianRegimes,
  regimeProbabilities,
} from "./hidden-markov.ts";
import { byDeviation, fitRegimesByStarts, regimeStarts } from "./regime-starts.ts";

const test = suite("regime starts");
const SEED = seed(1_990);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);

const byMean: GaussianRegimes = {
  transition: [
    [0.95, 0.03, 0.02],
    [0.02, 0.96, 0.02],
    [0.02, 0.04, 0.94],
  ],
  initial: [1, 0, 0],
  means: [-2, 0, 2],
  deviations: [0.5, 0.4, 0.6],
};
const bySpread: GaussianRegimes = {
  transition: [
    [0.98, 0.02],
    [0.05, 0.95],
  ],
  initial: [0.5, 0.5],
  means: [0, 0],
  deviations: [0.4, 1.6],
};

test("B5.7 regimes that differ in mean, and regimes that differ in spread, are found without a start", () => {
  for (const truth of [byMean, bySpread]) {
    const { observations } = regimeSample(modelRandomness(SEED), 4000, truth);
    const { model, logLikelihood } = certain(fitRegimesByStarts(observations, truth.means.length));
    const sorted = byDeviation(truth);
    model.deviations.forEach((one, k) =>
      assert.ok(Math.abs(one / sorted.deviations[k]! - 1) < 0.1, `SEED=${SEED} ${one}`),
    );
    model.means.forEach((one, k) =>
      assert.ok(Math.abs(one - sorted.means[k]!) < 0.2, `SEED=${SEED} ${one}`),
    );
    const fromTruth = certain(fitRegimes(observations, truth));
    assert.ok(logLikelihood > fromTruth.logLikelihood - 1e-4, `SEED=${SEED}`);
  }
});

test("B5.7 both starts lead to one maximum: it does not hang on where the fit began", () => {
  for (const truth of [byMean, bySpread]) {
    const { observations } = regimeSample(modelRandomness(SEED), 1000, truth);
    const [level, size] = certain(regimeStarts(observations, truth.means.length)).map(
      (start) => certain(fitRegimes(observations, start, { iterations: 5000 })).logLikelihood,
    );
    assert.ok(Math.abs(level! - size!) < 0.01, `SEED=${SEED} ${level} ${size}`);
  }
});

test("B5.7 one start divides by level, the other by distance from the median", () => {
  const y = [-8, -7, -6, -5, -0.3, -0.1, 0, 0.1, 5, 6, 7, 8];
  const [level, size] = certain(regimeStarts(y, 2));
  assert.ok(level!.means[1]! - level!.means[0]! > 7);
  assert.ok(Math.abs(size!.means[0]!) < 2 && size!.deviations[1]! > 2 * size!.deviations[0]!);
});

test("B5.7 starts are models, and renumbering keeps the likelihood", () => {
  const { observations } = regimeSample(modelRandomness(SEED), 200, byMean);
  for (let count = 1; count <= 20; count += 1) {
    for (const start of certain(regimeStarts(observations, count)))
      assert.is(checkRegimes(start), null);
  }
  const here = certain(regimeProbabilities(observations, byMean)).logLikelihood;
  const there = certain(regimeProbabilities(observations, byDeviation(byMean))).logLikelihood;
  assert.ok(Math.abs(here - there) < 1e-10);
  assert.equal(byDeviation(byMean).means, [0, -2, 2]);
});

test("B5.7 few, still or broken observations are refused", () => {
  assert.is(code(regimeStarts([1, 2, 3], 1)), "too_short");
  assert.is(code(regimeStarts([1, 1, 1, 1], 1)), "undefined");
  assert.is(code(fitRegimesByStarts([1, 2, 3, Number.NaN], 1)), "not_finite");
  assert.is(code(fitRegimesByStarts([1, 2, 3, 4], 0)), "out_of_range");
  assert.is(
    code(fitRegimesByStarts([1, 2, 3, 4, 5, 9, 7, 8], 2, { iterations: 1 })),
    "not_converged",
  );
});

test.run();
