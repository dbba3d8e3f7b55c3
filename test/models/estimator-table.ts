import { edgeSpread } from "../../actors/models/microstructure/edge-spread.ts";
import { fitLocalLevel } from "../../actors/models/microstructure/local-level.ts";
import {
  fractionalSpread,
  ornsteinUhlenbeckSpread,
  whiteNoiseSpread,
} from "../../actors/models/microstructure/noise-spread.ts";
import {
  preAveragedVariance,
  realisedKernel,
  realisedVariance,
  twoScaleVariance,
} from "../../actors/models/microstructure/realised-measures.ts";
import { dependentSignSpread, rollSpread } from "../../actors/models/microstructure/roll-spread.ts";
import { certain } from "../../actors/models/numerics/failure.ts";
import { fillStandardNormal, standardNormal } from "../../actors/models/random/distributions.ts";
import { type ModelRandomness, modelRandomness } from "../../actors/models/random/generator.ts";
import { fitRegimes, type GaussianRegimes } from "../../actors/models/regimes/hidden-markov.ts";
import { fitDccShocks } from "../../actors/models/volatility/dynamic-correlation.ts";
import {
  accumulateFractional,
  fractionalNoise,
} from "../../actors/models/volatility/fractional-brownian.ts";
import { fitGarch } from "../../actors/models/volatility/garch-fit.ts";
import { structureHurst, whittleHurst } from "../../actors/models/volatility/hurst.ts";
import { jumpTest, leeMyklandJumps } from "../../actors/models/volatility/jumps.ts";
import {
  bouncingPrices,
  correlatedShocks,
  garchReturns,
  noisyDay,
  noisyLogPrices,
  regimeSample,
  tradedBars,
} from "./market-samples.ts";

/** An estimate of one sample, with its standard error where the estimator states one. */
interface Estimate {
  readonly value: number;
  readonly error?: number;
}

/** An estimator on samples of its own model: what it should find, and how far off it may be. */
interface Experiment {
  readonly name: string;
  readonly truth: number;
  /** Bias allowed beside four standard errors of the mean, as a share of the truth. */
  readonly allowed: number;
  readonly draw: (random: ModelRandomness) => Estimate;
}

const regimes: GaussianRegimes = {
  transition: [
    [0.97, 0.03],
    [0.06, 0.94],
  ],
  initial: [2 / 3, 1 / 3],
  means: [0, 0],
  deviations: [0.5, 1.5],
};
const garch = { mu: 0, omega: 0.05, alpha: 0.1, gamma: 0, beta: 0.85 };
const noise = { spread: 6e-4, rho: 0, sigma: 2e-4, hurst: 0.5 };
const daySteps = 23_400;

const spreads: readonly Experiment[] = [
  {
    name: "Roll, spread 0.02, 5,000 prices",
    truth: 0.02,
    allowed: 0.005,
    draw: (random) => ({
      value: certain(
        rollSpread(bouncingPrices(random, 5000, { spread: 0.02, rho: 0, sigma: 0.004 })),
      ),
    }),
  },
  {
    name: "dependent signs, spread 0.02, rho 0.4, 20,000 prices",
    truth: 0.02,
    allowed: 0.01,
    draw: (random) => ({
      value: certain(
        dependentSignSpread(
          bouncingPrices(random, 20_000, { spread: 0.02, rho: 0.4, sigma: 0.004 }),
        ),
      ).spread,
    }),
  },
  {
    name: "white noise, spread 6e-4, 5,000 prices",
    truth: 6e-4,
    allowed: 0.005,
    draw: (random) => ({ value: certain(whiteNoiseSpread(noisyLogPrices(random, 5000, noise))) }),
  },
  {
    name: "fractional price, H 0.3, spread 6e-4, 20,000 prices",
    truth: 6e-4,
    allowed: 0.03,
    draw: (random) => ({
      value: certain(
        fractionalSpread(
          noisyLogPrices(random, 20_000, { ...noise, hurst: 0.3, sigma: 4e-4 }),
          1,
          2,
          0.3,
        ),
      ).spread,
    }),
  },
  {
    name: "reverting noise, rho 0.6, spread 6e-4, 60,000 prices",
    truth: 6e-4,
    allowed: 0.02,
    draw: (random) => ({
      value: certain(
        ornsteinUhlenbeckSpread(noisyLogPrices(random, 60_000, { ...noise, rho: 0.6 })),
      ).spread,
    }),
  },
  {
    name: "EDGE, spread 1 %, 1,000 bars of 20 trades, signed",
    truth: 0.01,
    allowed: 0.03,
    draw: (random) => ({
      value: certain(
        edgeSpread(tradedBars(random, 1000, { ticks: 20, spread: 0.01 }), { signed: true }),
      ),
    }),
  },
  {
    name: "EDGE, spread 1 %, 1,000 bars of 2 trades, signed",
    truth: 0.01,
    allowed: 0.03,
    draw: (random) => ({
      value: certain(
        edgeSpread(tradedBars(random, 1000, { ticks: 2, spread: 0.01 }), { signed: true }),
      ),
    }),
  },
  {
    name: "local level, noise variance 4, level 0.25, 1,000 values",
    truth: 4,
    allowed: 0.01,
    draw: (random) => {
      let level = 0;
      const seen = Float64Array.from({ length: 1000 }, () => {
        level += 0.5 * standardNormal(random);
        return level + 2 * standardNormal(random);
      });
      return { value: certain(fitLocalLevel(seen)).noiseVariance };
    },
  },
];

/** Share of the integrated variance that a measure finds on a day of a thousandth part noise. */
const measures: readonly Experiment[] = (
  [
    ["realised variance (with 2 n noise)", 1 + 2 * daySteps * 0.001, 0.02, realisedVariance],
    ["two scales, 200 grids", 1, 0.02, (r: Float64Array) => twoScaleVariance(r, 200)],
    ["realised kernel, H 150", 1, 0.02, (r: Float64Array) => realisedKernel(r, 150)],
    ["pre-averaged, theta 1/3", 1, 0.02, (r: Float64Array) => preAveragedVariance(r)],
  ] as const
).map(([name, truth, allowed, measure]) => ({
  name: `${name}, 23,400 returns`,
  truth,
  allowed,
  draw: (random) => {
    const { returns, integratedVariance } = noisyDay(random, daySteps);
    return { value: certain(measure(returns)) / integratedVariance };
  },
}));

const hursts: readonly Experiment[] = [0.1, 0.3, 0.7].flatMap((hurst): Experiment[] => {
  const steps = 4096;
  const sampler = certain(fractionalNoise(steps, hurst));
  const draw = (random: ModelRandomness): Float64Array => {
    const [first, second] = [new Float64Array(steps), new Float64Array(steps)];
    sampler.fillPair(random, first, second);
    return first;
  };
  return [
    {
      name: `Hurst by moments, H ${hurst}, 4,096 values`,
      truth: hurst,
      allowed: 0.03,
      draw: (random) => {
        const path = draw(random);
        accumulateFractional(path, 1, hurst, path);
        return { value: certain(structureHurst(path)).hurst };
      },
    },
    {
      name: `Hurst by Whittle, H ${hurst}, 4,096 values`,
      truth: hurst,
      allowed: 0.005,
      draw: (random) => {
        const fit = certain(whittleHurst(draw(random)));
        return { value: fit.hurst, error: fit.standardError };
      },
    },
  ];
});

const fits: readonly Experiment[] = [
  ...(["alpha", "beta"] as const).map(
    (name): Experiment => ({
      name: `GARCH ${name} ${garch[name]}, 2,000 returns`,
      truth: garch[name],
      allowed: 0.05,
      draw: (random) => {
        const fit = certain(fitGarch(garchReturns(random, 2000, garch)));
        const error = fit.errors?.standard[name === "alpha" ? 2 : 4];
        return { value: fit.parameters[name], ...(error === undefined ? {} : { error }) };
      },
    }),
  ),
  ...(["a", "b"] as const).map((name): Experiment => {
    const truth = { a: 0.06, b: 0.9, mean: 0.4 };
    return {
      name: `DCC ${name} ${truth[name]}, 1,500 periods`,
      truth: truth[name],
      allowed: 0.1,
      draw: (random) => ({
        value: certain(fitDccShocks(correlatedShocks(random, 1500, truth))).parameters[name],
      }),
    };
  }),
  {
    name: "regimes, P(stay calm) 0.97, 2,000 observations",
    truth: 0.97,
    allowed: 0.01,
    draw: (random) => {
      const { observations } = regimeSample(random, 2000, regimes);
      const fit = certain(fitRegimes(observations, regimes, { tolerance: 1e-5 }));
      return { value: fit.model.transition[0]![0]! };
    },
  },
];

/** Shares of samples without jumps in which a test of nominal size finds some. */
const sizes: readonly Experiment[] = [
  {
    name: "Lee-Mykland at 1 %, K 156, 1,000 returns: share that rejects",
    truth: 0.01,
    allowed: 0.5,
    draw: (random) => {
      const returns = new Float64Array(1000);
      fillStandardNormal(random, returns);
      return { value: certain(leeMyklandJumps(returns, { window: 156 })).length > 0 ? 1 : 0 };
    },
  },
  {
    name: "jump ratio test at 5 %, 390 returns: share that rejects",
    truth: 0.05,
    allowed: 0.15,
    draw: (random) => {
      const returns = new Float64Array(390);
      fillStandardNormal(random, returns);
      return { value: certain(jumpTest(returns)).pValue < 0.05 ? 1 : 0 };
    },
  },
];

interface Row {
  readonly name: string;
  readonly truth: number;
  readonly mean: number;
  readonly meanError: number;
  readonly deviation: number;
  /** Share of samples whose truth lies within 1.96 stated errors, null without stated errors. */
  readonly coverage: number | null;
  readonly stated: number;
}

function measured({ name, truth, draw }: Experiment, samples: number, seed: number): Row {
  const random = modelRandomness(seed);
  const values: number[] = [];
  let [covered, stated] = [0, 0];
  for (let k = 0; k < samples; k += 1) {
    const { value, error } = draw(random);
    values.push(value);
    if (error === undefined) continue;
    stated += 1;
    if (Math.abs(value - truth) <= 1.96 * error) covered += 1;
  }
  const mean = values.reduce((a, b) => a + b, 0) / samples;
  const deviation = Math.sqrt(
    values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (samples - 1),
  );
  return {
    name,
    truth,
    mean,
    meanError: deviation / Math.sqrt(samples),
    deviation,
    coverage: stated === 0 ? null : covered / stated,
    stated,
  };
}

/**
 * Prints bias, spread and coverage of every estimator over `samples` samples of its own model (the
 * sizes of tests over 20 times as many) and throws at the first that is further off than allowed.
 */
export function checkEstimators(samples: number, seed: number): void {
  console.log("| estimator, truth, sample | mean | bias (s.e.) | deviation | 95 % coverage |");
  console.log("| --- | --- | --- | --- | --- |");
  const faults: string[] = [];
  const run = (experiment: Experiment, count: number): void => {
    const row = measured(experiment, count, seed);
    const bias = row.mean - row.truth;
    const digits = (x: number): string => Number(x.toPrecision(3)).toString();
    console.log(
      `| ${row.name} | ${Number(row.mean.toPrecision(5))} | ${digits(bias)} (${digits(row.meanError)}) | ` +
        `${digits(row.deviation)} | ${row.coverage === null ? "-" : digits(row.coverage)} |`,
    );
    if (Math.abs(bias) > experiment.allowed * Math.abs(row.truth) + 4 * row.meanError) {
      faults.push(`${row.name}: bias ${bias} ± ${row.meanError}`);
    }
    const slack = 4 * Math.sqrt((0.95 * 0.05) / Math.max(1, row.stated));
    if (row.coverage !== null && Math.abs(row.coverage - 0.95) > 0.03 + slack) {
      faults.push(`${row.name}: coverage ${row.coverage}`);
    }
  };
  for (const experiment of [...spreads, ...measures, ...hursts, ...fits]) run(experiment, samples);
  for (const experiment of sizes) run(experiment, 20 * samples);
  if (faults.length > 0) throw new Error(`SEED=${seed} ${faults.join("; ")}`);
}
