import { suite } from "uvu";
import * as assert from "uvu/assert";

import { certain } from "../numerics/failure.ts";
import { queueImbalance, weightedMid } from "./queue-imbalance.ts";

const test = suite("queue imbalance");

test("B5.6 the imbalance is a share: scale free, and its mirror adds up to one", () => {
  for (const [bid, ask] of [
    [1, 1],
    [3, 9],
    [0, 5],
    [1e6, 1],
  ] as const) {
    const value = certain(queueImbalance(bid, ask));
    assert.ok(Math.abs(certain(queueImbalance(ask, bid)) + value - 1) < 1e-15);
    assert.ok(Math.abs(certain(queueImbalance(7 * bid, 7 * ask)) - value) < 1e-15);
  }
});

test("B5.6 the weighted mid is the mid for equal queues and nears the price of the shorter queue", () => {
  assert.is(certain(weightedMid(100, 5, 102, 5)), 101);
  assert.is(certain(weightedMid(100, 30, 102, 10)), 101.5);
  assert.is(certain(weightedMid(100, 1, 102, 0)), 102);
  let last = 0;
  for (let bid = 1; bid < 50; bid += 1) {
    const value = certain(weightedMid(100, bid, 102, 10));
    assert.ok(value > last);
    last = value;
  }
});

test("empty, negative and crossed books are refused", () => {
  const code = (result: ReturnType<typeof weightedMid>): string =>
    result.ok ? "ok" : result.failure.code;
  assert.is(code(queueImbalance(0, 0)), "out_of_range");
  assert.is(code(queueImbalance(-1, 2)), "out_of_range");
  assert.is(code(queueImbalance(Number.NaN, 2)), "not_finite");
  assert.is(code(weightedMid(103, 1, 102, 1)), "out_of_range");
});

test.run();
