import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MarketBench, orderId } from "../../test/support/market-bench.ts";

const test = suite("portable auctions");

function called(state: "opening_auction" | "closing_auction" | "volatility_auction"): MarketBench {
  const bench = new MarketBench();
  bench.state(state);
  return bench;
}

test("orders of a call phase rest, crossing or not, and the indicative price is told", () => {
  const bench = called("opening_auction");
  assert.equal(bench.buy(5, 102, { account: 2 }), ["accepted 1 buy 5@102"]);
  assert.equal(bench.sell(3, 100), ["accepted 2 sell 3@100", "indicative 3@102 buy 2"]);
  assert.equal(bench.sell(4, 101), ["accepted 3 sell 4@101", "indicative 5@101 sell 2"]);
  assert.equal(bench.state("open"), [
    "executed 1 with 2 3@101 shows 0 uncross",
    "executed 1 with 3 2@101 shows 2 uncross",
    "state open",
  ]);
});

test("of equal volumes the least surplus decides, then pressure, then the reference", () => {
  const bench = called("opening_auction");
  bench.buy(5, 110, { account: 2 });
  assert.equal(bench.sell(5, 100).at(-1), "indicative 5@100 buy 0");
  bench.breaker("none", 106, 0);
  assert.equal(bench.tick(), ["ticked"]);
  assert.equal(bench.buy(1, 90, { account: 2 }), ["accepted 3 buy 1@90"]);
  // Of 100 and 110 the second is nearer to 106; it was told with the breaker.
  assert.equal(bench.state("open")[0], "executed 1 with 2 5@110 shows 0 uncross");
  const buyers = called("opening_auction");
  buyers.buy(9, 110, { account: 2 });
  assert.equal(buyers.sell(5, 100).at(-1), "indicative 5@110 buy 4");
  const sellers = called("opening_auction");
  sellers.buy(5, 110, { account: 2 });
  assert.equal(sellers.sell(9, 100).at(-1), "indicative 5@100 sell 4");
});

test("market orders stand before all others and are never shown; their rest is canceled", () => {
  const bench = called("opening_auction");
  bench.sell(2, 100, { account: 2 });
  assert.equal(bench.sell(3, 0, { type: "market", time: "at_open" }), ["accepted 2 sell 3@0"]);
  assert.equal(bench.buy(4, 100, { account: 3 }).at(-1), "indicative 4@100 sell 1");
  assert.equal(bench.state("open"), [
    "executed 3 with 2 3@100 shows 0 uncross",
    "executed 3 with 1 1@100 shows 1 uncross",
    "state open",
  ]);
  const unmatched = called("closing_auction");
  unmatched.buy(4, 0, { type: "market", time: "at_close" });
  assert.equal(unmatched.state("open"), ["canceled 1 4 auction_rest", "state open"]);
});

test("only market orders on both sides uncross at the reference, or not at all", () => {
  const bench = called("volatility_auction");
  bench.buy(4, 0, { type: "market", time: "good_for_auction" });
  bench.sell(6, 0, { type: "market", time: "good_for_auction", account: 2 });
  bench.breaker("none", 77, 0);
  assert.equal(bench.state("open"), [
    "executed 1 with 2 4@77 shows 0 uncross",
    "canceled 2 2 auction_rest",
    "state open",
  ]);
});

test("orders for an auction are parked until it begins, and end with it", () => {
  const bench = new MarketBench();
  bench.buy(3, 100, { time: "good_for_auction" });
  bench.buy(3, 101, { time: "at_close" });
  assert.equal(bench.sell(5, 100, { account: 2 }), ["accepted 3 sell 5@100"]);
  assert.equal(bench.buy(1, 100, { time: "at_open" }), ["refused not_in_phase"]);
  assert.equal(bench.state("volatility_auction"), [
    "state volatility_auction",
    "rested 1 3@100",
    "indicative 3@100 sell 2",
  ]);
  assert.equal(bench.state("closing_auction"), [
    "state closing_auction",
    "rested 2 3@101",
    "indicative 5@100 buy 1",
  ]);
  assert.equal(bench.state("closed").slice(0, 3), [
    "executed 2 with 3 3@100 shows 2 uncross",
    "executed 1 with 3 2@100 shows 0 uncross",
    "canceled 1 1 auction_rest",
  ]);
});

test("icebergs show anew in the uncross and reduce-only orders are cut", () => {
  const bench = new MarketBench();
  bench.position(3, 2);
  bench.state("opening_auction");
  bench.buy(6, 100, { display: 2 });
  bench.sell(3, 100, { account: 2, with: ["reduce_only"] });
  bench.position(1, 2);
  bench.sell(4, 100, { account: 3 });
  assert.equal(bench.state("open"), [
    "reduced 2 by 2 to 1 reduce_only",
    "executed 1 with 2 1@100 shows 0 uncross",
    "executed 1 with 3 1@100 shows 3 uncross",
    "rested 1 2@100",
    "executed 1 with 3 2@100 shows 1 uncross",
    "rested 1 2@100",
    "executed 1 with 3 1@100 shows 0 uncross",
    "state open",
  ]);
});

test("the uncross elects stops by its price, after its trades", () => {
  const bench = called("opening_auction");
  assert.equal(bench.sell(1, 0, { type: "stop", trigger: 100, account: 4 }), [
    "accepted 1 sell 1@0",
  ]);
  bench.buy(5, 100);
  bench.sell(3, 100, { account: 2 });
  assert.equal(bench.state("open"), [
    "executed 2 with 3 3@100 shows 0 uncross",
    "triggered 1 at 100",
    "state open",
    "executed 1 with 2 1@100 shows 1",
  ]);
});

test("the phases take the orders that their table says", () => {
  const bench = called("opening_auction");
  assert.equal(bench.buy(1, 100, { time: "ioc" }), ["refused not_in_phase"]);
  assert.equal(bench.buy(1, 100, { with: ["post_only"] }), ["refused not_in_phase"]);
  assert.equal(bench.buy(1, 0, { type: "market" }), ["refused not_in_phase"]);
  assert.equal(bench.buy(1, 100, { time: "at_open" }), ["accepted 1 buy 1@100"]);
  bench.state("volatility_auction");
  assert.equal(bench.buy(1, 100, { time: "at_open" }), ["refused not_in_phase"]);
  bench.state("halted");
  assert.equal(bench.buy(1, 100), ["refused market_halted"]);
  assert.equal(bench.replace(orderId(1), 1, 99), ["refused market_halted"]);
  assert.equal(bench.reduce(orderId(1), 1), ["canceled 1 1 reduced_to_zero"]);
});

test("the state it has already only tells itself", () => {
  const bench = called("opening_auction");
  bench.buy(1, 0, { type: "market", time: "at_open" });
  assert.equal(bench.state("opening_auction"), ["state opening_auction"]);
});

test("what the closing auction leaves of orders for the close ends with it", () => {
  const bench = called("closing_auction");
  bench.buy(4, 90, { time: "at_close" });
  bench.buy(4, 91, { time: "gtc" });
  assert.equal(bench.state("closed"), ["canceled 1 4 auction_rest", "state closed"]);
});

test("an uncross in which cuts leave no trade changes neither last trade nor reference", () => {
  const bench = new MarketBench();
  bench.position(3, 2);
  bench.state("opening_auction");
  bench.sell(3, 100, { account: 2, with: ["reduce_only"] });
  bench.buy(3, 100);
  bench.position(0, 2);
  assert.equal(bench.state("open"), ["canceled 1 3 reduce_only", "state open"]);
  assert.equal(bench.sell(1, 0, { type: "trailing_stop", trigger: 1 }), ["refused no_reference"]);
});

test("market orders left over do not trade at a second price, beyond the best buy", () => {
  const bench = called("opening_auction");
  bench.buy(5, 100);
  bench.buy(10, 0, { type: "market", time: "at_open" });
  bench.sell(4, 99, { account: 2 });
  assert.equal(bench.sell(4, 105, { account: 3 }), ["accepted 4 sell 4@105"]);
  assert.equal(bench.state("open"), [
    "executed 2 with 3 4@100 shows 0 uncross",
    "canceled 2 6 auction_rest",
    "state open",
  ]);
});

test("when an order is cut in the uncross, what is left uncrosses at a new price", () => {
  const bench = new MarketBench();
  bench.position(9, 2);
  bench.state("opening_auction");
  bench.sell(9, 100, { account: 2, with: ["reduce_only"] });
  bench.sell(9, 103, { account: 3 });
  bench.buy(9, 105);
  bench.position(1, 2);
  const told = bench.state("open");
  assert.match(told[0] ?? "", /^reduced 1 by 8 to 1 reduce_only$/);
  assert.match(told[1] ?? "", /^executed 3 with 1 1@1\d\d shows 0 uncross$/);
  assert.match(told[2] ?? "", /^executed 3 with 2 8@1\d\d shows 1 uncross$/);
});

test("two partners that trade with each other in the uncross both leave", () => {
  const bench = called("opening_auction");
  bench.buy(2, 100);
  bench.sell(5, 100, { oco: orderId(1) });
  assert.equal(bench.state("open"), [
    "executed 1 with 2 2@100 shows 3 uncross",
    "canceled 2 3 linked",
    "state open",
  ]);
});

test.run();
