import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { adjustByCovariate, alwaysValid, mixtureLogRatio } from "./experiments.ts";
import { kolmogorovSmirnov, populationStability, welchTest } from "./two-samples.ts";

const test = suite("two samples");
const SEED = seed(8_128);

/** Every way to choose n of the values as the first sample. */
function* partitions(values: readonly number[], n: number): Generator<[number[], number[]]> {
  if (n === 0) {
    yield [[], [...values]];
    return;
  }
  if (n > values.length) return;
  const [head = 0, ...rest] = values;
  for (const [first, second] of partitions(rest, n - 1)) yield [[head, ...first], second];
  for (const [first, second] of partitions(rest, n)) yield [first, [head, ...second]];
}

/** D by its definition: both distribution functions at every value. */
function distance(first: readonly number[], second: readonly number[]): number {
  const share = (sample: readonly number[], at: number): number =>
    sample.filter((value) => value <= at).length / sample.length;
  return Math.max(
    ...[...first, ...second].map((at) => Math.abs(share(first, at) - share(second, at))),
  );
}

test("the permutation p-value is that of all partitions counted one by one, with and without ties", () => {
  for (const [first, second] of [
    [
      [1, 4, 6, 9],
      [2, 3, 10, 11, 12],
    ],
    [
      [1, 1, 2, 5],
      [1, 2, 2, 7],
    ],
    [
      [3, 3, 3],
      [3, 4, 4, 4, 9],
    ],
  ] as const) {
    const seen = distance(first, second);
    let [all, reached] = [0, 0];
    for (const [one, other] of partitions([...first, ...second], first.length)) {
      all += 1;
      if (distance(one, other) >= seen - 1e-12) reached += 1;
    }
    const exact = certain(kolmogorovSmirnov(first, second));
    assert.ok(Math.abs(exact.distance - seen) < 1e-15);
    assert.ok(
      Math.abs(exact.permutation - reached / all) < 1e-12,
      `${exact.permutation} ${reached}/${all}`,
    );
    const tied = new Set([...first, ...second]).size < first.length + second.length;
    if (!tied) assert.is(exact.permutation, exact.continuous);
    // Where values are equal fewer points of a path count, so that fewer paths reach the distance.
    assert.ok(exact.permutation <= exact.continuous + 1e-15);
  }
});

test("samples change places without changing a p-value, and the scale does not matter", () => {
  const first = [0.3, 1.2, 0.7, 2.2, 1.9];
  const second = [1.1, 2.9, 3.1, 2.4];
  const ks = certain(kolmogorovSmirnov(first, second));
  const swapped = certain(kolmogorovSmirnov(second, first));
  assert.is(ks.distance, swapped.distance);
  assert.ok(Math.abs(ks.continuous - swapped.continuous) < 1e-15);
  const welch = certain(welchTest(first, second));
  const scaled = certain(
    welchTest(
      second.map((x) => 3 * x),
      first.map((x) => 3 * x),
    ),
  );
  assert.ok(Math.abs(welch.statistic + scaled.statistic) < 1e-12);
  assert.ok(Math.abs(welch.pValue - scaled.pValue) < 1e-12);
});

test("Welch's p-value is uniform where the means are one and the variances are not", () => {
  const random = modelRandomness(SEED);
  let below = 0;
  const runs = 2_000;
  for (let run = 0; run < runs; run += 1) {
    const first = Array.from({ length: 8 }, () => standardNormal(random));
    const second = Array.from({ length: 15 }, () => 3 * standardNormal(random));
    if (certain(welchTest(first, second)).pValue < 0.05) below += 1;
  }
  // Standard error of the share: 0.0049.
  assert.ok(Math.abs(below / runs - 0.05) < 4 * 0.0049, `SEED=${SEED} ${below / runs}`);
});

test("looked at after every observation, the mixture test is wrong no more often than it says", () => {
  const random = modelRandomness(SEED);
  const runs = 1_000;
  let [sequential, naive] = [0, 0];
  for (let run = 0; run < runs; run += 1) {
    let [sum, pValue, peeked] = [0, 1, false];
    for (let count = 1; count <= 300; count += 1) {
      sum += standardNormal(random);
      const mean = sum / count;
      pValue = alwaysValid(pValue, certain(mixtureLogRatio(mean, 1 / count, 0.1)));
      if (Math.abs(mean) * Math.sqrt(count) > 1.96) peeked = true;
    }
    if (pValue <= 0.05) sequential += 1;
    if (peeked) naive += 1;
  }
  // Standard error at 5 %: 0.0069. Peeking at a fixed-size test is wrong several times as often.
  assert.ok(sequential / runs <= 0.05 + 3 * 0.0069, `SEED=${SEED} ${sequential / runs}`);
  assert.ok(naive / runs > 0.3, `SEED=${SEED} ${naive / runs}`);
});

test("the mixture test finds a difference that is there", () => {
  const random = modelRandomness(SEED);
  let [sum, pValue] = [0, 1];
  for (let count = 1; count <= 400; count += 1) {
    sum += standardNormal(random) + 0.4;
    const next = alwaysValid(pValue, certain(mixtureLogRatio(sum / count, 1 / count, 0.1)));
    assert.ok(next <= pValue);
    pValue = next;
  }
  assert.ok(pValue < 1e-6, `SEED=${SEED} ${pValue}`);
});

test("an adjusted outcome keeps its mean and has 1 - r^2 of its variance", () => {
  const random = modelRandomness(SEED);
  const x = Array.from({ length: 300 }, () => standardNormal(random));
  const y = x.map((value) => 5 + 2 * value + standardNormal(random));
  const { values, varianceRatio } = certain(adjustByCovariate(y, x));
  const mean = (all: ArrayLike<number>): number =>
    Array.from(all).reduce((sum, one) => sum + one, 0) / all.length;
  const variance = (all: ArrayLike<number>): number =>
    Array.from(all).reduce((sum, one) => sum + (one - mean(all)) ** 2, 0) / (all.length - 1);
  assert.ok(Math.abs(mean(values) - mean(y)) < 1e-12);
  assert.ok(Math.abs(variance(values) / variance(y) - varianceRatio) < 1e-12);
  assert.ok(varianceRatio < 0.3);
});

test("the stability index is 0 for equal shares, and no less for others", () => {
  assert.is(certain(populationStability([0.2, 0.8], [0.2, 0.8])), 0);
  assert.ok(certain(populationStability([0.2, 0.8], [0.21, 0.79])) > 0);
  const there = certain(populationStability([0.2, 0.8], [0.5, 0.5]));
  assert.ok(Math.abs(there - certain(populationStability([0.5, 0.5], [0.2, 0.8]))) < 1e-15);
});

test("samples that tell nothing are refused", () => {
  const code = (result: { readonly ok: boolean; readonly failure?: { readonly code: string } }) =>
    result.failure?.code ?? "ok";
  assert.is(code(kolmogorovSmirnov([], [1])), "empty");
  assert.is(code(kolmogorovSmirnov([Number.NaN], [1])), "not_finite");
  assert.is(code(welchTest([1], [1, 2])), "too_short");
  assert.is(code(welchTest([1, 1], [2, 2])), "undefined");
  assert.is(code(populationStability([0.5, 0.5], [1, 0])), "out_of_range");
  assert.is(code(mixtureLogRatio(1, 0, 1)), "out_of_range");
  assert.is(code(adjustByCovariate([1, 2], [3, 3])), "undefined");
  assert.is(code(adjustByCovariate([1, 2], [3])), "wrong_shape");
});

test.run();
