import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import {
  type Arrivals,
  type HawkesParameters,
  oneType,
  spectralRadius,
  stationaryRates,
} from "./hawkes.ts";
import { HawkesIntensity } from "./hawkes-intensity.ts";
import { hawkesLogLikelihood, hawkesLogLikelihoodGradient } from "./hawkes-likelihood.ts";
import { exponentialTest, hawkesResiduals, twoSampleTest } from "./hawkes-residuals.ts";
import { simulateByBranching, simulateByThinning } from "./hawkes-simulation.ts";

const test = suite("Hawkes processes");
const SEED = seed(41_077);

const two: HawkesParameters = {
  baseline: Float64Array.of(0.5, 0.3),
  decays: Float64Array.of(1.2, 9),
  branching: Float64Array.of(0.2, 0.15, 0.1, 0.1, 0.05, 0.1, 0.3, 0.1),
};

/** lambda_i(t) by the definition, with nothing shared with the recursion under test. */
function rateByDefinition(
  p: HawkesParameters,
  { times, types }: Arrivals,
  target: number,
  at: number,
): number {
  const [d, P] = [p.baseline.length, p.decays.length];
  let rate = p.baseline[target]!;
  for (const [k, time] of times.entries()) {
    if (time >= at) continue;
    for (let c = 0; c < P; c += 1) {
      const a = p.branching[(target * d + types[k]!) * P + c]!;
      rate += a * p.decays[c]! * Math.exp(-p.decays[c]! * (at - time));
    }
  }
  return rate;
}
function logLikelihoodByDefinition(p: HawkesParameters, arrivals: Arrivals): number {
  const [d, P] = [p.baseline.length, p.decays.length];
  let sum = 0;
  for (const mu of p.baseline) sum -= mu * arrivals.horizon;
  for (const [k, time] of arrivals.times.entries()) {
    sum += Math.log(rateByDefinition(p, arrivals, arrivals.types[k]!, time));
    for (let target = 0; target < d; target += 1) {
      for (let c = 0; c < P; c += 1) {
        const a = p.branching[(target * d + arrivals.types[k]!) * P + c]!;
        sum -= a * (1 - Math.exp(-p.decays[c]! * (arrivals.horizon - time)));
      }
    }
  }
  return sum;
}

const tied: Arrivals = {
  times: Float64Array.of(0.1, 0.4, 0.4, 0.4, 1.7, 1.75, 3.2, 3.2),
  types: Int32Array.of(0, 0, 1, 1, 0, 1, 1, 0),
  horizon: 4,
};

test("B4.7 the log-likelihood by recursion equals the definition by double sum, ties included", () => {
  const path = certain(simulateByThinning(two, 60, modelRandomness(SEED)));
  assert.ok(path.times.length > 60, `SEED=${SEED}`);
  for (const arrivals of [tied, path]) {
    const expected = logLikelihoodByDefinition(two, arrivals);
    const value = certain(hawkesLogLikelihood(two, arrivals));
    assert.ok(Math.abs(value / expected - 1) < 1e-11, `${value} ${expected} SEED=${SEED}`);
  }
});

test("B4.7 intensities whose product leaves the doubles keep their logarithms", () => {
  const times = Float64Array.from({ length: 400 }, (_, k) => k + 1);
  for (const rate of [1e-30, 1e-160, 1e30]) {
    const faint = {
      baseline: Float64Array.of(rate),
      decays: Float64Array.of(1),
      branching: new Float64Array(1),
    };
    // Times in units in which the compensator is small beside the sum of logarithms.
    const scaled = oneType(
      times.map((time) => time / Math.max(1, rate)),
      400 / Math.max(1, rate),
    );
    const expected = 400 * Math.log(rate) - rate * scaled.horizon;
    const value = certain(hawkesLogLikelihood(faint, scaled));
    assert.ok(Math.abs(value / expected - 1) < 1e-12, `${value} ${expected}`);
  }
});

test("B4.7 types that do not touch each other are as many processes of one type, and none leave the integral", () => {
  const apart: HawkesParameters = {
    baseline: Float64Array.of(1.1, 0.4),
    decays: Float64Array.of(2, 40),
    branching: Float64Array.of(0.3, 0.2, 0, 0, 0, 0, 0.1, 0.6),
  };
  const path = certain(simulateByThinning(apart, 30, modelRandomness(SEED)));
  let sum = 0;
  for (const type of [0, 1]) {
    const one: HawkesParameters = {
      baseline: apart.baseline.slice(type, type + 1),
      decays: apart.decays,
      branching: apart.branching.slice(6 * type, 6 * type + 2),
    };
    const times = path.times.filter((_, k) => path.types[k] === type);
    sum += certain(hawkesLogLikelihood(one, oneType(times, 30)));
  }
  const value = certain(hawkesLogLikelihood(apart, path));
  assert.ok(Math.abs(value / sum - 1) < 1e-12, `${value} ${sum} SEED=${SEED}`);
  const empty = {
    baseline: Float64Array.of(2, 3, 5),
    decays: Float64Array.of(1),
    branching: new Float64Array(9).fill(0.1),
  };
  assert.is(certain(hawkesLogLikelihood(empty, oneType(new Float64Array(0), 1))), -10);
});

test("B4.7 the analytic gradient equals central differences to six digits", () => {
  const path = certain(simulateByThinning(two, 80, modelRandomness(SEED)));
  const copy = (): HawkesParameters => ({
    baseline: Float64Array.from(two.baseline),
    decays: Float64Array.from(two.decays),
    branching: Float64Array.from(two.branching),
  });
  for (const arrivals of [tied, path]) {
    const gradient = copy();
    certain(hawkesLogLikelihoodGradient(two, arrivals, gradient));
    for (const name of ["baseline", "decays", "branching"] as const) {
      for (let index = 0; index < two[name].length; index += 1) {
        const step = 1e-5 * two[name][index]!;
        const [up, down] = [copy(), copy()];
        up[name][index]! += step;
        down[name][index]! -= step;
        const slope =
          (certain(hawkesLogLikelihood(up, arrivals)) -
            certain(hawkesLogLikelihood(down, arrivals))) /
          (2 * step);
        const error = Math.abs(gradient[name][index]! - slope);
        assert.ok(error < 1e-6 * (1 + Math.abs(slope)), `${name} ${index} ${error} SEED=${SEED}`);
      }
    }
  }
});

test("B4.7 speeding the clock up by a factor shifts the log-likelihood by n times its logarithm", () => {
  const path = certain(simulateByThinning(two, 50, modelRandomness(SEED)));
  const faster = {
    baseline: two.baseline.map((value) => value * 3),
    decays: two.decays.map((value) => value * 3),
    branching: two.branching,
  };
  const quick = { ...path, times: path.times.map((t) => t / 3), horizon: path.horizon / 3 };
  const shift =
    certain(hawkesLogLikelihood(faster, quick)) - certain(hawkesLogLikelihood(two, path));
  assert.ok(Math.abs(shift - path.times.length * Math.log(3)) < 1e-8, `${shift} SEED=${SEED}`);
});

test("B4.7 mean counts are the stationary rates, and thinning and branching agree", () => {
  const rates = certain(stationaryRates(two));
  const horizon = 3_000;
  const waits = (arrivals: Arrivals): Float64Array =>
    // Waits within one path depend on each other; of every 10th they hardly do.
    arrivals.times
      .slice(1)
      .map((time, k) => time - arrivals.times[k]!)
      .filter((_, k) => k % 10 === 0);
  const paths = [
    certain(simulateByThinning(two, horizon, modelRandomness(SEED))),
    certain(simulateByBranching(two, horizon, modelRandomness(SEED + 1))),
  ];
  for (const path of paths) {
    for (const [type, rate] of rates.entries()) {
      const count = path.types.filter((one) => one === type).length;
      // The variance of a count grows as rate * T / (1 - radius)^2 at most.
      const error = Math.sqrt(rate * horizon) / (1 - 0.65);
      assert.ok(Math.abs(count - rate * horizon) < 4 * error, `${count} ${rate} SEED=${SEED}`);
    }
  }
  const same = certain(twoSampleTest(waits(paths[0]!), waits(paths[1]!)));
  assert.ok(same.pValue > 0.01, `p=${same.pValue} SEED=${SEED}`);
  // The test sees a fifth of the branching.
  const weaker = { ...two, branching: two.branching.map((value) => value * 0.2) };
  const other = waits(certain(simulateByBranching(weaker, horizon, modelRandomness(SEED + 2))));
  assert.ok(certain(twoSampleTest(waits(paths[0]!), other)).pValue < 1e-6, `SEED=${SEED}`);
});

test("B4.7 residuals are exponential under the true parameters and not under a Poisson fit", () => {
  const path = certain(simulateByThinning(two, 2_000, modelRandomness(SEED)));
  const poisson: HawkesParameters = {
    baseline: Float64Array.from([0, 1], (type) => {
      return path.types.filter((one) => one === type).length / path.horizon;
    }),
    decays: Float64Array.of(1),
    branching: new Float64Array(4),
  };
  const right = certain(hawkesResiduals(two, path));
  const wrong = certain(hawkesResiduals(poisson, path));
  for (const type of [0, 1]) {
    const { pValue } = certain(exponentialTest(right[type]!));
    assert.ok(pValue > 0.01, `p=${pValue} SEED=${SEED}`);
    assert.ok(certain(exponentialTest(wrong[type]!)).pValue < 1e-6, `SEED=${SEED}`);
  }
});

test("B4.7 residuals and the compensator of the likelihood are one integral", () => {
  const path = certain(simulateByThinning(two, 40, modelRandomness(SEED)));
  const residuals = certain(hawkesResiduals(two, path));
  let integral = 0;
  for (const values of residuals) for (const value of values) integral += value;
  // Midpoint rule over each type up to its own last arrival.
  let expected = 0;
  for (const target of [0, 1]) {
    const until = path.times[path.types.lastIndexOf(target)]!;
    const cells = 40_000;
    const times = [...path.times.filter((time) => time < until), until];
    let from = 0;
    for (const to of times) {
      const count = Math.max(4, Math.ceil((cells * (to - from)) / until));
      for (let cell = 0; cell < count; cell += 1) {
        const at = from + ((cell + 0.5) * (to - from)) / count;
        expected += (rateByDefinition(two, path, target, at) * (to - from)) / count;
      }
      from = to;
    }
  }
  assert.ok(Math.abs(integral / expected - 1) < 1e-4, `${integral} ${expected} SEED=${SEED}`);
});

test("B10.1 B4.7 intensities as arrivals come in equal the definition, and bad arrivals change nothing", () => {
  const path = certain(simulateByThinning(two, 30, modelRandomness(SEED)));
  const stream = certain(HawkesIntensity.of(two));
  for (const [k, time] of path.times.entries()) {
    assert.ok(stream.advance(time));
    for (const target of [0, 1]) {
      const expected = rateByDefinition(two, path, target, time);
      assert.ok(Math.abs(stream.rates[target]! / expected - 1) < 1e-12, `SEED=${SEED}`);
    }
    assert.ok(stream.arrive(time, path.types[k]!));
  }
  const before = Array.from(stream.rates);
  for (const [time, type] of [
    [1, 0],
    [Number.NaN, 0],
    [Infinity, 0],
    [40, 2],
    [40, -1],
    [40, 0.5],
  ] as const) {
    assert.is(stream.arrive(time, type), false, `${time} ${type}`);
  }
  assert.equal(Array.from(stream.rates), before);
});

test("B4.7 the spectral radius decides stability, and what is not a process is refused by name", () => {
  // Eigenvalues of a triangular matrix stand on its diagonal; of a rotation-like one they are complex.
  assert.ok(Math.abs(spectralRadius(Float64Array.of(0.5, 3, 0, 0.7)) - 0.7) < 1e-12);
  assert.ok(
    Math.abs(spectralRadius(Float64Array.of(0, 0.9, 0, 0, 0, 0.9, 0.9, 0, 0)) - 0.9) < 1e-12,
  );
  const code = (result: { ok: boolean; failure?: { code: string } }): string =>
    result.failure?.code ?? "answered";
  const explosive = { ...two, branching: new Float64Array(8).fill(0.3) };
  assert.is(code(stationaryRates(explosive)), "out_of_range");
  assert.is(code(simulateByBranching(explosive, 10, modelRandomness(1))), "out_of_range");
  assert.is(code(simulateByThinning(explosive, 1e9, modelRandomness(1), 1_000)), "out_of_range");
  const likelihood = (p: HawkesParameters, a: Arrivals): string => code(hawkesLogLikelihood(p, a));
  assert.is(likelihood({ ...two, decays: Float64Array.of(1, 0) }, tied), "out_of_range");
  assert.is(likelihood({ ...two, decays: Float64Array.of(1) }, tied), "wrong_shape");
  assert.is(likelihood({ ...two, baseline: Float64Array.of(-1, 1) }, tied), "out_of_range");
  assert.is(likelihood({ ...two, baseline: Float64Array.of(Number.NaN, 1) }, tied), "not_finite");
  assert.is(likelihood(two, { ...tied, times: tied.times.toReversed() }), "unsorted");
  assert.is(likelihood(two, { ...tied, types: Int32Array.of(0) }), "wrong_shape");
  assert.is(likelihood(two, { ...tied, types: tied.types.map((t) => t + 1) }), "out_of_range");
  assert.is(likelihood(two, { ...tied, horizon: 3 }), "out_of_range");
  assert.is(likelihood(two, { ...tied, horizon: Infinity }), "not_finite");
  assert.is(code(exponentialTest(Float64Array.of(1, -1))), "out_of_range");
  assert.is(code(exponentialTest(new Float64Array(0))), "empty");
});

test.run();
