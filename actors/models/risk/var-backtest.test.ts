import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import { exampleHits } from "./risk.oracles.ts";
import { christoffersenTest, kupiecRegion, kupiecTest, trafficLight } from "./var-backtest.ts";

const test = suite("backtests of value at risk");
const SEED = seed(63_118);

test("B5.3 the region of coverage is the table's", () => {
  const table = [
    [255, 0.01, 1, 6],
    [255, 0.05, 7, 20],
    [510, 0.01, 2, 10],
    [510, 0.05, 17, 35],
    [1_000, 0.01, 5, 16],
    [1_000, 0.05, 38, 64],
  ] as const;
  for (const [periods, probability, fewest, most] of table) {
    assert.equal(certain(kupiecRegion(periods, probability)), { fewest, most });
  }
});

test("B5.3 a count as promised has ratio 0, and no exceptions or only exceptions have a finite one", () => {
  assert.ok(certain(kupiecTest(1_000, 50, 0.05)).statistic < 1e-12);
  const none = certain(kupiecTest(250, 0, 0.01));
  assert.ok(Math.abs(none.statistic - -2 * 250 * Math.log(0.99)) < 1e-10);
  const all = certain(kupiecTest(10, 10, 0.01));
  assert.ok(Math.abs(all.statistic - -2 * 10 * Math.log(0.01)) < 1e-10);
  // The test of p and of its complement are one.
  const mirrored = certain(kupiecTest(250, 245, 0.99)).statistic;
  assert.ok(Math.abs(certain(kupiecTest(250, 5, 0.01)).statistic - mirrored) < 1e-9);
});

test("B5.3 clustered exceptions are found where coverage sees nothing", () => {
  const result = certain(christoffersenTest(exampleHits(), 0.05));
  assert.equal(result.transitions, [90, 3, 3, 3]);
  assert.ok(result.unconditional.pValue > 0.5 && result.independence.pValue < 0.002);
  assert.ok(
    Math.abs(
      result.conditional.statistic - result.unconditional.statistic - result.independence.statistic,
    ) < 1e-12,
  );
  // Two degrees of freedom: the tail is exp(-x / 2).
  const tail = Math.exp(-result.conditional.statistic / 2);
  assert.ok(Math.abs(result.conditional.pValue / tail - 1) < 1e-10);
  // The same number spread out.
  const spread = new Uint8Array(100);
  for (const at of [5, 20, 40, 55, 70, 95]) spread[at] = 1;
  assert.ok(certain(christoffersenTest(spread, 0.05)).independence.pValue > 0.3);
});

test("B5.3 of independent exceptions about one in twenty is rejected", () => {
  const random = modelRandomness(SEED);
  const rounds = 1_000;
  let [coverage, independence] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const hits = Uint8Array.from({ length: 2_000 }, () => (random.unit() < 0.1 ? 1 : 0));
    const result = certain(christoffersenTest(hits, 0.1));
    if (result.unconditional.pValue < 0.05) coverage += 1;
    if (result.independence.pValue < 0.05) independence += 1;
  }
  // Binomial standard error of a share of 5 %: 0.7 %. With few exceptions the limit law is far off: at
  // 1,000 periods of 5 % independence is rejected in one of eleven.
  for (const share of [coverage / rounds, independence / rounds]) {
    assert.ok(share > 0.022 && share < 0.078, `${share} SEED=${SEED}`);
  }
});

test("B5.3 the zones of 250 days are green to 4, yellow to 9 and red from 10", () => {
  const zones = Array.from({ length: 14 }, (_, n) => certain(trafficLight(250, n, 0.01)));
  assert.equal(
    zones,
    Array.from({ length: 14 }, (_, n) => (n <= 4 ? "green" : n <= 9 ? "yellow" : "red")),
  );
  assert.is(certain(trafficLight(250, 250, 0.01)), "red");
});

test("B5.3 counts that cannot be are refused by name", () => {
  const code = (result: { ok: boolean; failure?: { code: string } }): string =>
    result.failure?.code ?? "answered";
  assert.is(code(kupiecTest(0, 0, 0.01)), "out_of_range");
  assert.is(code(kupiecTest(10, 11, 0.01)), "out_of_range");
  assert.is(code(kupiecTest(10, 1, 0)), "out_of_range");
  assert.is(code(kupiecTest(10, 1, Number.NaN)), "not_finite");
  assert.is(code(christoffersenTest(new Uint8Array(0), 0.01)), "empty");
  assert.is(code(christoffersenTest(new Uint8Array(1), 0.01)), "too_short");
  assert.is(code(christoffersenTest(Uint8Array.of(0, 2), 0.01)), "out_of_range");
});

test.run();
