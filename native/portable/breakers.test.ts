import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MarketBench, orderId } from "../../test/support/market-bench.ts";

const test = suite("portable breakers");

test("an interrupting breaker stops before a trade too far away and calls an auction", () => {
  const bench = new MarketBench();
  bench.breaker("interrupt", 100, 5);
  bench.sell(2, 105, { account: 2 });
  bench.sell(2, 106, { account: 2 });
  assert.equal(bench.buy(5, 110), [
    "accepted 3 buy 5@110",
    "executed 3 with 1 2@105 shows 0",
    "state volatility_auction",
    "indicative 2@110 buy 1",
  ]);
});

test("the reference of an interrupting breaker is the last trade before the command", () => {
  const bench = new MarketBench();
  bench.breaker("interrupt", 100, 5);
  for (const price of [104, 108, 110]) bench.sell(1, price, { account: 2 });
  assert.is(bench.buy(1, 104).length, 2);
  assert.equal(bench.buy(3, 0, { type: "market" }), [
    "accepted 4.2 buy 3@0",
    "executed 4.2 with 2 1@108 shows 0",
    "canceled 4.2 2 breaker",
    "state volatility_auction",
  ]);
});

test("a fill-or-kill order does not interrupt", () => {
  const bench = new MarketBench();
  bench.breaker("interrupt", 100, 5);
  bench.sell(9, 106, { account: 2 });
  assert.equal(bench.buy(5, 110, { time: "fok" }), [
    "accepted 2 buy 5@110",
    "canceled 2 5 fok_unfilled",
  ]);
});

test("in limit-state mode an order beyond its edge takes the edge", () => {
  const bench = new MarketBench();
  bench.breaker("limit_state", 100, 5, 10);
  bench.sell(2, 105, { account: 2 });
  bench.sell(2, 106, { account: 2 });
  assert.equal(bench.buy(5, 110), [
    "accepted 3 buy 5@110",
    "repriced 3 110 to 105",
    "executed 3 with 1 2@105 shows 0",
    "limit state begins buy 105",
  ]);
  assert.equal(bench.buy(1, 0, { type: "market" })[1], "canceled 1.2 1 breaker");
  assert.equal(bench.cancel(orderId(3)), ["canceled 3 3 user", "limit state ends buy 105"]);
});

test("a limit state that lasts too long ends in an auction", () => {
  const bench = new MarketBench();
  bench.breaker("limit_state", 100, 5, 10);
  bench.sell(2, 95);
  bench.wait(9.999);
  assert.equal(bench.tick(), ["ticked"]);
  bench.wait(0.001);
  assert.equal(bench.tick(), ["state volatility_auction", "ticked", "limit state ends sell 95"]);
});

test("set_breaker begins a limit state anew", () => {
  const bench = new MarketBench();
  bench.breaker("limit_state", 100, 5, 10);
  assert.equal(bench.sell(2, 95), ["accepted 1 sell 2@95", "limit state begins sell 95"]);
  bench.wait(9);
  assert.equal(bench.breaker("limit_state", 0, 5, 10), [
    "breaker_set",
    "limit state begins sell 95",
  ]);
  bench.wait(9);
  assert.equal(bench.tick(), ["ticked"]);
  assert.equal(bench.breaker("none", 0, 0), ["breaker_set", "limit state ends sell 95"]);
});

test("an order that stops at prices beyond the band of a new breaker does not cross them", () => {
  const bench = new MarketBench();
  bench.sell(2, 90, { account: 2 });
  bench.breaker("limit_state", 100, 5);
  assert.equal(bench.buy(2, 100), ["accepted 2 buy 2@100", "canceled 2 2 breaker"]);
});

test.run();
