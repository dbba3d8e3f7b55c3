import { suite } from "uvu";
import * as assert from "uvu/assert";

import { Copies, idleMs, marketsKept } from "./copies.ts";

const test = suite("copies of market data");

const level = (price: number) => ({ price, quantity: 1, orders: 1 });
const book = (sequence: number, price = sequence) => ({
  region: "eu",
  sequence,
  bids: [level(price)],
  asks: [],
});

test("B9.1 B9.5 the age counts from when the question was sent, and above the bound a copy is stale", () => {
  const copies = new Copies(2_000);
  assert.is(copies.read("A", 0), null);
  copies.confirm("A", book(5), 100, 400);
  assert.is(copies.read("A", 400)?.ageMs, 300);
  assert.is(copies.read("A", 2_100)?.stale, false);
  assert.is(copies.read("A", 2_101)?.stale, true);
  copies.takeLevels("A", { sequence: 6, bids: [level(6)], asks: [] }, 2_200);
  assert.is(copies.read("A", 2_200)?.sequence, 6);
  assert.is(
    copies.read("A", 2_200)?.stale,
    true,
    "what was published may have been long under way",
  );
  copies.confirm("A", book(6), 2_300, 2_400);
  copies.confirm("A", book(6), 2_250, 2_500);
  assert.is(copies.read("A", 2_500)?.ageMs, 200, "an older question makes nothing older");
  assert.is(copies.oldestMs(2_600), 300);
});

test("B9.5 a copy never goes back for an answer that was overtaken, and does for an owner that has lost a tail", () => {
  const copies = new Copies(2_000);
  copies.confirm("A", book(5), 0, 10);
  assert.ok(copies.takeLevels("A", { sequence: 9, bids: [level(9)], asks: [] }, 110));
  copies.confirm("A", book(7), 100, 120);
  assert.is(copies.read("A", 120)?.sequence, 9);
  assert.not.ok(copies.takeLevels("A", { sequence: 8, bids: [level(8)], asks: [] }, 130));
  copies.confirm("A", { ...book(6), region: "us" }, 500, 510);
  assert.equal(copies.read("A", 510)?.bids, [level(6)]);
  assert.is(copies.read("A", 510)?.region, "us");
});

test("B9.5 what nobody reads is let go, and no more markets are kept than there is room for", () => {
  const copies = new Copies(2_000);
  for (let count = 0; count < marketsKept + 5; count += 1)
    copies.confirm(`M${count}`, book(1), 0, 0);
  assert.is(copies.markets.length, marketsKept);
  assert.ok(copies.full);
  copies.read("M3", idleMs);
  const gone = copies.sweep(idleMs + 1);
  assert.is(gone.length, marketsKept - 1);
  assert.equal(copies.markets, ["M3"]);
  assert.not.ok(copies.takeTouch("M4", {}), "what is not kept takes nothing in");
  copies.takeTrades(
    "M3",
    Array.from({ length: 100 }, (_, sequence) => ({ sequence })),
  );
  const { trades } = copies.read("M3", idleMs) ?? { trades: [] };
  assert.equal([trades.length, trades.at(-1)?.sequence], [64, 99]);
});

test.run();
