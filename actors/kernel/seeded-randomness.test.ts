import { suite } from "uvu";
import * as assert from "uvu/assert";

import { randomnessFromState, seededRandomness } from "./seeded-randomness.ts";

const test = suite("seeded randomness");

/** xoshiro128** written from its definition with big integers: slow, and independent of ours. */
function* reference(state: [bigint, bigint, bigint, bigint]): Generator<number> {
  const mask = 0xffffffffn;
  const rotate = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (32n - by))) & mask;
  let [a, b, c, d] = state;
  for (;;) {
    yield Number((rotate((b * 5n) & mask, 7n) * 9n) & mask);
    const shifted = (b << 9n) & mask;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11n);
  }
}

test("the numbers are those of xoshiro128**", () => {
  const published = [
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597,
    4258142804,
  ];
  const ours = randomnessFromState("00000001000000020000000300000004");
  assert.equal(
    published.map(() => ours.below(2 ** 32)),
    published,
  );
});

test("ten thousand numbers from a seed agree with the slow derivation", () => {
  const ours = seededRandomness(8_214_690_731);
  const words = ours
    .state()
    .match(/.{8}/g)
    ?.map((word) => BigInt(`0x${word}`));
  const slow = reference(words as [bigint, bigint, bigint, bigint]);
  for (let index = 0; index < 10_000; index += 1) {
    assert.is(ours.below(2 ** 32), slow.next().value);
  }
});

test("a printed state continues the same numbers", () => {
  const first = seededRandomness(7);
  first.unit();
  const second = randomnessFromState(first.state());
  for (let index = 0; index < 100; index += 1) assert.is(first.unit(), second.unit());
});

test("seeds that differ anywhere give different states", () => {
  const seeds = [0, 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1];
  assert.is(new Set(seeds.map((seed) => seededRandomness(seed).state())).size, seeds.length);
});

test("a fork depends on the seed and its name, not on what was drawn", () => {
  const early = seededRandomness(3);
  const late = seededRandomness(3);
  for (let index = 0; index < 10; index += 1) late.unit();
  assert.is(early.fork("a").state(), late.fork("a").state());
  assert.is.not(early.fork("a").state(), early.fork("b").state());
  assert.is.not(early.fork("a").state(), seededRandomness(4).fork("a").state());
});

test("below is even over a bound that does not divide 2^32", () => {
  const random = seededRandomness(11);
  const counts = Array.from({ length: 7 }, () => 0);
  for (let index = 0; index < 70_000; index += 1) {
    const drawn = random.below(7);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  const squares = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert.ok(squares < 22.5, `chi-square ${squares} with 6 degrees: beyond p = 0.001`);
});

test("unit stays in [0, 1) and has a mean of one half", () => {
  const random = seededRandomness(12);
  let sum = 0;
  for (let index = 0; index < 100_000; index += 1) {
    const drawn = random.unit();
    assert.ok(drawn >= 0 && drawn < 1);
    sum += drawn;
  }
  assert.ok(Math.abs(sum / 100_000 - 0.5) < 0.004);
});

test("bad seeds, states and bounds are refused", () => {
  for (const seed of [-1, 1.5, 2 ** 53, Number.NaN]) assert.throws(() => seededRandomness(seed));
  for (const state of ["", "0".repeat(32), "g".repeat(32)]) {
    assert.throws(() => randomnessFromState(state));
  }
  for (const bound of [0, -1, 1.5, 2 ** 32 + 1])
    assert.throws(() => seededRandomness(1).below(bound));
});

test.run();
