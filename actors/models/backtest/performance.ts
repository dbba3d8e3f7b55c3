/**
 * How well a strategy did, and how sure that is. Profits in any one unit, at equal intervals of time.
 * Sharpe ratio and its error: Mertens, "Comments on variance of the IID estimator in Lo (2002)" (2002);
 * interval: the stationary bootstrap of Politis and Romano, JASA 89 (1994).
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  between,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refusal,
  refused,
} from "../numerics/failure.ts";

export interface SharpeRatio {
  /** Mean over standard deviation of one interval's profit; no risk-free rate. */
  readonly ratio: number;
  /**
   * sqrt((1 - skew S + (kurtosis - 1) / 4 S^2) / n): right for independent profits of any distribution.
   */
  readonly standardError: number;
  readonly low: number;
  readonly high: number;
}

export interface SharpeInterval {
  /** Share of repeated samples in which the interval holds the true ratio: 0.95. */
  readonly confidence: number;
  /** Bootstrap samples; 100 … 100,000. */
  readonly samples: number;
  /** Mean length of a block, in intervals: longer than profits depend on each other; >= 1. */
  readonly meanBlock: number;
}

/**
 * O(n samples). Failure codes: too_short (< 8 profits), not_finite, out_of_range, undefined (profits
 * that never vary have no ratio).
 */
export function sharpeRatio(
  profits: ArrayLike<number>,
  { confidence, samples, meanBlock }: SharpeInterval,
  random: Randomness,
): ModelResult<SharpeRatio> {
  const wrong = firstFailure(
    atLeast("profits", profits, 8),
    allFinite("profits", profits),
    between("confidence", confidence, 0, 1),
    integerWithin("samples", samples, 100, 100_000),
    positive("meanBlock", meanBlock - 1 + Number.EPSILON),
  );
  if (wrong !== null) return refused(wrong);
  const moments = momentsOf(profits);
  if (moments.deviation === 0) {
    return refusal(
      "undefined",
      "profits",
      "they never vary, so nothing can be divided by their deviation",
      "take a session in which the strategy trades",
    );
  }
  const ratio = moments.mean / moments.deviation;
  const variance = 1 - moments.skewness * ratio + ((moments.kurtosis - 1) / 4) * ratio * ratio;
  const drawn = bootstrapRatios(profits, samples, meanBlock, random).sort();
  const tail = (1 - confidence) / 2;
  return ok({
    ratio,
    standardError: Math.sqrt(variance / profits.length),
    low: drawn[Math.floor(tail * (samples - 1))]!,
    high: drawn[Math.ceil((1 - tail) * (samples - 1))]!,
  });
}

interface Moments {
  readonly mean: number;
  /** With n - 1. */
  readonly deviation: number;
  readonly skewness: number;
  /** 3 for a normal distribution. */
  readonly kurtosis: number;
}

function momentsOf(values: ArrayLike<number>): Moments {
  const count = values.length;
  let mean = 0;
  for (let at = 0; at < count; at += 1) mean += values[at]!;
  mean /= count;
  let [second, third, fourth] = [0, 0, 0];
  for (let at = 0; at < count; at += 1) {
    const off = values[at]! - mean;
    second += off * off;
    third += off * off * off;
    fourth += off ** 4;
  }
  const scale = second / count;
  return {
    mean,
    deviation: Math.sqrt(second / (count - 1)),
    skewness: scale === 0 ? 0 : third / count / scale ** 1.5,
    kurtosis: scale === 0 ? 3 : fourth / count / scale ** 2,
  };
}

/** A sample without variation counts as a ratio of 0. */
function bootstrapRatios(
  profits: ArrayLike<number>,
  samples: number,
  meanBlock: number,
  random: Randomness,
): Float64Array {
  const ratios = new Float64Array(samples);
  const count = profits.length;
  for (let sample = 0; sample < samples; sample += 1) {
    let [sum, squares] = [0, 0];
    let at = random.below(count);
    for (let taken = 0; taken < count; taken += 1) {
      const value = profits[at]!;
      sum += value;
      squares += value * value;
      at = random.unit() * meanBlock < 1 ? random.below(count) : (at + 1) % count;
    }
    const mean = sum / count;
    const variance = (squares - count * mean * mean) / (count - 1);
    ratios[sample] = variance > 0 ? mean / Math.sqrt(variance) : 0;
  }
  return ratios;
}

/** Largest fall of the equity below an earlier height, in its unit; 0 when it never fell. O(n). */
export function largestDrawdown(equity: ArrayLike<number>): ModelResult<number> {
  const wrong = firstFailure(atLeast("equity", equity, 1), allFinite("equity", equity));
  if (wrong !== null) return refused(wrong);
  let [height, worst] = [equity[0]!, 0];
  for (let at = 0; at < equity.length; at += 1) {
    height = Math.max(height, equity[at]!);
    worst = Math.max(worst, height - equity[at]!);
  }
  return ok(worst);
}

export interface Trade {
  readonly time: number;
  readonly side: "buy" | "sell";
  readonly price: number;
  readonly quantity: number;
}

/** Mid prices by rising time; times and prices of one length. */
export interface MidPath {
  readonly times: ArrayLike<number>;
  readonly mids: ArrayLike<number>;
}

export interface Markout {
  readonly horizonNs: number;
  /** Mean over lots of side x (mid after the horizon - price), ticks: positive is a good trade. */
  readonly mean: number;
  /** Of the mean, from the spread of the trades' markouts weighted by lots. */
  readonly standardError: number;
  /** Trades whose horizon ends within the path. */
  readonly trades: number;
}

/** For the report only: it looks at prices after the trade. O(trades log path). */
export function markout(trades: readonly Trade[], path: MidPath, horizonNs: number): Markout {
  const end =
    path.times.length === 0 ? Number.NEGATIVE_INFINITY : path.times[path.times.length - 1]!;
  const counted = trades.filter(({ time }) => time + horizonNs <= end);
  const lots = counted.reduce((sum, { quantity }) => sum + quantity, 0);
  if (lots === 0) return { horizonNs, mean: 0, standardError: 0, trades: 0 };
  const gains = counted.map(({ time, side, price }) => {
    const mid = midAt(path, time + horizonNs);
    return side === "buy" ? mid - price : price - mid;
  });
  const mean = gains.reduce((sum, gain, at) => sum + gain * counted[at]!.quantity, 0) / lots;
  const squares = gains.reduce(
    (sum, gain, at) => sum + (counted[at]!.quantity * (gain - mean)) ** 2,
    0,
  );
  return { horizonNs, mean, standardError: Math.sqrt(squares) / lots, trades: counted.length };
}

/** The last mid at or before the time; the first one before the path begins. */
function midAt({ times, mids }: MidPath, time: number): number {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle]! <= time) low = middle;
    else high = middle - 1;
  }
  return mids[low]!;
}
