import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { largestDrawdown, markout, sharpeRatio } from "./performance.ts";

const test = suite("performance");
const SEED = seed(33_101);
const interval = { confidence: 0.95, samples: 400, meanBlock: 5 };

test("the interval holds the true Sharpe ratio about as often as it says", () => {
  // 300 samples of 250 normal profits with ratio 0.1: the share covered has a standard error of 1.3 points.
  const truth = 0.1;
  const random = modelRandomness(SEED);
  let [covered, near] = [0, 0];
  const samples = 300;
  for (let sample = 0; sample < samples; sample += 1) {
    const profits = Array.from({ length: 250 }, () => truth + standardNormal(random));
    const { ratio, standardError, low, high } = certain(sharpeRatio(profits, interval, random));
    if (low <= truth && truth <= high) covered += 1;
    if (Math.abs(ratio - truth) <= 1.96 * standardError) near += 1;
  }
  assert.ok(covered / samples > 0.88 && covered / samples < 0.99, `SEED=${SEED} ${covered}`);
  assert.ok(near / samples > 0.91 && near / samples < 0.99, `SEED=${SEED} ${near}`);
});

test("profits that depend on each other have a wider interval than independent ones", () => {
  const random = modelRandomness(SEED);
  let level = 0;
  const profits = Array.from({ length: 2_000 }, () => {
    level = 0.9 * level + standardNormal(random);
    return level;
  });
  const width = (meanBlock: number): number => {
    const { low, high } = certain(
      sharpeRatio(profits, { ...interval, meanBlock }, modelRandomness(SEED)),
    );
    return high - low;
  };
  assert.ok(width(50) > 2.5 * width(1), `SEED=${SEED} ${width(50)} ${width(1)}`);
});

test("the ratio does not depend on the unit of money and turns with the sign", () => {
  const profits = [1, -2, 3, 0.5, 4, -1, 2, 2.5, -0.5];
  const of = (scale: number): number =>
    certain(
      sharpeRatio(
        profits.map((x) => scale * x),
        interval,
        modelRandomness(1),
      ),
    ).ratio;
  assert.ok(Math.abs(of(1000) - of(1)) < 1e-14);
  assert.ok(Math.abs(of(-1) + of(1)) < 1e-14);
});

test("profits that never vary, or too few of them, have no ratio", () => {
  const code = (profits: readonly number[]): string => {
    const result = sharpeRatio(profits, interval, modelRandomness(1));
    return result.ok ? "ok" : result.failure.code;
  };
  assert.is(code([1, 1, 1, 1, 1, 1, 1, 1]), "undefined");
  assert.is(code([1, 2]), "too_short");
  assert.is(code([1, 2, 3, 4, 5, 6, 7, Number.NaN]), "not_finite");
});

test("the drawdown is the deepest fall from a height before it", () => {
  assert.is(certain(largestDrawdown([0, 5, 3, 8, 1, 9, 7])), 7);
  assert.is(certain(largestDrawdown([1, 2, 3])), 0);
});

test("a markout is what the mid moved in favour, by lots, where the path is long enough", () => {
  const path = { times: [0, 10, 20, 30], mids: [100, 101, 99, 103] };
  const trades = [
    { time: 0, side: "buy", price: 99, quantity: 3 },
    { time: 5, side: "sell", price: 102, quantity: 1 },
    { time: 25, side: "buy", price: 99, quantity: 50 },
  ] as const;
  const { mean, trades: counted, standardError } = markout(trades, path, 10);
  // The buy sees 101 at 10, the sale 101 at 15; the last one's horizon ends after the path.
  assert.is(counted, 2);
  assert.is(mean, (3 * (101 - 99) + 1 * (102 - 101)) / 4);
  assert.ok(standardError > 0);
  assert.is(markout(trades, path, 20).mean, (3 * (99 - 99) + 1 * (102 - 99)) / 4);
});

test.run();
