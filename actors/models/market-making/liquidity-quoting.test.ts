import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { always, close, near, refusalOf } from "../../../test/models/closeness.ts";
import {
  arrivalChoices,
  liquidityChoices,
  simulateTwoLegs,
} from "../../../test/models/two-leg-market.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import type { HawkesParameters } from "../point-processes/hawkes.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  arrivalRatio,
  electByArrivals,
  eventType,
  expectedForecast,
  impacting,
  meaningsOf,
  simulateForecast,
  type TypeMeaning,
} from "./arrival-ratio.ts";
import {
  compositeLiquidityFactor,
  liquidityFactorOf,
  meanLiquidityFactor,
} from "./composite-liquidity.ts";
import {
  agreement,
  agreementInRuns,
  bestLeg,
  closestPairSlippage,
  runLengths,
  slippage,
} from "./reference-agreement.ts";
import { type Leg, ReferenceVote } from "./reference-vote.ts";

const test = suite("quoting under liquidity constraints");
const SEED = seed(8_214_690_731);

const prices = [17_500, 17_499.5, 17_499, 17_498, 17_497.5];
const quantities = [150, 300, 75, 500, 50];

test("B4.4 the liquidity factor mirrors between the sides and does not depend on the price unit", () => {
  always(
    SEED,
    fc.record({
      gaps: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 5, maxLength: 8 }),
      sizes: fc.array(fc.integer({ min: 2, max: 900 }), { minLength: 8, maxLength: 8 }),
      level: fc.integer({ min: 1, max: 4 }),
    }),
    ({ gaps, sizes, level }) => {
      let price = 10_000;
      const bids = gaps.map((gap) => (price -= gap));
      const of = (scale: number): number =>
        certain(
          compositeLiquidityFactor(
            "bid",
            bids.map((p) => p * scale),
            sizes.slice(0, gaps.length),
            level,
          ),
        )!;
      // Reciprocal prices turn a bid side into an ask side with the same ratios.
      const ask = certain(
        compositeLiquidityFactor(
          "ask",
          bids.map((p) => 1 / p),
          sizes.slice(0, gaps.length),
          level,
        ),
      )!;
      return close(of(1), of(0.01), 1e-9) && close(of(1), ask, 1e-9) && of(1) > 0;
    },
  );
});

test("B4.4 more quantity or nearer levels make the factor smaller", () => {
  const factor = (p: number[], q: number[]): number =>
    certain(compositeLiquidityFactor("bid", p, q, 4))!;
  const base = factor(prices, quantities);
  assert.ok(
    factor(
      prices,
      quantities.map((quantity) => 2 * quantity),
    ) < base,
  );
  assert.ok(factor([17_500, 17_499.5, 17_499, 17_498, 17_496], quantities) > base);
  const mean = certain(meanLiquidityFactor("bid", prices, quantities, 4))!;
  const levels = [1, 2, 3, 4].map((level) => liquidityFactorOf("bid", prices, quantities, level));
  near(mean, levels.reduce((sum, one) => sum + one, 0) / 4, 1e-14);
});

test("B4.4 where the factor does not exist there is none, and a book out of order is refused", () => {
  assert.is(certain(compositeLiquidityFactor("bid", prices, quantities, 5)), null);
  assert.is(certain(compositeLiquidityFactor("bid", [100, 99], [1, 5], 1)), null);
  assert.is(certain(meanLiquidityFactor("bid", [100, 99, 98], [1, 5, 5], 2)), null);
  assert.match(refusalOf(compositeLiquidityFactor("ask", prices, quantities, 1)), "unsorted");
  assert.match(refusalOf(compositeLiquidityFactor("bid", [100, 100], [2, 2], 1)), "unsorted");
  assert.match(refusalOf(compositeLiquidityFactor("bid", [100], [2, 3], 1)), "wrong_shape");
  assert.match(refusalOf(compositeLiquidityFactor("bid", [], [], 1)), "too_short");
  assert.match(
    refusalOf(compositeLiquidityFactor("bid", [100, Number.NaN], [2, 3], 1)),
    "not_finite",
  );
  assert.match(refusalOf(compositeLiquidityFactor("bid", prices, quantities, 0)), "out_of_range");
});

test("B4.4 the vote elects the leg with the lower smoothed metric and forgets after its window", () => {
  const vote = certain(ReferenceVote.of({ window: 1_000, halfLife: 1e-6 }));
  assert.is(vote.reference, 0);
  vote.observe(0, 1, 5);
  assert.is(vote.balance, 0, "one leg alone is no comparison");
  vote.observe(10, 0, 9);
  assert.is(vote.balance, -1);
  assert.is(vote.reference, 1);
  vote.observe(20, 0, 3);
  assert.is(vote.balance, 0);
  assert.is(vote.reference, 1, "a tie keeps the reference");
  vote.observe(30, 0, 3);
  assert.is(vote.reference, 0);
  // The vote of time 10 is gone at 1,010 and not before.
  vote.observe(1_009, 0, null);
  assert.is(vote.balance, 1);
  vote.observe(1_010, 0, null);
  assert.is(vote.balance, 2);
  vote.observe(5_000, 1, null);
  assert.is(vote.balance, 0);
  assert.is(vote.reference, 0);
});

test("B4.4 the average moves half way in its half-life", () => {
  const vote = certain(ReferenceVote.of({ halfLife: 100 }));
  vote.observe(0, 0, 8);
  vote.observe(100, 0, 16);
  near(vote.smoothed(0)!, 12, 1e-12);
  vote.observe(300, 0, 16);
  near(vote.smoothed(0)!, 15, 1e-12);
  assert.is(vote.smoothed(1), null);
});

test("B4.4 a vote of any length equals counting the window anew, also when slots are reused", () => {
  const random = modelRandomness(SEED);
  const vote = certain(ReferenceVote.of({ window: 50, halfLife: 1e-9, capacity: 64 }));
  const cast: { time: number; sign: number }[] = [];
  const last: [number | null, number | null] = [null, null];
  let time = 0;
  let expected: Leg = 0;
  for (let event = 0; event < 5_000; event += 1) {
    time += 1 + random.below(3);
    const leg: Leg = random.below(2) === 0 ? 0 : 1;
    const metric = random.below(5);
    assert.ok(vote.observe(time, leg, metric));
    last[leg] = metric;
    if (last[0] !== null && last[1] !== null)
      cast.push({ time, sign: Math.sign(last[1] - last[0]) });
    const sum = cast
      .filter((one) => one.time > time - 50)
      .reduce((total, one) => total + one.sign, 0);
    if (sum !== 0) expected = sum > 0 ? 0 : 1;
    assert.is(vote.balance, sum, `event ${event}, SEED=${SEED}`);
    assert.is(vote.reference, expected, `event ${event}, SEED=${SEED}`);
  }
  assert.is(vote.dropped, 0);
});

test("B4.4 a full vote drops the oldest and counts it; a reference dwells; time does not run back", () => {
  const small = certain(ReferenceVote.of({ capacity: 2, halfLife: 1e-9 }));
  small.observe(0, 0, 1);
  for (let time = 1; time <= 4; time += 1) small.observe(time, 1, 2);
  assert.is(small.balance, 2);
  assert.is(small.dropped, 2);
  const dwelling = certain(ReferenceVote.of({ minimumDwell: 100, halfLife: 1e-9 }));
  dwelling.observe(0, 0, 2);
  dwelling.observe(1, 1, 1);
  assert.is(dwelling.reference, 1);
  for (let time = 2; time < 101; time += 1) dwelling.observe(time, 1, 3);
  assert.is(dwelling.reference, 1);
  dwelling.observe(101, 1, 3);
  assert.is(dwelling.reference, 0);
  assert.not.ok(dwelling.observe(100, 1, 3));
  assert.not.ok(dwelling.observe(Number.NaN, 1, 3));
  assert.not.ok(dwelling.observe(200, 1, Number.NaN));
  assert.match(refusalOf(ReferenceVote.of({ window: 0 })), "out_of_range window = 0");
});

test("B4.4 trades, cancellations and worse prices on the consumed side are impacting, nothing else", () => {
  assert.equal((["new", "modify_up", "modify_down", "cancel", "trade"] as const).map(impacting), [
    false,
    false,
    true,
    true,
    true,
  ]);
  assert.is(eventType(0, "bid", "trade"), 0);
  assert.is(eventType(1, "ask", "new"), 7);
  const meanings = meaningsOf(["bid", "ask"]);
  assert.equal(meanings[0], { leg: 0, impacting: true });
  assert.is(meanings[2], null);
  assert.is(meanings[4], null);
  assert.equal(meanings[7], { leg: 1, impacting: false });
});

const excited: HawkesParameters = {
  baseline: Float64Array.of(20, 30),
  decays: Float64Array.of(40),
  branching: Float64Array.of(0.5, 0.1, 0.2, 0.3),
};
const both: readonly TypeMeaning[] = [
  { leg: 0, impacting: true },
  { leg: 1, impacting: true },
];
const past = { times: Float64Array.of(0.1, 0.12, 0.2, 0.29), types: Int32Array.of(0, 1, 0, 0) };

test("B4.4 the expected forecast is the closed form of one type, and the mean of simulated ones", () => {
  const single: HawkesParameters = {
    baseline: Float64Array.of(20),
    decays: Float64Array.of(40),
    branching: Float64Array.of(0.5),
  };
  const history = { times: past.times, types: new Int32Array(4) };
  const now = 0.3;
  const span = 0.05;
  const start = 20 + past.times.reduce((sum, time) => sum + 20 * Math.exp(-40 * (now - time)), 0);
  const g = 40 * 0.5;
  const mean = 20 / 0.5;
  const exact = mean * span + ((start - mean) * -Math.expm1(-g * span)) / g;
  const expected = certain(expectedForecast(single, history, [both[0]!], now, span, 1_000));
  near(expected.total[0], exact, 1e-6);

  const runs = 20_000;
  const simulated = certain(
    simulateForecast(excited, past, both, now, span, runs, modelRandomness(SEED)),
  );
  const means = certain(expectedForecast(excited, past, both, now, span, 1_000));
  for (const leg of [0, 1] as const) {
    // Counts of excited events vary more than Poisson: by at most (1 - branching)^-2.
    const error = Math.sqrt((4 * means.total[leg]) / runs);
    assert.ok(
      Math.abs(simulated.total[leg] / runs - means.total[leg]) < 4 * error,
      `${simulated.total[leg] / runs} instead of ${means.total[leg]}, SEED=${SEED}`,
    );
    assert.ok(error < 0.03 * means.total[leg]);
  }
});

test("B4.4 the leg with the smaller arrival ratio is elected, and no opinion keeps the reference", () => {
  const forecast = { impacting: [3, 1], total: [10, 2] } as const;
  assert.is(arrivalRatio(forecast, 0), 0.3);
  assert.is(electByArrivals(forecast, 1), 0);
  assert.is(electByArrivals({ impacting: [3, 1], total: [6, 4] }, 0), 1);
  assert.is(electByArrivals({ impacting: [0, 1], total: [0, 4] }, 1), 1);
  assert.is(electByArrivals({ impacting: [1, 2], total: [2, 4] }, 1), 1);
});

test("B4.4 only what happened strictly before the window is used", () => {
  const later = { times: Float64Array.of(0.1, 0.3), types: Int32Array.of(0, 0) };
  const random = modelRandomness(1);
  assert.match(
    refusalOf(simulateForecast(excited, later, both, 0.3, 0.01, 1, random)),
    "out_of_range event 1",
  );
  assert.match(
    refusalOf(expectedForecast(excited, later, both, 0.3, 0.01)),
    "out_of_range event 1",
  );
  const unsorted = { times: Float64Array.of(0.2, 0.1), types: Int32Array.of(0, 0) };
  assert.match(
    refusalOf(simulateForecast(excited, unsorted, both, 0.3, 0.01, 1, random)),
    "unsorted event 1",
  );
  assert.match(refusalOf(simulateForecast(excited, past, [], 0.3, 0.01, 1, random)), "wrong_shape");
  const wild = { ...excited, branching: Float64Array.of(9, 9, 9, 9) };
  assert.match(
    refusalOf(simulateForecast(wild, past, both, 0.3, 10, 1, random, 1_000)),
    "out_of_range more than",
  );
});

test("B4.4 slippage is what a trade paid over or received under its target", () => {
  near(slippage(-1, 58.5, 56.2), 2.3, 1e-12);
  near(slippage(1, 58.5, 59), 0.5, 1e-12);
  near(slippage(1, 58.5, 58), -0.5, 1e-12);
  assert.is(bestLeg(2.3, 0.5), 1);
  assert.is(bestLeg(1, 1), null);
  assert.is(bestLeg(null, 1), null);
  const trade = (time: number, side: 1 | -1, cost: number) => ({ time, side, slippage: cost });
  const trades = [
    trade(9, -1, 4),
    trade(0, 1, 1),
    trade(5, -1, 2),
    trade(6, -1, 3),
    trade(7.5, 1, 8),
  ];
  assert.is(certain(closestPairSlippage(trades)), 11);
  assert.is(certain(closestPairSlippage([trade(0, 1, 1), trade(1, 1, 1)])), null);
  assert.match(refusalOf(closestPairSlippage([trade(Number.NaN, 1, 1)])), "not_finite");
});

test("B4.4 agreement adds up: joint and single shares are the marginals, all four are one", () => {
  const best: (Leg | null)[] = [0, 0, null, 1, 1, 1];
  const first: Leg[] = [0, 1, 0, 1, 1, 0];
  const second: Leg[] = [0, 0, 1, 0, 1, 0];
  const score = certain(agreement(best, first, second));
  assert.equal(score, {
    windows: 5,
    first: 0.6,
    second: 0.6,
    both: 0.4,
    onlyFirst: 0.2,
    onlySecond: 0.2,
    neither: 0.2,
  });
  always(SEED, fc.array(fc.tuple(fc.nat(2), fc.nat(1), fc.nat(1)), { minLength: 1 }), (windows) => {
    const legs = (index: 1 | 2): Leg[] => windows.map((one) => (one[index] === 0 ? 0 : 1));
    const known = windows.map(([one]): Leg | null => (one === 2 ? null : one === 0 ? 0 : 1));
    const result = agreement(known, legs(1), legs(2));
    if (!result.ok) return result.failure.code === "empty" && known.every((one) => one === null);
    const { both: joint, onlyFirst, onlySecond, neither, first: a, second: b } = result.value;
    return (
      close(joint + onlyFirst, a, 1e-12) &&
      close(joint + onlySecond, b, 1e-12) &&
      close(joint + onlyFirst + onlySecond + neither, 1, 1e-12)
    );
  });
  // The paper's printed shares obey the same accounting to their last digit.
  near(0.4149 + 0.2708, 0.6856, 2e-4);
  near(0.4149 + 0.221, 0.6358, 2e-4);
});

test("B4.4 runs of the best leg are counted over the windows that count", () => {
  const best: (Leg | null)[] = [0, null, 0, 1, 0, 0, 0, null];
  assert.equal([...runLengths(best)], [2, 0, 2, 1, 3, 3, 3, 0]);
  const right: Leg[] = [0, 0, 0, 1, 1, 1, 1, 0];
  assert.is(certain(agreementInRuns(best, right, right, 1, 2))!.first, 1);
  assert.is(certain(agreementInRuns(best, right, right, 3, 9))!.first, 0);
  assert.is(certain(agreementInRuns(best, right, right, 50, 60)), null);
  assert.match(refusalOf(agreement(best, [], right)), "wrong_shape");
});

test("B4.4 when bursts of cancellations drive the moves, arrivals beat a coin and the liquidity factor", () => {
  // The factor says nothing here, and its choices last a second: about 60 independent ones in 60 s.
  const path = simulateTwoLegs("cancellations", 60, 2, SEED);
  const arrivals = arrivalChoices(path, 10, 4, SEED);
  const liquidity = liquidityChoices(path);
  const score = certain(agreement(path.best, arrivals, liquidity));
  const said = `${JSON.stringify(score)} SEED=${SEED}`;
  assert.ok(score.first > 0.6, said);
  assert.ok(score.first > score.second + 0.05, said);
  const long = certain(agreementInRuns(path.best, arrivals, liquidity, 5, 1_000_000))!;
  assert.ok(long.windows > 500 && long.first > 0.6, JSON.stringify(long));
  assert.ok(long.first > long.second + 0.05, JSON.stringify(long));
});

test("B4.4 when the depth alone drives the moves, the liquidity factor wins", () => {
  const path = simulateTwoLegs("depth", 20, 4, SEED);
  const score = certain(
    agreement(path.best, arrivalChoices(path, 10, 4, SEED), liquidityChoices(path)),
  );
  const said = `${JSON.stringify(score)} SEED=${SEED}`;
  assert.ok(score.second > 0.65, said);
  assert.ok(score.second > score.first + 0.1, said);
});

test.run();
