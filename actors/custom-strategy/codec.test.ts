import { suite } from "uvu";
import * as assert from "uvu/assert";

import { noQuotes } from "../models/backtest/strategy.ts";
import { checkDecision, eventCodec, parameterRules } from "./codec.ts";
import type { CustomStrategyEvent } from "./messages.ts";

const test = suite("custom strategy codec");

test("parameters need a file, and one that is too large is refused", () => {
  const given = parameterRules.parse({ source: "export default 1;", quantity: "10" });
  assert.equal([given.quantity, given.interval, given.maximumInventory], [10, 500, undefined]);
  assert.not.ok(parameterRules.safeParse({ quantity: "10" }).success);
  assert.not.ok(parameterRules.safeParse({ source: "", quantity: "10" }).success);
  assert.not.ok(parameterRules.safeParse({ source: "x".repeat(49_153), quantity: "10" }).success);
  assert.ok(parameterRules.safeParse({ source: "x" }).success);
  assert.not.ok(parameterRules.safeParse({ source: "x", quantity: "1.5" }).success);
});

test("a decision is taken only when every part of it is what it should be", () => {
  const good = { state: { n: 1, deep: [null, "a"] }, desired: noQuotes };
  assert.equal(checkDecision(good), { ok: true, value: good });
  const quote = { price: 5, quantity: 2 };
  const wrong: readonly unknown[] = [
    undefined,
    null,
    "buy",
    {},
    { state: null },
    { ...good, more: 1 },
    { state: () => 1, desired: noQuotes },
    { state: null, desired: { ...noQuotes, bid: { ...quote, price: 0.5 } } },
    { state: null, desired: { ...noQuotes, bid: { ...quote, price: -1 } } },
    { state: null, desired: { ...noQuotes, ask: { ...quote, quantity: Number.NaN } } },
    { state: null, desired: { ...noQuotes, ask: { ...quote, quantity: 2 ** 41 } } },
    { state: null, desired: { ...noQuotes, take: quote } },
    { state: "x".repeat(16_384), desired: noQuotes },
  ];
  for (const answer of wrong) {
    const checked = checkDecision(answer);
    assert.is(checked.ok ? "ok" : checked.failure.code, "strategy_failed", JSON.stringify(answer));
  }
});

test("events come back as they were, with what the strategy remembers", () => {
  const event: CustomStrategyEvent = {
    type: "planned",
    session: 7,
    orders: [{ kind: "cancel", orderId: 3 }],
    memo: { state: { n: [1, { two: null }] } },
  };
  assert.equal(eventCodec.parse(eventCodec.decode(eventCodec.encode(event), 1)), event);
  assert.throws(() => eventCodec.parse({ ...event, memo: {} }));
});

test.run();
