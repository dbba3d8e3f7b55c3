import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import {
  branchingRatio,
  countVariance,
  type HawkesParameters,
  hawkesLogLikelihood,
  hawkesOfMeanRate,
  hawkesResiduals,
  meanRate,
  simulateHawkes,
  stationary,
} from "./hawkes-arrivals.ts";

const test = suite("Hawkes arrivals");
const SEED = seed(8_214_690_731);

/** Mulberry32: enough randomness for a test, and its own. */
function generator(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

const single: HawkesParameters = { baseline: 2, kernels: [{ branching: 0.6, decay: 5 }] };
const double: HawkesParameters = {
  baseline: 1.5,
  kernels: [
    { branching: 0.3, decay: 1 },
    { branching: 0.4, decay: 20 },
  ],
};

/** The definition, by double sum, with nothing shared with the recursion under test. */
function intensityByDefinition(p: HawkesParameters, times: readonly number[], at: number): number {
  let rate = p.baseline;
  for (const time of times) {
    if (time >= at) break;
    for (const { branching, decay } of p.kernels) {
      rate += branching * decay * Math.exp(-decay * (at - time));
    }
  }
  return rate;
}
function logLikelihoodByDefinition(
  p: HawkesParameters,
  times: readonly number[],
  horizon: number,
): number {
  let sum = -p.baseline * horizon;
  for (const time of times) {
    sum += Math.log(intensityByDefinition(p, times, time));
    for (const { branching, decay } of p.kernels) {
      sum -= branching * (1 - Math.exp(-decay * (horizon - time)));
    }
  }
  return sum;
}

/** Hawkes & Oakes 1974: immigrants, each with Poisson offspring. No intensity and no thinning. */
function simulateByClusters(p: HawkesParameters, horizon: number, uniform: () => number): number[] {
  const poisson = (mean: number): number => {
    let count = 0;
    for (let left = mean; ; count += 1) {
      left += Math.log(1 - uniform());
      if (left < 0) return count;
    }
  };
  const times: number[] = [];
  const pending: number[] = [];
  for (let at = 0; ; ) {
    at -= Math.log(1 - uniform()) / p.baseline;
    if (at > horizon) break;
    pending.push(at);
  }
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    times.push(parent);
    for (const { branching, decay } of p.kernels) {
      for (let children = poisson(branching); children > 0; children -= 1) {
        const child = parent - Math.log(1 - uniform()) / decay;
        if (child <= horizon) pending.push(child);
      }
    }
  }
  return times.sort((a, b) => a - b);
}

/** Kolmogorov's asymptotic tail probability of a scaled distance. */
function kolmogorovTail(x: number): number {
  let sum = 0;
  for (let k = 1; k <= 100; k += 1) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * x * x);
  return Math.min(1, Math.max(0, sum));
}
function distanceToExponential(residuals: readonly number[]): number {
  const sorted = residuals.toSorted((a, b) => a - b);
  let distance = 0;
  for (const [index, value] of sorted.entries()) {
    const expected = 1 - Math.exp(-value);
    distance = Math.max(
      distance,
      Math.abs(expected - index / sorted.length),
      Math.abs(expected - (index + 1) / sorted.length),
    );
  }
  return distance * Math.sqrt(sorted.length);
}
function distanceOfSamples(a: readonly number[], b: readonly number[]): number {
  const left = a.toSorted((x, y) => x - y);
  const right = b.toSorted((x, y) => x - y);
  let i = 0;
  let j = 0;
  let distance = 0;
  while (i < left.length && j < right.length) {
    if ((left[i] ?? 0) <= (right[j] ?? 0)) i += 1;
    else j += 1;
    distance = Math.max(distance, Math.abs(i / left.length - j / right.length));
  }
  return distance * Math.sqrt((left.length * right.length) / (left.length + right.length));
}

test("the log-likelihood equals a published value", () => {
  const p = { baseline: 5, kernels: [{ branching: 0.2, decay: 10 }] };
  assert.ok(
    Math.abs(hawkesLogLikelihood(p, [3, 4, 6, 8.2, 9, 12], 15) - -66.54322018860307) < 1e-10,
  );
  assert.is(hawkesLogLikelihood({ baseline: 5, kernels: [] }, [], 2), -10);
});

test("the log-likelihood by recursion equals the definition by double sum", () => {
  for (const p of [single, double]) {
    const times = simulateHawkes(p, 40, generator(SEED));
    assert.ok(times.length > 50, `SEED=${SEED}`);
    const difference = hawkesLogLikelihood(p, times, 40) - logLikelihoodByDefinition(p, times, 40);
    assert.ok(Math.abs(difference) < 1e-8, `difference ${difference} SEED=${SEED}`);
  }
});

test("the residual of an arrival is the intensity integrated numerically since the one before", () => {
  const times = simulateHawkes(double, 4, generator(SEED));
  const residuals = hawkesResiduals(double, times);
  for (const [index, time] of times.entries()) {
    const from = index === 0 ? 0 : (times[index - 1] ?? 0);
    // Midpoint rule on 20,000 cells: the intensity is smooth between arrivals.
    const cells = 20_000;
    const width = (time - from) / cells;
    const before = times.slice(0, index);
    let integral = 0;
    for (let cell = 0; cell < cells; cell += 1) {
      integral += intensityByDefinition(double, before, from + (cell + 0.5) * width) * width;
    }
    assert.ok(Math.abs((residuals[index] ?? 0) - integral) < 1e-6, `SEED=${SEED} at ${index}`);
  }
});

test("the mean rate and the variance of counts are those of the closed forms", () => {
  const window = 10;
  const windows = 20_000;
  const burn = 50;
  const times = simulateHawkes(single, burn + window * windows, generator(SEED));
  const counts = new Float64Array(windows);
  for (const time of times) {
    const index = Math.floor((time - burn) / window);
    if (index >= 0 && index < windows) counts[index] = (counts[index] ?? 0) + 1;
  }
  const mean = counts.reduce((a, b) => a + b, 0) / windows;
  const variance = counts.reduce((a, b) => a + (b - mean) ** 2, 0) / (windows - 1);
  const expected = countVariance(2, { branching: 0.6, decay: 5 }, window);
  // Standard error of the mean of all windows from the variance of one window of that length.
  const error = Math.sqrt(
    countVariance(2, { branching: 0.6, decay: 5 }, window * windows) / windows ** 2,
  );
  assert.is(meanRate(single), 5);
  assert.ok(Math.abs(mean - 50) < 4.5 * error, `mean ${mean} SEED=${SEED}`);
  // Counts of 10 s are close to normal: the relative error of a variance is sqrt(2 / windows) or a bit more.
  assert.ok(
    Math.abs(variance / expected - 1) < 6 * Math.sqrt(2 / windows),
    `variance ${variance}, expected ${expected} SEED=${SEED}`,
  );
});

test("residuals under the true parameters are exponential, under a Poisson fit they are not", () => {
  for (const p of [single, double]) {
    const times = simulateHawkes(p, 1_000, generator(SEED));
    const tail = kolmogorovTail(distanceToExponential(hawkesResiduals(p, times)));
    assert.ok(tail > 0.01, `p=${tail} SEED=${SEED}`);
    const poisson = { baseline: times.length / 1_000, kernels: [] };
    const wrong = kolmogorovTail(distanceToExponential(hawkesResiduals(poisson, times)));
    assert.ok(wrong < 1e-6, `p=${wrong} SEED=${SEED}`);
  }
});

test("thinning and the cluster construction give the same waits", () => {
  const waits = (times: readonly number[]): number[] =>
    times.slice(1).map((time, index) => time - (times[index] ?? 0));
  // Waits within one path depend on each other; of every 20th they hardly do.
  const thin = (values: readonly number[]): number[] => values.filter((_, i) => i % 20 === 0);
  const a = thin(waits(simulateHawkes(double, 8_000, generator(SEED))));
  const b = thin(waits(simulateByClusters(double, 8_000, generator(SEED + 1))));
  const tail = kolmogorovTail(distanceOfSamples(a, b));
  assert.ok(a.length > 1_000 && b.length > 1_000);
  assert.ok(tail > 0.01, `p=${tail} SEED=${SEED}`);
});

test("a path follows from its seed alone", () => {
  assert.equal(
    simulateHawkes(double, 20, generator(SEED)),
    simulateHawkes(double, 20, generator(SEED)),
  );
  assert.not.equal(
    simulateHawkes(double, 20, generator(SEED)),
    simulateHawkes(double, 20, generator(SEED + 1)),
  );
});

test("a process that would explode is refused", () => {
  assert.throws(
    () => stationary({ baseline: 1, kernels: [{ branching: 1, decay: 2 }] }),
    /branching ratio must be below 1/,
  );
  assert.throws(
    () =>
      stationary({
        baseline: 1,
        kernels: [
          { branching: 0.5, decay: 2 },
          { branching: 0.6, decay: 9 },
        ],
      }),
    /branching ratio must be below 1/,
  );
  assert.throws(() => stationary({ baseline: 0, kernels: [] }), /baseline/);
  assert.throws(
    () => stationary({ baseline: 1, kernels: [{ branching: 0.1, decay: 0 }] }),
    /decay/,
  );
  assert.ok(Math.abs(branchingRatio(double) - 0.7) < 1e-12);
});

test("parameters of a wanted mean rate have that mean rate", () => {
  assert.ok(Math.abs(meanRate(hawkesOfMeanRate(40, { branching: 0.5, decay: 10 })) - 40) < 1e-9);
});

test.run();
