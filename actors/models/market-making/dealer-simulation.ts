/**
 * The experiment of Avellaneda and Stoikov (2008), section 3.3: time runs in steps of dt; in each step the
 * dealer quotes, either quote is filled with the probability A exp(-k d) dt, and the mid moves by +sigma
 * sqrt(dt) or -sigma sqrt(dt) with equal chance. Three uniforms per step whatever happens, so that two
 * policies fed by generators of one seed meet the same market: paired comparisons.
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import {
  failure,
  finite,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refused,
} from "../numerics/failure.ts";
import { marketCheck, type MarketParameters, type Price, type Seconds } from "./quotes.ts";

/** Writes bid and ask distances for an inventory and the time left: into[0], into[1]. Infinity quotes nothing. */
export type QuotePolicy = (inventory: number, timeLeft: Seconds, into: Float64Array) => void;

export interface Experiment {
  readonly market: MarketParameters;
  readonly horizon: Seconds;
  readonly steps: number;
  readonly paths: number;
}

export interface DealerOutcome {
  /** Cash plus inventory at the last mid, less what it would have been without trading; one per path. */
  readonly profit: Float64Array;
  readonly finalInventory: Float64Array;
  /** Of all quotes with two sides. */
  readonly averageSpread: Price;
  readonly fills: number;
}

/**
 * Runs the policy over all paths. Codes: not_finite, out_of_range (also when A dt > 1: a step would need more
 * than one fill). O(paths * steps), no allocation per step.
 */
export function simulateDealer(
  { market, horizon, steps, paths }: Experiment,
  policy: QuotePolicy,
  random: Randomness,
): ModelResult<DealerOutcome> {
  const wrong =
    firstFailure(
      marketCheck(market),
      positive("horizon", horizon),
      integerWithin("steps", steps, 1, 1e9),
      integerWithin("paths", paths, 1, 1e9),
    ) ??
    (market.arrivalRate * (horizon / steps) > 1
      ? failure(
          "out_of_range",
          `arrivalRate * dt = ${(market.arrivalRate * horizon) / steps}`,
          "it is a probability at distance 0",
          "use more steps",
        )
      : null);
  if (wrong !== null) return refused(wrong);
  const step = horizon / steps;
  const move = market.volatility * Math.sqrt(step);
  const rate = market.arrivalRate * step;
  const profit = new Float64Array(paths);
  const finalInventory = new Float64Array(paths);
  const quotes = new Float64Array(2);
  let spreads = 0;
  let spreadCount = 0;
  let fills = 0;
  for (let path = 0; path < paths; path += 1) {
    let mid = 0;
    let cash = 0;
    let inventory = 0;
    for (let index = 0; index < steps; index += 1) {
      policy(inventory, horizon - index * step, quotes);
      const bid = quotes[0]!;
      const ask = quotes[1]!;
      if (bid + ask < Number.POSITIVE_INFINITY) {
        spreads += bid + ask;
        spreadCount += 1;
      }
      if (random.unit() < rate * Math.exp(-market.arrivalDecay * bid)) {
        cash -= mid - bid;
        inventory += 1;
        fills += 1;
      }
      if (random.unit() < rate * Math.exp(-market.arrivalDecay * ask)) {
        cash += mid + ask;
        inventory -= 1;
        fills += 1;
      }
      mid += random.unit() < 0.5 ? move : -move;
    }
    profit[path] = cash + inventory * mid;
    finalInventory[path] = inventory;
  }
  const averageSpread = spreadCount === 0 ? Number.POSITIVE_INFINITY : spreads / spreadCount;
  const bad = finite(
    "the sum of profits",
    profit.reduce((sum, one) => sum + one, 0),
  );
  if (bad !== null) return refused(bad);
  return { ok: true, value: { profit, finalInventory, averageSpread, fills } };
}
