import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Survey } from "../../../actors/replay/survey.ts";
import type { DefinitionView, MarketView } from "../markets.ts";
import { freeName, namedMarket } from "./replay-market.ts";

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

function chosen(markets: readonly MarketView[]): string {
  const found = freeName("AAPL-20120621", definition, markets);
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

test("is refused when all names are taken", () => {
  const taken = Array.from({ length: 99 }, (_, index) =>
    market(index === 0 ? "AAPL-20120621" : `AAPL-20120621-${index + 1}`, 1),
  );
  assert.is(chosen(taken), "market_exists");
});

/** A session with an order of 100 at 100 and one of 20,000, both resting. */
const session: Survey = {
  rows: 2,
  malformed: 0,
  faults: [],
  orderRows: 2,
  seeds: [],
  lowestPrice: 100,
  highestPrice: 20_000,
  tick: 100,
  largestSize: 100,
  peakOrders: 2,
  firstTime: 0,
  lastTime: 0,
};

function named(its: Partial<DefinitionView>, more: Partial<MarketView> = {}): string {
  const given = { ...market("MINE", 0, { ...definition, ...its }), home: "eu-central", ...more };
  const found = namedMarket(given, { region: null, survey: session });
  return found.ok ? found.value.market : found.failure.reason;
}

test("is the named one where it lets the whole file through", () => {
  assert.is(named({}), "MINE");
  const wider = { bandLow: 1, bandHigh: 9_999_999, tick: 1, maximumQuantity: 500 };
  assert.is(named({ ...wider, orderCapacity: 2, mode: "replicated" }), "MINE");
});

test("is refused with what keeps the file out of the named one", () => {
  assert.match(named({ priceDecimals: 2 }), /2 decimals of a price, not 4/);
  assert.match(named({ tick: 500 }), /a tick of 500, not 100/);
  assert.match(named({ lot: 10 }), /a lot of 10/);
  assert.match(named({ bandLow: 200 }), /bands of 200 to 20000, not 100 to 20000/);
  assert.match(named({ bandHigh: 19_900 }), /bands of 100 to 19900/);
  assert.match(named({ maximumQuantity: 99 }), /orders of 99 at most, not 100/);
  assert.match(named({ orderCapacity: 1 }), /room for 1 orders, not 2/);
  assert.match(named({}, { restingOrders: 3 }), /holds 3 orders/);
  assert.match(named({}, { state: "halted" }), /is halted/);
  const elsewhere = namedMarket(
    { ...market("MINE", 0), home: "eu-central" },
    { region: "us-east", survey: session },
  );
  assert.ok(!elsewhere.ok && elsewhere.failure.code === "region_unknown");
});

test.run();
