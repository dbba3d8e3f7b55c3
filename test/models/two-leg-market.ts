/**
 * A synthetic market of two legs, in the place of data that is not public: top-of-book events of both legs, the
 * depth behind them, and per window the leg that would have been the better reference. What drives the moves is
 * chosen: bursts of cancellations (a Hawkes process whose branching depends on the leg) or the depth alone.
 */
import {
  electByArrivals,
  simulateForecast,
  type TypeMeaning,
} from "../../actors/models/market-making/arrival-ratio.ts";
import { compositeLiquidityFactor } from "../../actors/models/market-making/composite-liquidity.ts";
import { bestLeg } from "../../actors/models/market-making/reference-agreement.ts";
import { type Leg, ReferenceVote } from "../../actors/models/market-making/reference-vote.ts";
import { certain } from "../../actors/models/numerics/failure.ts";
import { fitHawkes } from "../../actors/models/point-processes/hawkes-fit.ts";
import { HawkesIntensity } from "../../actors/models/point-processes/hawkes-intensity.ts";
import type { HawkesParameters } from "../../actors/models/point-processes/hawkes.ts";
import { exponential } from "../../actors/models/random/distributions.ts";
import { type ModelRandomness, modelRandomness } from "../../actors/models/random/generator.ts";

export type Driver = "cancellations" | "depth";

/** Four types: 2 leg + (0 impacting, 1 other), all of the side that is consumed. */
const meanings: readonly TypeMeaning[] = [0, 1, 2, 3].map((type) => ({
  leg: type < 2 ? 0 : 1,
  impacting: type % 2 === 0,
}));
const WINDOW = 0.01;
const TRAILING = 1;

/** The leg `hot` has impacting events that excite themselves; without a hot leg both are alike and Poisson. */
function processOf(hot: Leg | null): HawkesParameters {
  const decays = Float64Array.of(60);
  const branching = new Float64Array(16);
  const baseline = Float64Array.of(60, 150, 60, 150);
  if (hot === null) return { baseline: Float64Array.of(150, 150, 150, 150), decays, branching };
  const impacting = 2 * hot;
  branching[impacting * 4 + impacting] = 0.75;
  branching[(2 - impacting) * 4 + (2 - impacting)] = 0.1;
  return { baseline, decays, branching };
}

export interface TwoLegPath {
  readonly times: readonly number[];
  readonly types: readonly number[];
  /** Metric of the leg's consumed side at each event: its CLF_4. */
  readonly metrics: readonly (number | null)[];
  /** Best leg of each window of 10 ms. */
  readonly best: readonly (Leg | null)[];
}

interface Depth {
  readonly gap: number;
  readonly size: number;
}
const flat: Depth = { gap: 1, size: 200 };
const steep: Depth = { gap: 3, size: 40 };
const equal: Depth = { gap: 2, size: 90 };

function metricOf({ gap, size }: Depth, random: ModelRandomness): number | null {
  const prices = Array.from({ length: 5 }, (_, level) => 17_500 - level * gap);
  const quantities = prices.map(() => Math.ceil(size * (0.5 + random.unit())));
  return certain(compositeLiquidityFactor("bid", prices, quantities, 4));
}

/** `seconds` of the market; the favoured leg changes after exponential spells of `spell` seconds on average. */
export function simulateTwoLegs(
  driver: Driver,
  seconds: number,
  spell: number,
  seed: number,
): TwoLegPath {
  const random = modelRandomness(seed);
  const times: number[] = [];
  const types: number[] = [];
  const metrics: (number | null)[] = [];
  const costs = [0, 1].map(() => new Float64Array(Math.round(seconds / WINDOW)));
  let bad: Leg = 0;
  let change = exponential(random, 1 / spell);
  let state = certain(HawkesIntensity.of(processOf(driver === "cancellations" ? bad : null)));
  for (let time = 0; ; ) {
    const bound = state.rates.reduce((sum, rate) => sum + rate, 0);
    time += exponential(random, bound);
    if (time >= seconds) break;
    if (time >= change) {
      bad = bad === 0 ? 1 : 0;
      time = change;
      change += exponential(random, 1 / spell);
      // What excited the market before the change still does, through the new process.
      state = certain(
        HawkesIntensity.of(processOf(driver === "cancellations" ? bad : null), time - 0.2),
      );
      const recent = times.findLastIndex((past) => past <= time - 0.2) + 1;
      for (let past = recent; past < times.length; past += 1) {
        state.arrive(times[past]!, types[past]!);
      }
      state.advance(time);
      continue;
    }
    state.advance(time);
    let left = random.unit() * bound;
    const type = state.rates.findIndex((rate) => (left -= rate) < 0);
    if (type < 0) continue;
    state.arrive(time, type);
    const leg: Leg = type < 2 ? 0 : 1;
    const depth = driver === "depth" ? (leg === bad ? steep : flat) : equal;
    times.push(time);
    types.push(type);
    metrics.push(metricOf(depth, random));
    const window = Math.floor(time / WINDOW);
    // A cancellation or trade moves the touch by the gap, the more the less stood there.
    if (type % 2 === 0) costs[leg]![window]! += depth.gap / depth.size;
  }
  const best = Array.from(costs[0]!, (near, window) => bestLeg(near, costs[1]![window]!));
  return { times, types, metrics, best };
}

/** The reference at the start of each window by the vote on the liquidity factor. */
export function liquidityChoices({ times, types, metrics, best }: TwoLegPath): Leg[] {
  const vote = certain(ReferenceVote.of());
  let next = 0;
  return best.map((_, window) => {
    for (; next < times.length && times[next]! < window * WINDOW; next += 1) {
      vote.observe(times[next]! * 1_000, types[next]! < 2 ? 0 : 1, metrics[next]!);
    }
    return vote.reference;
  });
}

/** The reference at the start of each window by simulated arrivals; fitted anew every `refit` windows. */
export function arrivalChoices(
  { times, types, best }: TwoLegPath,
  refit: number,
  runs: number,
  seed: number,
): Leg[] {
  const random = modelRandomness(seed);
  let fitted: HawkesParameters | null = null;
  let reference: Leg = 0;
  let from = 0;
  let until = 0;
  return best.map((_, window) => {
    const now = window * WINDOW;
    while (until < times.length && times[until]! < now) until += 1;
    while (from < until && times[from]! < now - TRAILING) from += 1;
    const history = {
      times: Float64Array.from(times.slice(from, until)),
      types: Int32Array.from(types.slice(from, until)),
    };
    if (now >= TRAILING && window % refit === 0) {
      const start = fitted ?? {
        baseline: Float64Array.of(80, 80, 80, 80),
        decays: Float64Array.of(60),
        branching: Float64Array.from({ length: 16 }, (__, index) => (index % 5 === 0 ? 0.3 : 0.02)),
      };
      const shifted = history.times.map((time) => time - (now - TRAILING));
      const fit = fitHawkes({ times: shifted, types: history.types, horizon: TRAILING }, start, {
        fitDecays: false,
        gradientTolerance: 1e-4,
      });
      if (fit.ok) fitted = fit.value.parameters;
    }
    if (fitted === null) return reference;
    const forecast = certain(
      simulateForecast(fitted, history, meanings, now, WINDOW, runs, random),
    );
    reference = electByArrivals(forecast, reference);
    return reference;
  });
}
