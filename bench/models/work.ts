import { avellanedaStoikovControl } from "../../actors/models/market-making/avellaneda-stoikov-exact.ts";
import { stationaryMultiAsset } from "../../actors/models/market-making/gueant-lehalle-tapia-multi.ts";
import type { InventoryControl } from "../../actors/models/market-making/inventory-control.ts";
import {
  emptyQuoteTable,
  lookUpQuotes,
  rebuildQuoteTable,
  rebuildStationaryQuoteTable,
} from "../../actors/models/market-making/quote-table.ts";
import { featureStream } from "../../actors/models/microstructure/feature-stream.ts";
import { certain } from "../../actors/models/numerics/failure.ts";
import { Matrix } from "../../actors/models/numerics/linear-algebra.ts";
import type { Arrivals, HawkesParameters } from "../../actors/models/point-processes/hawkes.ts";
import { fitHawkes, hawkesStart } from "../../actors/models/point-processes/hawkes-fit.ts";
import { HawkesIntensity } from "../../actors/models/point-processes/hawkes-intensity.ts";
import { simulateByThinning } from "../../actors/models/point-processes/hawkes-simulation.ts";
import { modelRandomness } from "../../actors/models/random/generator.ts";
import { historicalRisk } from "../../actors/models/risk/historical.ts";
import { linearLosses, revaluedLosses } from "../../actors/models/risk/monte-carlo.ts";
import { normalRisk } from "../../actors/models/risk/parametric.ts";
import { hestonPrices } from "../../actors/models/stochastic/heston.ts";
import { hestonCases } from "../../actors/models/stochastic/stochastic.oracles.ts";
import { BenchVoid } from "../bench.ts";

/** What is measured of the models, each with what it must come to. */

/** One thing to do `times` over; its answer is checked, and it must not be thrown away by the compiler. */
export interface Work {
  readonly name: string;
  readonly unit: "ns" | "ms";
  readonly times: number;
  readonly goal?: number;
  readonly run: () => number;
  /** Throws BenchVoid when the answer is not what it should be. */
  readonly check: (answer: number) => void;
}

const near = (what: string, expected: number, tolerance: number) => (answer: number) => {
  if (Math.abs(answer - expected) <= tolerance) return;
  throw new BenchVoid(`${what} is ${answer} instead of ${expected}`);
};

const truth: HawkesParameters = {
  baseline: Float64Array.of(0.5, 0.3),
  decays: Float64Array.of(3),
  branching: Float64Array.of(0.4, 0.2, 0.1, 0.5),
};

/** About 100,000 arrivals of two types, or 2,000. */
export const hawkesPath = (quick: boolean): Arrivals =>
  certain(simulateByThinning(truth, quick ? 1_000 : 51_500, modelRandomness(1)));

export const hawkesFitName = (arrivals: Arrivals): string =>
  `Hawkes, maximum likelihood of ${arrivals.times.length.toLocaleString("en-US")} arrivals of two types`;

export function hawkesWork(arrivals: Arrivals): readonly Work[] {
  const { times, types } = arrivals;
  const stream = (): number => {
    const intensity = certain(HawkesIntensity.of(truth));
    let sum = 0;
    for (let k = 0; k < times.length; k += 1) {
      intensity.arrive(times[k]!, types[k]!);
      sum += intensity.rates[0]!;
    }
    return sum;
  };
  const fit = (): number =>
    certain(fitHawkes(arrivals, certain(hawkesStart(arrivals, 2)))).logLikelihood;
  return [
    {
      name: hawkesFitName(arrivals),
      unit: "ms",
      times: 1,
      goal: 1_000,
      run: fit,
      check: near("the log-likelihood", fit(), 0),
    },
    {
      name: "Hawkes, streaming intensity, an arrival",
      unit: "ns",
      times: times.length,
      goal: 1_000,
      run: stream,
      check: near("the sum of intensities", stream(), 0),
    },
  ];
}

export interface Book {
  readonly weights: Float64Array;
  readonly covariance: Float64Array;
  readonly count: number;
  /** Value at risk at 99 %, in closed form, and the standard error of a simulated one. */
  readonly exact: number;
  readonly error: number;
}

/** Fifty assets of unlike volatility and correlation 0.3. */
export function book(quick: boolean): Book {
  const n = 50;
  const count = quick ? 2_000 : 100_000;
  const weights = Float64Array.from({ length: n }, (_, i) => (1 + (i % 5)) / n);
  const covariance = new Float64Array(n * n);
  let variance = 0;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      const value = (0.01 + 2e-4 * i) * (0.01 + 2e-4 * j) * (i === j ? 1 : 0.3);
      covariance[i * n + j] = value;
      variance += weights[i]! * weights[j]! * value;
    }
  }
  const deviation = Math.sqrt(variance);
  // sqrt(c (1 - c) / n) over the density of a normal at its 99 % quantile, 0.02665.
  const error = (deviation * Math.sqrt((0.99 * 0.01) / count)) / 0.02665;
  return {
    weights,
    covariance,
    count,
    exact: certain(normalRisk(0.99, deviation)).valueAtRisk,
    error,
  };
}

export const revaluedName = (count: number): string =>
  `Monte Carlo VaR, ${count.toLocaleString("en-US")} x 50 assets, asset by asset`;

export function riskWork({ weights, covariance, count, exact, error }: Book): readonly Work[] {
  const revalue = (returns: Float64Array): number => {
    let loss = 0;
    for (let i = 0; i < returns.length; i += 1) loss -= weights[i]! * returns[i]!;
    return loss;
  };
  const scenarios = { covariance, count };
  const random = modelRandomness(7);
  const check = near("the value at risk", exact, 5 * error);
  return [
    {
      name: revaluedName(count),
      unit: "ms",
      times: 1,
      goal: 500,
      run: () => {
        const losses = certain(revaluedLosses(revalue, scenarios, random));
        return certain(historicalRisk(losses, 0.99)).valueAtRisk;
      },
      check,
    },
    {
      name: `Monte Carlo VaR, ${count.toLocaleString("en-US")} x 50 assets, linear`,
      unit: "ms",
      times: 1,
      goal: 500,
      run: () =>
        certain(historicalRisk(certain(linearLosses(weights, scenarios, random)), 0.99))
          .valueAtRisk,
      check,
    },
  ];
}

export function hestonWork(quick: boolean): Work {
  const { model, horizon } = hestonCases[2]!;
  const out = new Float64Array(quick ? 100 : 10_000);
  const steps = 8 * horizon;
  const random = modelRandomness(3);
  return {
    name: "Heston, quadratic-exponential, a step of a path",
    unit: "ns",
    times: out.length * steps,
    run: () => {
      certain(hestonPrices(model, { horizon, steps }, random, out));
      let sum = 0;
      for (const price of out) sum += price;
      return sum / out.length;
    },
    // The standard deviation of a price is about 65.
    check: near("the forward", 100, (5 * 65) / Math.sqrt(out.length)),
  };
}

function controlOf(inventoryBound: number): InventoryControl {
  const market = { riskAversion: 0.1, volatility: 2, arrivalRate: 140, arrivalDecay: 1.5 };
  return certain(avellanedaStoikovControl({ ...market, inventoryBound }));
}

export function quoteWork(quick: boolean): readonly Work[] {
  const control = controlOf(100);
  const table = certain(emptyQuoteTable(100, 1, 10, 1));
  const stationary = certain(emptyQuoteTable(100, 0, 0, 1));
  if (rebuildQuoteTable(table, [control]) !== null) throw new BenchVoid("no quote table");
  const into = new Float64Array(2);
  const count = quick ? 1_000 : 1_000_000;
  const look = (): number => {
    let sum = 0;
    for (let k = 0; k < count; k += 1) {
      lookUpQuotes(table, (k % 181) - 90, (k % 100) / 100, 0, into);
      sum += into[0]! - into[1]!;
    }
    return sum;
  };
  const rebuilt = near("a wrong rebuild", 0, 0);
  const assets = 20;
  const covariance = Matrix.zeros(assets, assets);
  for (let i = 0; i < assets; i += 1) {
    for (let j = 0; j < assets; j += 1) covariance.set(i, j, i === j ? 4 : 1.2);
  }
  const several = (): number =>
    certain(
      stationaryMultiAsset({
        riskAversion: 0.01,
        covariance,
        arrivalRates: Array.from({ length: assets }, () => 140),
        arrivalDecays: Array.from({ length: assets }, () => 1.5),
      }),
    ).curvature[0]!;
  return [
    {
      name: "quote from a table",
      unit: "ns",
      times: count,
      goal: 1_000,
      run: look,
      check: near("the sum of skews", look(), 0),
    },
    {
      name: "quote table, exact, abs(q) <= 100, stationary",
      unit: "ms",
      times: 1,
      goal: 5,
      run: () => (rebuildStationaryQuoteTable(stationary, [control]) === null ? 0 : 1),
      check: rebuilt,
    },
    {
      name: "quote table, exact, abs(q) <= 100, ten times left",
      unit: "ms",
      times: 1,
      goal: 5,
      run: () => (rebuildQuoteTable(table, [control]) === null ? 0 : 1),
      check: rebuilt,
    },
    {
      name: "quotes of 20 assets, closed form",
      unit: "ms",
      times: 1,
      goal: 5,
      run: several,
      check: near("the curvature", several(), 0),
    },
  ];
}

export function featureWork(quick: boolean): Work {
  const count = quick ? 1_000 : 200_000;
  const play = (): number => {
    const parameters = { decayNs: 1e9, microprice: null, bucketVolume: 500, buckets: 50 };
    const stream = certain(featureStream(parameters));
    let sum = 0;
    for (let k = 0; k < count; k += 1) {
      const bid = 10_000 + (k % 7);
      if (k % 3 === 2) stream.trade(k * 1_000, 1 + (k % 5), k % 2 === 0 ? 1 : -1);
      else stream.quote(k * 1_000, bid, 1 + (k % 11), bid + 1 + (k % 2), 1 + (k % 13));
      sum += stream.values[0]!;
    }
    return sum;
  };
  return {
    name: "features, a quote or a trade",
    unit: "ns",
    times: count,
    goal: 1_000,
    run: play,
    check: near("the sum of mids", play(), 0),
  };
}
