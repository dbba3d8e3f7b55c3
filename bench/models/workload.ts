import {
  stationaryMultiAsset,
  multiAssetQuotes,
} from "../../actors/models/market-making/gueant-lehalle-tapia-multi.ts";
import { avellanedaStoikovControl } from "../../actors/models/market-making/avellaneda-stoikov-exact.ts";
import {
  emptyQuoteTable,
  lookUpQuotes,
  rebuildQuoteTable,
  rebuildStationaryQuoteTable,
} from "../../actors/models/market-making/quote-table.ts";
import { feature, featureStream } from "../../actors/models/microstructure/feature-stream.ts";
import { certain } from "../../actors/models/numerics/failure.ts";
import { Matrix } from "../../actors/models/numerics/linear-algebra.ts";
import type { Arrivals, HawkesParameters } from "../../actors/models/point-processes/hawkes.ts";
import { fitHawkes, hawkesStart } from "../../actors/models/point-processes/hawkes-fit.ts";
import { HawkesIntensity } from "../../actors/models/point-processes/hawkes-intensity.ts";
import { simulateByBranching } from "../../actors/models/point-processes/hawkes-simulation.ts";
import { modelRandomness } from "../../actors/models/random/generator.ts";
import { standardNormal } from "../../actors/models/random/distributions.ts";
import { historicalRisk } from "../../actors/models/risk/historical.ts";
import { linearLosses } from "../../actors/models/risk/monte-carlo.ts";
import { fitGarch } from "../../actors/models/volatility/garch-fit.ts";

/**
 * What the library is timed on. Every task gives the time of one unit and some numbers of its result,
 * which a peer must reach as well before either figure counts.
 */
export interface Timed {
  /** One unit, in the task's unit of time. */
  readonly time: number;
  readonly result: readonly number[];
}

export interface Task {
  readonly name: string;
  readonly unit: "ns" | "ms";
  /** Null where none is stated. */
  readonly goal: number | null;
  /** Largest relative difference between two results. */
  readonly tolerance: number;
  readonly run: () => Timed;
  /** What the peer needs to do the same; plain data. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** Sizes of the workload. */
export interface Sizes {
  readonly lookUps: number;
  readonly inventoryBound: number;
  readonly timeSteps: number;
  readonly assets: number;
  readonly arrivals: number;
  readonly updates: number;
  readonly returns: number;
  readonly scenarios: number;
  readonly positions: number;
}

export const fullSizes: Sizes = {
  lookUps: 2_000_000,
  inventoryBound: 100,
  timeSteps: 32,
  assets: 20,
  arrivals: 100_000,
  updates: 1_000_000,
  returns: 2_000,
  scenarios: 100_000,
  positions: 50,
};
/** For counts and results only. */
export const quickSizes: Sizes = {
  lookUps: 20_000,
  inventoryBound: 20,
  timeSteps: 4,
  assets: 5,
  arrivals: 3_000,
  updates: 10_000,
  returns: 300,
  scenarios: 20_000,
  positions: 5,
};

const SEED = 20_260_105;
const market = { riskAversion: 0.1, volatility: 2, arrivalRate: 140, arrivalDecay: 1.5 };
const HORIZON = 1;

export function tasks(sizes: Sizes): readonly Task[] {
  return [
    lookUp(sizes),
    horizonTable(sizes),
    stationaryTable(sizes),
    multiAsset(sizes),
    hawkesFit(sizes),
    garchFit(sizes),
    hawkesUpdates(sizes),
    featureUpdates(sizes),
    valueAtRisk(sizes),
  ];
}

const milliseconds = (work: () => void): number => {
  const started = performance.now();
  work();
  return performance.now() - started;
};

function controlOf({ inventoryBound }: Sizes) {
  return certain(avellanedaStoikovControl({ ...market, inventoryBound }));
}

function lookUp(sizes: Sizes): Task {
  const { inventoryBound: bound, timeSteps, lookUps } = sizes;
  const table = certain(emptyQuoteTable(bound, HORIZON, timeSteps, 1));
  const wrong = rebuildQuoteTable(table, [controlOf(sizes)]);
  if (wrong !== null) throw new Error(wrong.reason);
  const random = modelRandomness(SEED);
  const inventories = Int32Array.from(
    { length: 4096 },
    () => random.below(2 * bound - 1) - bound + 1,
  );
  const times = Float64Array.from({ length: 4096 }, () => random.unit() * HORIZON);
  const into = new Float64Array(2);
  return {
    name: "quote from a table",
    unit: "ns",
    goal: 1_000,
    tolerance: 1e-9,
    input: {
      bid: Array.from(table.bid, (value) => (Number.isFinite(value) ? value : 1e9)),
      ask: Array.from(table.ask, (value) => (Number.isFinite(value) ? value : 1e9)),
      bound,
      horizon: HORIZON,
      buckets: timeSteps,
      inventories: [...inventories],
      times: [...times],
      count: lookUps,
    },
    run: () => {
      let sum = 0;
      const time = milliseconds(() => {
        for (let count = 0; count < lookUps; count += 1) {
          const at = count & 4095;
          lookUpQuotes(table, inventories[at]!, times[at]!, 0, into);
          sum += into[0]! + into[1]!;
        }
      });
      return { time: (1e6 * time) / lookUps, result: [sum / lookUps] };
    },
  };
}

function horizonTable(sizes: Sizes): Task {
  const { inventoryBound: bound, timeSteps } = sizes;
  const table = certain(emptyQuoteTable(bound, HORIZON, timeSteps, 1));
  return {
    name: `table of exact Avellaneda-Stoikov quotes, |q| <= ${bound}, ${timeSteps} times`,
    unit: "ms",
    goal: 5,
    tolerance: 1e-8,
    input: { ...market, bound, horizon: HORIZON, steps: timeSteps },
    run: () => {
      const time = milliseconds(() => {
        const wrong = rebuildQuoteTable(table, [controlOf(sizes)]);
        if (wrong !== null) throw new Error(wrong.reason);
      });
      const middle = timeSteps * (2 * bound + 1) + bound;
      return { time, result: [table.bid[middle]!, table.bid[middle + 1]!, table.ask[middle + 5]!] };
    },
  };
}

function stationaryTable(sizes: Sizes): Task {
  const bound = sizes.inventoryBound;
  const table = certain(emptyQuoteTable(bound, 0, 0, 1));
  return {
    name: `table of stationary Guéant-Lehalle-Tapia quotes, |q| <= ${bound}`,
    unit: "ms",
    goal: 5,
    tolerance: 1e-8,
    input: { ...market, bound },
    run: () => {
      const time = milliseconds(() => {
        const wrong = rebuildStationaryQuoteTable(table, [controlOf(sizes)]);
        if (wrong !== null) throw new Error(wrong.reason);
      });
      return { time, result: [table.bid[bound]!, table.bid[bound + 1]!, table.ask[bound + 5]!] };
    },
  };
}

/** Covariance of assets with one common factor. */
function covarianceOf(assets: number): number[][] {
  return Array.from({ length: assets }, (_, row) =>
    Array.from({ length: assets }, (__, column) => {
      const [a, b] = [0.2 + 0.01 * row, 0.2 + 0.01 * column];
      return a * b * (row === column ? 1 : 0.5);
    }),
  );
}

function multiAsset({ assets }: Sizes): Task {
  const covariance = covarianceOf(assets);
  const parameters = {
    riskAversion: 0.01,
    covariance: new Matrix(covariance),
    arrivalRates: Array.from({ length: assets }, (_, at) => 0.9 + 0.01 * at),
    arrivalDecays: Array.from({ length: assets }, (_, at) => 0.3 + 0.005 * at),
  };
  const inventories = Array.from({ length: assets }, (_, at) => (at % 5) - 2);
  const { riskAversion, arrivalRates, arrivalDecays } = parameters;
  return {
    name: `closed form of ${assets} assets, and their quotes`,
    unit: "ms",
    goal: 5,
    tolerance: 1e-9,
    input: { riskAversion, covariance, arrivalRates, arrivalDecays, inventories },
    run: () => {
      let result: readonly number[] = [];
      const time = milliseconds(() => {
        const quotes = certain(
          multiAssetQuotes(certain(stationaryMultiAsset(parameters)), inventories),
        );
        result = [quotes.bids[0]!, quotes.asks[assets - 1]!];
      });
      return { time, result };
    },
  };
}

const excited: HawkesParameters = {
  baseline: Float64Array.of(0.4, 0.3),
  decays: Float64Array.of(2),
  branching: Float64Array.of(0.4, 0.2, 0.25, 0.35),
};

function arrivalsOf(count: number): Arrivals {
  const horizon = count / 1.85;
  const all = certain(simulateByBranching(excited, horizon, modelRandomness(SEED)));
  const kept = Math.min(count, all.times.length);
  const end = all.times[kept - 1] ?? horizon;
  return { times: all.times.slice(0, kept), types: all.types.slice(0, kept), horizon: end };
}

function hawkesFit(sizes: Sizes): Task {
  const arrivals = arrivalsOf(sizes.arrivals);
  const start = certain(hawkesStart(arrivals, 2));
  return {
    name: `Hawkes likelihood maximised, 2 types, ${arrivals.times.length} arrivals`,
    unit: "ms",
    goal: 1_000,
    tolerance: 1e-6,
    input: {
      times: [...arrivals.times],
      types: [...arrivals.types],
      horizon: arrivals.horizon,
      baseline: [...start.baseline],
      decay: start.decays[0],
      branching: [...start.branching],
    },
    run: () => {
      let result: readonly number[] = [];
      const time = milliseconds(() => {
        result = [certain(fitHawkes(arrivals, start)).logLikelihood];
      });
      return { time, result };
    },
  };
}

function garchFit({ returns: count }: Sizes): Task {
  const random = modelRandomness(SEED);
  let variance = 0.4;
  let last = 0;
  const returns = Float64Array.from({ length: count }, () => {
    variance = 0.02 + 0.1 * last * last + 0.85 * variance;
    last = Math.sqrt(variance) * standardNormal(random);
    return last;
  });
  return {
    name: `GARCH(1,1) likelihood maximised, with errors, ${count} returns`,
    unit: "ms",
    goal: null,
    // The variance before the first return is a convention, and theirs is another.
    tolerance: 2e-3,
    input: { returns: [...returns] },
    run: () => {
      let result: readonly number[] = [];
      const time = milliseconds(() => {
        result = [certain(fitGarch(returns)).logLikelihood];
      });
      return { time, result };
    },
  };
}

function hawkesUpdates(sizes: Sizes): Task {
  const { times, types } = arrivalsOf(sizes.arrivals);
  return {
    name: "Hawkes intensities of 2 types, one arrival",
    unit: "ns",
    goal: 1_000,
    tolerance: 1e-9,
    input: {
      times: [...times],
      types: [...types],
      baseline: [...excited.baseline],
      decay: 2,
      branching: [...excited.branching],
    },
    run: () => {
      const intensity = certain(HawkesIntensity.of(excited));
      const time = milliseconds(() => {
        for (let at = 0; at < times.length; at += 1) intensity.arrive(times[at]!, types[at]!);
      });
      return { time: (1e6 * time) / times.length, result: [...intensity.rates] };
    },
  };
}

function featureUpdates({ updates }: Sizes): Task {
  const random = modelRandomness(SEED);
  const rows = 8_192;
  const bid = new Float64Array(rows);
  const bidQuantity = Float64Array.from(bid, () => 1 + random.below(50));
  const spread = Float64Array.from(bid, () => 1 + random.below(2));
  const askQuantity = Float64Array.from(bid, () => 1 + random.below(50));
  let price = 5_000;
  bid.forEach((_, at) => {
    price += random.below(3) - 1;
    bid[at] = price;
  });
  const parameters = { decayNs: 5e6, microprice: null, bucketVolume: 500, buckets: 50 };
  return {
    name: "features of one quote: imbalance, flow, variance, impact",
    unit: "ns",
    goal: 1_000,
    tolerance: 1e-9,
    input: {
      bid: [...bid],
      bidQuantity: [...bidQuantity],
      spread: [...spread],
      askQuantity: [...askQuantity],
      decayNs: 5e6,
      updates,
    },
    run: () => {
      const stream = certain(featureStream(parameters));
      const time = milliseconds(() => {
        for (let update = 0; update < updates; update += 1) {
          const at = update & (rows - 1);
          // Unequal gaps: else a compiler takes the exponential out of the loop.
          const timeNs = update * 10_000 + (update & 1) * 5;
          const best = bid[at]!;
          stream.quote(timeNs, best, bidQuantity[at]!, best + spread[at]!, askQuantity[at]!);
        }
      });
      const { values } = stream;
      return {
        time: (1e6 * time) / updates,
        result: [
          values[feature.queueImbalance]!,
          values[feature.decayedFlow]!,
          values[feature.decayedVariance]!,
          values[feature.impact]!,
        ],
      };
    },
  };
}

function valueAtRisk({ scenarios: count, positions }: Sizes): Task {
  const covariance = covarianceOf(positions).map((row) => row.map((value) => 1e-4 * value));
  const flat = Float64Array.from(covariance.flat());
  const weights = Float64Array.from({ length: positions }, (_, at) => (at % 3) - 0.5);
  return {
    name: `VaR and ES of ${positions} positions, ${count} scenarios`,
    unit: "ms",
    goal: 500,
    // Both draw their own scenarios: the 99 % quantile has a standard error of about 1 % of itself here.
    tolerance: 0.05,
    input: { covariance, weights: [...weights], count },
    run: () => {
      let result: readonly number[] = [];
      const time = milliseconds(() => {
        const losses = certain(
          linearLosses(weights, { covariance: flat, count }, modelRandomness(SEED)),
        );
        const { valueAtRisk: level, expectedShortfall } = certain(historicalRisk(losses, 0.99));
        result = [level, expectedShortfall];
      });
      return { time, result };
    },
  };
}
