import { suite } from "uvu";
import * as assert from "uvu/assert";

import { History, type Sample } from "./history.ts";

const test = suite("the recent past of a market on the page");

const sample = (at: number, orders: number): Sample => ({
  at,
  orders,
  trades: 0,
  volume: 0,
  epoch: 1,
  restarts: 0,
  ackP50: 0,
  ackP99: 0,
  ackP999: 0,
  serviceP50: 0,
  serviceP99: 0,
  serviceP999: 0,
});

test("a rate is what was counted in the time that passed, and 0 when the counter began anew", () => {
  const history = new History();
  assert.is(history.rate("orders"), 0);
  for (const [second, orders] of [0, 100, 200, 300].entries())
    history.add(sample(second * 1_000, orders));
  assert.is(history.rate("orders"), 100);
  history.add(sample(4_000, 5));
  assert.is(history.rate("orders"), 0, "the market was started anew");
});

test("fifteen minutes are kept, and a sample that is not newer is left out", () => {
  const history = new History();
  for (let second = 0; second < 2_000; second += 1) history.add(sample(second * 1_000, second));
  history.add(sample(1_000, 7));
  assert.is(history.samples.length, 900);
  assert.is(history.samples.at(-1)?.orders, 1_999);
  assert.is(history.rates("orders", 60).length, 60);
});

test.run();
