import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { DefinitionView, MarketView } from "../markets.ts";
import { freeName } from "./replay-market.ts";

const test = suite("the market of a replay");

const definition: DefinitionView = {
  group: "atlas",
  shard: 0,
  currency: "USD",
  priceDecimals: 4,
  tick: 100,
  lot: 1,
  bandLow: 100,
  bandHigh: 20_000,
  maximumQuantity: 100,
  orderCapacity: 65_536,
  mode: "matched",
  calendar: "always",
  makerFeeBpsE2: 0,
  takerFeeBpsE2: 0,
};
const other: DefinitionView = { ...definition, bandHigh: 30_000 };

/** What the choice of a name looks at. */
const market = (name: string, restingOrders: number, its = definition): MarketView =>
  ({ market: name, state: "open", restingOrders, definition: its }) as MarketView;

function chosen(markets: readonly MarketView[], exactName: string | null = null): string {
  const found = freeName({ exactName, name: "AAPL-20120621" }, definition, markets);
  return found.ok ? found.value : found.failure.code;
}

test("has the session's name where that is free", () => {
  assert.is(chosen([]), "AAPL-20120621");
});

test("is an empty one with the same reference data, wherever that runs", () => {
  const elsewhere = { ...definition, group: "titan", shard: 3 };
  assert.is(chosen([market("AAPL-20120621", 0, elsewhere)]), "AAPL-20120621");
});

test("has the next name where one holds orders or has other reference data", () => {
  assert.is(chosen([market("AAPL-20120621", 5)]), "AAPL-20120621-2");
  assert.is(chosen([market("AAPL-20120621", 0, other)]), "AAPL-20120621-2");
  assert.is(
    chosen([market("AAPL-20120621", 5, other), market("AAPL-20120621-2", 5)]),
    "AAPL-20120621-3",
  );
});

test("is never another one than the user named", () => {
  assert.is(chosen([market("MINE", 5)], "MINE"), "market_exists");
  assert.is(chosen([market("MINE", 0, other)], "MINE"), "market_exists");
  assert.is(chosen([market("MINE", 0)], "MINE"), "MINE");
});

test("is refused when all names are taken", () => {
  const taken = Array.from({ length: 99 }, (_, index) =>
    market(index === 0 ? "AAPL-20120621" : `AAPL-20120621-${index + 1}`, 1),
  );
  assert.is(chosen(taken), "market_exists");
});

test.run();
