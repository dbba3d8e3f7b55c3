import { suite } from "uvu";
import * as assert from "uvu/assert";

import { Market } from "../../native/portable/market.ts";
import { seed } from "../../test/support/seed.ts";
import type { EngineCommand, RestingOrder } from "../kernel/ports/matching-engine.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { type AccountId, orderId, priceTicks, quantityLots } from "../kernel/units.ts";
import { BookView, type Level } from "./book-view.ts";

const test = suite("book view");
const SEED = seed(80_211);

/** Levels of a side by a slower way: grouped from the orders that the engine holds. */
function levels(orders: readonly RestingOrder[]): Level[] {
  const grouped = new Map<number, Level>();
  for (const { price, remaining } of orders) {
    const level = grouped.get(price) ?? { price, quantity: 0, orders: 0 };
    grouped.set(price, {
      price,
      quantity: level.quantity + remaining,
      orders: level.orders + 1,
    });
  }
  return [...grouped.values()];
}

test("B5.1 after any commands, auctions included, its levels are those of the engine's book, best first", () => {
  const market = new Market();
  const view = new BookView();
  const chance = seededRandomness(SEED);
  const ids: number[] = [];
  let sequence = 0;
  const apply = (command: EngineCommand): void => {
    sequence += 1;
    for (const event of market.apply(command, sequence)) {
      if (event.kind === "accepted" || event.kind === "replaced") ids.push(event.orderId);
      view.apply(event);
    }
  };
  apply({
    kind: "configure",
    session: 0,
    number: 0,
    account: 0,
    tag: 0,
    bandLow: priceTicks(1),
    bandHigh: priceTicks(2_000),
    maximumQuantity: quantityLots(1_000),
    orderCapacity: 2_000,
    mode: "matched",
  });
  const phases = ["open", "closing_auction", "open", "halted", "open", "pre_open"] as const;
  for (let step = 0; step < 15_000; step += 1) {
    if (step % 400 === 399) {
      const state = phases[Math.floor(step / 400) % phases.length] ?? "open";
      apply({ kind: "set_state", session: 0, number: 0, account: 0, tag: 0, state });
    }
    const header = { session: 0, number: 0, account: 1 as AccountId, tag: 0 };
    const recent = Math.min(Math.max(ids.length, 1), 2_000);
    const named = orderId(ids[ids.length - 1 - chance.below(recent)] ?? 1);
    const quantity = quantityLots(1 + chance.below(80));
    const price = priceTicks(900 + chance.below(200));
    const kind = chance.below(20);
    if (kind < 12) {
      const side = chance.below(2) === 0 ? "buy" : "sell";
      const timeInForce = (["day", "day", "day", "ioc", "fok"] as const)[chance.below(5)] ?? "day";
      const atMarket = chance.below(20) === 0;
      apply(
        atMarket
          ? { ...header, kind: "place", side, orderType: "market", timeInForce, price: 0, quantity }
          : { ...header, kind: "place", side, orderType: "limit", timeInForce, price, quantity },
      );
    } else if (kind < 16) apply({ ...header, kind: "cancel", orderId: named });
    else if (kind < 18) apply({ ...header, kind: "reduce", orderId: named, quantity });
    else apply({ ...header, kind: "replace", orderId: named, price, quantity });
    if (step % 100 !== 0) continue;
    const at = `SEED=${SEED} sequence=${sequence}`;
    const bids = market.restingOrders("buy", 1e6);
    const asks = market.restingOrders("sell", 1e6);
    assert.equal(view.bids(1e6), levels(bids), at);
    assert.equal(view.asks(1e6), levels(asks), at);
    assert.equal(view.bids(3), levels(bids).slice(0, 3), at);
    assert.equal(BookView.from([...bids, ...asks]).asks(1e6), levels(asks), at);
  }
  assert.ok(market.restingCount() > 50, `${market.restingCount()} orders SEED=${SEED}`);
});

test("an event that takes off what no level holds is a broken invariant, not a wrong book", () => {
  const view = new BookView();
  assert.throws(
    () =>
      view.apply({
        kind: "reduced",
        sequence: 1 as never,
        index: 0,
        last: true,
        tag: 0,
        orderId: orderId(5),
        account: 1 as AccountId,
        side: "buy",
        price: priceTicks(7),
        quantity: quantityLots(3),
        reason: "user",
        remaining: quantityLots(1),
      }),
    /takes? 3 lots/,
  );
});

test.run();
