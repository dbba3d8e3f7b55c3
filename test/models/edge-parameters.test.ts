import { suite } from "uvu";

import { almgrenChriss } from "../../actors/models/execution/almgren-chriss.ts";
import { apportion } from "../../actors/models/execution/apportionment.ts";
import { twapSchedule } from "../../actors/models/execution/twap.ts";
import { volumeProfile, vwapSchedule } from "../../actors/models/execution/vwap.ts";
import { leastSquares } from "../../actors/models/numerics/least-squares.ts";
import { solveQuadraticProgram } from "../../actors/models/numerics/quadratic-program.ts";
import { type Arrivals, stationaryRates } from "../../actors/models/point-processes/hawkes.ts";
import { fitHawkes, fitHawkesByEm } from "../../actors/models/point-processes/hawkes-fit.ts";
import { hawkesLogLikelihoodGradient } from "../../actors/models/point-processes/hawkes-likelihood.ts";
import {
  exponentialTest,
  hawkesResiduals,
} from "../../actors/models/point-processes/hawkes-residuals.ts";
import {
  simulateByBranching,
  simulateByThinning,
  simulatePowerLaw,
} from "../../actors/models/point-processes/hawkes-simulation.ts";
import {
  powerLawLogLikelihood,
  powerLawMixture,
} from "../../actors/models/point-processes/power-law-hawkes.ts";
import { blackLitterman } from "../../actors/models/portfolio/black-litterman.ts";
import {
  ledoitWolf,
  ledoitWolfConstantCorrelation,
} from "../../actors/models/portfolio/ledoit-wolf.ts";
import { meanVariance } from "../../actors/models/portfolio/mean-variance.ts";
import { riskParity } from "../../actors/models/portfolio/risk-parity.ts";
import { normalComponents, scenarioComponents } from "../../actors/models/risk/components.ts";
import { filteredHorizonRisk, filteredRisk } from "../../actors/models/risk/filtered-historical.ts";
import { historicalRisk, interpolatedValueAtRisk } from "../../actors/models/risk/historical.ts";
import { linearLosses, revaluedLosses } from "../../actors/models/risk/monte-carlo.ts";
import { normalRisk, studentRisk } from "../../actors/models/risk/parametric.ts";
import {
  christoffersenTest,
  kupiecRegion,
  kupiecTest,
  trafficLight,
} from "../../actors/models/risk/var-backtest.ts";
import { hestonPrices } from "../../actors/models/stochastic/heston.ts";
import { hestonCall } from "../../actors/models/stochastic/heston-fourier.ts";
import { jumpAdaptedGrid, poissonTimes } from "../../actors/models/stochastic/jumps.ts";
import { integratePath } from "../../actors/models/stochastic/schemes.ts";
import type { DurationNs, QuantityLots } from "../../actors/kernel/units.ts";
import { seed } from "../support/seed.ts";
import { type Answer, checkTrials, type Draw, type Trial } from "./edge-draw.ts";

const test = suite("edge parameters");
const SEED = seed(1_754_308);

function execution(draw: Draw): Trial[] {
  const quantity = draw.below(1_000) as QuantityLots;
  const duration = (1 + draw.below(1_000)) as DurationNs;
  const weights = draw.numbers();
  const [timeJitter, sizeJitter] = [draw.mostly(0.3), draw.mostly(0.3)];
  const ac = {
    quantity: draw.number(),
    duration: draw.number(),
    intervals: draw.mostly(5) % 1_000,
    volatility: draw.number(),
    fixedCost: draw.number(),
    permanentImpact: draw.number(),
    temporaryImpact: draw.number(),
    riskAversion: draw.number(),
  };
  const twap = { quantity, duration, slices: draw.mostly(4) % 1_000, timeJitter, sizeJitter };
  return [
    ["Almgren-Chriss", () => almgrenChriss(ac)],
    ["apportionment", () => apportion(quantity, weights)],
    ["TWAP", () => twapSchedule(twap, draw.random)],
    ["volume profile", () => volumeProfile(weights, draw.mostly(2))],
    ["VWAP", () => vwapSchedule(quantity, duration, weights)],
  ];
}

function risk(draw: Draw): Trial[] {
  const losses = draw.numbers();
  const confidence = draw.mostly(0.95);
  const [a, b, c] = [draw.number(), draw.number(), draw.number()];
  const deviations = draw.positives(losses.length);
  const n = 1 + draw.below(4);
  const covariance = draw.covariance(n);
  const weights = draw.numbers(n);
  const scenarios = { covariance, count: 3, ...(draw.below(2) === 0 ? { degrees: a } : {}) };
  const recursion = { w: a, a: draw.random.unit(), b: draw.random.unit() };
  const paths = { horizon: 3, count: 5, random: draw.random };
  const cells = draw.numbers(n * draw.below(5));
  const hits = Uint8Array.from({ length: draw.below(20) }, () => draw.below(2));
  const counts = [draw.mostly(250), draw.mostly(5), draw.mostly(0.01)] as const;
  return [
    ["historical", () => historicalRisk(losses, confidence)],
    ["interpolated", () => interpolatedValueAtRisk(losses, confidence)],
    ["normal", () => normalRisk(confidence, a, b)],
    ["Student", () => studentRisk(confidence, c, a, b)],
    ["filtered", () => filteredRisk(losses, deviations, a, confidence)],
    [
      "filtered, horizon",
      () => filteredHorizonRisk(losses, deviations, b, confidence, recursion, paths),
    ],
    ["linear losses", () => linearLosses(weights, scenarios, draw.random)],
    ["revalued losses", () => revaluedLosses((returns) => returns[0]!, scenarios, draw.random)],
    ["components", () => normalComponents(weights, covariance, confidence)],
    ["scenario components", () => scenarioComponents(cells, n, confidence)],
    ["Kupiec", () => kupiecTest(...counts)],
    ["Kupiec region", () => kupiecRegion(counts[0], counts[2])],
    ["traffic light", () => trafficLight(...counts)],
    ["Christoffersen", () => christoffersenTest(hits, counts[2])],
  ];
}

function portfolio(draw: Draw): Trial[] {
  const n = 1 + draw.below(4);
  const k = 1 + draw.below(3);
  const covariance = draw.covariance(n);
  const vector = draw.numbers(n);
  const half = (): boolean => draw.below(2) === 0;
  const markowitz = {
    expectedReturns: vector,
    covariance,
    riskAversion: draw.mostly(1),
    budget: draw.mostly(1),
    ...(half() ? { lower: draw.numbers(n) } : {}),
    ...(half() ? { upper: draw.numbers(n) } : {}),
    ...(half() ? { held: draw.numbers(n), turnover: draw.mostly(0.5) } : {}),
  };
  const views = {
    covariance,
    marketWeights: vector,
    riskAversion: draw.mostly(2.5),
    tau: draw.mostly(0.05),
    views: draw.numbers(k * n),
    viewReturns: draw.numbers(k),
    ...(half() ? { viewVariances: draw.positives(k) } : {}),
  };
  const rows = draw.numbers(n * draw.below(6));
  const response = draw.numbers();
  const design = draw.numbers(n * response.length);
  const equalities = { matrix: draw.numbers(k * n), right: draw.numbers(k) };
  const program = { quadratic: covariance, linear: vector, ...(half() ? { equalities } : {}) };
  return [
    ["mean-variance", () => meanVariance(markowitz)],
    ["Black-Litterman", () => blackLitterman(views)],
    ["risk parity", () => riskParity(covariance, half() ? draw.positives(n) : undefined)],
    ["Ledoit-Wolf", () => ledoitWolf(rows, n)],
    ["Ledoit-Wolf, correlation", () => ledoitWolfConstantCorrelation(rows, n)],
    ["least squares", () => leastSquares(design, response)],
    ["quadratic program", () => solveQuadraticProgram(program)],
  ];
}

function pointProcesses(draw: Draw): Trial[] {
  const d = 1 + draw.below(2);
  const P = 1 + draw.below(2);
  const baseline = draw.positives(d);
  const hawkes = {
    baseline,
    decays: draw.positives(P),
    branching: draw.positives(d * d * P, 0.3),
  };
  const power = {
    baseline,
    branching: draw.positives(d * d, 0.3),
    cutoff: draw.mostly(0.5),
    exponent: draw.mostly(0.8),
  };
  const n = draw.below(8);
  const times = Float64Array.from({ length: n }, () =>
    draw.below(12) === 0 ? draw.number() : 5 * draw.random.unit(),
  );
  if (draw.below(5) > 0) times.sort();
  const arrivals: Arrivals = {
    times,
    types: Int32Array.from({ length: n }, () => draw.below(d)),
    horizon: draw.mostly(5),
  };
  /** An impossible path has a likelihood of -Infinity, which is an answer. */
  const possible = (answer: Answer): Answer =>
    answer.ok && answer.value === -Infinity ? { ok: true, value: 0 } : answer;
  const gradient = {
    baseline: new Float64Array(d),
    decays: new Float64Array(P),
    branching: new Float64Array(d * d * P),
  };
  const few = { iterations: 30 };
  return [
    ["Hawkes", () => possible(hawkesLogLikelihoodGradient(hawkes, arrivals, gradient))],
    ["Hawkes, residuals", () => hawkesResiduals(hawkes, arrivals)],
    ["Hawkes, rates", () => stationaryRates(hawkes)],
    ["Hawkes, thinning", () => simulateByThinning(hawkes, arrivals.horizon, draw.random, 200)],
    ["Hawkes, branching", () => simulateByBranching(hawkes, arrivals.horizon, draw.random, 200)],
    ["Hawkes, fit", () => (draw.below(10) > 0 ? skipped : fitHawkes(arrivals, hawkes, few))],
    ["Hawkes, EM", () => (draw.below(10) > 0 ? skipped : fitHawkesByEm(arrivals, hawkes, few))],
    ["power law", () => possible(powerLawLogLikelihood(power, arrivals))],
    ["power law, mixture", () => powerLawMixture(power)],
    ["power law, path", () => simulatePowerLaw(power, arrivals.horizon, draw.random, 200)],
    ["exponential test", () => exponentialTest(times)],
  ];
}

const skipped: Answer = { ok: true, value: 0 };

function stochastic(draw: Draw): Trial[] {
  const model = {
    spot: draw.mostly(100),
    rate: draw.mostly(0.01),
    variance: draw.mostly(0.04),
    reversion: draw.mostly(1),
    meanVariance: draw.mostly(0.04),
    volatilityOfVariance: draw.mostly(0.5),
    correlation: draw.mostly(-0.5),
  };
  const horizon = draw.mostly(1);
  const jumps = draw.numbers(3).sort();
  const growth = { drift: (x: number) => x, diffusion: (x: number) => x };
  const grid = draw.numbers(3).sort();
  const scheme = (["euler", "runge-kutta-milstein", "sri1w1"] as const)[draw.below(3)]!;
  const rate = draw.mostly(3);
  return [
    ["Heston", () => hestonPrices(model, { horizon, steps: 3 }, draw.random, new Float64Array(2))],
    [
      "Heston call",
      () => (draw.below(8) > 0 ? skipped : hestonCall(model, draw.mostly(90), horizon)),
    ],
    ["jump grid", () => jumpAdaptedGrid(horizon, 1 + draw.below(4), jumps)],
    ["Poisson", () => (rate * horizon > 1e4 ? skipped : poissonTimes(rate, horizon, draw.random))],
    [
      "path",
      () => integratePath(growth, scheme, draw.number(), grid, draw.random, new Float64Array(3)),
    ],
  ];
}

test("B7.4 whatever the parameters, a model answers numbers or refuses by name, and never throws", () => {
  checkTrials([execution, risk, portfolio, pointProcesses, stochastic], 400, SEED);
});

test.run();
