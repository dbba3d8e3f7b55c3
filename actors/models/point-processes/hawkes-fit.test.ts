import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { modelRandomness } from "../random/generator.ts";
import { type Arrivals, type HawkesParameters, oneType } from "./hawkes.ts";
import { fitHawkes, fitHawkesByEm, hawkesStart } from "./hawkes-fit.ts";
import { hawkesLogLikelihood, hawkesLogLikelihoodGradient } from "./hawkes-likelihood.ts";
import { twoSampleTest } from "./hawkes-residuals.ts";
import {
  simulateByThinning,
  simulatePowerLaw,
  simulatePowerLawByThinning,
} from "./hawkes-simulation.ts";
import {
  fitPowerLaw,
  type PowerLawHawkes,
  powerLawLogLikelihood,
  powerLawMixture,
} from "./power-law-hawkes.ts";

const test = suite("Hawkes fits");
const SEED = seed(52_066);

const truth: HawkesParameters = {
  baseline: Float64Array.of(0.5, 0.3),
  decays: Float64Array.of(3),
  branching: Float64Array.of(0.4, 0.2, 0.1, 0.5),
};
const path = certain(simulateByThinning(truth, 3_000, modelRandomness(SEED)));

test("B4.7 the maximum has no slope, is above the truth and recovers it", () => {
  const fit = certain(fitHawkes(path, certain(hawkesStart(path, 2))));
  const gradient: HawkesParameters = {
    baseline: new Float64Array(2),
    decays: new Float64Array(1),
    branching: new Float64Array(4),
  };
  certain(hawkesLogLikelihoodGradient(fit.parameters, path, gradient));
  for (const name of ["baseline", "decays", "branching"] as const) {
    for (const [index, slope] of gradient[name].entries()) {
      const scaled = (slope * fit.parameters[name][index]!) / path.times.length;
      assert.ok(Math.abs(scaled) < 1e-6, `${name} ${index} ${scaled} SEED=${SEED}`);
      // About 6,000 arrivals: standard errors of these parameters are between 3 and 8 per cent.
      const ratio = fit.parameters[name][index]! / truth[name][index]!;
      assert.ok(Math.abs(ratio - 1) < 0.3, `${name} ${index} ${ratio} SEED=${SEED}`);
    }
  }
  const atTruth = certain(hawkesLogLikelihood(truth, path));
  assert.ok(fit.logLikelihood > atTruth, `SEED=${SEED}`);
  // Twice the gain is chi-square with 7 degrees of freedom: 24.3 has a chance of 0.001.
  assert.ok(2 * (fit.logLikelihood - atTruth) < 24.3, `SEED=${SEED}`);
});

test("B4.7 EM never lowers the likelihood, with and without decays, and ends at the maximum", () => {
  const start = certain(hawkesStart(path, 2));
  for (const fitDecays of [true, false]) {
    const seen: number[] = [];
    const observe = (value: number): void => {
      seen.push(value);
    };
    const options = { fitDecays, observe, tolerance: 1e-11 };
    const em = certain(fitHawkesByEm(path, start, options));
    for (let step = 1; step < seen.length; step += 1) {
      const fall = seen[step - 1]! - seen[step]!;
      assert.ok(fall < 1e-10 * Math.abs(seen[0]!), `step ${step} fell by ${fall} SEED=${SEED}`);
    }
    const direct = certain(fitHawkes(path, start, { fitDecays }));
    assert.ok(Math.abs(em.logLikelihood - direct.logLikelihood) < 1e-4, `SEED=${SEED}`);
    for (const [index, value] of em.parameters.branching.entries()) {
      assert.ok(Math.abs(value - direct.parameters.branching[index]!) < 1e-3, `SEED=${SEED}`);
    }
    assert.is(em.parameters.decays[0] === start.decays[0], !fitDecays);
  }
});

test("B4.7 one exponential cannot take the place of two where there are two", () => {
  const double: HawkesParameters = {
    baseline: Float64Array.of(1),
    decays: Float64Array.of(0.5, 20),
    branching: Float64Array.of(0.35, 0.35),
  };
  const arrivals = certain(simulateByThinning(double, 2_000, modelRandomness(SEED)));
  const one = certain(fitHawkes(arrivals, certain(hawkesStart(arrivals, 1, 1))));
  const both = certain(fitHawkes(arrivals, certain(hawkesStart(arrivals, 1, 2))));
  assert.ok(both.logLikelihood > one.logLikelihood + 20, `SEED=${SEED}`);
  const decays = Array.from(both.parameters.decays).sort((a, b) => a - b);
  assert.ok(decays[0]! > 0.25 && decays[0]! < 1, `${decays.join()} SEED=${SEED}`);
  assert.ok(decays[1]! > 14 && decays[1]! < 28, `${decays.join()} SEED=${SEED}`);
});

const law: PowerLawHawkes = {
  baseline: Float64Array.of(0.4, 0.2),
  branching: Float64Array.of(0.3, 0.1, 0.2, 0.25),
  cutoff: 0.2,
  exponent: 0.8,
};
const slow = certain(simulatePowerLaw(law, 500, modelRandomness(SEED)));

test("B4.7 the power law's gradient equals central differences and its kernel the definition", () => {
  const values = Float64Array.of(...law.baseline, ...law.branching, law.cutoff, law.exponent);
  const at = (x: Float64Array): PowerLawHawkes => ({
    baseline: x.slice(0, 2),
    branching: x.slice(2, 6),
    cutoff: x[6]!,
    exponent: x[7]!,
  });
  const gradient = new Float64Array(8);
  certain(powerLawLogLikelihood(law, slow, gradient));
  for (let index = 0; index < 8; index += 1) {
    const [up, down] = [Float64Array.from(values), Float64Array.from(values)];
    const step = 1e-5 * values[index]!;
    up[index]! += step;
    down[index]! -= step;
    const slope =
      (certain(powerLawLogLikelihood(at(up), slow)) -
        certain(powerLawLogLikelihood(at(down), slow))) /
      (2 * step);
    const error = Math.abs(gradient[index]! - slope);
    assert.ok(error < 1e-6 * (1 + Math.abs(slope)), `${index} ${error} SEED=${SEED}`);
  }
  // Two arrivals, by hand: mu + a theta c^theta (u + c)^-(1 + theta).
  const one = {
    baseline: Float64Array.of(0.7),
    branching: Float64Array.of(0.5),
    cutoff: 2,
    exponent: 1.5,
  };
  const expected =
    Math.log(0.7) +
    Math.log(0.7 + 0.5 * 1.5 * 2 ** 1.5 * 3 ** -2.5) -
    0.7 * 4 -
    0.5 * (1 - (2 / 5) ** 1.5) -
    0.5 * (1 - (2 / 4) ** 1.5);
  const value = certain(powerLawLogLikelihood(one, oneType(Float64Array.of(1, 2), 4)));
  assert.ok(Math.abs(value - expected) < 1e-12);
});

test("B4.7 thinning and clusters of the power law agree, and a law of other memory does not", () => {
  const waits = (arrivals: Arrivals): Float64Array =>
    arrivals.times
      .slice(1)
      .map((time, k) => time - arrivals.times[k]!)
      .filter((_, k) => k % 5 === 0);
  const thinned = waits(certain(simulatePowerLawByThinning(law, 1_500, modelRandomness(SEED + 2))));
  const clustered = waits(certain(simulatePowerLaw(law, 1_500, modelRandomness(SEED + 3))));
  const { pValue } = certain(twoSampleTest(thinned, clustered));
  assert.ok(pValue > 0.01, `p=${pValue} SEED=${SEED}`);
  const shorter = { ...law, cutoff: 0.02, exponent: 3 };
  const other = waits(certain(simulatePowerLaw(shorter, 2_500, modelRandomness(SEED + 4))));
  assert.ok(certain(twoSampleTest(thinned, other)).pValue < 1e-6, `SEED=${SEED}`);
});

test("B4.7 a mixture of exponentials comes as near to the power law as its nodes allow", () => {
  const exact = certain(powerLawLogLikelihood(law, slow));
  const error = (perDecade: number, tail: number): number => {
    const mixture = certain(powerLawMixture(law, perDecade, tail));
    return Math.abs(certain(hawkesLogLikelihood(mixture, slow)) - exact);
  };
  assert.ok(error(6, 1e-10) < 1e-6, `${error(6, 1e-10)} SEED=${SEED}`);
  assert.ok(error(3, 1e-4) > 1e-4, `${error(3, 1e-4)} SEED=${SEED}`);
  for (const [cutoff, exponent] of [
    [0.01, 0.5],
    [0.2, 0.8],
    [3, 2.5],
  ] as const) {
    const one = {
      baseline: Float64Array.of(1),
      branching: Float64Array.of(0.5),
      cutoff,
      exponent,
    };
    const { decays, branching } = certain(powerLawMixture(one, 6, 1e-10));
    for (const age of [0, 0.001, 0.1, 1, 10, 100]) {
      let sum = 0;
      for (const [p, decay] of decays.entries()) {
        sum += branching[p]! * decay * Math.exp(-decay * age);
      }
      const kernel = 0.5 * (exponent / cutoff) * (1 + age / cutoff) ** -(1 + exponent);
      assert.ok(Math.abs(sum / kernel - 1) < 1e-4, `age ${age}: ${sum} ${kernel}`);
    }
  }
});

test("B4.7 the power law is recovered from its own path, and an exponential fits it worse", () => {
  const arrivals = certain(simulatePowerLaw(law, 1_200, modelRandomness(SEED + 1)));
  const start = {
    baseline: Float64Array.of(0.5, 0.5),
    branching: new Float64Array(4).fill(0.2),
    cutoff: 1,
    exponent: 1.5,
  };
  const fit = certain(fitPowerLaw(arrivals, start));
  const atTruth = certain(powerLawLogLikelihood(law, arrivals));
  const gain = 2 * (fit.logLikelihood - atTruth);
  // Chi-square with 8 degrees of freedom: 26.1 has a chance of 0.001.
  assert.ok(gain >= 0 && gain < 26.1, `${gain} SEED=${SEED}`);
  const exponential = certain(fitHawkes(arrivals, certain(hawkesStart(arrivals, 2))));
  assert.ok(exponential.logLikelihood < fit.logLikelihood, `SEED=${SEED}`);
});

test("B4.7 fits of nothing are refused by name", () => {
  const nothing = oneType(new Float64Array(0), 10);
  const one: HawkesParameters = {
    baseline: Float64Array.of(1),
    decays: Float64Array.of(1),
    branching: Float64Array.of(0.5),
  };
  const code = (result: { ok: boolean; failure?: { code: string } }): string =>
    result.failure?.code ?? "answered";
  assert.is(code(fitHawkes(nothing, one)), "empty");
  assert.is(code(fitHawkesByEm(nothing, one)), "empty");
  assert.is(code(hawkesStart(path, 3)), "too_short");
  assert.is(code(fitHawkesByEm(path, truth, { iterations: 1, tolerance: 0 })), "not_converged");
  assert.is(code(powerLawMixture({ ...law, cutoff: 0 })), "out_of_range");
  assert.is(code(powerLawMixture(law, 0)), "out_of_range");
});

test.run();
