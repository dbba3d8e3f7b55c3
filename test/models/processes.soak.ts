import * as assert from "uvu/assert";

import { certain } from "../../actors/models/numerics/failure.ts";
import { Matrix, solve } from "../../actors/models/numerics/linear-algebra.ts";
import type { Arrivals, HawkesParameters } from "../../actors/models/point-processes/hawkes.ts";
import { fitHawkes, hawkesStart } from "../../actors/models/point-processes/hawkes-fit.ts";
import { hawkesLogLikelihoodGradient } from "../../actors/models/point-processes/hawkes-likelihood.ts";
import {
  exponentialTest,
  hawkesResiduals,
} from "../../actors/models/point-processes/hawkes-residuals.ts";
import {
  simulateByBranching,
  simulateByThinning,
} from "../../actors/models/point-processes/hawkes-simulation.ts";
import { independentStreams, modelRandomness } from "../../actors/models/random/generator.ts";
import { hestonPrices } from "../../actors/models/stochastic/heston.ts";
import { hestonCases, strikes } from "../../actors/models/stochastic/stochastic.oracles.ts";
import type { SoakOptions } from "../soak.ts";

/** `count` Hawkes paths (400 by default) fitted, and 600 times as many Heston paths. */
export function soak({ seed, count }: SoakOptions): void {
  const paths = count ?? 400;
  checkHestonPrices(paths * 600, seed);
  checkHawkesFits(paths, seed);
}

/** Calls within 0.03 and four standard errors, which at this count are small beside the bias of a bad scheme. */
function checkHestonPrices(paths: number, seed: number): void {
  const out = new Float64Array(paths);
  for (const { name, model, horizon, prices, errors } of hestonCases) {
    certain(hestonPrices(model, { horizon, steps: 8 * horizon }, modelRandomness(seed), out));
    for (const [index, strike] of strikes.entries()) {
      let sum = 0;
      for (const price of out) sum += Math.max(0, price - strike);
      const miss = sum / paths - Number(prices[index]);
      const error = errors[index]! * Math.sqrt(1e6 / paths);
      console.log(
        `Heston ${name}, K = ${strike}: ${miss.toFixed(4)}, ${(miss / error).toFixed(2)} standard errors`,
      );
      assert.ok(Math.abs(miss) < 0.03 + 4 * error, `case ${name} K=${strike} SEED=${seed}`);
    }
  }
}

const truth: HawkesParameters = {
  baseline: Float64Array.of(0.5, 0.3),
  decays: Float64Array.of(3),
  branching: Float64Array.of(0.4, 0.2, 0.1, 0.5),
};
const names = ["mu_1", "mu_2", "b", "a_11", "a_12", "a_21", "a_22"];
const packed = ({ baseline, decays, branching }: HawkesParameters): number[] => [
  ...baseline,
  ...decays,
  ...branching,
];
const unpacked = (values: readonly number[]): HawkesParameters => ({
  baseline: Float64Array.from(values.slice(0, 2)),
  decays: Float64Array.from(values.slice(2, 3)),
  branching: Float64Array.from(values.slice(3)),
});

/** Standard errors from the Hessian of the log-likelihood, by differences of its gradient. */
function standardErrors(parameters: HawkesParameters, arrivals: Arrivals): number[] {
  const at = packed(parameters);
  const gradientAt = (values: readonly number[]): number[] => {
    const gradient = unpacked(values.map(() => 0));
    certain(hawkesLogLikelihoodGradient(unpacked(values), arrivals, gradient));
    return packed(gradient);
  };
  const information = new Matrix(at.length, at.length);
  for (const [i, value] of at.entries()) {
    const step = 1e-4 * value;
    const up = gradientAt(at.with(i, value + step));
    const down = gradientAt(at.with(i, value - step));
    for (let j = 0; j < at.length; j += 1) information.set(i, j, (down[j]! - up[j]!) / (2 * step));
  }
  const symmetric = information.clone().add(information.transpose()).div(2);
  const inverse = certain(solve("information", symmetric, Matrix.eye(at.length)));
  return inverse.diagonal().map(Math.sqrt);
}

/**
 * Bias and coverage of the maximum likelihood, and uniform p values of the residual test, over `paths` paths made
 * in turns by thinning and by branching.
 */
function checkHawkesFits(paths: number, seed: number): void {
  const expected = packed(truth);
  const sums = expected.map(() => 0);
  const squares = expected.map(() => 0);
  const covered = expected.map(() => 0);
  const pValues: number[] = [];
  for (const [path, random] of independentStreams(seed, paths).entries()) {
    const simulate = path % 2 === 0 ? simulateByThinning : simulateByBranching;
    const arrivals = certain(simulate(truth, 2_000, random));
    const fit = certain(fitHawkes(arrivals, certain(hawkesStart(arrivals, 2)))).parameters;
    const errors = standardErrors(fit, arrivals);
    for (const [i, value] of packed(fit).entries()) {
      const miss = value - expected[i]!;
      sums[i]! += miss;
      squares[i]! += miss * miss;
      if (Math.abs(miss) < 1.96 * errors[i]!) covered[i]! += 1;
    }
    for (const residuals of certain(hawkesResiduals(truth, arrivals))) {
      pValues.push(certain(exponentialTest(residuals)).pValue);
    }
  }
  console.log(
    `Hawkes, ${paths} paths of 2,000 s: parameter, true, bias, deviation, coverage of 95 %`,
  );
  for (const [i, name] of names.entries()) {
    const bias = sums[i]! / paths;
    const deviation = Math.sqrt(squares[i]! / paths - bias * bias);
    const coverage = covered[i]! / paths;
    console.log(
      `  ${name.padEnd(5)} ${expected[i]}  ${bias.toFixed(4)}  ${deviation.toFixed(4)}  ${(100 * coverage).toFixed(1)} %`,
    );
    // The bias of a likelihood is of order 1 / n: a tenth of a deviation here, and its own noise.
    const noise = 4 / Math.sqrt(paths);
    assert.ok(Math.abs(bias) < (0.3 + noise) * deviation, `${name} bias ${bias} SEED=${seed}`);
    const spread = 4 * Math.sqrt((0.95 * 0.05) / paths);
    assert.ok(Math.abs(coverage - 0.95) < 0.02 + spread, `${name} ${coverage} SEED=${seed}`);
  }
  const uniform = certain(exponentialTest(Float64Array.from(pValues, (p) => -Math.log(p))));
  console.log(`  residual tests: p values uniform with p = ${uniform.pValue.toFixed(3)}`);
  assert.ok(uniform.pValue > 0.001, `p values of residuals SEED=${seed}`);
}
