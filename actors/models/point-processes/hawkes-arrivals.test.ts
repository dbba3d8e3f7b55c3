import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import { type HawkesParameters, oneType } from "./hawkes.ts";
import {
  arrivalParametersCheck,
  type ArrivalParameters,
  arrivalsOfMeanRate,
  branchingRatio,
  compensator,
  countVariance,
  decayed,
  excited,
  intensity,
  meanRate,
  nextArrival,
  quiet,
} from "./hawkes-arrivals.ts";
import { hawkesLogLikelihood } from "./hawkes-likelihood.ts";
import { exponentialTest, hawkesResiduals, twoSampleTest } from "./hawkes-residuals.ts";
import { simulateByBranching } from "./hawkes-simulation.ts";

const test = suite("Hawkes arrivals");
const SEED = seed(8_214_690_731);

const single: ArrivalParameters = { baseline: 2, kernels: [{ branching: 0.6, decay: 5 }] };
const double: ArrivalParameters = {
  baseline: 1.5,
  kernels: [
    { branching: 0.3, decay: 1 },
    { branching: 0.4, decay: 20 },
  ],
};

/** The same process as the model of many types has it. */
const asHawkes = ({ baseline, kernels }: ArrivalParameters): HawkesParameters => ({
  baseline: Float64Array.of(baseline),
  decays: Float64Array.from(kernels, ({ decay }) => decay),
  branching: Float64Array.from(kernels, ({ branching }) => branching),
});

function pathOf(parameters: ArrivalParameters, horizon: number, start: number): Float64Array {
  const random = modelRandomness(start);
  const times: number[] = [];
  let state = quiet(parameters);
  for (let time = 0; ; ) {
    const arrival = nextArrival(parameters, state, () => random.unit());
    time += arrival.wait;
    if (time > horizon) return Float64Array.from(times);
    state = arrival.state;
    times.push(time);
  }
}

test("steps through given arrivals add up to their log-likelihood", () => {
  for (const parameters of [single, double]) {
    const times = pathOf(parameters, 40, SEED);
    assert.ok(times.length > 50, `SEED=${SEED}`);
    let state = quiet(parameters);
    let [sum, last] = [0, 0];
    for (const time of times) {
      sum -= compensator(parameters, state, time - last);
      state = decayed(parameters, state, time - last);
      sum += Math.log(intensity(parameters, state));
      state = excited(parameters, state);
      last = time;
    }
    sum -= compensator(parameters, state, 40 - last);
    const expected = certain(hawkesLogLikelihood(asHawkes(parameters), oneType(times, 40)));
    assert.ok(Math.abs(sum - expected) < 1e-9, `${sum} ${expected} SEED=${SEED}`);
  }
});

test("the mean rate and the variance of counts are those of the closed forms", () => {
  const window = 10;
  const windows = 20_000;
  const burn = 50;
  const kernel = { branching: 0.6, decay: 5 };
  const counts = new Float64Array(windows);
  for (const time of pathOf(single, burn + window * windows, SEED)) {
    const index = Math.floor((time - burn) / window);
    if (index >= 0 && index < windows) counts[index]! += 1;
  }
  const mean = counts.reduce((a, b) => a + b, 0) / windows;
  const variance = counts.reduce((a, b) => a + (b - mean) ** 2, 0) / (windows - 1);
  const expected = countVariance(2, kernel, window);
  // Standard error of the mean of all windows from the variance of one window of that length.
  const error = Math.sqrt(countVariance(2, kernel, window * windows) / windows ** 2);
  assert.is(meanRate(single), 5);
  assert.ok(Math.abs(mean - 50) < 4.5 * error, `mean ${mean} SEED=${SEED}`);
  // Counts of 10 s are close to normal: the relative error of a variance is sqrt(2 / windows) or a bit more.
  assert.ok(
    Math.abs(variance / expected - 1) < 6 * Math.sqrt(2 / windows),
    `variance ${variance}, expected ${expected} SEED=${SEED}`,
  );
});

test("residuals of drawn arrivals are exponential, and their waits those of the cluster construction", () => {
  const waits = (times: Float64Array): Float64Array =>
    // Waits within one path depend on each other; of every 20th they hardly do.
    times
      .slice(1)
      .map((time, index) => time - times[index]!)
      .filter((_, index) => index % 20 === 0);
  for (const parameters of [single, double]) {
    const times = pathOf(parameters, 4_000, SEED);
    const [residuals] = certain(hawkesResiduals(asHawkes(parameters), oneType(times, 4_000)));
    const { pValue } = certain(exponentialTest(residuals!));
    assert.ok(pValue > 0.01, `p=${pValue} SEED=${SEED}`);
    const other = modelRandomness(SEED + 1);
    const clusters = certain(simulateByBranching(asHawkes(parameters), 4_000, other));
    const same = certain(twoSampleTest(waits(times), waits(clusters.times)));
    assert.ok(same.pValue > 0.01, `p=${same.pValue} SEED=${SEED}`);
  }
});

test("a path follows from its seed alone", () => {
  assert.equal(pathOf(double, 20, SEED), pathOf(double, 20, SEED));
  assert.not.equal(pathOf(double, 20, SEED), pathOf(double, 20, SEED + 1));
});

test("a process that would explode is refused", () => {
  const code = (baseline: number, ...kernels: ArrivalParameters["kernels"]): string =>
    arrivalParametersCheck({ baseline, kernels })?.code ?? "accepted";
  assert.is(code(1, { branching: 1, decay: 2 }), "out_of_range");
  assert.is(code(1, { branching: 0.5, decay: 2 }, { branching: 0.6, decay: 9 }), "out_of_range");
  assert.is(code(0), "out_of_range");
  assert.is(code(1, { branching: 0.1, decay: 0 }), "out_of_range");
  assert.is(code(1, { branching: Number.NaN, decay: 1 }), "not_finite");
  assert.is(code(1, { branching: 0.1, decay: 1 }), "accepted");
  assert.ok(Math.abs(branchingRatio(double) - 0.7) < 1e-12);
  const none = arrivalsOfMeanRate(-1, { branching: 0.5, decay: 10 });
  assert.is(none.ok ? "accepted" : none.failure.code, "out_of_range");
});

test("parameters of a wanted mean rate have that mean rate", () => {
  const found = certain(arrivalsOfMeanRate(40, { branching: 0.5, decay: 10 }));
  assert.ok(Math.abs(meanRate(found) - 40) < 1e-9);
});

test.run();
