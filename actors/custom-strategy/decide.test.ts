import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { TimestampNs } from "../kernel/units.ts";
import { type DesiredQuotes, noQuotes } from "../models/backtest/strategy.ts";
import type { Plan } from "../trading/decide.ts";
import { emptyLedger, type Ledger, type LiveOrder } from "../trading/ledger.ts";
import { emptyView } from "../trading/market-view.ts";
import { customStrategyPlanner } from "./decide.ts";
import type { CustomAdvice, CustomStrategyMemo, CustomStrategyStart } from "./messages.ts";

const test = suite("custom strategy decisions");

const start: CustomStrategyStart = {
  id: "c1",
  region: "eu-central",
  sender: { actor: "eu-central/strategies/c1", shard: "act-eu-central-00", incarnation: 1 },
  account: 7,
  risk: "",
  instrument: {
    market: "TEST",
    home: "eu-central",
    tick: 5,
    lot: 10,
    bandLow: 100,
    bandHigh: 10_000,
    maximumQuantity: 1_000_000,
  },
  parameters: { source: "", quantity: 100, maximumInventory: 250, interval: 500 },
};
const plan = (
  advice: CustomAdvice | undefined,
  ledger: Partial<Ledger> = {},
  memo: CustomStrategyMemo | null = null,
): Plan<CustomStrategyMemo> | null =>
  customStrategyPlanner(start)({
    ledger: { ...emptyLedger, ...ledger },
    memo,
    view: emptyView,
    now: 1n as TimestampNs,
    advice,
  });
const wants = (desired: Partial<DesiredQuotes>, state: unknown = null): CustomAdvice => ({
  type: "decided",
  state,
  desired: { ...noQuotes, ...desired },
});
const bid: LiveOrder = { orderId: 3, side: "buy", price: 500, remaining: 40 };

test("ticks and lots become units, and cancels come before what is placed", () => {
  const made = plan(
    wants({ bid: { price: 99, quantity: 2 }, ask: { price: 110, quantity: 3 } }, { n: 1 }),
    { live: [bid] },
  );
  assert.equal(made, {
    orders: [
      { kind: "cancel", orderId: 3 },
      { kind: "place", side: "buy", price: 495, quantity: 20, timeInForce: "day" },
      { kind: "place", side: "sell", price: 550, quantity: 30, timeInForce: "day" },
    ],
    memo: { state: { n: 1 } },
  });
});

test("an order at the wanted price keeps its place, whatever is left of it", () => {
  assert.is(
    plan(wants({ bid: { price: 100, quantity: 9 } }), { live: [bid] }, { state: null }),
    null,
  );
});

test("what goes beyond the quantity, the inventory or the band is cut", () => {
  const large = plan(wants({ bid: { price: 100, quantity: 500 } }));
  assert.is(large?.orders[0]?.kind === "place" ? large.orders[0].quantity : 0, 100);
  const long = plan(wants({ bid: { price: 100, quantity: 10 } }), { inventory: 225 });
  assert.is(long?.orders[0]?.kind === "place" ? long.orders[0].quantity : 0, 20);
  const full = plan(wants({ bid: { price: 100, quantity: 10 } }, 1), { inventory: 250 });
  assert.equal(full?.orders, []);
  const outside = plan(
    wants({ ask: { price: 2_001, quantity: 1 }, bid: { price: 19, quantity: 1 } }, 1),
  );
  assert.equal(outside?.orders, []);
  const short = plan(wants({ take: { side: "sell", price: 100, quantity: 30 } }), {
    inventory: -240,
  });
  assert.equal(short?.orders, [
    { kind: "place", side: "sell", price: 500, quantity: 10, timeInForce: "ioc" },
  ]);
});

test("B8.4 while it fails nothing of it rests, and when it has failed for good it stops", () => {
  const memo = { state: { n: 4 } };
  assert.equal(plan({ type: "failed", final: false }, { live: [bid] }, memo), {
    orders: [{ kind: "cancel", orderId: 3 }],
    memo,
  });
  assert.is(plan({ type: "failed", final: false }, {}, memo), null);
  assert.is(plan({ type: "failed", final: true }, { live: [bid] }, memo)?.stop, true);
  assert.is(plan(undefined), null);
});

test("nothing is kept where nothing changes", () => {
  assert.is(plan(wants({}, { n: 1 }), {}, { state: { n: 1 } }), null);
  assert.equal(plan(wants({}, { n: 2 }), {}, { state: { n: 1 } })?.memo, { state: { n: 2 } });
});

test.run();
