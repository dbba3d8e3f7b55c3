import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MarketBench, orderId } from "../../test/support/market-bench.ts";

const test = suite("portable stops");

/** A market whose last trade is at 100. */
function traded(): MarketBench {
  const bench = new MarketBench();
  bench.sell(1, 100, { account: 8 });
  bench.buy(1, 100, { account: 9 });
  return bench;
}

const trade = (bench: MarketBench, price: number): string[] => {
  bench.sell(1, price, { account: 8 });
  return bench.buy(1, price, { account: 9 }).slice(2);
};

test("stops wait for a trade at or beyond their trigger, buys first, nearest first", () => {
  const bench = traded();
  assert.equal(bench.buy(1, 0, { type: "stop", trigger: 105 }), ["accepted 2.2 buy 1@0"]);
  assert.equal(bench.buy(1, 106, { type: "stop_limit", trigger: 103 }), ["accepted 1.2 buy 1@106"]);
  bench.sell(1, 0, { type: "stop", trigger: 104 });
  bench.replace(orderId(3), 1, 0, { trigger: 90 });
  assert.equal(trade(bench, 102), []);
  assert.not.ok(bench.market.hasWork());
  assert.equal(trade(bench, 105), [
    "triggered 1.2 at 103",
    "triggered 2.2 at 105",
    "rested 1.2 1@106",
    "canceled 2.2 1 no_liquidity",
  ]);
});

test("an order that a stop made trades elects the next stops", () => {
  const bench = traded();
  bench.buy(1, 0, { type: "stop", trigger: 101 });
  bench.sell(1, 0, { type: "stop", trigger: 90 });
  bench.sell(1, 103, { account: 3 });
  bench.buy(1, 85, { account: 3 });
  assert.equal(trade(bench, 101), ["triggered 2.2 at 101", "executed 2.2 with 3 1@103 shows 0"]);
  assert.equal(bench.sell(1, 85, { account: 4 }).slice(2), [
    "triggered 1.2 at 90",
    "canceled 1.2 1 no_liquidity",
  ]);
});

test("a stop that the last trade satisfies is triggered when it is accepted", () => {
  const bench = traded();
  assert.equal(bench.buy(1, 0, { type: "stop", trigger: 100 }), [
    "accepted 2.2 buy 1@0",
    "triggered 2.2 at 100",
    "canceled 2.2 1 no_liquidity",
  ]);
  bench.buy(1, 0, { type: "stop", trigger: 104 });
  assert.equal(bench.replace(orderId(2, 3), 1, 0, { trigger: 99 }), [
    "replaced 2.3 (1) by 2.4 1@0",
    "triggered 2.4 at 99",
    "canceled 2.4 1 no_liquidity",
  ]);
});

test("a trailing stop follows the market and is satisfied when it turns by its distance", () => {
  const bench = traded();
  assert.equal(bench.sell(1, 0, { type: "trailing_stop", trigger: 3 }), ["accepted 2.2 sell 1@0"]);
  assert.equal(trade(bench, 104), []);
  assert.equal(trade(bench, 102), []);
  assert.equal(trade(bench, 101), ["triggered 2.2 at 101", "canceled 2.2 1 no_liquidity"]);
});

test("a distance in basis points is of the extreme, rounded down, at least one tick", () => {
  const bench = traded();
  bench.buy(1, 0, { type: "trailing_stop", trigger: 199, with: ["trail_bps"] });
  assert.equal(trade(bench, 101), ["triggered 2.2 at 101", "canceled 2.2 1 no_liquidity"]);
});

test("a trailing stop needs a last trade", () => {
  const bench = new MarketBench();
  assert.equal(bench.sell(1, 0, { type: "trailing_stop", trigger: 3 }), ["refused no_reference"]);
});

test("a cascade of stops goes on over commands, so many steps at a time", () => {
  const bench = traded();
  for (let index = 0; index < 150; index += 1) {
    bench.buy(1, 0, { type: "stop", trigger: 101 + index });
    bench.sell(1, 101 + index, { account: 2 });
  }
  // The trade at 101 elects one stop, which trades at 102 and elects the next, and so on.
  const first = bench.buy(1, 101, { account: 9 });
  assert.is(first.filter((text) => text.startsWith("triggered")).length, 65);
  assert.ok(bench.market.hasWork());
  const second = bench.tick();
  assert.is(second.filter((text) => text.startsWith("triggered")).length, 85);
  assert.not.ok(bench.market.hasWork());
});

test.run();
