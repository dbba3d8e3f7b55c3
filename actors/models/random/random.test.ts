import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Randomness } from "../../kernel/ports/randomness.ts";
import { seed } from "../../../test/support/seed.ts";
import {
  chiSquareCdf,
  gammaP,
  kolmogorovSurvival,
  studentCdf,
} from "../numerics/incomplete-functions.ts";
import { lnGamma, normalCdf } from "../numerics/special-functions.ts";
import {
  betaVariate,
  categorical,
  chiSquare,
  exponential,
  fillStandardNormal,
  gammaVariate,
  noncentralChiSquare,
  poisson,
  standardNormal,
  studentT,
} from "./distributions.ts";
import { independentStreams, modelRandomness, modelRandomnessFromState } from "./generator.ts";

const test = suite("random");
const SEED = seed(27_182_818);

/** p-value of Kolmogorov and Smirnov's test of `count` draws against a distribution function. */
function fit(draw: () => number, cdf: (x: number) => number, count = 20_000): number {
  const sample = Float64Array.from({ length: count }, draw).sort();
  let distance = 0;
  sample.forEach((x, i) => {
    const p = cdf(x);
    distance = Math.max(distance, p - i / count, (i + 1) / count - p);
  });
  return kolmogorovSurvival((Math.sqrt(count) + 0.12 + 0.11 / Math.sqrt(count)) * distance);
}

test("B7.4 a seed gives the same numbers, another seed other ones, and a state continues", () => {
  const draw = (random: Randomness): number[] => Array.from({ length: 5 }, () => random.unit());
  const first = draw(modelRandomness(SEED));
  assert.equal(draw(modelRandomness(SEED)), first);
  assert.not.equal(draw(modelRandomness(SEED + 1)), first);
  assert.not.equal(draw(modelRandomness(SEED + 2 ** 32)), first);
  const random = modelRandomness(SEED);
  draw(random);
  assert.equal(draw(modelRandomnessFromState(random.state())), draw(random));
  assert.ok(first.every((one) => one >= 0 && one < 1));
});

test("B7.4 near seeds do not begin alike", () => {
  const starts = Array.from({ length: 4000 }, (_, i) => modelRandomness(i).unit());
  let next = 0;
  assert.ok(
    fit(
      () => starts[next++]!,
      (x) => x,
      starts.length,
    ) > 1e-4,
  );
  const mean = starts.reduce((sum, x) => sum + x, 0) / starts.length;
  const lagged = starts.slice(1).reduce((sum, x, i) => sum + (x - mean) * (starts[i]! - mean), 0);
  assert.ok(Math.abs(lagged / starts.length) * 12 < 4 / Math.sqrt(starts.length));
});

test("B7.4 streams are a jump apart and do not correlate", () => {
  const [first, second, third] = independentStreams(SEED, 3) as [
    ReturnType<typeof modelRandomness>,
    ReturnType<typeof modelRandomness>,
    ReturnType<typeof modelRandomness>,
  ];
  const jumped = modelRandomness(SEED);
  assert.equal(first.state(), jumped.state());
  jumped.jump();
  assert.equal(second.state(), jumped.state());
  const n = 20_000;
  let product = 0;
  for (let i = 0; i < n; i += 1) product += standardNormal(second) * standardNormal(third);
  assert.ok(Math.abs(product / Math.sqrt(n)) < 4, `SEED=${SEED}`);
  const copy = first.clone();
  assert.is(copy.unit(), first.unit());
});

test("B7.4 whole numbers below a bound are equally likely", () => {
  const random = modelRandomness(SEED);
  const counts = new Float64Array(7);
  const n = 70_000;
  for (let i = 0; i < n; i += 1) counts[random.below(7)]! += 1;
  const statistic = counts.reduce((sum, count) => sum + (count - n / 7) ** 2 / (n / 7), 0);
  assert.ok(chiSquareCdf(statistic, 6) < 0.9999, `SEED=${SEED} ${statistic}`);
});

test("B7.4 each continuous sampler follows its distribution function", () => {
  const random = modelRandomness(SEED);
  const fits: Record<string, number> = {
    normal: fit(() => standardNormal(random), normalCdf),
    exponential: fit(
      () => exponential(random, 3),
      (x) => -Math.expm1(-3 * x),
    ),
    "gamma 0.3": fit(
      () => gammaVariate(random, 0.3, 2),
      (x) => gammaP(0.3, x / 2),
    ),
    "gamma 7.5": fit(
      () => gammaVariate(random, 7.5, 0.1),
      (x) => gammaP(7.5, x / 0.1),
    ),
    "chi-square": fit(
      () => chiSquare(random, 5),
      (x) => chiSquareCdf(x, 5),
    ),
    "beta(1, 3)": fit(
      () => betaVariate(random, 1, 3),
      (x) => 1 - (1 - x) ** 3,
    ),
    t: fit(
      () => studentT(random, 3),
      (x) => studentCdf(x, 3),
    ),
  };
  for (const [name, p] of Object.entries(fits))
    assert.ok(p > 1e-4, `SEED=${SEED} ${name}: p = ${p}`);
});

/** P(X <= x) of a noncentral chi-square by its Poisson mixture. */
function noncentralCdf(x: number, degrees: number, noncentrality: number): number {
  let sum = 0;
  for (let n = 0; n < 200; n += 1) {
    const weight = Math.exp(n * Math.log(noncentrality / 2) - noncentrality / 2 - lnGamma(n + 1));
    sum += weight * chiSquareCdf(x, degrees + 2 * n);
  }
  return sum;
}

test("B4.8 noncentral chi-squares follow their mixture on both sides of one degree", () => {
  const random = modelRandomness(SEED);
  for (const [degrees, noncentrality] of [
    [0.32, 4],
    [3.5, 9],
  ] as const) {
    const p = fit(
      () => noncentralChiSquare(random, degrees, noncentrality),
      (x) => noncentralCdf(x, degrees, noncentrality),
      4000,
    );
    assert.ok(p > 1e-4, `SEED=${SEED} ${degrees}, ${noncentrality}: p = ${p}`);
  }
});

test("B7.4 Poisson counts have their probabilities below and above the change of method", () => {
  const random = modelRandomness(SEED);
  const n = 40_000;
  for (const mean of [0.4, 9.5, 10.5, 140]) {
    const low = Math.max(0, Math.floor(mean - 3 * Math.sqrt(mean)));
    const high = Math.ceil(mean + 3 * Math.sqrt(mean));
    const counts = new Float64Array(high - low + 3);
    for (let i = 0; i < n; i += 1) {
      counts[Math.min(Math.max(poisson(random, mean), low - 1), high + 1) - low + 1]! += 1;
    }
    let statistic = 0;
    let cells = 0;
    counts.forEach((count, cell) => {
      const k = cell + low - 1;
      const expected =
        n *
        (k < low
          ? low === 0
            ? 0
            : 1 - gammaP(low, mean)
          : k > high
            ? gammaP(high + 1, mean)
            : Math.exp(k * Math.log(mean) - mean - lnGamma(k + 1)));
      if (expected === 0) {
        assert.is(count, 0);
        return;
      }
      statistic += (count - expected) ** 2 / expected;
      cells += 1;
    });
    assert.ok(
      chiSquareCdf(statistic, cells - 1) < 0.9999,
      `SEED=${SEED} mean ${mean}: ${statistic}`,
    );
  }
  assert.is(poisson(random, 0), 0);
});

test("B7.4 a category of no weight is never drawn, the others by their share", () => {
  const random = modelRandomness(SEED);
  const counts = new Float64Array(4);
  for (let i = 0; i < 30_000; i += 1) counts[categorical(random, [0, 2, 1, 0])]! += 1;
  assert.is(counts[0]! + counts[3]!, 0);
  assert.ok(Math.abs(counts[1]! / 30_000 - 2 / 3) < 4 * Math.sqrt(2 / 9 / 30_000));
});

test("B7.4 a filled array is what single draws give", () => {
  const out = new Float64Array(9);
  fillStandardNormal(modelRandomness(SEED), out);
  const random = modelRandomness(SEED);
  assert.equal(
    out,
    Float64Array.from(out, () => standardNormal(random)),
  );
});

test("B7.4 over 4,000 seeds mean, square and product of neighbours are as wide as chance makes them", () => {
  const [seeds, n] = [4000, 501];
  const names = ["mean", "square", "neighbours"] as const;
  const scores = names.map(() => new Float64Array(seeds));
  for (let k = 0; k < seeds; k += 1) {
    const random = modelRandomness(SEED + k);
    let before = 0;
    for (let i = 0; i < n; i += 1) {
      const x = standardNormal(random);
      scores[0]![k]! += x / Math.sqrt(n);
      scores[1]![k]! += (x * x - 1) / Math.sqrt(2 * n);
      if (i > 0) scores[2]![k]! += (x * before) / Math.sqrt(n - 1);
      before = x;
    }
  }
  names.forEach((name, at) => {
    const mean = scores[at]!.reduce((sum, z) => sum + z / seeds, 0);
    const variance = scores[at]!.reduce((sum, z) => sum + (z * z) / seeds, 0);
    // Standard errors 1.6 % and 2.2 %.
    assert.ok(Math.abs(mean) < 0.065, `SEED=${SEED} ${name}: mean ${mean}`);
    assert.ok(Math.abs(variance - 1) < 0.09, `SEED=${SEED} ${name}: variance ${variance}`);
  });
});

test("B7.4 parameters outside their range throw", () => {
  const random = modelRandomness(1);
  for (const call of [
    () => modelRandomness(-1),
    () => modelRandomness(0.5),
    () => modelRandomnessFromState([0, 0, 0, 0]),
    () => random.below(0),
    () => exponential(random, 0),
    () => gammaVariate(random, Number.NaN, 1),
    () => gammaVariate(random, 1, -1),
    () => noncentralChiSquare(random, 1, -1),
    () => poisson(random, Infinity),
    () => categorical(random, [0, 0]),
    () => categorical(random, [1, -1]),
  ]) {
    assert.throws(call, (error: unknown) => error instanceof RangeError);
  }
});

test.run();
