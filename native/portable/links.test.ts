import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MarketBench, orderId } from "../../test/support/market-bench.ts";

const test = suite("portable links");

test("when one of two partners executes in part, the other is canceled at once", () => {
  const bench = new MarketBench();
  bench.sell(5, 110);
  bench.sell(5, 120, { oco: orderId(1) });
  assert.equal(bench.buy(2, 110, { account: 2 }), [
    "accepted 3 buy 2@110",
    "executed 3 with 1 2@110 shows 3",
    "canceled 2 5 linked",
  ]);
  assert.equal(bench.cancel(orderId(1)), ["canceled 1 3 user"]);
});

test("when a partner leaves the other is canceled; when it is replaced they stay linked", () => {
  const bench = new MarketBench();
  bench.sell(5, 110);
  bench.sell(5, 120, { oco: orderId(1) });
  assert.equal(bench.replace(orderId(1), 4, 111), ["replaced 1 (5) by 1.2 4@111"]);
  assert.equal(bench.cancel(orderId(2)), ["canceled 2 5 user", "canceled 1.2 4 linked"]);
});

test("an aggressor whose partner executes against it is canceled, and matching stops", () => {
  const bench = new MarketBench();
  bench.sell(2, 100);
  bench.sell(5, 101, { account: 2 });
  assert.equal(bench.buy(9, 101, { oco: orderId(1) }), [
    "accepted 3 buy 9@101",
    "executed 3 with 1 2@100 shows 0",
    "canceled 3 7 linked",
  ]);
});

test("children wait for their parent and come to life with what it executed", () => {
  const bench = new MarketBench();
  bench.buy(10, 100);
  assert.equal(bench.sell(10, 110, { child: orderId(1) }), ["accepted 2 sell 10@110"]);
  bench.sell(4, 0, { child: orderId(1), type: "stop", trigger: 95 });
  assert.equal(bench.sell(1, 120, { child: orderId(1) }), ["refused link_invalid"]);
  bench.sell(6, 100, { account: 2 });
  assert.equal(bench.cancel(orderId(1)), [
    "canceled 1 4 user",
    "reduced 2 by 4 to 6 linked",
    "activated 2 6 of 1",
    "activated 3 4 of 1",
    "rested 2 6@110",
  ]);
  // The children are partners now: the stop is triggered and executes, the other is canceled.
  bench.buy(4, 94, { account: 2 });
  bench.buy(1, 95, { account: 2 });
  assert.equal(bench.sell(1, 95, { account: 3 }), [
    "accepted 5 sell 1@95",
    "executed 5 with 4.2 1@95 shows 0",
    "triggered 3 at 95",
    "executed 3 with 1.2 4@94 shows 0",
    "canceled 2 6 linked",
  ]);
});

test("children of a parent that executed nothing are canceled with it", () => {
  const bench = new MarketBench();
  bench.buy(10, 100);
  bench.sell(10, 110, { child: orderId(1) });
  assert.equal(bench.cancel(orderId(1)), ["canceled 1 10 user", "canceled 2 10 linked"]);
});

test("what a parent executed before it was replaced counts for its children", () => {
  const bench = new MarketBench();
  bench.buy(10, 100);
  bench.sell(10, 110, { child: orderId(1) });
  bench.sell(3, 100, { account: 2 });
  bench.replace(orderId(1), 5, 99);
  assert.equal(bench.cancel(orderId(1, 2)).slice(0, 3), [
    "canceled 1.2 5 user",
    "reduced 2 by 7 to 3 linked",
    "activated 2 3 of 1.2",
  ]);
});

test("a link is refused for orders of others, unknown ones and linked ones", () => {
  const bench = new MarketBench();
  bench.buy(10, 100);
  bench.buy(10, 99, { oco: orderId(1) });
  assert.equal(bench.buy(1, 98, { oco: orderId(9) }), ["refused order_unknown"]);
  assert.equal(bench.buy(1, 98, { oco: orderId(1), account: 2 }), ["refused order_not_yours"]);
  assert.equal(bench.buy(1, 98, { oco: orderId(1) }), ["refused link_invalid"]);
  assert.equal(bench.buy(1, 98, { child: orderId(2) }), ["refused link_invalid"]);
});

test.run();
