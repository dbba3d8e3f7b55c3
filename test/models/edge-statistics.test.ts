import { suite } from "uvu";

import {
  edgeSpread,
  expandingEdgeSpread,
  rollingEdgeSpread,
} from "../../actors/models/microstructure/edge-spread.ts";
import { filterLocalLevel, fitLocalLevel } from "../../actors/models/microstructure/local-level.ts";
import {
  fractionalSpread,
  ornsteinUhlenbeckSpread,
  whiteNoiseSpread,
} from "../../actors/models/microstructure/noise-spread.ts";
import {
  bipowerVariation,
  noiseVariance,
  parzenBandwidth,
  preAveragedVariance,
  realisedKernel,
  realisedVariance,
  twoScaleVariance,
} from "../../actors/models/microstructure/realised-measures.ts";
import { dependentSignSpread, rollSpread } from "../../actors/models/microstructure/roll-spread.ts";
import type { ModelResult } from "../../actors/models/numerics/failure.ts";
import {
  fitRegimes,
  likeliestRegimes,
  regimeProbabilities,
} from "../../actors/models/regimes/hidden-markov.ts";
import { switchingProbabilities } from "../../actors/models/regimes/markov-switching.ts";
import { fitRegimesByStarts } from "../../actors/models/regimes/regime-starts.ts";
import { aparchPath } from "../../actors/models/volatility/aparch.ts";
import {
  blackScholesCall,
  impliedVolatility,
} from "../../actors/models/volatility/black-scholes.ts";
import {
  correlationOf,
  dccPath,
  ewmaCovariance,
} from "../../actors/models/volatility/dynamic-correlation.ts";
import {
  compareForecasts,
  qlikeLosses,
  squaredLosses,
} from "../../actors/models/volatility/forecast-comparison.ts";
import { fractionalNoise } from "../../actors/models/volatility/fractional-brownian.ts";
import { garchForecast, garchPath } from "../../actors/models/volatility/garch.ts";
import { fitGarch } from "../../actors/models/volatility/garch-fit.ts";
import { fitHar, harForecast } from "../../actors/models/volatility/har.ts";
import { structureHurst, whittleHurst } from "../../actors/models/volatility/hurst.ts";
import { jumpTest, leeMyklandJumps } from "../../actors/models/volatility/jumps.ts";
import { mertonCall } from "../../actors/models/volatility/merton-jump-diffusion.ts";
import { roughBergomi } from "../../actors/models/volatility/rough-bergomi.ts";
import { seed } from "../support/seed.ts";
import { checkTrials, type Draw, type Trial } from "./edge-draw.ts";

const test = suite("edge statistics");
const SEED = seed(2_718_281);

function spreads(draw: Draw): Trial[] {
  const x = draw.series(2 + draw.below(40));
  const prices = x.map(Math.exp);
  const bars = {
    open: prices,
    high: prices.map((one, i) => Math.max(one, prices[(i + 1) % prices.length]!)),
    low: prices.map((one, i) => Math.min(one, prices[(i + 2) % prices.length]!)),
    close: prices.toReversed(),
  };
  const [lag, other] = [draw.mostly(1), draw.mostly(2)];
  const variances = { noiseVariance: draw.mostly(1), levelVariance: draw.mostly(0.5) };
  return [
    ["Roll", () => rollSpread(x)],
    ["dependent signs", () => dependentSignSpread(x)],
    ["white noise", () => whiteNoiseSpread(x, lag, other)],
    ["fractional price", () => fractionalSpread(x, lag, other)],
    ["fractional price, H given", () => fractionalSpread(x, lag, other, draw.mostly(0.4))],
    ["reverting noise", () => ornsteinUhlenbeckSpread(x, lag, other)],
    ["EDGE", () => edgeSpread(bars, { signed: true })],
    ["EDGE, rolling", () => finiteOrNull(rollingEdgeSpread(bars, { rows: draw.mostly(5) }))],
    ["EDGE, expanding", () => finiteOrNull(expandingEdgeSpread(bars))],
    ["local level", () => filterLocalLevel(x, variances)],
    ["local level, fitted", () => fitLocalLevel(x)],
    ["realised variance", () => realisedVariance(x)],
    ["noise variance", () => noiseVariance(x)],
    ["bandwidth", () => parzenBandwidth(draw.mostly(100), draw.mostly(0.01))],
    ["bipower variation", () => bipowerVariation(x)],
    ["two scales", () => twoScaleVariance(x, draw.mostly(3))],
    ["realised kernel", () => realisedKernel(x, draw.mostly(2))],
    ["pre-averaging", () => preAveragedVariance(x, draw.mostly(0.7))],
  ];
}

/** Estimates that a window does not determine are null by contract, and count as none. */
const finiteOrNull = (result: ModelResult<(number | null)[]>): ModelResult<number[]> =>
  result.ok ? { ok: true, value: result.value.filter((one) => one !== null) } : result;

function volatility(draw: Draw): Trial[] {
  const returns = draw.series(50 + draw.below(20));
  const garch = {
    mu: draw.mostly(0),
    omega: draw.mostly(0.1),
    alpha: draw.mostly(0.1),
    gamma: draw.mostly(0.05),
    beta: draw.mostly(0.8),
  };
  const rows = Array.from({ length: 12 }, () =>
    draw.below(20) === 0 ? draw.numbers(2) : [draw.random.unit() - 0.5, draw.random.unit()],
  );
  const start = [
    [draw.mostly(1), draw.mostly(0.2)],
    [draw.mostly(0.2), draw.mostly(1)],
  ];
  const call = {
    spot: draw.mostly(100),
    strike: draw.mostly(100),
    expiry: draw.mostly(1),
    rate: draw.mostly(0.02),
  };
  const jumps = {
    volatility: draw.mostly(0.2),
    intensity: draw.mostly(1),
    jumpMean: draw.mostly(-0.1),
    jumpDeviation: draw.mostly(0.1),
  };
  const other = draw.series(returns.length);
  return [
    ["GARCH", () => garchPath(returns, garch)],
    ["GARCH, fitted", () => fitGarch(returns)],
    ["GARCH forecast", () => garchForecast(garch, draw.mostly(1), draw.mostly(5))],
    ["APARCH", () => aparchPath(returns, { ...garch, delta: draw.mostly(1.5) })],
    ["HAR", () => fitHar(returns)],
    [
      "HAR forecast",
      () =>
        harForecast(returns, {
          constant: draw.mostly(1),
          daily: draw.mostly(0.4),
          weekly: draw.mostly(0.3),
          monthly: draw.mostly(0.2),
        }),
    ],
    ["EWMA", () => ewmaCovariance(rows, start, draw.mostly(0.94))],
    ["DCC", () => dccPath(rows, { a: draw.mostly(0.05), b: draw.mostly(0.9) })],
    [
      "correlation",
      () => {
        const covariance = ewmaCovariance(rows, start);
        return covariance.ok ? correlationOf(covariance.value) : covariance;
      },
    ],
    ["jump test", () => jumpTest(returns)],
    ["Lee-Mykland", () => leeMyklandJumps(returns, { window: draw.mostly(10) })],
    ["Hurst by moments", () => structureHurst(returns, { lags: draw.mostly(10) })],
    ["Hurst by Whittle", () => whittleHurst(returns)],
    ["comparison", () => compareForecasts(returns, other, draw.mostly(1))],
    ["QLIKE", () => qlikeLosses(returns.map(Math.abs), other.map(Math.abs))],
    ["squared loss", () => squaredLosses(returns, other)],
    ["Black-Scholes", () => blackScholesCall(call, draw.mostly(0.2))],
    ["implied volatility", () => impliedVolatility(call, draw.mostly(10))],
    ["Merton", () => mertonCall(call, jumps)],
  ];
}

function paths(draw: Draw): Trial[] {
  const steps = draw.mostly(8);
  return [
    [
      "fractional noise",
      () => {
        const sampler = fractionalNoise(Math.min(steps, 1e9), draw.mostly(0.3));
        if (!sampler.ok) return sampler;
        const pair = [0, 1].map(() => new Float64Array(sampler.value.steps)) as [
          Float64Array,
          Float64Array,
        ];
        sampler.value.fillPair(draw.random, ...pair);
        return { ok: true, value: pair };
      },
    ],
    [
      "rough Bergomi",
      () => {
        const parameters = {
          hurst: draw.mostly(0.1),
          eta: draw.mostly(1.9),
          rho: draw.mostly(-0.9),
          forwardVariance: draw.mostly(0.05),
        };
        const simulator = roughBergomi(parameters, { horizon: draw.mostly(1), steps });
        if (!simulator.ok) return simulator;
        const pair = [0, 1].map(() => new Float64Array(simulator.value.steps + 1)) as [
          Float64Array,
          Float64Array,
        ];
        simulator.value.fillPath(draw.random, ...pair);
        return { ok: true, value: pair };
      },
    ],
  ];
}

function regimes(draw: Draw): Trial[] {
  const y = draw.series(1 + draw.below(30));
  const [stay, leave] = [draw.mostly(0.9), draw.mostly(0.2)];
  const transition = [
    [stay, 1 - stay],
    [leave, 1 - leave],
  ];
  const means = [draw.mostly(0), draw.mostly(0.5)];
  const model = {
    transition,
    initial: [draw.mostly(0.5), 0.5],
    means,
    deviations: [draw.mostly(0.4), draw.mostly(1)],
  };
  const switching = {
    transition,
    means,
    autoregression: [draw.mostly(0.2), draw.mostly(-0.1)],
    deviation: draw.mostly(0.5),
  };
  return [
    ["hidden Markov", () => regimeProbabilities(y, model)],
    ["likeliest path", () => likeliestRegimes(y, model)],
    ["Baum-Welch", () => fitRegimes(y, model, { iterations: 200 })],
    ["Baum-Welch by starts", () => fitRegimesByStarts(y, 2, { iterations: 200 })],
    ["switching autoregression", () => switchingProbabilities(y, switching)],
  ];
}

test("B4.5 B4.6 B5.7 whatever the data, an estimator answers numbers or refuses by name, and never throws", () => {
  checkTrials([spreads, volatility, paths, regimes], 300, SEED);
});

test.run();
