import { suite } from "uvu";
import * as assert from "uvu/assert";

import { garchReturns } from "../../../test/models/market-samples.ts";
import { markPoundReturns } from "../../../test/models/mark-pound.ts";
import { seed } from "../../../test/support/seed.ts";
import { certain, type ModelResult } from "../numerics/failure.ts";
import { numericalGradient } from "../numerics/optimise.ts";
import { standardNormal } from "../random/distributions.ts";
import { modelRandomness } from "../random/generator.ts";
import { fitGarch, garchScore } from "./garch-fit.ts";
import {
  garchForecast,
  type GarchParameters,
  garchPath,
  persistence,
  unconditionalVariance,
} from "./garch.ts";

const test = suite("garch");
const SEED = seed(1_986);
const code = (result: ModelResult<unknown>): string => (result.ok ? "ok" : result.failure.code);
const near = (a: number, b: number, error: number, what = ""): void =>
  assert.ok(Math.abs(a - b) <= error, `${what}: ${a} is not ${b}`);

const asymmetric: GarchParameters = { mu: 0.03, omega: 0.02, alpha: 0.05, gamma: 0.09, beta: 0.85 };

const simulated = (n: number, p: GarchParameters): Float64Array =>
  garchReturns(modelRandomness(SEED), n, p);

const markPound = markPoundReturns("garch");
if (markPound !== null) {
  const returns = markPound;

  test("B5.7 the benchmark of Bollerslev and Ghysels is reached: parameters, likelihood, both errors", () => {
    assert.is(returns.length, 1974);
    const { parameters, logLikelihood, errors } = certain(fitGarch(returns));
    near(parameters.mu, -0.006190408379994, 1e-8, "mu");
    near(parameters.omega, 0.0107613978518, 1e-8, "omega");
    near(parameters.alpha, 0.15313406182, 1e-7, "alpha");
    near(parameters.beta, 0.805973670305, 1e-7, "beta");
    near(logLikelihood, -1106.607881041288, 1e-9, "log-likelihood");
    [0.008462, 0.002853, 0.026523, 0, 0.033553].forEach((one, i) =>
      near(errors!.standard[i]!, one, 1e-6, `standard error ${i}`),
    );
    [0.009189354, 0.006493186, 0.053531703, 0, 0.07246145].forEach((one, i) =>
      near(errors!.robust[i]!, one, 5e-8, `robust error ${i}`),
    );
  });

  test("B5.7 the asymmetric model nests the symmetric one and is likelier", () => {
    const symmetric = certain(fitGarch(returns));
    const full = certain(fitGarch(returns, { asymmetric: true }));
    assert.ok(full.logLikelihood > symmetric.logLikelihood);
    assert.ok(full.logLikelihood < symmetric.logLikelihood + 5);
    assert.ok(full.errors!.standard.every((one) => one > 0));
  });
}

test("B5.7 the analytic gradient is the numerical one, and scores add up to it", () => {
  const returns = simulated(300, asymmetric);
  const at = [0.1, 0.03, 0.08, 0.05, 0.8];
  const value = (x: Float64Array): number => {
    const [mu, omega, alpha, gamma, beta] = Array.from(x) as [
      number,
      number,
      number,
      number,
      number,
    ];
    return certain(garchPath(returns, { mu, omega, alpha, gamma, beta })).logLikelihood;
  };
  const gradient = new Float64Array(5);
  const [mu, omega, alpha, gamma, beta] = at as [number, number, number, number, number];
  const level = garchScore(returns, { mu, omega, alpha, gamma, beta }, gradient);
  near(level, value(Float64Array.from(at)), 1e-10, "likelihood");
  numericalGradient(value, at).forEach((one, i) =>
    near(gradient[i]!, one, 1e-5 * Math.max(1, Math.abs(one)), `entry ${i}`),
  );
});

test("B5.7 parameters of a long simulated path are recovered within four standard errors", () => {
  const returns = simulated(20_000, asymmetric);
  const { parameters, errors } = certain(fitGarch(returns, { asymmetric: true }));
  (["mu", "omega", "alpha", "gamma", "beta"] as const).forEach((name, i) => {
    const error = errors!.standard[i]!;
    assert.ok(error < 0.02, `${name}: ${error}`);
    near(parameters[name], asymmetric[name], 4 * error, `SEED=${SEED} ${name}`);
  });
});

test("B5.7 estimates follow the unit and the sign of returns", () => {
  const returns = simulated(1500, { ...asymmetric, gamma: 0 });
  const plain = certain(fitGarch(returns));
  const percent = certain(fitGarch(returns.map((r) => -100 * r)));
  near(percent.parameters.mu / plain.parameters.mu, -100, 1e-3, "mu");
  near(percent.parameters.omega / plain.parameters.omega, 1e4, 0.1, "omega");
  near(percent.parameters.alpha, plain.parameters.alpha, 1e-6, "alpha");
  near(percent.parameters.beta, plain.parameters.beta, 1e-6, "beta");
});

test("B5.7 a forecast starts at the next variance, ends at the mean and follows the closed form", () => {
  const p = { ...asymmetric };
  const forecast = certain(garchForecast(p, 2, 500));
  const s2 = unconditionalVariance(p);
  forecast.forEach((h, k) => near(h, s2 + persistence(p) ** k * (2 - s2), 1e-12, `${k}`));
  assert.is(forecast[0], 2);
  near(forecast[499]!, s2, 1e-6, "limit");
  const integrated = { ...p, gamma: 0, alpha: 0.15, beta: 0.85 };
  near(certain(garchForecast(integrated, 2, 11))[10]!, 2 + 10 * p.omega, 1e-12, "integrated");
});

test("B5.7 the forecast of the next variance is the mean of simulated squares", () => {
  const random = modelRandomness(SEED);
  const forecast = certain(garchForecast(asymmetric, 1.5, 3));
  const n = 100_000;
  let [sum, squares] = [0, 0];
  for (let k = 0; k < n; k += 1) {
    let h = 1.5;
    let e = 0;
    for (let step = 0; step < 3; step += 1) {
      e = Math.sqrt(h) * standardNormal(random);
      const { omega, alpha, gamma, beta } = asymmetric;
      h = omega + (e < 0 ? alpha + gamma : alpha) * e * e + beta * h;
    }
    sum += e * e;
    squares += e ** 4;
  }
  const error = Math.sqrt((squares / n - (sum / n) ** 2) / n);
  near(sum / n, forecast[2]!, 4 * error, `SEED=${SEED}`);
});

test("B5.7 with no weights the model is a normal sample, and surprises are standardised", () => {
  const returns = [0.3, -1, 2, 0.5, -0.4];
  const flat = { mu: 0.1, omega: 1.7, alpha: 0, gamma: 0, beta: 0 };
  const { variances, standardised, logLikelihood, nextVariance } = certain(
    garchPath(returns, flat),
  );
  let sum = 0;
  returns.forEach((r, t) => {
    assert.is(variances[t], 1.7);
    near(standardised[t]!, (r - 0.1) / Math.sqrt(1.7), 1e-15, "shock");
    sum += -0.5 * (Math.log(2 * Math.PI * 1.7) + (r - 0.1) ** 2 / 1.7);
  });
  near(logLikelihood, sum, 1e-13, "likelihood");
  assert.is(nextVariance, 1.7);
});

test("B5.7 returns without clusters get a fit, and errors only where they exist", () => {
  for (let k = 0; k < 20; k += 1) {
    const random = modelRandomness(SEED + k);
    const returns = Float64Array.from({ length: 400 }, () => standardNormal(random));
    const { parameters, errors } = certain(fitGarch(returns));
    // Here beta may run to 1: then no unconditional variance is told, but the path's is.
    const { variances, logLikelihood } = certain(garchPath(returns, parameters));
    near(
      variances.reduce((sum, h) => sum + h / 400, 0),
      1,
      0.35,
      `SEED=${SEED + k} variance`,
    );
    const flat = { mu: 0, omega: 1, alpha: 0, gamma: 0, beta: 0 };
    assert.ok(logLikelihood > certain(garchPath(returns, flat)).logLikelihood, `SEED=${SEED + k}`);
    assert.ok(persistence(parameters) < 1, `SEED=${SEED + k}`);
    const all = errors === null ? [] : [...errors.standard, ...errors.robust];
    assert.ok(
      all.every((one) => Number.isFinite(one) && one >= 0),
      `SEED=${SEED + k}`,
    );
  }
});

test("B5.7 bad parameters, short and still samples are refused with a code", () => {
  const returns = simulated(100, asymmetric);
  assert.is(code(garchPath(returns, { ...asymmetric, omega: 0 })), "out_of_range");
  assert.is(code(garchPath(returns, { ...asymmetric, gamma: -0.2 })), "out_of_range");
  assert.is(code(garchPath([1, Number.NaN], asymmetric)), "not_finite");
  assert.is(code(fitGarch(returns.subarray(0, 20))), "too_short");
  assert.is(code(fitGarch(new Float64Array(100).fill(0.3))), "undefined");
  assert.is(code(garchForecast(asymmetric, -1, 3)), "out_of_range");
  assert.is(code(garchForecast(asymmetric, 1, 0)), "out_of_range");
  assert.is(code(garchPath([1e200, -1e200], asymmetric)), "not_finite");
  assert.is(code(fitGarch(returns.map((r) => 1e200 * r))), "not_finite");
  const explosive = { ...asymmetric, alpha: 2 };
  assert.is(code(garchForecast(explosive, 1, 10_000)), "not_finite");
});

test.run();
