import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MarketBench, orderId } from "../../test/support/market-bench.ts";

const test = suite("portable matching");

test("self-trade prevention newest cancels the aggressor's rest and leaves the resting order", () => {
  const bench = new MarketBench();
  bench.sell(5, 100, { account: 2 });
  bench.sell(5, 100);
  assert.equal(bench.buy(9, 100, { selfTrade: "newest" }), [
    "accepted 3 buy 9@100",
    "executed 3 with 1 5@100 shows 0",
    "canceled 3 4 self_trade",
  ]);
});

test("self-trade prevention oldest cancels resting orders and trades on", () => {
  const bench = new MarketBench();
  bench.sell(5, 100);
  bench.sell(5, 100, { account: 2 });
  assert.equal(bench.buy(9, 100, { selfTrade: "oldest" }), [
    "accepted 3 buy 9@100",
    "canceled 1 5 self_trade",
    "executed 3 with 2 5@100 shows 0",
  ]);
});

test("self-trade prevention both cancels the resting order, then the aggressor", () => {
  const bench = new MarketBench();
  bench.sell(5, 100);
  assert.equal(bench.buy(9, 100, { selfTrade: "both" }), [
    "accepted 2 buy 9@100",
    "canceled 1 5 self_trade",
    "canceled 2 9 self_trade",
  ]);
});

test("self-trade prevention decrement takes the smaller quantity off both, off the reserve first", () => {
  const bench = new MarketBench();
  bench.sell(9, 100, { display: 2 });
  assert.equal(bench.buy(4, 100, { selfTrade: "decrement" }), [
    "accepted 2 buy 4@100",
    "reduced 1 by 4 to 5 self_trade",
    "canceled 2 4 self_trade",
  ]);
  assert.equal(bench.buy(4, 100, { account: 2 }).slice(0, 2), [
    "accepted 2.2 buy 4@100",
    "executed 2.2 with 1 2@100 shows 0",
  ]);
});

test("an aggressor without a mode trades with its own account", () => {
  const bench = new MarketBench();
  bench.sell(5, 100, { selfTrade: "newest" });
  assert.equal(bench.buy(5, 100), ["accepted 2 buy 5@100", "executed 2 with 1 5@100 shows 0"]);
});

test("a fill-or-kill order counts own orders by its mode", () => {
  const bench = new MarketBench();
  bench.sell(5, 100);
  bench.sell(5, 101, { account: 2 });
  assert.equal(
    bench.buy(6, 101, { time: "fok", selfTrade: "newest" })[1],
    "canceled 3 6 fok_unfilled",
  );
  assert.equal(
    bench.buy(6, 101, { time: "fok", selfTrade: "oldest" })[1],
    "canceled 3.2 6 fok_unfilled",
  );
  assert.equal(bench.buy(5, 101, { time: "fok", selfTrade: "oldest" }), [
    "accepted 3.3 buy 5@101",
    "canceled 1 5 self_trade",
    "executed 3.3 with 2 5@101 shows 0",
  ]);
});

test("hidden orders trade after the lit ones of their price and are never in the touch", () => {
  const bench = new MarketBench();
  assert.is(
    bench.raw({ kind: 1, side: 1, account: 1, quantity: 5, price: 100, attributes: 4 }).length,
    1,
  );
  bench.sell(5, 100);
  assert.equal(bench.buy(7, 100, { account: 2 }), [
    "accepted 3 buy 7@100",
    "executed 3 with 2 5@100 shows 0",
    "executed 3 with 1 2@100 shows 0 dark",
  ]);
});

test("a market order with protection stops so many ticks from the best opposite price", () => {
  const bench = new MarketBench();
  bench.sell(5, 100);
  bench.sell(5, 102);
  bench.sell(5, 103);
  assert.equal(bench.buy(20, 0, { type: "market", trigger: 2 }), [
    "accepted 4 buy 20@0",
    "executed 4 with 1 5@100 shows 0",
    "executed 4 with 2 5@102 shows 0",
    "canceled 4 10 no_liquidity",
  ]);
  assert.equal(bench.sell(1, 0, { type: "market", trigger: 2 })[1], "canceled 4.2 1 no_liquidity");
});

test("a post-only order that would trade is refused, or takes the next passive price", () => {
  const bench = new MarketBench();
  bench.sell(5, 100, { with: ["hidden"] });
  assert.equal(bench.buy(5, 100, { with: ["post_only"] }), ["refused post_only"]);
  assert.equal(bench.buy(5, 104, { with: ["post_only", "reprice"] }), ["accepted 2 buy 5@99"]);
  assert.equal(bench.replace(orderId(2), 5, 100), ["replaced 2 (5) by 2.2 5@99"]);
  const low = new MarketBench({ price: 100 });
  low.sell(5, 100);
  assert.equal(low.buy(5, 100, { with: ["post_only", "reprice"] }), ["refused post_only"]);
});

test("a reduce-only order takes the position at most, when it enters and when it is hit", () => {
  const bench = new MarketBench();
  assert.equal(bench.sell(5, 100, { with: ["reduce_only"] }), ["refused reduce_only"]);
  bench.position(8);
  assert.equal(bench.sell(20, 100, { with: ["reduce_only"] }), ["accepted 1 sell 8@100"]);
  assert.equal(bench.sell(20, 101, { with: ["reduce_only"] }), ["accepted 2 sell 8@101"]);
  assert.equal(bench.buy(20, 101, { account: 2 }), [
    "accepted 3 buy 20@101",
    "executed 3 with 1 8@100 shows 0",
    "canceled 2 8 reduce_only",
  ]);
  bench.position(3);
  bench.cancel(orderId(3), 2);
  bench.sell(3, 90, { with: ["reduce_only"] });
  bench.position(2);
  assert.equal(bench.buy(5, 90, { account: 2, time: "ioc" }), [
    "accepted 2.2 buy 5@90",
    "reduced 3.2 by 1 to 2 reduce_only",
    "executed 2.2 with 3.2 2@90 shows 0",
    "canceled 2.2 3 ioc_rest",
  ]);
});

test("an all-or-none order rests dark until what it needs is there", () => {
  const bench = new MarketBench();
  bench.sell(5, 100);
  assert.equal(bench.buy(8, 100, { account: 2, with: ["all_or_none"] }), ["accepted 2 buy 8@100"]);
  assert.equal(bench.sell(2, 100), ["accepted 3 sell 2@100"]);
  assert.equal(bench.sell(1, 99), [
    "accepted 4 sell 1@99",
    "executed 2 with 4 1@99 shows 0",
    "executed 2 with 1 5@100 shows 0",
    "executed 2 with 3 2@100 shows 0",
  ]);
});

test("a conditional order is skipped by aggressors with less than its minimum", () => {
  const bench = new MarketBench();
  bench.buy(8, 100, { account: 2, minimum: 5 });
  bench.buy(3, 99, { account: 3 });
  assert.equal(bench.sell(4, 99), ["accepted 3 sell 4@99", "executed 3 with 2 3@99 shows 0"]);
  // What is left of the seller cannot reach the minimum; five lots can.
  bench.cancel(orderId(3));
  assert.equal(bench.sell(6, 100), [
    "accepted 3.2 sell 6@100",
    "executed 3.2 with 1 6@100 shows 0 dark",
    "rested 1 2@100",
  ]);
});

test("what a conditional order has left enters anew, so that it does not cross the lit book", () => {
  const bench = new MarketBench();
  bench.buy(9, 105, { account: 2, minimum: 5 });
  bench.sell(3, 104, { account: 3 });
  assert.equal(bench.sell(5, 105), [
    "accepted 3 sell 5@105",
    "executed 3 with 1 5@105 shows 0 dark",
    "executed 1 with 2 3@104 shows 0",
    "rested 1 1@105",
  ]);
});

test("an immediate order whose minimum is not there trades nothing", () => {
  const bench = new MarketBench();
  bench.sell(3, 100);
  assert.equal(bench.buy(8, 100, { time: "ioc", minimum: 4 })[1], "canceled 2 8 minimum_unmet");
  assert.equal(bench.buy(8, 100, { time: "ioc", minimum: 3 }).slice(1), [
    "executed 2.2 with 1 3@100 shows 0",
    "canceled 2.2 5 ioc_rest",
  ]);
});

test("a discretionary order goes beyond its price as an aggressor, and comes to one that does not reach it", () => {
  const bench = new MarketBench();
  bench.sell(5, 102, { account: 2 });
  assert.equal(bench.buy(3, 100, { discretion: 2 }), [
    "accepted 2 buy 3@100",
    "executed 2 with 1 3@102 shows 2",
  ]);
  bench.cancel(orderId(1), 2);
  bench.buy(5, 100, { discretion: 2 });
  bench.buy(5, 99, { discretion: 4 });
  assert.equal(bench.sell(6, 102, { account: 2 }), [
    "accepted 3 sell 6@102",
    "executed 3 with 2.2 5@102 shows 0",
    "executed 3 with 1.2 1@102 shows 4",
  ]);
});

test("an iceberg shows its display anew, last at its price, and can be hit again", () => {
  const bench = new MarketBench();
  assert.equal(bench.sell(7, 100, { display: 3 }), ["accepted 1 sell 7@100", "rested 1 3@100"]);
  bench.sell(2, 100);
  assert.equal(bench.buy(9, 100, { account: 2 }), [
    "accepted 3 buy 9@100",
    "executed 3 with 1 3@100 shows 0",
    "rested 1 3@100",
    "executed 3 with 2 2@100 shows 0",
    "executed 3 with 1 3@100 shows 0",
    "rested 1 1@100",
    "executed 3 with 1 1@100 shows 0",
  ]);
});

test("reduce takes lots off the reserve and keeps the place of what is shown", () => {
  const bench = new MarketBench();
  bench.sell(7, 100, { display: 3 });
  bench.sell(2, 100);
  assert.equal(bench.reduce(orderId(1), 5), ["reduced 1 by 5 to 2 user"]);
  assert.equal(bench.buy(3, 100, { account: 2 }).slice(1), [
    "executed 3 with 1 2@100 shows 0",
    "executed 3 with 2 1@100 shows 1",
  ]);
});

test("random refresh sizes follow from the seed alone", () => {
  const shown = (seed: bigint): string[] => {
    const bench = new MarketBench();
    bench.send({ kind: 15, orderId: seed });
    bench.sell(1_000, 100, { display: 10, with: ["random_refresh"] });
    return bench.buy(900, 100, { account: 2 }).filter((text) => text.startsWith("rested"));
  };
  assert.equal(shown(7n), shown(7n));
  assert.not.equal(shown(7n), shown(8n));
  const sizes = shown(7n).map((text) => Number(/(\d+)@/.exec(text)?.[1]));
  assert.ok(sizes.every((size) => size >= 1 && size <= 19) && new Set(sizes).size > 5);
});

test("an iceberg that would show anew more than a thousand times is refused", () => {
  const bench = new MarketBench();
  assert.equal(bench.sell(1_025, 100, { display: 1 }), ["refused command_invalid"]);
  assert.is(bench.sell(1_024, 100, { display: 1 })[1], "rested 1 1@100");
  assert.equal(bench.replace(orderId(1), 1_025, 100), ["refused command_invalid"]);
});

test.run();
