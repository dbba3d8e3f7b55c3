import { suite } from "uvu";
import * as assert from "uvu/assert";

import { Market } from "../../native/portable/market.ts";
import { seed } from "../../test/support/seed.ts";
import type { EngineCommand } from "../kernel/ports/matching-engine.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { type AccountId, orderId, priceTicks, quantityLots } from "../kernel/units.ts";
import { OrdersView } from "./orders-view.ts";

const test = suite("orders view");
const SEED = seed(51_101);

const configure: EngineCommand = {
  kind: "configure",
  session: 0,
  number: 0,
  account: 0,
  tag: 0,
  bandLow: priceTicks(1),
  bandHigh: priceTicks(1_000),
  maximumQuantity: quantityLots(1_000),
  orderCapacity: 3_000,
  mode: "matched",
};

test("B5.1 after any commands, auctions included, it lists the orders of each account as the engine holds them", () => {
  const market = new Market();
  const view = new OrdersView();
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
  const check = (): void => {
    const held = [...market.restingOrders("buy", 1e6), ...market.restingOrders("sell", 1e6)];
    const restored = OrdersView.from(held);
    for (const account of [1, 2, 3]) {
      const expected = held
        .filter((order) => order.account === account)
        .map(({ orderId: id, side, price, remaining }) => ({ orderId: id, side, price, remaining }))
        .sort((a, b) => a.orderId - b.orderId);
      const at = `SEED=${SEED} sequence=${sequence}`;
      assert.equal(view.ofAccount(account, 0, 1e6), expected, at);
      assert.equal(restored.ofAccount(account, 0, 1e6), expected, at);
    }
  };
  apply(configure);
  for (let step = 0; step < 12_000; step += 1) {
    const account = (1 + chance.below(3)) as AccountId;
    const header = { session: 0, number: 0, account, tag: 0 };
    const recent = Math.min(Math.max(ids.length, 1), 3_000);
    const named = orderId(ids[ids.length - 1 - chance.below(recent)] ?? 1);
    const quantity = quantityLots(1 + chance.below(50));
    const price = priceTicks(400 + chance.below(200));
    const kind = chance.below(10);
    if (kind < 6) {
      const side = chance.below(2) === 0 ? "buy" : "sell";
      const timeInForce = (["day", "day", "day", "ioc", "fok"] as const)[chance.below(5)] ?? "day";
      apply({ ...header, kind: "place", side, orderType: "limit", timeInForce, price, quantity });
    } else if (kind < 8) apply({ ...header, kind: "cancel", orderId: named });
    else if (kind < 9) apply({ ...header, kind: "reduce", orderId: named, quantity });
    else apply({ ...header, kind: "replace", orderId: named, price, quantity });
    if (step % 500 === 250) {
      const state = (["closing_auction", "open"] as const)[Math.floor(step / 500) % 2] ?? "open";
      apply({ kind: "set_state", session: 0, number: 0, account: 0, tag: 0, state });
    }
    if (step % 250 === 0) check();
  }
  check();
  assert.ok(market.restingCount() > 100, `${market.restingCount()} orders SEED=${SEED}`);
});

test("pages follow each other without a gap", () => {
  const market = new Market();
  market.apply(configure, 1);
  for (let step = 2; step < 100; step += 1) {
    market.apply(
      {
        kind: "place",
        session: 0,
        number: 0,
        account: 7 as AccountId,
        tag: 0,
        side: "buy",
        orderType: "limit",
        timeInForce: "day",
        price: priceTicks(step),
        quantity: quantityLots(1),
      },
      step,
    );
  }
  const view = OrdersView.from(market.restingOrders("buy", 1_000));
  const first = view.ofAccount(7, 0, 60);
  const second = view.ofAccount(7, first.at(-1)?.orderId ?? 0, 60);
  assert.equal([first.length, second.length], [60, 38]);
  assert.equal([...first, ...second], view.ofAccount(7, 0, 1_000));
  assert.equal(view.ofAccount(8, 0, 1_000), []);
});

test.run();
