import { suite } from "uvu";
import * as assert from "uvu/assert";

import { near, refusalOf } from "../../../test/models/closeness.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { poisson } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  fitArrivals,
  impactFromMarkouts,
  type Markout,
  type QuoteRecord,
  regressArrivals,
  toxicityMultiplier,
} from "./arrival-calibration.ts";

const test = suite("arrival calibration");
const SEED = seed(8_214_690_731);
const depths = [0.5, 1, 1.5, 2, 3, 4];

test("B4.2 exact arrivals give back their A and k, both ways", () => {
  const rate = 2.5;
  const decay = 0.7;
  const counts = depths.map((depth) => 1_000 * rate * Math.exp(-decay * depth));
  const line = certain(regressArrivals(depths, counts, 1_000));
  near(line.arrivalRate, rate, 1e-12);
  near(line.arrivalDecay, decay, 1e-12);
  // Fills in the exact proportions of the model: whole numbers of ln 2 per step.
  const records: QuoteRecord[] = [0, 1, 2, 3].map((distance) => ({
    distance,
    exposure: 100,
    fills: 2 ** (9 - distance),
  }));
  const likely = certain(fitArrivals(records));
  near(likely.arrivalDecay, Math.LN2, 1e-12);
  near(likely.arrivalRate, 5.12, 1e-12);
});

test("B4.2 the maximum-likelihood fit covers the truth as its errors say", () => {
  const random = modelRandomness(SEED);
  const truth = { rate: 1.4, decay: 0.9 };
  const trials = 2_000;
  let covered = 0;
  let rateCovered = 0;
  let bias = 0;
  let variance = 0;
  for (let trial = 0; trial < trials; trial += 1) {
    const records = depths.map((distance) => ({
      distance,
      exposure: 300,
      fills: poisson(random, 300 * truth.rate * Math.exp(-truth.decay * distance)),
    }));
    const fit = certain(fitArrivals(records));
    const error = fit.arrivalDecay - truth.decay;
    if (Math.abs(error) < 1.96 * fit.errors.decay) covered += 1;
    const rateError = Math.log(fit.arrivalRate / truth.rate);
    if (Math.abs(rateError) < 1.96 * fit.errors.logRate) rateCovered += 1;
    bias += error / trials;
    variance += fit.errors.decay ** 2 / trials;
  }
  const deviation = Math.sqrt(0.05 * 0.95 * trials);
  assert.ok(
    Math.abs(covered - 0.95 * trials) < 4 * deviation,
    `${covered} of ${trials}, SEED=${SEED}`,
  );
  assert.ok(
    Math.abs(rateCovered - 0.95 * trials) < 4 * deviation,
    `ln A: ${rateCovered} of ${trials}, SEED=${SEED}`,
  );
  assert.ok(Math.abs(bias) < 4 * Math.sqrt(variance / trials), `bias ${bias}, SEED=${SEED}`);
});

test("B4.2 prices in another unit change k alone", () => {
  const records = depths.map((distance, index) => ({
    distance,
    exposure: 60,
    fills: 90 - 14 * index,
  }));
  const scaled = records.map((record) => ({ ...record, distance: record.distance * 100 }));
  const one = certain(fitArrivals(records));
  const other = certain(fitArrivals(scaled));
  near(other.arrivalDecay * 100, one.arrivalDecay, 1e-9);
  near(other.arrivalRate, one.arrivalRate, 1e-9);
  near(other.errors.decay * 100, one.errors.decay, 1e-9);
});

test("B4.1 the impact of fills is the mean move against the dealer", () => {
  const markouts: Markout[] = [
    { side: 1, midAtFill: 100, midAfter: 99.5 },
    { side: -1, midAtFill: 100, midAfter: 100.3 },
    { side: 1, midAtFill: 101, midAfter: 101.2 },
  ];
  const { impact, error, fills } = certain(impactFromMarkouts(markouts));
  near(impact, 0.2, 1e-10);
  near(error, Math.sqrt((0.09 + 0.01 + 0.16) / 2 / 3), 1e-10);
  assert.is(fills, 3);
});

test("B4.1 toxic flow widens quotes up to a cap", () => {
  assert.is(toxicityMultiplier(0.2, 0.3, 2, 1.5), 1);
  near(toxicityMultiplier(0.4, 0.3, 2, 1.5), 1.2, 1e-12);
  assert.is(toxicityMultiplier(0.9, 0.3, 2, 1.5), 1.5);
});

test("B4.2 data from which nothing can be learned are refused", () => {
  assert.match(refusalOf(regressArrivals([1, 2], [2, 1], 1)), "too_short");
  assert.match(refusalOf(regressArrivals([1, 2, 2], [3, 2, 1], 1)), "unsorted");
  assert.match(refusalOf(regressArrivals([1, 2, 3], [3, 2, 0], 1)), "out_of_range counts[2] = 0");
  assert.match(refusalOf(regressArrivals([1, 2, 3], [1, 2, 3], 1)), "undefined");
  const flat = depths.map((distance) => ({ distance, exposure: 1, fills: 5 }));
  assert.match(refusalOf(fitArrivals(flat)), "undefined");
  assert.match(
    refusalOf(fitArrivals(depths.map((distance) => ({ distance, exposure: 1, fills: 0 })))),
    "undefined",
  );
  assert.match(refusalOf(fitArrivals([{ distance: 1, exposure: 1, fills: 2 }])), "too_short");
  assert.match(
    refusalOf(
      fitArrivals([
        { distance: 1, exposure: 0, fills: 2 },
        { distance: 2, exposure: 1, fills: 1 },
      ]),
    ),
    "out_of_range",
  );
  assert.match(refusalOf(impactFromMarkouts([])), "too_short");
});

test.run();
