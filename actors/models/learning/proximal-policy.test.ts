import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { dealerEpisode, type DealerMarket, type QuotePolicy } from "./dealer-episode.ts";
import { type Experience, proximalPolicy } from "./proximal-policy.ts";
import { Adam, TanhNetwork } from "./tanh-network.ts";

const test = suite("proximal policy");
const SEED = seed(2_017);

const market: DealerMarket = {
  arrivalRate: 140,
  arrivalDecay: 1.5,
  inventoryPenalty: 2,
  inventoryBound: 20,
  horizon: 0.3,
  step: 0.005,
};
const options = {
  distances: [0.2, 0.5, 0.8, 1.2, 2],
  hidden: 12,
  clip: 0.2,
  decay: 0.95,
  entropy: 0.01,
  rate: 0.005,
  episodes: 16,
  passes: 4,
  samples: 128,
};

test("backpropagation is the central difference of the network's output", () => {
  const random = modelRandomness(SEED);
  const network = new TanhNetwork(3, 5, 2, 1, random);
  const x = Float64Array.from({ length: 4 }, () => standardNormal(random));
  const slope = Float64Array.of(0.7, -1.3);
  const value = (): number => {
    network.forward(x, 1);
    return slope[0]! * network.out[0]! + slope[1]! * network.out[1]!;
  };
  const gradient = new Float64Array(network.parameters.length);
  value();
  network.backward(x, 1, slope, gradient);
  gradient.forEach((exact, at) => {
    const kept = network.parameters[at]!;
    network.parameters[at] = kept + 1e-6;
    const above = value();
    network.parameters[at] = kept - 1e-6;
    const difference = (above - value()) / 2e-6;
    network.parameters[at] = kept;
    assert.ok(Math.abs(difference - exact) < 1e-8, `SEED=${SEED} parameter ${at}`);
  });
});

test("the gradient of the clipped surrogate is its central difference, clipped samples included", () => {
  const random = modelRandomness(SEED);
  const learner = certain(proximalPolicy(market, options, random));
  learner.network.parameters.forEach((_, at) => {
    learner.network.parameters[at] = 0.5 * standardNormal(random);
  });
  const count = 40;
  const experience: Experience = {
    observations: Float64Array.from({ length: 2 * count }, () => standardNormal(random)),
    actions: Int32Array.from({ length: 2 * count }, () => random.below(5)),
    // Far from the policy's own chances on both sides, so that many ratios are clipped.
    logChances: Float64Array.from({ length: count }, () => -3.2 + 0.8 * standardNormal(random)),
    advantages: Float64Array.from({ length: count }, () => standardNormal(random)),
    returns: new Float64Array(count),
  };
  const samples = Int32Array.from({ length: count }, (_, at) => at);
  const { parameters } = learner.network;
  const gradient = new Float64Array(parameters.length);
  learner.surrogate(experience, samples, gradient);
  const scratch = new Float64Array(parameters.length);
  let moved = 0;
  gradient.forEach((exact, at) => {
    const kept = parameters[at]!;
    parameters[at] = kept + 1e-6;
    const above = learner.surrogate(experience, samples, scratch);
    parameters[at] = kept - 1e-6;
    const difference = (above - learner.surrogate(experience, samples, scratch)) / 2e-6;
    parameters[at] = kept;
    assert.ok(Math.abs(difference - exact) < 1e-6, `SEED=${SEED} parameter ${at}`);
    if (Math.abs(exact) > 1e-3) moved += 1;
  });
  assert.ok(moved > 20, `SEED=${SEED} ${moved} parameters have a slope`);
});

test("Adam finds the least of a bowl, whatever the scales of its axes", () => {
  const point = Float64Array.of(3, -2);
  const adam = new Adam(2);
  const gradient = new Float64Array(2);
  for (let step = 0; step < 4_000; step += 1) {
    gradient[0] = 2 * (point[0]! - 1);
    gradient[1] = 2e4 * (point[1]! - 0.5);
    adam.step(point, gradient, 0.01);
  }
  assert.ok(Math.abs(point[0]! - 1) < 1e-3 && Math.abs(point[1]! - 0.5) < 1e-3);
});

test("a few batches make a policy that beats the best one that ignores its inventory", () => {
  const learner = certain(proximalPolicy(market, options, modelRandomness(SEED)));
  for (let batch = 0; batch < 40; batch += 1) learner.improve();
  const episodes = 300;
  const mean = (policy: QuotePolicy): readonly [number, number] => {
    const rewards = Array.from({ length: episodes }, (_, at) =>
      dealerEpisode(market, policy, modelRandomness(SEED + 1 + at)),
    );
    const average = rewards.reduce((sum, one) => sum + one, 0) / episodes;
    const squares = rewards.reduce((sum, one) => sum + (one - average) ** 2, 0);
    return [average, Math.sqrt(squares / (episodes - 1) / episodes)];
  };
  const constant = options.distances.map((distance) =>
    mean((_inventory, _timeLeft, into) => {
      into[0] = distance;
      into[1] = distance;
    }),
  );
  const [best = 0, bestError = 0] = constant.sort(([first], [second]) => second - first)[0] ?? [];
  const [learned, error] = mean(learner.policy);
  const t = (learned - best) / Math.hypot(error, bestError);
  assert.ok(t > 3, `SEED=${SEED} learned ${learned}, best constant ${best}, t=${t}`);
});

test("options out of range are refused", () => {
  const code = (change: Partial<typeof options>): string => {
    const result = proximalPolicy(market, { ...options, ...change }, modelRandomness(1));
    return result.ok ? "ok" : result.failure.code;
  };
  assert.is(code({}), "ok");
  assert.is(code({ distances: [1] }), "too_short");
  assert.is(code({ clip: 1 }), "out_of_range");
  assert.is(code({ rate: Number.NaN }), "not_finite");
  assert.is(code({ hidden: 0 }), "out_of_range");
});

test.run();
