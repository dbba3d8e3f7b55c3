import { suite } from "uvu";
import * as assert from "uvu/assert";

import { noQuotes, type OwnOrder, reconcile } from "./strategy.ts";

const test = suite("strategy");

const order = (change: Partial<OwnOrder>): OwnOrder => ({
  reference: 1,
  side: "buy",
  price: 100,
  remaining: 10,
  working: true,
  leaving: false,
  ...change,
});
const bid = { price: 100, quantity: 10 };

test("an order at the desired price keeps its place, whatever is left of it", () => {
  assert.equal(reconcile({ ...noQuotes, bid }, [order({ remaining: 3 })]), []);
});

test("an order at another price leaves, and the new one waits until it has left", () => {
  const desired = { ...noQuotes, bid: { price: 101, quantity: 10 } };
  assert.equal(reconcile(desired, [order({})]), [{ kind: "cancel", reference: 1 }]);
  assert.equal(reconcile(desired, [order({ leaving: true })]), []);
  assert.equal(reconcile(desired, []), [{ kind: "quote", side: "buy", price: 101, quantity: 10 }]);
});

test("an unanswered order is neither canceled nor doubled", () => {
  assert.equal(
    reconcile({ ...noQuotes, bid: { price: 90, quantity: 1 } }, [order({ working: false })]),
    [],
  );
});

test("no quotes desired: everything that works leaves, each side for itself", () => {
  const orders = [order({}), order({ reference: 2, side: "sell", price: 105 })];
  assert.equal(reconcile(noQuotes, orders), [
    { kind: "cancel", reference: 1 },
    { kind: "cancel", reference: 2 },
  ]);
  assert.equal(reconcile({ ...noQuotes, bid }, orders), [{ kind: "cancel", reference: 2 }]);
});

test("a take goes out beside the quotes", () => {
  const take = { side: "sell" as const, price: 99, quantity: 4 };
  assert.equal(reconcile({ ...noQuotes, take }, []), [{ kind: "take", ...take }]);
  assert.equal(reconcile({ ...noQuotes, take: { ...take, quantity: 0 } }, []), []);
});

test.run();
