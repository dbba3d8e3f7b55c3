import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seededRandomness } from "../kernel/seeded-randomness.ts";
import type { TimestampNs } from "../kernel/units.ts";
import { emptyLedger, type Ledger, planned, settled } from "../trading/ledger.ts";
import { emptyView, type MarketView } from "../trading/market-view.ts";
import { seed } from "../../test/support/seed.ts";
import { marketMakerPlanner, targetQuotes } from "./decide.ts";
import type { MarketMakerParameters, MarketMakerStart } from "./messages.ts";

const test = suite("market maker decisions");

const instrument = {
  market: "TEST",
  home: "eu-central",
  tick: 5,
  lot: 10,
  bandLow: 100,
  bandHigh: 1_000_000,
  maximumQuantity: 1_000_000,
};
const parameters: MarketMakerParameters = {
  model: "avellaneda-stoikov",
  gamma: 0.1,
  kappa: 1.5,
  arrivalRate: 140,
  sigma: 2,
  horizon: 1,
  quantity: 100,
  maximumInventory: 500,
  interval: 500,
  tolerance: 0,
  reference: null,
};
const start: MarketMakerStart = {
  id: "m1",
  region: "eu-central",
  sender: { actor: "eu-central/strategies/m1", shard: "act-eu-central-00", incarnation: 1 },
  account: 7,
  risk: "",
  instrument,
  parameters,
};
const view = (bid: number, ask: number): MarketView => ({ ...emptyView, bid, ask, sequence: 1 });
const now = 1n as TimestampNs;

test("B8.4 the quotes are those of the paper's closed form, on ticks, outwards", () => {
  // gamma 0.1, sigma 2, k 1.5, one second left: half spread (gamma sigma^2 + 2/gamma ln(1 + gamma/k)) / 2 = 0.8454
  const flat = targetQuotes(parameters, instrument, 0, view(4_900, 5_100));
  assert.equal(flat, { bid: 4_995, ask: 5_005 });
  // Reservation price of two quotes bought: mid - 2 * 0.1 * 4 * 1 = mid - 0.8 ticks.
  const long = targetQuotes(parameters, instrument, 200, view(4_900, 5_100));
  assert.equal(long, { bid: 4_990, ask: 5_005 });
});

test("without a price nothing is quoted, unless a reference is given", () => {
  assert.is(targetQuotes(parameters, instrument, 0, emptyView), null);
  const quotes = targetQuotes({ ...parameters, reference: 5_000 }, instrument, 0, emptyView);
  assert.equal(quotes, { bid: 4_995, ask: 5_005 });
});

test("at the bound of the inventory only the side that lowers it is quoted", () => {
  const long = targetQuotes(parameters, instrument, 500, view(4_900, 5_100));
  assert.is(long?.bid, null);
  assert.ok((long?.ask ?? 0) > 0);
  const short = targetQuotes(parameters, instrument, -500, view(4_900, 5_100));
  assert.is(short?.ask, null);
});

test("B7.8 whatever the market and the inventory, quotes never cross, never take, and stay in the band", () => {
  const first = seed(77);
  const random = seededRandomness(first);
  for (let round = 0; round < 5_000; round += 1) {
    const bid = random.below(4) === 0 ? 0 : 5 * (1 + random.below(300_000));
    const ask = random.below(4) === 0 ? 0 : bid + 5 * (1 + random.below(50));
    const model = random.below(2) === 0 ? "avellaneda-stoikov" : "gueant-lehalle-tapia";
    const chosen = {
      ...parameters,
      model,
      gamma: random.unit(),
      sigma: 10 * random.unit(),
    } as const;
    const inventory = 100 * (random.below(13) - 6);
    const seen = { ...view(bid, ask), last: random.below(2) * 5_000 };
    const quotes = targetQuotes(chosen, instrument, inventory, seen);
    const why = `SEED=${first} round=${round} ${JSON.stringify({ bid, ask, inventory, quotes })}`;
    if (quotes === null) continue;
    for (const price of [quotes.bid, quotes.ask]) {
      if (price === null) continue;
      assert.is(price % 5, 0, why);
      assert.ok(price >= 100 && price <= 1_000_000, why);
    }
    if (quotes.bid !== null && quotes.ask !== null) assert.ok(quotes.bid < quotes.ask, why);
    if (quotes.bid !== null && ask > 0) assert.ok(quotes.bid < ask, why);
    if (quotes.ask !== null && bid > 0) assert.ok(quotes.ask > bid, why);
  }
});

test("what rests as wanted is left alone, what is off is canceled before it is placed anew", () => {
  const planner = marketMakerPlanner(start);
  const plan = planner({ ledger: emptyLedger, memo: null, view: view(4_900, 5_100), now });
  assert.is(plan?.orders.length, 2);
  const sent = planned(emptyLedger, 5, plan?.orders ?? []);
  const rests = (orderId: number) => ({
    refusal: null,
    orderId,
    executed: 0,
    value: "0",
    canceled: 0,
    remaining: 100,
  });
  const ledger: Ledger = settled(sent, [rests(1), rests(2)]);
  assert.is(planner({ ledger, memo: {}, view: view(4_900, 5_100), now }), null);
  const moved = planner({ ledger, memo: {}, view: view(5_000, 5_200), now });
  assert.equal(
    moved?.orders.map(({ kind }) => kind),
    ["cancel", "cancel", "place", "place"],
  );
});

test.run();
