/**
 * A and k of the fill intensity A exp(-k d), and the impact of fills, from what happened. Distances are from the
 * mid to the quote, in one unit of price (a full tick if in ticks; the hftbacktest example counts half-ticks),
 * exposures in seconds.
 */
import {
  allFinite,
  allPositive,
  atLeast,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
  sameLength,
  strictlySorted,
  type Check,
} from "../numerics/failure.ts";
import { classicalErrors, leastSquares } from "../numerics/least-squares.ts";
import { brentRoot } from "../numerics/optimise.ts";
import type { PerPrice, PerSecond, Price } from "./quotes.ts";

export interface ArrivalFit {
  readonly arrivalRate: PerSecond;
  readonly arrivalDecay: PerPrice;
  /** Of ln A and of k. */
  readonly errors: { readonly logRate: number; readonly decay: PerPrice };
}

/** How long quotes stood at a distance, and how often they were filled there. */
export interface QuoteRecord {
  readonly distance: Price;
  readonly exposure: number;
  readonly fills: number;
}

/**
 * Arrivals that reached at least each depth, as a rising grid of depths and counts over one span of `seconds`:
 * a straight line through (depth, ln(count / seconds)), as in the GLFT example of hftbacktest. Counts must be
 * above 0: cut the grid where they end. The errors are those of the regression; counts of nested depths depend
 * on each other, so they are too small. Codes: too_short (3 depths), unsorted, out_of_range, wrong_shape. O(n).
 */
export function regressArrivals(
  depths: ArrayLike<number>,
  counts: ArrayLike<number>,
  seconds: number,
): ModelResult<ArrivalFit> {
  const wrong = firstFailure(
    atLeast("depths", depths, 3),
    sameLength("counts", counts, "depths", depths),
    strictlySorted("depths", depths),
    allFinite("depths", depths),
    allPositive("counts", counts),
    allPositive("seconds", [seconds]),
  );
  if (wrong !== null) return refused(wrong);
  const design = new Float64Array(2 * depths.length);
  const response = new Float64Array(depths.length);
  for (let index = 0; index < depths.length; index += 1) {
    design[2 * index] = 1;
    design[2 * index + 1] = depths[index]!;
    response[index] = Math.log(counts[index]! / seconds);
  }
  const fit = leastSquares(design, response);
  if (!fit.ok) return fit;
  const [intercept, slope] = fit.value.coefficients;
  const [logRate, decay] = classicalErrors(fit.value);
  if (slope! >= 0) return refused(notFalling(`a slope of ${slope}`));
  return {
    ok: true,
    value: {
      arrivalRate: Math.exp(intercept!),
      arrivalDecay: -slope!,
      errors: { logRate: logRate!, decay: decay! },
    },
  };
}

function notFalling(what: string) {
  return failure(
    "undefined",
    what,
    "fills do not get rarer with the distance in these data",
    "give more data, or distances further apart",
  );
}

function recordsCheck(records: readonly QuoteRecord[]): Check {
  const wrong = atLeast("records", records, 2);
  if (wrong !== null) return wrong;
  for (const [index, { distance, exposure, fills }] of records.entries()) {
    const bad = firstFailure(
      allFinite(`records[${index}].distance`, [distance]),
      allPositive(`records[${index}].exposure`, [exposure]),
      integerWithin(`records[${index}].fills`, fills, 0, Number.MAX_SAFE_INTEGER),
    );
    if (bad !== null) return bad;
  }
  return null;
}

/**
 * Maximum likelihood: fills at distance d during an exposure T are Poisson with mean A exp(-k d) T. k solves
 * sum n_i d_i / sum n_i = sum T_i d_i e^(-k d_i) / sum T_i e^(-k d_i), whose right side falls in k; then
 * A = sum n_i / sum T_i e^(-k d_i). Errors from the Fisher information. Codes: too_short, out_of_range,
 * undefined (no fills, or fills not rarer with the distance). O(n) per iteration.
 */
export function fitArrivals(records: readonly QuoteRecord[]): ModelResult<ArrivalFit> {
  const wrong = recordsCheck(records);
  if (wrong !== null) return refused(wrong);
  const fills = records.reduce((sum, record) => sum + record.fills, 0);
  const filledAt = records.reduce((sum, { fills: n, distance }) => sum + n * distance, 0) / fills;
  const nearest = records.reduce((least, { distance }) => Math.min(least, distance), Infinity);
  const furthest = records.reduce((most, { distance }) => Math.max(most, distance), -Infinity);
  const spread = furthest - nearest;
  /** Weighted by exposure and exp(-k (d - nearest)): total, mean and variance of the distance. */
  const weighted = (decay: number) => {
    let total = 0;
    let first = 0;
    let second = 0;
    for (const { distance, exposure } of records) {
      const beyond = distance - nearest;
      const weight = exposure * Math.exp(-decay * beyond);
      total += weight;
      first += weight * beyond;
      second += weight * beyond * beyond;
    }
    const mean = first / total;
    return { total, mean: nearest + mean, variance: second / total - mean * mean };
  };
  const excess = (decay: number): number => weighted(decay).mean - filledAt;
  if (fills === 0 || !(spread > 0) || !(excess(0) > 0) || !(filledAt > nearest)) {
    return refused(notFalling(`${fills} fills at a mean distance of ${filledAt}`));
  }
  let high = 1 / spread;
  while (excess(high) > 0 && high < 1e6 / spread) high *= 2;
  const root = brentRoot(excess, 0, high);
  if (!root.ok) return root;
  const { total, mean, variance } = weighted(root.value);
  return {
    ok: true,
    value: {
      arrivalRate: (fills / total) * Math.exp(root.value * nearest),
      arrivalDecay: root.value,
      // The information of (ln A, k) is fills * [[1, -mean], [-mean, variance + mean^2]].
      errors: {
        logRate: Math.sqrt((variance + mean * mean) / (fills * variance)),
        decay: 1 / Math.sqrt(fills * variance),
      },
    },
  };
}

export interface Markout {
  /** +1 when the dealer bought, -1 when he sold. */
  readonly side: 1 | -1;
  readonly midAtFill: Price;
  /** The mid a fixed time later (1 s and 10 s are usual). */
  readonly midAfter: Price;
}

export interface FillImpact {
  /** Mean move of the mid against the dealer; may be negative (he is lucky, or the data are few). */
  readonly impact: Price;
  readonly error: Price;
  readonly fills: number;
}

/** xi of the exact model with impact: the mean move against the dealer after his fills. Codes: too_short, not_finite. O(n). */
export function impactFromMarkouts(markouts: readonly Markout[]): ModelResult<FillImpact> {
  const moves = Float64Array.from(
    markouts,
    ({ side, midAtFill, midAfter }) => side * (midAtFill - midAfter),
  );
  const wrong = firstFailure(atLeast("markouts", moves, 2), allFinite("markouts", moves));
  if (wrong !== null) return refused(wrong);
  const impact = moves.reduce((sum, move) => sum + move, 0) / moves.length;
  const squares = moves.reduce((sum, move) => sum + (move - impact) ** 2, 0);
  const error = Math.sqrt(squares / (moves.length - 1) / moves.length);
  return { ok: true, value: { impact, error, fills: moves.length } };
}

/**
 * A factor for both distances while flow is toxic (project choice): 1 up to `threshold`, then rising by
 * `sensitivity` per unit of the measure (VPIN, or the absolute order flow imbalance over depth), at most `cap`.
 */
export function toxicityMultiplier(
  toxicity: number,
  threshold: number,
  sensitivity: number,
  cap: number,
): number {
  return Math.min(cap, 1 + sensitivity * Math.max(0, toxicity - threshold));
}
