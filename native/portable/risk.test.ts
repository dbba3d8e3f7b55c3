import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MarketBench, orderId } from "../../test/support/market-bench.ts";
import { emptyFields } from "./command-fields.ts";

const test = suite("portable risk");
const empty = emptyFields({});

test("quantity, notional and collar limits refuse what exceeds them, and 0 switches them off", () => {
  const bench = new MarketBench();
  assert.equal(bench.limit("quantity", 5), ["limit_set"]);
  assert.equal(bench.buy(6, 100), ["refused limit_quantity"]);
  assert.equal(bench.buy(5, 100, { account: 2 }), ["accepted 1 buy 5@100"]);
  bench.limit("quantity", 0);
  bench.limit("notional", 600);
  assert.equal(bench.buy(6, 100), ["accepted 2 buy 6@100"]);
  assert.equal(bench.buy(7, 100), ["refused limit_notional"]);
  // A market order is worth the last trade, of which there is none.
  assert.equal(bench.sell(900, 0, { type: "market", account: 1 })[0], "accepted 3 sell 900@0");
  assert.equal(bench.sell(7, 0, { type: "market" }), ["refused limit_notional"]);
  bench.limit("notional", 0);
  bench.limit("collar", 10);
  assert.equal(bench.buy(1, 111), ["refused limit_collar"]);
  assert.equal(bench.buy(1, 90), ["accepted 3.2 buy 1@90"]);
});

test("a collar without a last trade looks at the breaker's reference", () => {
  const bench = new MarketBench();
  bench.limit("collar", 10);
  assert.equal(bench.buy(1, 500), ["accepted 1 buy 1@500"]);
  bench.breaker("none", 300, 0);
  assert.equal(bench.buy(1, 500), ["refused limit_collar"]);
});

test("open orders of every state count, and a replace needs no other place", () => {
  const bench = new MarketBench();
  bench.limit("open_orders", 2);
  bench.buy(1, 100);
  bench.buy(1, 0, { type: "stop", trigger: 120 });
  assert.equal(bench.buy(1, 99), ["refused limit_open_orders"]);
  assert.equal(bench.replace(orderId(1), 2, 98), ["replaced 1 (1) by 1.2 2@98"]);
});

test("the position limit counts what is held, what is open on the side and the order", () => {
  const bench = new MarketBench();
  bench.limit("position", 10);
  bench.position(4);
  bench.buy(3, 100);
  assert.equal(bench.buy(4, 100), ["refused limit_position"]);
  assert.equal(bench.buy(3, 100), ["accepted 2 buy 3@100"]);
  assert.equal(bench.replace(orderId(1), 4, 100), ["refused limit_position"]);
  assert.equal(bench.replace(orderId(1), 3, 99), ["replaced 1 (3) by 1.2 3@99"]);
  assert.equal(bench.sell(14, 200), ["accepted 3 sell 14@200"]);
  assert.equal(bench.sell(1, 200), ["refused limit_position"]);
  assert.equal(bench.sell(9, 200, { with: ["reduce_only"] }), ["accepted 4 sell 4@200"]);
});

test("a message rate counts what reaches the check, and a new window begins with a message", () => {
  const bench = new MarketBench();
  bench.limit("message_rate", 2, 1_000);
  bench.limit("quantity", 5);
  assert.equal(bench.buy(6, 100), ["refused limit_quantity"]);
  assert.equal(bench.buy(5, 100), ["accepted 1 buy 5@100"]);
  assert.equal(bench.buy(5, 100), ["refused limit_messages"]);
  bench.wait(1);
  assert.equal(bench.buy(5, 100), ["accepted 2 buy 5@100"]);
  bench.wait(0.999);
  bench.buy(5, 100);
  assert.equal(bench.replace(orderId(1), 1, 100), ["refused limit_messages"]);
  assert.equal(bench.cancel(orderId(1)), ["canceled 1 5 user"]);
});

test("an execution rate counts the trades of both sides, own trades twice", () => {
  const bench = new MarketBench();
  bench.limit("execution_rate", 3, 1_000);
  bench.sell(2, 100);
  bench.buy(1, 100, { account: 2 });
  bench.buy(1, 100);
  assert.equal(bench.buy(1, 100), ["refused limit_executions"]);
  bench.wait(1);
  assert.equal(bench.buy(1, 100).length, 1);
});

test("an engaged kill cancels everything and refuses orders until it is released", () => {
  const bench = new MarketBench();
  bench.buy(1, 100);
  bench.buy(1, 0, { type: "stop", trigger: 120 });
  bench.buy(1, 90, { account: 2 });
  const kill = (action: number) => bench.send({ kind: 10, account: 1, orderType: action });
  assert.equal(kill(0), ["killed", "canceled 1 1 killed", "canceled 2 1 killed"]);
  assert.equal(bench.buy(1, 100), ["refused account_killed"]);
  assert.equal(kill(1), ["killed"]);
  assert.equal(bench.buy(1, 100), ["accepted 2.2 buy 1@100"]);
});

test("trades move positions, and busts and corrections move them back", () => {
  const bench = new MarketBench();
  bench.sell(5, 100, { account: 2 });
  bench.buy(5, 100);
  const named = { orderId: BigInt(bench.sequence), quantity: 1 };
  const correct = (price: number, display: number) =>
    bench.send({ kind: 13, ...named, price, display });
  const reducible = () => bench.sell(9, 200, { with: ["reduce_only"] })[0];
  assert.match(reducible() ?? "", /sell 5@200$/);
  assert.equal(correct(0, 5), ["refused price_not_positive"]);
  assert.equal(correct(90, 0), ["refused quantity_not_positive"]);
  assert.equal(correct(90, 6), ["refused quantity_too_large"]);
  assert.equal(correct(90, 3), ["corrected 5 to 3@90"]);
  assert.match(reducible() ?? "", /sell 3@200$/);
  assert.equal(bench.send({ kind: 12, ...named }), ["busted 3@90 buyer 1 seller 2"]);
  assert.is(reducible(), "refused reduce_only");
  assert.equal(bench.send({ kind: 12, ...named }), ["refused trade_unknown"]);
  assert.equal(correct(90, 3), ["refused trade_unknown"]);
});

test("the first 4,096 accounts have a row, and no other gets one", () => {
  const bench = new MarketBench();
  for (let account = 1; account <= 4_096; account += 1) {
    bench.market.applyRaw({ ...empty, kind: 11, account, orderId: 5n }, account + 1, 0n);
  }
  const fresh = { ...empty, account: 5_000 };
  const told = (fields: typeof empty) => bench.market.applyRaw(fields, 9_999, 0n)[0]?.code;
  assert.is(told({ ...fresh, kind: 1, quantity: 1, price: 1 }), 21);
  assert.is(told({ ...fresh, kind: 9 }), 21);
  assert.is(told({ ...fresh, kind: 10 }), 21);
  assert.is(told({ ...fresh, kind: 11 }), 21);
  assert.is(told({ ...fresh, kind: 8 }), 0);
  assert.is(told({ ...fresh, kind: 1, quantity: 1, price: 1, account: 9 }), 0);
});

test.run();
