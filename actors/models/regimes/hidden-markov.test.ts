import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Randomness } from "../../kernel/ports/randomness.ts";
import { regimeSample } from "../../../test/models/market-samples.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { calmAndWild, observations } from "./hidden-markov.oracles.ts";
import {
  fitRegimes,
  type GaussianRegimes,
  likeliestRegimes,
  regimeProbabilities,
  updateRegimes,
} from "./hidden-markov.ts";

const test = suite("hidden markov");
const SEED = seed(1989);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);
const near = (a: number, b: number, error: number, what = ""): void =>
  assert.ok(Math.abs(a - b) <= error, `${what}: ${a} is not ${b}`);

function row(random: Randomness, length: number): number[] {
  const weights = Array.from({ length }, () => random.unit() + 0.01);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((one) => one / sum);
}

function anyModel(random: Randomness, regimes: number): GaussianRegimes {
  return {
    transition: Array.from({ length: regimes }, () => row(random, regimes)),
    initial: row(random, regimes),
    means: Array.from({ length: regimes }, () => 2 * standardNormal(random)),
    deviations: Array.from({ length: regimes }, () => 0.3 + random.unit()),
  };
}

/** Likelihood, smoothed probabilities and best path by going through every path. */
function enumerated(y: readonly number[], model: GaussianRegimes) {
  const regimes = model.initial.length;
  const smoothed = new Float64Array(y.length * regimes);
  let [total, best] = [0, 0];
  let bestPath: number[] = [];
  for (let index = 0; index < regimes ** y.length; index += 1) {
    const path = y.map((_, t) => Math.floor(index / regimes ** t) % regimes);
    const density = path.reduce((product, k, t) => {
      const weight = t === 0 ? model.initial[k]! : model.transition[path[t - 1]!]![k]!;
      const z = (y[t]! - model.means[k]!) / model.deviations[k]!;
      return (
        (product * weight * Math.exp((-z * z) / 2)) /
        (model.deviations[k]! * Math.sqrt(2 * Math.PI))
      );
    }, 1);
    total += density;
    path.forEach((k, t) => (smoothed[t * regimes + k]! += density));
    if (density > best) [best, bestPath] = [density, path];
  }
  return {
    logLikelihood: Math.log(total),
    smoothed: smoothed.map((s) => s / total),
    bestPath,
    best,
  };
}

test("B5.7 likelihood, probabilities and best path equal those by going through every path", () => {
  const random = modelRandomness(SEED);
  for (let k = 0; k < 20; k += 1) {
    const model = anyModel(random, 2 + (k % 2));
    const y = Array.from(regimeSample(random, 6, model).observations);
    const exact = enumerated(y, model);
    const found = certain(regimeProbabilities(y, model));
    near(found.logLikelihood, exact.logLikelihood, 1e-11, `SEED=${SEED} likelihood`);
    found.smoothed.forEach((p, i) => near(p, exact.smoothed[i]!, 1e-12, `SEED=${SEED} ${i}`));
    const path = certain(likeliestRegimes(y, model));
    assert.equal(Array.from(path.regimes), exact.bestPath, `SEED=${SEED}`);
    near(path.logJoint, Math.log(exact.best), 1e-11, "joint");
  }
});

test("B5.7 filtered probabilities know only the past, and equal the streaming step", () => {
  const all = certain(regimeProbabilities(observations, calmAndWild));
  const some = certain(regimeProbabilities(observations.slice(0, 3), calmAndWild));
  some.filtered.forEach((p, i) => assert.is(p, all.filtered[i]));
  assert.equal(some.filtered.subarray(4), some.smoothed.subarray(4));
  const [probability, scratch] = [new Float64Array(2), new Float64Array(2)];
  observations.forEach((y, t) => {
    updateRegimes(calmAndWild, y, probability, scratch, t === 0);
    assert.is(probability[0], all.filtered[2 * t]);
  });
});

test("B5.7 the likelihood never falls from step to step", () => {
  const random = modelRandomness(SEED);
  for (let k = 0; k < 10; k += 1) {
    const y = regimeSample(random, 200, anyModel(random, 3)).observations;
    const fit = fitRegimes(y, anyModel(random, 3), { tolerance: 1e-5, iterations: 20_000 });
    if (!fit.ok) {
      assert.is(fit.failure.code, "not_converged");
      continue;
    }
    fit.value.history.reduce((before, here) => {
      assert.ok(here >= before - 1e-9, `SEED=${SEED} ${k}: ${before} to ${here}`);
      return here;
    });
  }
});

test("B5.7 regimes of a simulated market are recovered, with their times", () => {
  const random = modelRandomness(SEED);
  const truth: GaussianRegimes = {
    transition: [
      [0.97, 0.03],
      [0.06, 0.94],
    ],
    initial: [0.5, 0.5],
    means: [0.05, -0.2],
    deviations: [0.5, 1.6],
  };
  const { observations: y, regimes } = regimeSample(random, 8000, truth);
  const start = {
    ...truth,
    means: [0, 0.1],
    deviations: [0.8, 1.2],
    transition: [
      [0.8, 0.2],
      [0.2, 0.8],
    ],
  };
  const { model } = certain(fitRegimes(y, start));
  near(model.transition[0]![0]!, 0.97, 0.01, `SEED=${SEED} stay calm`);
  near(model.transition[1]![1]!, 0.94, 0.02, `SEED=${SEED} stay wild`);
  near(model.deviations[0]!, 0.5, 0.02, `SEED=${SEED} calm`);
  near(model.deviations[1]!, 1.6, 0.08, `SEED=${SEED} wild`);
  near(model.means[1]!, -0.2, 0.12, `SEED=${SEED} mean`);
  const path = certain(likeliestRegimes(y, model)).regimes;
  const right = regimes.filter((k, t) => path[t] === k).length;
  assert.ok(right > 0.9 * y.length, `SEED=${SEED} ${right}`);
});

test("B5.7 one regime is the normal distribution, and names of regimes do not matter", () => {
  const y = [1, 4, -2, 0.5];
  const one = { transition: [[1]], initial: [1], means: [3], deviations: [7] };
  const { model, logLikelihood } = certain(fitRegimes(y, one));
  near(model.means[0]!, 0.875, 1e-14, "mean");
  const variance = y.reduce((sum, v) => sum + (v - 0.875) ** 2 / 4, 0);
  near(model.deviations[0]! ** 2, variance, 1e-13, "variance");
  near(logLikelihood, -2 * (Math.log(2 * Math.PI * variance) + 1), 1e-12, "likelihood");
  const swapped: GaussianRegimes = {
    transition: [
      [0.8, 0.2],
      [0.1, 0.9],
    ],
    initial: [0.4, 0.6],
    means: [0, 0],
    deviations: [1.5, 0.5],
  };
  const [plain, other] = [calmAndWild, swapped].map((m) =>
    certain(regimeProbabilities(observations, m)),
  );
  near(plain!.logLikelihood, other!.logLikelihood, 1e-13, "likelihood");
  near(plain!.smoothed[0]!, other!.smoothed[1]!, 1e-14, "probability");
});

test("B5.7 neither a hundred thousand observations nor one 1,000 deviations away underflow", () => {
  const random = modelRandomness(SEED);
  const y = regimeSample(random, 100_000, calmAndWild).observations;
  y[50_000] = 1500;
  const { logLikelihood, smoothed } = certain(regimeProbabilities(y, calmAndWild));
  assert.ok(Number.isFinite(logLikelihood));
  near(smoothed[2 * 50_000 + 1]!, 1, 1e-12, "the far one is wild");
  for (let t = 0; t < y.length; t += 997)
    near(smoothed[2 * t]! + smoothed[2 * t + 1]!, 1, 1e-12, `${t}`);
  assert.ok(Number.isFinite(certain(likeliestRegimes(y, calmAndWild)).logJoint));
});

test("B5.7 a variance does not fall below its floor, where the likelihood would have no bound", () => {
  const y = [0, 0, 0, 0, 5, 0.1, -0.1, 0.2, 0, 0];
  const start: GaussianRegimes = {
    transition: [
      [0.9, 0.1],
      [0.5, 0.5],
    ],
    initial: [0.9, 0.1],
    means: [0, 5],
    deviations: [0.1, 0.1],
  };
  const { model } = certain(fitRegimes(y, start, { varianceFloor: 0.01 }));
  assert.ok(model.deviations.every((one) => one >= 0.1));
  near(model.deviations[1]!, 0.1, 1e-15, "at the floor");
});

test("B5.7 models that are none and observations that are no numbers are refused", () => {
  const bad = (change: Partial<GaussianRegimes>): string =>
    code(regimeProbabilities(observations, { ...calmAndWild, ...change }));
  assert.is(bad({ initial: [0.5, 0.6] }), "out_of_range");
  assert.is(bad({ initial: [1.2, -0.2] }), "out_of_range");
  assert.is(bad({ transition: [[1, 0]] }), "wrong_shape");
  assert.is(bad({ transition: [[1], [0, 1]] }), "wrong_shape");
  assert.is(bad({ deviations: [1, 0] }), "out_of_range");
  assert.is(bad({ means: [Number.NaN, 0] }), "not_finite");
  assert.is(code(regimeProbabilities([], calmAndWild)), "empty");
  assert.is(code(likeliestRegimes([Infinity], calmAndWild)), "not_finite");
  assert.is(code(regimeProbabilities([1e200], calmAndWild)), "not_finite");
  assert.is(code(likeliestRegimes([1e200], calmAndWild)), "not_finite");
  assert.is(code(fitRegimes([1e200, 0, 1], calmAndWild)), "not_finite");
  assert.is(code(fitRegimes([1, 1, 1], calmAndWild)), "undefined");
  assert.is(code(fitRegimes(observations, calmAndWild, { iterations: 2 })), "not_converged");
});

test.run();
