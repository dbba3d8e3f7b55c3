import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { type PriceTicks, priceTicks, quantityLots } from "../../kernel/units.ts";
import { certain } from "../numerics/failure.ts";
import { implementationShortfall, type ShortfallInputs } from "./implementation-shortfall.ts";
import { routeOrder, type Venue } from "./smart-order-routing.ts";

const test = suite("implementation shortfall and routing");
const SEED = seed(19_880_401);
const options = { seed: SEED, numRuns: 300 };

test("B5.2 the shortfall is that of the paper portfolio, worked by hand", () => {
  const inputs: ShortfallInputs = {
    side: "buy",
    quantity: quantityLots(1_000),
    decisionPrice: priceTicks(5_000),
    arrivalPrice: priceTicks(5_010),
    finalPrice: priceTicks(5_050),
    fills: [
      { price: priceTicks(5_015), quantity: quantityLots(500) },
      { price: priceTicks(5_020), quantity: quantityLots(300) },
    ],
    fees: 800n,
  };
  const bought = certain(implementationShortfall(inputs));
  assert.equal(bought, {
    delay: 8_000n,
    trading: 5_500n,
    opportunity: 10_000n,
    fees: 800n,
    total: 24_300n,
    basisPoints: 48.6,
  });
  // A sale gains what the purchase loses, but for the fees.
  const sold = certain(implementationShortfall({ ...inputs, side: "sell" }));
  assert.is(sold.total, -23_500n + 800n);
});

const price = fc.integer({ min: 1, max: 2 ** 31 - 2 });

test("B5.2 the parts of a shortfall sum to paper less real, for numbers of any size", () => {
  const fill = fc.record({ price, quantity: fc.integer({ min: 0, max: 2 ** 31 - 1 }) });
  fc.assert(
    fc.property(
      fc.constantFrom("buy" as const, "sell" as const),
      fc.array(fill, { maxLength: 8 }),
      fc.integer({ min: 1, max: 2 ** 31 }),
      fc.tuple(price, price, price),
      (side, raw, extra, [decision, arrival, final]) => {
        const fills = raw.map((one) => ({
          price: priceTicks(one.price),
          quantity: quantityLots(one.quantity),
        }));
        const filled = fills.reduce((sum, one) => sum + one.quantity, 0);
        const quantity = quantityLots(filled + extra);
        const result = certain(
          implementationShortfall({
            side,
            quantity,
            decisionPrice: priceTicks(decision),
            arrivalPrice: priceTicks(arrival),
            finalPrice: priceTicks(final),
            fills,
            fees: 7n,
          }),
        );
        // Paper: all at the decision, valued at the end. Real: the fills, valued at the end.
        const sign = side === "buy" ? 1n : -1n;
        const paper = sign * BigInt(quantity) * (BigInt(final) - BigInt(decision));
        let real = -7n;
        for (const one of fills) {
          real += sign * BigInt(one.quantity) * (BigInt(final) - BigInt(one.price));
        }
        assert.is(result.total, paper - real);
        assert.is(result.total, result.delay + result.trading + result.opportunity + result.fees);
      },
    ),
    options,
  );
});

/** The least cost over every split, by enumeration. */
function bruteForce(side: "buy" | "sell", quantity: number, venues: readonly Venue[]): number {
  const sign = side === "buy" ? 1 : -1;
  const costOf = ({ levels, fee, latencyCost }: Venue, lots: number): number => {
    let [left, cost] = [lots, 0];
    for (const level of levels) {
      const taken = Math.min(left, level.quantity);
      cost += taken * (sign * level.price + fee + latencyCost);
      left -= taken;
    }
    return left > 0 ? Infinity : cost;
  };
  const best = (from: number, left: number): number => {
    const venue = venues[from];
    if (venue === undefined) return left === 0 ? 0 : Infinity;
    if (from === venues.length - 1) return costOf(venue, left);
    let least = Infinity;
    for (let lots = 0; lots <= left; lots += 1) {
      least = Math.min(least, costOf(venue, lots) + best(from + 1, left - lots));
    }
    return least;
  };
  return best(0, quantity);
}

test("B5.2 no split over three venues and six levels is cheaper than the route", () => {
  const venue = fc
    .record({
      steps: fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 4 })), { maxLength: 6 }),
      fee: fc.integer({ min: -2, max: 3 }),
      latencyCost: fc.integer({ min: 0, max: 2 }),
    })
    .map(({ steps, fee, latencyCost }) => ({ steps, fee: fee / 2, latencyCost: latencyCost / 4 }));
  fc.assert(
    fc.property(
      fc.constantFrom("buy" as const, "sell" as const),
      fc.array(venue, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 0, max: 24 }),
      (side, raw, wanted) => {
        const venues = raw.map(({ steps, ...costs }): Venue => {
          let at = 100;
          const levels = steps.map(([step, quantity]) => {
            at += side === "buy" ? step : -step;
            return { price: priceTicks(at), quantity: quantityLots(quantity) };
          });
          return { levels, ...costs };
        });
        let shown = 0;
        for (const { levels } of venues) for (const level of levels) shown += level.quantity;
        const route = certain(routeOrder(side, quantityLots(wanted), venues));
        const routed = route.quantities.reduce((sum, lots) => sum + lots, 0);
        assert.is(routed, Math.min(wanted, shown));
        assert.is(routed + route.unrouted, wanted);
        const least = bruteForce(side, routed, venues);
        assert.ok(Math.abs(route.cost - least) < 1e-9, `${route.cost} ${least}`);
      },
    ),
    options,
  );
});

test("B5.2 fees decide between venues, and a ladder that gets better is refused", () => {
  const at = (ticks: number, quantity: number) => ({
    price: ticks as PriceTicks,
    quantity: quantityLots(quantity),
  });
  const dear = { levels: [at(100, 5), at(101, 5)], fee: 1.5, latencyCost: 0 };
  const cheap = { levels: [at(101, 5)], fee: 0, latencyCost: 0.25 };
  const route = certain(routeOrder("buy", quantityLots(7), [dear, cheap]));
  assert.equal(route.quantities, [2, 5]);
  assert.equal(route.limits, [100, 101]);
  assert.ok(Math.abs(route.cost - (5 * 101.25 + 2 * 101.5)) < 1e-9);
  const code = (venue: Venue): string => {
    const result = routeOrder("buy", quantityLots(1), [venue]);
    return result.ok ? "answered" : result.failure.code;
  };
  assert.is(code({ ...dear, levels: [at(101, 1), at(100, 1)] }), "unsorted");
  assert.is(code({ ...dear, fee: Number.NaN }), "not_finite");
  const over = implementationShortfall({
    side: "buy",
    quantity: quantityLots(1),
    decisionPrice: priceTicks(1),
    arrivalPrice: priceTicks(1),
    finalPrice: priceTicks(1),
    fills: [at(1, 2)],
    fees: 0n,
  });
  assert.is(over.ok ? "answered" : over.failure.code, "out_of_range");
});

test.run();
