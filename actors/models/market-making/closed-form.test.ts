import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { always, close, near, refusalOf } from "../../../test/models/closeness.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import {
  avellanedaStoikovCoefficients,
  avellanedaStoikovQuotes,
  reservationPrice,
  writeAvellanedaStoikovQuotes,
} from "./avellaneda-stoikov.ts";
import {
  gueantLehalleTapiaCoefficients,
  gueantLehalleTapiaQuotes,
  type GueantLehalleTapiaParameters,
  halfSpreadAndSkew,
  writeGueantLehalleTapiaQuotes,
} from "./gueant-lehalle-tapia.ts";
import type { MarketParameters } from "./quotes.ts";

const test = suite("market making, closed forms");
const SEED = seed(8_214_690_731);

const market: MarketParameters = {
  riskAversion: 0.1,
  volatility: 2,
  arrivalRate: 140,
  arrivalDecay: 1.5,
};
const tick: MarketParameters = {
  riskAversion: 0.01,
  volatility: 0.3,
  arrivalRate: 0.9,
  arrivalDecay: 0.3,
};
const sane = fc.record({
  riskAversion: fc.double({ min: 1e-4, max: 1, noNaN: true }),
  volatility: fc.double({ min: 0.01, max: 5, noNaN: true }),
  arrivalRate: fc.double({ min: 0.1, max: 500, noNaN: true }),
  arrivalDecay: fc.double({ min: 0.1, max: 100, noNaN: true }),
});
const inventories = fc.integer({ min: -100, max: 100 });
const property = <T>(arbitrary: fc.Arbitrary<T>, claim: (value: T) => boolean): void =>
  always(SEED, arbitrary, claim);

test("B4.1 both quotes stand half a spread around the reservation price", () => {
  property(fc.tuple(sane, inventories, fc.double({ min: 0, max: 10, noNaN: true })), (drawn) => {
    const [parameters, inventory, timeLeft] = drawn;
    const quotes = certain(avellanedaStoikovQuotes(parameters, inventory, timeLeft));
    const reservation = certain(reservationPrice(parameters, 1_000, inventory, timeLeft));
    return close(1_000 + (quotes.ask - quotes.bid) / 2, reservation, 1e-12);
  });
});

test("B4.1 the closed form is symmetric, and c when no time or no risk is left", () => {
  const { premium } = certain(avellanedaStoikovCoefficients(market));
  assert.is(certain(avellanedaStoikovQuotes(market, 7, 0)).bid, premium);
  assert.is(certain(avellanedaStoikovQuotes({ ...market, volatility: 0 }, 7, 1)).ask, premium);
  near(certain(avellanedaStoikovQuotes({ ...market, riskAversion: 0 }, 7, 1)).bid, 1 / 1.5, 1e-15);
  near(
    certain(avellanedaStoikovQuotes({ ...market, riskAversion: 1e-12 }, 7, 1)).bid,
    1 / 1.5,
    1e-9,
    "gamma towards 0",
  );
  property(fc.tuple(sane, inventories), ([parameters, inventory]) => {
    const here = certain(avellanedaStoikovQuotes(parameters, inventory, 1));
    const there = certain(avellanedaStoikovQuotes(parameters, -inventory, 1));
    return here.bid === there.ask && here.ask === there.bid;
  });
});

test("B4.1 B4.2 prices in another unit give the same quotes in that unit", () => {
  property(fc.tuple(sane, inventories), ([parameters, inventory]) => {
    const scale = 0.01;
    const scaled = {
      riskAversion: parameters.riskAversion / scale,
      volatility: parameters.volatility * scale,
      arrivalRate: parameters.arrivalRate,
      arrivalDecay: parameters.arrivalDecay / scale,
    };
    const plain = certain(avellanedaStoikovQuotes(parameters, inventory, 1));
    const other = certain(avellanedaStoikovQuotes(scaled, inventory, 1));
    const stationary = certain(gueantLehalleTapiaQuotes(parameters, inventory));
    const otherStationary = certain(gueantLehalleTapiaQuotes(scaled, inventory));
    return (
      close(other.bid, plain.bid * scale, 1e-10) &&
      close(otherStationary.ask, stationary.ask * scale, 1e-9)
    );
  });
});

test("B4.2 a larger inventory lowers the ask and raises the bid's distance", () => {
  property(fc.tuple(sane, inventories), ([parameters, inventory]) => {
    const less = certain(gueantLehalleTapiaQuotes(parameters, inventory));
    const more = certain(gueantLehalleTapiaQuotes(parameters, inventory + 1));
    const mirrored = certain(gueantLehalleTapiaQuotes(parameters, -inventory));
    return more.bid > less.bid && more.ask < less.ask && less.bid === mirrored.ask;
  });
});

test("B4.2 half spread and skew are the same quotes", () => {
  property(
    fc.tuple(sane, inventories, fc.constantFrom(0.5, 1, 10), fc.constantFrom(0, 0.02)),
    ([parameters, inventory, lot, fillRiskAversion]) => {
      const general: GueantLehalleTapiaParameters = { ...parameters, lot, fillRiskAversion };
      const { halfSpread, skew } = certain(halfSpreadAndSkew(general));
      const quotes = certain(gueantLehalleTapiaQuotes(general, inventory));
      return (
        close(quotes.bid, halfSpread + skew * inventory, 1e-9) &&
        close(quotes.bid + quotes.ask, 2 * halfSpread, 1e-9)
      );
    },
  );
});

test("B4.2 the limit of a risk-neutral dealer uses 1/k and e", () => {
  const neutral = { ...tick, fillRiskAversion: 0 };
  const { base, slope } = certain(gueantLehalleTapiaCoefficients(neutral));
  near(base, 1 / 0.3, 1e-15);
  near(slope, Math.sqrt(((0.01 * 0.09) / (2 * 0.9 * 0.3)) * Math.E), 1e-14);
  const almost = certain(gueantLehalleTapiaCoefficients({ ...tick, fillRiskAversion: 1e-10 }));
  near(almost.slope, slope, 1e-9);
  near(almost.base, base, 1e-9);
});

test("B4.1 B4.2 risk aversions too small for floating point give the limits", () => {
  for (const riskAversion of [0, 5e-324, 1e-310, 1e-250, 1e-100, 1e-17]) {
    const { base } = certain(gueantLehalleTapiaCoefficients({ ...tick, riskAversion }));
    near(base, 1 / 0.3, 1e-14, `gamma ${riskAversion}`);
    const { slope } = certain(
      gueantLehalleTapiaCoefficients({ ...tick, fillRiskAversion: riskAversion }),
    );
    near(slope, Math.sqrt(((0.01 * 0.09) / (2 * 0.9 * 0.3)) * Math.E), 1e-14, `xi ${riskAversion}`);
  }
});

test("B4.2 a drift moves the quotes as the inventory mu / (gamma sigma^2) would", () => {
  const drift = 0.0018;
  const moved = certain(gueantLehalleTapiaQuotes({ ...tick, drift }, 3));
  const held = certain(gueantLehalleTapiaQuotes(tick, 3 - drift / (0.01 * 0.09)));
  near(moved.bid, held.bid, 1e-14);
  near(moved.ask, held.ask, 1e-14);
});

test("B4.1 B4.2 what writes into the caller's array gives the same numbers", () => {
  const into = new Float64Array(2);
  writeAvellanedaStoikovQuotes(certain(avellanedaStoikovCoefficients(market)), 4, 0.3, into);
  const finiteHorizon = certain(avellanedaStoikovQuotes(market, 4, 0.3));
  assert.equal([...into], [finiteHorizon.bid, finiteHorizon.ask]);
  writeGueantLehalleTapiaQuotes(certain(gueantLehalleTapiaCoefficients(tick)), -4, into);
  const stationary = certain(gueantLehalleTapiaQuotes(tick, -4));
  assert.equal([...into], [stationary.bid, stationary.ask]);
});

test("B4.1 B4.2 parameters outside their range are refused with the reason", () => {
  const quotes = (wrong: Partial<GueantLehalleTapiaParameters>): string =>
    refusalOf(gueantLehalleTapiaQuotes({ ...tick, ...wrong }, 0));
  assert.is(quotes({ riskAversion: -1 }), "out_of_range riskAversion = -1");
  assert.is(quotes({ volatility: Number.NaN }), "not_finite volatility = NaN");
  assert.is(quotes({ arrivalRate: 0 }), "out_of_range arrivalRate = 0");
  assert.is(quotes({ arrivalDecay: 0 }), "out_of_range arrivalDecay = 0");
  assert.is(quotes({ lot: 0 }), "out_of_range lot = 0");
  assert.is(
    quotes({ drift: 1, riskAversion: 0 }),
    "out_of_range drift = 1 with riskAversion * volatility^2 = 0",
  );
  assert.is(
    refusalOf(avellanedaStoikovQuotes(market, Number.NaN, 1)),
    "not_finite inventory = NaN",
  );
  assert.is(refusalOf(avellanedaStoikovQuotes(market, 0, -1)), "out_of_range timeLeft = -1");
});

test.run();
