import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MarketBench, orderId } from "../../test/support/market-bench.ts";

const test = suite("portable pegs");

test("pegs are priced from the lit touch, not beyond their cap, and rest dark", () => {
  const bench = new MarketBench();
  bench.buy(5, 90, { account: 2 });
  bench.sell(5, 101, { account: 2 });
  bench.buy(1, 0, { type: "pegged_mid" });
  bench.sell(1, 0, { type: "pegged_mid", trigger: 2 });
  bench.buy(1, 94, { type: "pegged_mid", account: 3 });
  // (90 + 101) / 2 is 95 for the buyer and 96 for the seller, who adds two.
  assert.equal(bench.sell(3, 90, { account: 4 }).slice(1), [
    "executed 6 with 3 1@95 shows 0 dark",
    "executed 6 with 5 1@94 shows 0 dark",
    "executed 6 with 1 1@90 shows 4",
  ]);
  assert.equal(bench.buy(1, 98, { account: 4, time: "ioc" }).slice(1), [
    "executed 6.2 with 4 1@98 shows 0 dark",
  ]);
});

test("a peg without a reference is parked, and priced when there is one", () => {
  const bench = new MarketBench();
  bench.buy(1, 0, { type: "pegged_primary", trigger: 1 });
  assert.equal(bench.sell(1, 1, { account: 2, time: "ioc" })[1], "canceled 2 1 ioc_rest");
  bench.buy(5, 50, { account: 3 });
  assert.equal(bench.sell(6, 49, { account: 2 }).slice(1), [
    "executed 3 with 2.2 5@50 shows 0",
    "executed 3 with 1 1@49 shows 0 dark",
  ]);
});

test("pegs follow the touch without events and lose their place", () => {
  const bench = new MarketBench();
  bench.buy(5, 50, { account: 3 });
  bench.buy(1, 0, { type: "pegged_primary" });
  bench.buy(1, 0, { type: "pegged_primary", account: 2 });
  assert.equal(bench.buy(5, 51, { account: 3 }), ["accepted 4 buy 5@51"]);
  assert.equal(bench.replace(orderId(2), 2, 0), ["replaced 2 (1) by 2.2 2@0"]);
  assert.equal(bench.sell(8, 51, { account: 4 }).slice(1), [
    "executed 5 with 4 5@51 shows 0",
    "executed 5 with 3 1@51 shows 0 dark",
    "executed 5 with 2.2 2@51 shows 0 dark",
  ]);
});

test("pegs are parked while the market is not open", () => {
  const bench = new MarketBench();
  bench.buy(5, 50, { account: 3 });
  bench.buy(1, 0, { type: "pegged_primary" });
  bench.state("volatility_auction");
  bench.sell(9, 40, { account: 2 });
  assert.equal(bench.state("open").slice(0, 2), [
    "executed 1 with 3 5@40 shows 4 uncross",
    "state open",
  ]);
});

test.run();
