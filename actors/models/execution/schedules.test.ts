import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { durationNs, priceTicks, type QuantityLots, quantityLots } from "../../kernel/units.ts";
import { certain } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import { apportion } from "./apportionment.ts";
import {
  type Child,
  childQuantity,
  type ParentOrder,
  participationLimit,
  reconcile,
  scheduledBy,
  withinLimit,
} from "./parent-order.ts";
import { povChild } from "./pov.ts";
import { twapSchedule } from "./twap.ts";
import { cappedVwapSchedule, volumeProfile, vwapSchedule } from "./vwap.ts";

const test = suite("execution schedules");
const SEED = seed(7_301_994);
const options = { seed: SEED, numRuns: 300 };
const total = (sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + size, 0);

test("B5.2 shares in whole lots sum to the total and each is within a lot of its quota", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000_000_000 }),
      fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 }),
      (quantity, weights) => {
        const sum = total(weights);
        if (sum < 1e-300) return;
        const shares = certain(apportion(quantityLots(quantity), weights));
        assert.is(total(shares), quantity);
        for (const [index, share] of shares.entries()) {
          assert.ok(Math.abs(share - quantity * (weights[index]! / sum)) < 1 + 1e-6);
        }
      },
    ),
    options,
  );
  // Worked by hand: quotas 2.5, 2.5, 5 of 10: the first of the equal fractions gets the lot.
  assert.equal(certain(apportion(quantityLots(10), [1, 1, 2])), [3, 2, 5]);
  assert.equal(certain(apportion(quantityLots(7), [0, 3, 0, 4])), [0, 3, 0, 4]);
  const largest = quantityLots(Number.MAX_SAFE_INTEGER);
  assert.is(
    certain(apportion(largest, [1, 1, 1])).reduce((sum, share) => sum + BigInt(share), 0n),
    BigInt(largest),
  );
});

test("B5.2 TWAP slices sum to the parent, keep their interval and stay within the jitter's bounds", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(),
      (quantity, slices, timeJitter, sizeJitter, stream) => {
        const duration = durationNs(60_000_000_000);
        const parameters = {
          quantity: quantityLots(quantity),
          duration,
          slices,
          timeJitter,
          sizeJitter,
        };
        const schedule = certain(twapSchedule(parameters, modelRandomness(stream)));
        assert.is(total(schedule.map((slice) => slice.quantity)), quantity);
        const interval = duration / slices;
        for (const [index, slice] of schedule.entries()) {
          assert.ok(slice.due >= Math.floor(index * interval));
          assert.ok(slice.due <= (index + timeJitter) * interval);
          const even = quantity / slices;
          assert.ok(Math.abs(slice.quantity - even) <= sizeJitter * even + 1 + 1e-9);
        }
        assert.is(scheduledBy(schedule, duration), quantity);
      },
    ),
    options,
  );
  const even = { quantity: quantityLots(10), duration: durationNs(4_000), slices: 4 };
  assert.equal(certain(twapSchedule(even)), [
    { due: 0, quantity: 3 },
    { due: 1_000, quantity: 3 },
    { due: 2_000, quantity: 2 },
    { due: 3_000, quantity: 2 },
  ]);
  const jittered = { ...even, timeJitter: 0.5, sizeJitter: 0.5, quantity: quantityLots(1_000) };
  const one = certain(twapSchedule(jittered, modelRandomness(SEED)));
  assert.equal(certain(twapSchedule(jittered, modelRandomness(SEED))), one);
  assert.not.equal(certain(twapSchedule(jittered, modelRandomness(SEED + 1))), one);
});

test("B5.2 VWAP follows the curve, and a cap moves what does not fit without losing a lot", () => {
  const profile = certain(volumeProfile(Float64Array.of(10, 30, 60, 400, 300, 300), 3));
  for (const [bin, share] of [0.25, 0.3, 0.45].entries()) {
    assert.ok(Math.abs(profile[bin]! - share) < 1e-12);
  }
  const hour = durationNs(3_600_000_000_000);
  const plain = certain(vwapSchedule(quantityLots(100), hour, profile));
  assert.equal(
    plain.map((slice) => slice.quantity),
    [25, 30, 45],
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50_000 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 100 }), fc.nat({ max: 50_000 })), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.integer({ min: 1, max: 5_000 }),
      (quantity, bins, share) => {
        const curve = bins.map(([weight]) => weight);
        const others = bins.map(([, volume]) => quantityLots(volume));
        const caps = others.map((volume) => certain(participationLimit(share, volume)));
        const result = cappedVwapSchedule(quantityLots(quantity), hour, curve, others, share);
        if (!result.ok) {
          assert.is(result.failure.code, "infeasible");
          assert.ok(total(caps) < quantity);
          return;
        }
        const sizes = result.value.map((slice) => slice.quantity);
        assert.is(total(sizes), quantity);
        for (const [bin, size] of sizes.entries()) assert.ok(size >= 0 && size <= caps[bin]!);
      },
    ),
    options,
  );
});

/** Random fills, cancels and volume against a rule that says what to send. */
function work(
  random: ReturnType<typeof modelRandomness>,
  parent: ParentOrder,
  send: (filled: QuantityLots, working: QuantityLots, market: number, step: number) => number,
  check: (filled: number, working: number, others: number) => void,
): number {
  let [filled, working, others] = [0, 0, 0];
  for (let step = 0; step < 60; step += 1) {
    others += random.below(200);
    const lots = quantityLots;
    working += send(lots(filled), lots(working), others + filled, step);
    check(filled, working, others);
    const fill = random.below(working + 1);
    working -= fill;
    filled += fill;
    if (random.below(3) === 0) working = 0;
    check(filled, working, others);
    assert.ok(filled + working <= parent.quantity);
  }
  return filled;
}

test("B5.2 POV never exceeds its share of the volume nor its parent, under any fills and cancels", () => {
  const random = modelRandomness(SEED);
  for (let round = 0; round < 200; round += 1) {
    const parent: ParentOrder = {
      side: "buy",
      quantity: quantityLots(1 + random.below(2_000)),
      limit: null,
    };
    const share = 1 + random.below(4_000);
    const parameters = { share, band: quantityLots(10), maximumChild: quantityLots(40) };
    work(
      random,
      parent,
      (filled, working, market) => {
        const progress = { filled, working };
        const child = certain(povChild(parameters, parent, progress, quantityLots(market)));
        assert.ok(child <= 40, `SEED=${SEED}`);
        const last = child === parent.quantity - filled - working;
        assert.ok(child === 0 || child >= 10 || last, `SEED=${SEED}`);
        return child;
      },
      (filled, working, others) => {
        const own = filled + working;
        assert.ok(own * 10_000 <= share * (own + others), `round ${round} SEED=${SEED}`);
      },
    );
  }
  // Worked by hand: 20 % of the whole is a quarter of the others'; 900 in the feed, 100 of it own.
  const parameters = { share: 2_000, band: quantityLots(5), maximumChild: quantityLots(500) };
  const parent: ParentOrder = { side: "sell", quantity: quantityLots(1_000), limit: null };
  const at = (filled: number, working: number, market: number): number => {
    const progress = { filled: quantityLots(filled), working: quantityLots(working) };
    return certain(povChild(parameters, parent, progress, quantityLots(market)));
  };
  assert.is(at(100, 0, 900), 100);
  assert.is(at(100, 97, 900), 0);
  assert.is(at(100, 95, 900), 5);
  // The last lots are sent though they are fewer than the band.
  assert.is(at(997, 0, 9_997), 3);
  // Own fills that come back in the feed do not feed themselves.
  assert.is(at(200, 0, 1_000), 0);
});

test("B5.2 children of a schedule never over-fill whatever the target says", () => {
  const random = modelRandomness(SEED + 1);
  for (let round = 0; round < 100; round += 1) {
    const parent: ParentOrder = {
      side: "sell",
      quantity: quantityLots(1 + random.below(500)),
      limit: null,
    };
    const filled = work(
      random,
      parent,
      (done, working, _, step) =>
        childQuantity(parent, { filled: done, working }, quantityLots(step * random.below(60))),
      () => undefined,
    );
    assert.ok(filled <= parent.quantity, `SEED=${SEED}`);
  }
});

test("B5.2 prices keep the parent's limit and a repeated decision sends nothing twice", () => {
  const buy: ParentOrder = { side: "buy", quantity: quantityLots(9), limit: priceTicks(100) };
  const sell: ParentOrder = { ...buy, side: "sell" };
  assert.is(withinLimit(buy, priceTicks(101)), 100);
  assert.is(withinLimit(buy, priceTicks(99)), 99);
  assert.is(withinLimit(sell, priceTicks(101)), 101);
  assert.is(withinLimit(sell, priceTicks(99)), 100);
  assert.is(withinLimit({ ...buy, limit: null }, priceTicks(101)), 101);
  const child = fc.option(
    fc.record(
      { price: fc.integer({ min: 1, max: 3 }), quantity: fc.nat({ max: 3 }) },
      { noNullPrototype: true },
    ),
  );
  fc.assert(
    fc.property(child, child, (a, b) => {
      const [wanted, working] = [a as Child | null, b as Child | null];
      const action = reconcile(wanted, working);
      const after =
        action.type === "nothing" ? working : action.type === "cancel" ? null : action.child;
      const open = after === null || after.quantity === 0 ? null : after;
      const want = wanted === null || wanted.quantity === 0 ? null : wanted;
      assert.equal(open, want);
      assert.equal(reconcile(wanted, after), { type: "nothing" });
    }),
    options,
  );
});

test("B5.2 bad parameters are refused by name", () => {
  const good = { quantity: quantityLots(10), duration: durationNs(10), slices: 2 };
  const code = (result: { ok: boolean; failure?: { code: string } }): string =>
    result.failure?.code ?? "answered";
  assert.is(code(twapSchedule({ ...good, slices: 0 })), "out_of_range");
  assert.is(code(twapSchedule({ ...good, slices: 1.5 })), "out_of_range");
  assert.is(code(twapSchedule({ ...good, timeJitter: Number.NaN })), "not_finite");
  assert.is(code(twapSchedule({ ...good, sizeJitter: 1.1 })), "out_of_range");
  assert.is(code(twapSchedule({ ...good, sizeJitter: 0.1 })), "out_of_range");
  assert.is(code(apportion(quantityLots(1), [])), "empty");
  assert.is(code(apportion(quantityLots(1), [0, 0])), "out_of_range");
  assert.is(code(apportion(quantityLots(1), [1, -1])), "out_of_range");
  assert.is(code(apportion(quantityLots(1), [1, Number.NaN])), "not_finite");
  assert.is(code(volumeProfile(Float64Array.of(1, 2, 3), 2)), "wrong_shape");
  assert.is(code(volumeProfile(Float64Array.of(0, 0), 2)), "undefined");
  assert.is(code(volumeProfile(new Float64Array(0), 2)), "empty");
  for (const share of [0, 10_000, 0.5, Number.NaN]) {
    const refusal = code(participationLimit(share, quantityLots(5)));
    assert.ok(refusal === "out_of_range" || refusal === "not_finite");
  }
});

test.run();
