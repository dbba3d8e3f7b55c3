import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { priceTicks, quantityLots } from "../../kernel/units.ts";
import { certain } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import { breaches, breachNames, type LimitSet, PreTradeLimits } from "./limits.ts";
import {
  afterQuote,
  afterTrade,
  type BandPrice,
  bandParametersOn,
  marketWideHalt,
  openingBands,
  priceBands,
} from "./price-bands.ts";

const test = suite("limits");
const SEED = seed(90_210);

const limits: LimitSet = {
  positionLots: 100,
  openNotional: 20_000,
  orderLots: 40,
  collarBasisPoints: 500,
  ordersPerWindow: 5,
  rateWindow: 1_000,
  dailyLoss: 300,
};

interface Open {
  readonly side: "buy" | "sell";
  readonly price: ReturnType<typeof priceTicks>;
  left: number;
}

test("B5.3 no sequence of accepted orders, fills and cancels breaches a limit", () => {
  const random = modelRandomness(SEED);
  const met = new Set<string>();
  for (let round = 0; round < 60; round += 1) {
    const account = certain(PreTradeLimits.of(limits));
    const open: Open[] = [];
    const times: number[] = [];
    let [now, position, cash] = [0, 0, 0];
    for (let step = 0; step < 300; step += 1) {
      now += random.below(400);
      const reference = priceTicks(95 + random.below(11));
      const side = random.below(2) === 0 ? "buy" : "sell";
      const price = priceTicks(88 + random.below(25));
      const quantity = quantityLots(1 + random.below(50));
      const broken = account.check(side, price, quantity, reference, now);
      for (const name of breachNames(broken)) met.add(name);
      assert.is(account.accept(side, price, quantity, reference, now), broken);
      if (broken === 0) {
        open.push({ side, price, left: quantity });
        times.push(now);
        assert.ok(quantity <= 40 && Math.abs(price - reference) <= 0.05 * reference);
        assert.ok(times.filter((time) => now - time < 1_000).length <= 5, `SEED=${SEED}`);
        assert.ok(cash + position * reference > -300, `SEED=${SEED}`);
      }
      const order = open[random.below(open.length + 1)];
      if (order !== undefined && order.left > 0) {
        const lots = quantityLots(1 + random.below(order.left));
        order.left -= lots;
        if (random.below(3) === 0) account.cancel(order.side, order.price, lots);
        else {
          account.fill(order.side, order.price, lots, order.price);
          const sign = order.side === "buy" ? 1 : -1;
          position += sign * lots;
          cash -= sign * lots * order.price;
        }
      }
      // Recounted from the orders themselves.
      let [buys, sells, notional] = [0, 0, 0];
      for (const one of open) {
        if (one.side === "buy") buys += one.left;
        else sells += one.left;
        notional += one.left * one.price;
      }
      assert.is(account.position, position);
      assert.equal(account.extremes, [position - sells, position + buys]);
      assert.is(account.openNotional, notional);
      assert.ok(position + buys <= 100 && position - sells >= -100, `SEED=${SEED}`);
      assert.ok(notional <= 20_000, `SEED=${SEED}`);
    }
  }
  assert.equal([...met].sort(), Object.keys(breaches).sort());
});

test("B5.3 an order that breaks several limits is told of all of them, and the largest do not overflow", () => {
  const account = certain(PreTradeLimits.of(limits));
  const at = priceTicks(100);
  const broken = account.check("buy", priceTicks(200), quantityLots(500), at, 0);
  assert.equal(breachNames(broken), ["position", "openNotional", "orderSize", "collar"]);
  const huge = account.check("sell", priceTicks(2 ** 31 - 2), quantityLots(2 ** 31 - 1), at, 0);
  assert.ok((huge & breaches.openNotional) !== 0);
  assert.is(account.accept("sell", at, quantityLots(40), at, 0), 0);
  assert.is(account.openNotional, 4_000);
  const refusal = PreTradeLimits.of({ ...limits, ordersPerWindow: 0 });
  assert.is(refusal.ok ? "answered" : refusal.failure.code, "out_of_range");
});

const minute = 60_000_000_000;
const noon = 12 * 60 * minute;
const dollars = (value: number): BandPrice => Math.round(value * 10_000);

test("B5.3 price bands are the plan's by tier, previous close and date", () => {
  const [old, now] = ["2015-06-01", "2024-06-03"].map((day) => certain(bandParametersOn(day)));
  const width = (
    parameters: typeof old,
    tier: 1 | 2,
    close: number,
    reference: number,
    time = noon,
  ): readonly [number, number] => {
    const bands = certain(priceBands(parameters!, tier, dollars(close), dollars(reference), time));
    return [bands.lower / 10_000, bands.upper / 10_000];
  };
  assert.equal(width(now, 1, 50, 50), [47.5, 52.5]);
  assert.equal(width(now, 2, 50, 50), [45, 55]);
  assert.equal(width(now, 1, 3, 3), [2.4, 3.6]);
  assert.equal(width(now, 1, 3.01, 3.01), [2.86, 3.16]);
  assert.equal(width(now, 1, 0.75, 0.75), [0.6, 0.9]);
  assert.equal(width(now, 1, 0.75, 1), [0.8, 1.2]);
  assert.equal(width(now, 1, 0.74, 1), [0.85, 1.15]);
  assert.equal(width(now, 2, 0.74, 0.74), [0.59, 0.89]);
  assert.equal(width(now, 2, 0.1, 0.1), [0.03, 0.18]);
  // The opening is doubled by the older set only, the last 25 minutes by both but for tier 2 above $3.
  const [opening, closing] = [(9 * 60 + 40) * minute, (15 * 60 + 40) * minute];
  assert.equal(width(old, 1, 50, 50, opening), [45, 55]);
  assert.equal(width(now, 1, 50, 50, opening), [47.5, 52.5]);
  assert.equal(width(old, 2, 50, 50, closing), [40, 60]);
  assert.equal(width(now, 2, 50, 50, closing), [45, 55]);
  assert.equal(width(now, 2, 2, 2, closing), [1.2, 2.8]);
  assert.equal(width(now, 1, 50, 50, closing), [45, 55]);
  for (const day of ["2012-01-01", "soon"]) {
    const refusal = bandParametersOn(day);
    assert.is(refusal.ok ? "answered" : refusal.failure.code, "out_of_range");
  }
});

test("B5.3 the reference follows the mean of five minutes, and a limit state of 15 s becomes a pause", () => {
  const parameters = certain(bandParametersOn("2024-06-03"));
  let state = openingBands(dollars(100));
  state = afterTrade(parameters, state, dollars(100.9), noon);
  assert.is(state.reference, dollars(100));
  state = afterTrade(parameters, state, dollars(102), noon + minute);
  assert.is(state.reference, dollars(101.45));
  state = afterTrade(parameters, state, dollars(99), noon + 6 * minute);
  assert.is(state.reference, dollars(99));
  assert.is(state.trades.length, 1);
  const bands = { lower: dollars(94.05), upper: dollars(103.95) };
  const second = minute / 60;
  const start = noon + 6 * minute;
  const at = { bid: dollars(103.95), offer: 0 };
  const inside = { bid: dollars(99), offer: dollars(99.01) };
  state = afterQuote(parameters, state, bands, at, start);
  assert.equal(state.phase, { type: "limit_state", since: start });
  assert.is(afterQuote(parameters, state, bands, inside, start + second).phase.type, "normal");
  state = afterQuote(parameters, state, bands, at, start + 14 * second);
  assert.is(state.phase.type, "limit_state");
  state = afterQuote(parameters, state, bands, at, start + 15 * second);
  assert.equal(state.phase, { type: "paused", until: start + 315 * second });
  state = afterQuote(parameters, state, bands, inside, start + 314 * second);
  assert.is(state.phase.type, "paused");
  state = afterQuote(parameters, state, bands, inside, start + 315 * second);
  assert.is(state.phase.type, "normal");
});

test("B5.3 the whole market stops at falls of 7, 13 and 20 per cent", () => {
  const late = (15 * 60 + 25) * minute;
  assert.equal(marketWideHalt(4_000, 3_720.01, noon), { level: 0, halt: null });
  assert.equal(marketWideHalt(4_000, 3_720, noon), { level: 1, halt: 15 * minute });
  assert.equal(marketWideHalt(4_000, 3_720, late), { level: 1, halt: null });
  assert.equal(marketWideHalt(4_000, 3_480, noon), { level: 2, halt: 15 * minute });
  assert.equal(marketWideHalt(4_000, 3_200, late), { level: 3, halt: "rest of the day" });
});

test.run();
