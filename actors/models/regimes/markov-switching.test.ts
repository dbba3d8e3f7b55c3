import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { categorical, standardNormal } from "../random/distributions.ts";
import { type ModelRandomness, modelRandomness } from "../random/generator.ts";
import { regimeProbabilities } from "./hidden-markov.ts";
import { growth, hamilton } from "./markov-switching.oracles.ts";
import {
  fitSwitchingMean,
  stationaryProbabilities,
  type SwitchingMean,
  switchingProbabilities,
} from "./markov-switching.ts";

const test = suite("markov switching");
const SEED = seed(1_951);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);
const near = (a: number, b: number, error: number, what = ""): void =>
  assert.ok(Math.abs(a - b) <= error, `${what}: ${a} is not ${b}`);

const three: SwitchingMean = {
  transition: [
    [0.8, 0.1, 0.1],
    [0.2, 0.7, 0.1],
    [0.3, 0, 0.7],
  ],
  means: [-1, 0.5, 2],
  autoregression: [0.4, -0.3],
  deviation: 0.7,
};

function simulated(random: ModelRandomness, model: SwitchingMean, n: number): Float64Array {
  const order = model.autoregression.length;
  let regime = categorical(random, stationaryProbabilities(model.transition)!);
  const excess: number[] = Array.from({ length: order }, () => 0);
  return Float64Array.from({ length: n }, () => {
    const own = model.autoregression.reduce((sum, phi, i) => sum + phi * excess[i]!, 0);
    excess.unshift(own + model.deviation * standardNormal(random));
    excess.length = order;
    const value = model.means[regime]! + excess[0]!;
    regime = categorical(random, model.transition[regime]!);
    return value;
  });
}

/** Likelihood and smoothed probabilities by going through every sequence of regimes. */
function enumerated(y: ArrayLike<number>, model: SwitchingMean) {
  const k = model.means.length;
  const order = model.autoregression.length;
  const n = y.length;
  const start = stationaryProbabilities(model.transition)!;
  const smoothed = new Float64Array((n - order) * k);
  let total = 0;
  for (let index = 0; index < k ** n; index += 1) {
    const path = Array.from({ length: n }, (_, t) => Math.floor(index / k ** t) % k);
    let density = start[path[0]!]!;
    for (let t = 1; t < n; t += 1) density *= model.transition[path[t - 1]!]![path[t]!]!;
    for (let t = order; t < n; t += 1) {
      let e = y[t]! - model.means[path[t]!]!;
      model.autoregression.forEach((phi, i) => {
        e -= phi * (y[t - 1 - i]! - model.means[path[t - 1 - i]!]!);
      });
      const z = e / model.deviation;
      density *= Math.exp(-0.5 * z * z) / (model.deviation * Math.sqrt(2 * Math.PI));
    }
    total += density;
    for (let t = order; t < n; t += 1) smoothed[(t - order) * k + path[t]!]! += density;
  }
  return { logLikelihood: Math.log(total), smoothed: smoothed.map((one) => one / total) };
}

test("B5.7 likelihood and probabilities equal those by going through every sequence of regimes", () => {
  const random = modelRandomness(SEED);
  for (let run = 0; run < 3; run += 1) {
    const y = simulated(random, three, 7);
    const exact = enumerated(y, three);
    const found = certain(switchingProbabilities(y, three));
    near(found.logLikelihood, exact.logLikelihood, 1e-11, `SEED=${SEED}`);
    found.smoothed.forEach((one, i) => near(one, exact.smoothed[i]!, 1e-12, `SEED=${SEED} ${i}`));
  }
});

test("B5.7 with phi of 0 the model is the hidden Markov model from its chain at rest", () => {
  const model = { ...three, autoregression: [0] };
  const y = simulated(modelRandomness(SEED), model, 200);
  const hidden = certain(
    regimeProbabilities(y.subarray(1), {
      transition: model.transition,
      initial: Array.from(stationaryProbabilities(model.transition)!),
      means: model.means,
      deviations: [0.7, 0.7, 0.7],
    }),
  );
  const found = certain(switchingProbabilities(y, model));
  near(found.logLikelihood, hidden.logLikelihood, 1e-10, "likelihood");
  found.filtered.forEach((one, i) => near(one, hidden.filtered[i]!, 1e-12, `filtered ${i}`));
  found.smoothed.forEach((one, i) => near(one, hidden.smoothed[i]!, 1e-12, `smoothed ${i}`));
});

test("B5.7 a regime that cannot be there does not drown those that can, however well it would fit", () => {
  const chain = [
    [0.9, 0.1, 0],
    [0.1, 0.8, 0.1],
    [0, 0.1, 0.9],
  ];
  const model = { transition: chain, means: [0, 50, 5000], autoregression: [0], deviation: 1 };
  const y = [0, 0, 5000];
  const switching = certain(switchingProbabilities(y, model));
  const hidden = certain(
    regimeProbabilities(y, {
      transition: chain,
      initial: [1, 0, 0],
      means: [0, 50, 5000],
      deviations: [1, 1, 1],
    }),
  );
  // From 0 the chain reaches only 0 and 50.
  near(switching.filtered[3 + 1]!, 1, 1e-12, "switching");
  near(hidden.filtered[6 + 1]!, 1, 1e-12, "hidden");
  near(switching.logLikelihood / (-(4950 ** 2) / 2), 1, 1e-5, "likelihood");
});

test("B5.7 a passage of the smallest probability there is, once it was made, is smoothed to 1", () => {
  const chain = [
    [1, 5e-324],
    [0.5, 0.5],
  ];
  const y = [0, 0, 5000];
  const switching = certain(
    switchingProbabilities(y, {
      transition: chain,
      means: [0, 5000],
      autoregression: [0],
      deviation: 1,
    }),
  );
  const hidden = certain(
    regimeProbabilities(y, {
      transition: chain,
      initial: [1, 0],
      means: [0, 5000],
      deviations: [1, 1],
    }),
  );
  assert.equal(Array.from(switching.smoothed), [1, 0, 0, 1]);
  assert.equal(Array.from(hidden.smoothed), [1, 0, 1, 0, 0, 1]);
});

test("B5.7 regimes of equal mean leave an autoregression, whatever the chain", () => {
  const model = { ...hamilton, means: [0.7, 0.7] };
  const { logLikelihood } = certain(switchingProbabilities(growth, model));
  let sum = 0;
  for (let t = 4; t < growth.length; t += 1) {
    let e = growth[t]! - 0.7;
    model.autoregression.forEach((phi, i) => (e -= phi * (growth[t - 1 - i]! - 0.7)));
    sum -= 0.5 * Math.log(2 * Math.PI * model.deviation ** 2) + 0.5 * (e / model.deviation) ** 2;
  }
  near(logLikelihood, sum, 1e-10, "likelihood");
});

test("B5.7 Hamilton's recessions are those of the bureau: 1957 to 58 and 1974 to 75", () => {
  const { smoothed } = certain(switchingProbabilities(growth, hamilton));
  // Entry 0 is the second quarter of 1952, as the first four of 135 from 1951 II start the model.
  const recession = (year: number, quarter: number): number =>
    smoothed[2 * ((year - 1952) * 4 + quarter - 2)]!;
  assert.ok(recession(1958, 1) > 0.9 && recession(1974, 4) > 0.9);
  assert.ok(recession(1965, 1) < 0.1 && recession(1972, 2) < 0.1);
});

test("B5.7 a simulated switching autoregression is recovered", () => {
  const truth: SwitchingMean = {
    transition: [
      [0.9, 0.1],
      [0.05, 0.95],
    ],
    means: [-1, 1],
    autoregression: [0.3],
    deviation: 0.6,
  };
  const y = simulated(modelRandomness(SEED), truth, 3000);
  const start = { ...truth, means: [-0.3, 0.4], autoregression: [0], deviation: 1 };
  const { model, logLikelihood } = certain(fitSwitchingMean(y, start));
  near(model.transition[0]![0]!, 0.9, 0.03, `SEED=${SEED} stay low`);
  near(model.transition[1]![1]!, 0.95, 0.02, `SEED=${SEED} stay high`);
  near(model.means[0]!, -1, 0.12, `SEED=${SEED} low`);
  near(model.autoregression[0]!, 0.3, 0.1, `SEED=${SEED} phi`);
  near(model.deviation, 0.6, 0.04, `SEED=${SEED} deviation`);
  assert.ok(logLikelihood >= certain(switchingProbabilities(y, truth)).logLikelihood);
});

test("B5.7 long-run probabilities reproduce themselves, and do not exist for a chain apart", () => {
  const rest = stationaryProbabilities(three.transition)!;
  for (let j = 0; j < 3; j += 1) {
    const next = three.transition.reduce((sum, row, i) => sum + rest[i]! * row[j]!, 0);
    near(next, rest[j]!, 1e-14, `${j}`);
  }
  const slow = stationaryProbabilities([
    [1 - 1e-9, 1e-9],
    [3e-9, 1 - 3e-9],
  ])!;
  near(slow[0]!, 0.75, 1e-6, "slow chain");
  assert.is(
    stationaryProbabilities([
      [1, 0],
      [0, 1],
    ]),
    null,
  );
  assert.is(
    stationaryProbabilities([
      [0, 1],
      [1, 0],
    ]),
    null,
  );
});

test("B5.7 models and observations that are none are refused", () => {
  const bad = (change: Partial<SwitchingMean>): string =>
    code(switchingProbabilities(growth, { ...hamilton, ...change }));
  assert.is(bad({ deviation: 0 }), "out_of_range");
  assert.is(bad({ autoregression: [] }), "empty");
  assert.is(
    bad({
      transition: [
        [1, 0],
        [0, 1],
      ],
    }),
    "undefined",
  );
  assert.is(
    bad({
      transition: [
        [0.9, 0.2],
        [0, 1],
      ],
    }),
    "out_of_range",
  );
  assert.is(bad({ means: [1] }), "wrong_shape");
  assert.is(bad({ means: [1, Number.NaN] }), "not_finite");
  assert.is(bad({ autoregression: Array.from({ length: 13 }, () => 0) }), "out_of_range");
  assert.is(code(switchingProbabilities([1, 2, 3, 4], hamilton)), "too_short");
  assert.is(code(switchingProbabilities([1, 2, 3, 4, 1e200], hamilton)), "not_finite");
});

test.run();
