import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { linearBandit, thompsonSampling } from "./bandits.ts";
import { hedge, hedgeRate } from "./hedge.ts";
import { ftrlProximal, passiveAggressive } from "./online-linear.ts";

const test = suite("online learning");
const SEED = seed(2_718);

test("B10.1 FTRL-Proximal finds the features that matter and leaves the others at exactly 0", () => {
  const random = modelRandomness(SEED);
  const model = certain(ftrlProximal({ dimension: 10, rate: 0.1, smoothing: 1, l1: 60, l2: 0 }));
  for (let example = 0; example < 20_000; example += 1) {
    const features = Array.from({ length: 10 }, () => standardNormal(random));
    const chance = 1 / (1 + Math.exp(-(1.5 * features[0]! - features[1]!)));
    model.learn(features, random.unit() < chance ? 1 : 0);
  }
  assert.ok(Math.abs(model.weight(0) - 1.5) < 0.2, `SEED=${SEED} ${model.weight(0)}`);
  assert.ok(Math.abs(model.weight(1) + 1) < 0.2, `SEED=${SEED} ${model.weight(1)}`);
  const zeros = Array.from({ length: 8 }, (_, at) => model.weight(at + 2)).filter((w) => w === 0);
  assert.ok(zeros.length >= 6, `SEED=${SEED} ${zeros.length} of 8`);
});

test("the passive-aggressive step is passive beyond the margin and else the least that reaches it", () => {
  const weights = Float64Array.of(1, -2);
  const before = [...weights];
  assert.is(passiveAggressive(weights, [2, 0], 1, 10), 0);
  assert.equal([...weights], before);
  assert.ok(passiveAggressive(weights, [1, 1], 1, 10) > 0);
  // With a large C the new margin is 1, and the step lies along x.
  assert.ok(Math.abs(weights[0]! + weights[1]! - 1) < 1e-12);
  assert.ok(Math.abs(weights[0]! - before[0]! - (weights[1]! - before[1]!)) < 1e-12);
});

test("LinUCB without exploration and with one arm is ridge regression", () => {
  const random = modelRandomness(SEED);
  const bandit = certain(linearBandit({ arms: 1, dimension: 2, exploration: 0 }));
  let [a, b, c, u, v] = [1, 0, 1, 0, 0];
  for (let step = 0; step < 50; step += 1) {
    const x = [standardNormal(random), standardNormal(random)] as const;
    const reward = 0.3 * x[0] - 0.6 * x[1];
    bandit.learn(0, x, reward);
    [a, b, c] = [a + x[0] * x[0], b + x[0] * x[1], c + x[1] * x[1]];
    [u, v] = [u + reward * x[0], v + reward * x[1]];
  }
  const determinant = a * c - b * b;
  bandit.choose([1, 0]);
  assert.ok(Math.abs(bandit.scores[0]! - (c * u - b * v) / determinant) < 1e-12);
  bandit.choose([0, 1]);
  assert.ok(Math.abs(bandit.scores[0]! - (a * v - b * u) / determinant) < 1e-12);
});

test("Thompson sampling's regret stays below three times the bound of Lai and Robbins", () => {
  const chances = [0.5, 0.4, 0.3];
  const rounds = 10_000;
  let bound = 0;
  for (const p of chances.slice(1)) {
    const best = chances[0]!;
    const divergence = p * Math.log(p / best) + (1 - p) * Math.log((1 - p) / (1 - best));
    bound += ((best - p) / divergence) * Math.log(rounds);
  }
  const runs = 20;
  let regret = 0;
  for (let run = 0; run < runs; run += 1) {
    const random = modelRandomness(SEED + run);
    const bandit = certain(thompsonSampling(3));
    for (let round = 0; round < rounds; round += 1) {
      const arm = bandit.choose(random);
      regret += (chances[0]! - chances[arm]!) / runs;
      bandit.learn(arm, random.unit() < chances[arm]! ? 1 : 0);
    }
  }
  assert.ok(regret < 3 * bound, `SEED=${SEED} regret ${regret}, bound ${bound}`);
  // Choosing evenly would lose a thousand.
  assert.ok(3 * bound < 1_000);
});

test("Hedge's regret keeps its bound against losses made to hurt it", () => {
  const [experts, rounds] = [8, 2_000];
  const rate = certain(hedgeRate(experts, rounds));
  const bound = Math.sqrt((rounds * Math.log(experts)) / 2);
  const adversaries: readonly ((weights: Float64Array, round: number) => number[])[] = [
    // The heaviest expert loses; the lightest does; all change places.
    (weights) => Array.from(weights, (weight) => (weight === Math.max(...weights) ? 1 : 0)),
    (weights) => Array.from(weights, (weight) => (weight === Math.min(...weights) ? 0 : 1)),
    (weights, round) => Array.from(weights, (_, at) => ((at + round) % 2 === 0 ? 1 : 0)),
  ];
  for (const adversary of adversaries) {
    const learner = certain(hedge(experts, rate));
    for (let round = 0; round < rounds; round += 1)
      learner.learn(adversary(learner.weights, round));
    assert.ok(
      learner.loss - learner.best <= bound + 1e-9,
      `${learner.loss - learner.best} > ${bound}`,
    );
    const sum = learner.weights.reduce((total, weight) => total + weight, 0);
    assert.ok(Math.abs(sum - 1) < 1e-12);
  }
  // A rate that does not learn breaks the bound: else it would prove nothing.
  const stubborn = certain(hedge(experts, 1e-9));
  for (let round = 0; round < rounds; round += 1)
    stubborn.learn(Array.from({ length: experts }, (_, at) => (at === 0 ? 0 : 1)));
  assert.ok(stubborn.loss - stubborn.best > bound);
});

test("a loss that all experts share moves no weight, however large", () => {
  const learner = certain(hedge(3, 1));
  learner.learn([0.2, 0.5, 0.9]);
  const before = [...learner.weights];
  learner.learn([1e6, 1e6, 1e6]);
  learner.weights.forEach((weight, at) => assert.ok(Math.abs(weight - before[at]!) < 1e-9));
});

test("sizes and rates out of range are refused", () => {
  const code = (result: { readonly ok: boolean; readonly failure?: { readonly code: string } }) =>
    result.failure?.code ?? "ok";
  assert.is(code(hedge(0, 1)), "out_of_range");
  assert.is(code(hedge(3, Number.NaN)), "not_finite");
  assert.is(code(hedgeRate(1, 10)), "out_of_range");
  assert.is(code(linearBandit({ arms: 0, dimension: 2, exploration: 1 })), "out_of_range");
  assert.is(code(thompsonSampling(0)), "out_of_range");
  assert.is(
    code(ftrlProximal({ dimension: 2, rate: 0, smoothing: 1, l1: 0, l2: 0 })),
    "out_of_range",
  );
});

test.run();
