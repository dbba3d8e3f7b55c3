import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../test/support/seed.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import type { Side } from "./events.ts";
import { Ledger } from "./ledger.ts";

const test = suite("ledger of the replay's own orders");

test("prices and time order are those of a plain sorted list, whatever comes and goes", () => {
  const ledgerSeed = seed(99);
  const random = seededRandomness(ledgerSeed);
  const ledger = new Ledger();
  const plain: { id: number; side: Side; price: number }[] = [];
  for (let step = 1; step <= 5_000; step += 1) {
    const side: Side = random.below(2) === 0 ? "buy" : "sell";
    if (random.below(100) < 52) {
      const price = 1 + random.below(40);
      ledger.add(step, side, price, 10);
      plain.push({ id: step, side, price });
    } else if (plain.length > 0) {
      const [gone] = plain.splice(random.below(plain.length), 1);
      const order = ledger.get(gone?.id ?? 0);
      assert.ok(order);
      ledger.setRemaining(order, 0);
    }
    const own = plain.filter((order) => order.side === side);
    const best = own.reduce<number | null>(
      (price, order) =>
        price === null || (side === "buy" ? order.price > price : order.price < price)
          ? order.price
          : price,
      null,
    );
    assert.is(ledger.bestPrice(side), best, `SEED=${ledgerSeed} step=${step}`);
    assert.equal(
      ledger.best(side).map((order) => order.id),
      own.filter((order) => order.price === best).map((order) => order.id),
      `SEED=${ledgerSeed} step=${step}`,
    );
    assert.is(ledger.size, plain.length);
    const prices = [...new Set(own.map((order) => order.price))].sort((a, b) =>
      side === "buy" ? b - a : a - b,
    );
    const levels = ledger.levels(side);
    assert.is(levels.depth, prices.length);
    assert.equal(
      prices.map((_, better) => levels.priceAt(better)),
      prices,
      `SEED=${ledgerSeed} step=${step}`,
    );
    assert.is(levels.priceAt(prices.length), null);
    const price = 1 + random.below(40);
    const better = prices.filter((other) => (side === "buy" ? other > price : other < price));
    assert.is(levels.levelsBetter(price), better.length, `SEED=${ledgerSeed} step=${step}`);
    const worst = prices.length - 1;
    assert.equal(
      levels.ordersAt(worst).map((order) => order.id),
      own.filter((order) => order.price === prices[worst]).map((order) => order.id),
    );
  }
});

test("an order is found by the exchange's id from its entry to its end", () => {
  const ledger = new Ledger();
  const order = ledger.add(7, "buy", 100, 10);
  assert.is(ledger.byOrderId(70), undefined);
  ledger.identify(order, 70);
  assert.is(ledger.byOrderId(70), order);
  ledger.remove(order);
  assert.is(ledger.byOrderId(70), undefined);
  const late = ledger.add(8, "buy", 100, 10);
  ledger.remove(late);
  ledger.identify(late, 80);
  assert.is(ledger.byOrderId(80), undefined, "an order that is gone stays gone");
});

test.run();
