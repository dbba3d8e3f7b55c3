import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MarketBench, orderId } from "../../test/support/market-bench.ts";

const test = suite("portable work");

test("orders expire with the first command at or after their second, earliest first", () => {
  const bench = new MarketBench();
  bench.buy(1, 100, { time: "gtd", expiry: 7 });
  bench.buy(1, 99, { time: "gtd", expiry: 5 });
  bench.buy(1, 98, { time: "gtc" });
  bench.wait(4.999);
  assert.equal(bench.tick(), ["ticked"]);
  bench.wait(2.001);
  assert.equal(bench.sell(1, 100), [
    "canceled 2 1 expired",
    "canceled 1 1 expired",
    "accepted 1.2 sell 1@100",
  ]);
});

test("at most 64 orders expire with one command", () => {
  const bench = new MarketBench();
  for (let index = 0; index < 70; index += 1) bench.buy(1, 100, { time: "gtd", expiry: 5 });
  bench.wait(5);
  assert.is(bench.tick().length, 65);
  assert.is(bench.tick().length, 7);
});

test("no time passes before a command that is not well formed", () => {
  const bench = new MarketBench();
  bench.buy(1, 100, { time: "gtd", expiry: 5 });
  bench.wait(5);
  assert.equal(bench.send({ kind: 99 }), ["refused command_invalid"]);
  assert.equal(bench.cancel(orderId(9)), ["canceled 1 1 expired", "refused order_unknown"]);
});

test("the market's time never falls", () => {
  const bench = new MarketBench();
  bench.buy(1, 100, { time: "gtd", expiry: 5 });
  bench.wait(4);
  bench.tick();
  bench.time = 0n;
  bench.limit("message_rate", 1, 1_000);
  bench.buy(1, 100);
  bench.wait(1);
  assert.equal(bench.buy(1, 100), ["refused limit_messages"]);
});

test("a mass cancel takes an account's orders in entry order, by side, price and group", () => {
  const all = (filters: Partial<Parameters<MarketBench["send"]>[0]>) => {
    const bench = new MarketBench();
    bench.buy(1, 100, { group: 3 });
    bench.sell(1, 110);
    bench.buy(1, 0, { type: "stop", trigger: 120, group: 3 });
    bench.buy(1, 0, { type: "pegged_primary" });
    bench.buy(1, 90, { account: 2 });
    return bench
      .send({ kind: 8, account: 1, ...filters })
      .slice(1)
      .map((text) => text.split(" ")[1]);
  };
  assert.equal(all({}), ["1", "2", "3", "4"]);
  assert.equal(all({ orderType: 1, side: 1 }), ["2"]);
  assert.equal(all({ orderType: 2, price: 100, trigger: 110 }), ["1", "2", "4"]);
  assert.equal(all({ orderType: 2, price: 120, trigger: 130 }), ["3"]);
  assert.equal(all({ orderType: 4, group: 3 }), ["1", "3"]);
  assert.equal(all({ orderType: 5, side: 0, group: 0 }), ["4"]);
});

test("a sweep goes on with later commands and leaves orders that came after it", () => {
  const bench = new MarketBench();
  for (let index = 0; index < 200; index += 1) bench.buy(1, 100);
  assert.is(bench.send({ kind: 8, account: 1 }).length, 65);
  assert.ok(bench.market.hasWork());
  const placed = bench.buy(1, 200);
  assert.is(placed.length, 129);
  assert.match(placed[64] ?? "", /^accepted/);
  assert.is(bench.tick().length, 9);
  assert.not.ok(bench.market.hasWork());
  assert.is(bench.market.restingCount(), 1);
});

test("sixteen sweeps wait, the next is refused as busy", () => {
  const bench = new MarketBench({ orderId: 5_000n });
  for (let index = 0; index < 2_500; index += 1) {
    bench.place(1, 100);
  }
  const told = Array.from({ length: 17 }, () => bench.send({ kind: 8, account: 1 }));
  assert.ok(told.slice(0, 16).every((lines) => lines.includes("mass_canceled")));
  assert.ok(told[16]?.includes("refused busy"));
  assert.ok(bench.send({ kind: 10, account: 2 }).includes("refused busy"));
  assert.ok(bench.send({ kind: 10, account: 2, orderType: 1 }).includes("killed"));
});

test("the end of the day takes day orders and those of auctions, account by account", () => {
  const bench = new MarketBench();
  bench.buy(1, 90, { account: 2 });
  bench.buy(1, 91);
  bench.buy(1, 92, { account: 2, time: "gtc" });
  bench.buy(1, 93, { account: 2, time: "at_close" });
  assert.equal(bench.state("closed"), [
    "state closed",
    "canceled 1 1 day_end",
    "canceled 4 1 day_end",
    "canceled 2 1 day_end",
  ]);
  assert.equal(bench.buy(1, 90), ["refused market_closed"]);
  assert.equal(bench.cancel(orderId(3), 2), ["canceled 3 1 user"]);
});

test("a command's outcome for a resend is that of its own action", () => {
  const bench = new MarketBench();
  bench.buy(5, 100);
  const stop = { type: "stop", trigger: 90, session: 3n, number: 1n, account: 2 } as const;
  bench.sell(2, 0, stop);
  assert.equal(bench.sell(1, 80, { account: 3 }).slice(1), ["executed 3 with 1 1@100 shows 4"]);
  assert.equal(bench.sell(2, 0, stop), ["repeated 2 executed 0 open 2 none"]);
});

test.run();
