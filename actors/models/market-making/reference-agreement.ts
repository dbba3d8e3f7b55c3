/**
 * How good a rule for the reference leg was (arXiv 2507.05749): in each window the leg is known afterwards that
 * would have cost least, and the agreement score is the share of windows in which a rule had chosen it. Windows
 * without a matched pair of trades, or with equal costs, are not counted (project choice).
 */
import {
  allFinite,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
  sameLength,
  type Check,
} from "../numerics/failure.ts";
import type { Leg } from "./reference-vote.ts";

/** +1 buys the spread, -1 sells it. */
export type SpreadSide = 1 | -1;

/**
 * What the realised spread cost over the target: paid above it when buying, received below it when selling.
 * Target 58.5, sold at 56.2: 2.3; at 58.0: 0.5 (the paper's example).
 */
export function slippage(side: SpreadSide, target: number, realised: number): number {
  return side * (realised - target);
}

export interface SpreadTrade {
  readonly time: number;
  readonly side: SpreadSide;
  readonly slippage: number;
}

/**
 * Slippage of the pair of trades of opposite sides that lie closest in time, summed; null when there is none; of
 * equally close pairs the first. Codes: not_finite. O(n log n).
 */
export function closestPairSlippage(trades: readonly SpreadTrade[]): ModelResult<number | null> {
  const wrong = firstFailure(
    allFinite(
      "times",
      trades.map(({ time }) => time),
    ),
    allFinite(
      "slippages",
      trades.map((trade) => trade.slippage),
    ),
  );
  if (wrong !== null) return refused(wrong);
  const rising = trades.toSorted((a, b) => a.time - b.time);
  let best: number | null = null;
  let closest = Number.POSITIVE_INFINITY;
  const latest: { buy: SpreadTrade | null; sell: SpreadTrade | null } = { buy: null, sell: null };
  // The closest pair of opposite sides has no trade between its two.
  for (const trade of rising) {
    const other = trade.side === 1 ? latest.sell : latest.buy;
    if (other !== null && trade.time - other.time < closest) {
      closest = trade.time - other.time;
      best = trade.slippage + other.slippage;
    }
    if (trade.side === 1) latest.buy = trade;
    else latest.sell = trade;
  }
  return { ok: true, value: best };
}

/** The leg that would have cost less; null when either is unknown or both cost the same. */
export function bestLeg(near: number | null, far: number | null): Leg | null {
  if (near === null || far === null || near === far) return null;
  return near < far ? 0 : 1;
}

export interface Agreement {
  /** Windows that count. */
  readonly windows: number;
  /** Shares of them: the first rule was right, the second, both, one alone, neither. */
  readonly first: number;
  readonly second: number;
  readonly both: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly neither: number;
}

function legsCheck(
  best: readonly (Leg | null)[],
  first: readonly Leg[],
  second: readonly Leg[],
): Check {
  return firstFailure(
    sameLength("first", first, "best", best),
    sameLength("second", second, "best", best),
  );
}

function scored(
  best: readonly (Leg | null)[],
  first: readonly Leg[],
  second: readonly Leg[],
  counts: (window: number) => boolean,
): Agreement | null {
  let windows = 0;
  let both = 0;
  let onlyFirst = 0;
  let onlySecond = 0;
  for (const [window, leg] of best.entries()) {
    if (leg === null || !counts(window)) continue;
    windows += 1;
    const firstRight = first[window] === leg;
    const secondRight = second[window] === leg;
    if (firstRight && secondRight) both += 1;
    else if (firstRight) onlyFirst += 1;
    else if (secondRight) onlySecond += 1;
  }
  if (windows === 0) return null;
  return {
    windows,
    first: (both + onlyFirst) / windows,
    second: (both + onlySecond) / windows,
    both: both / windows,
    onlyFirst: onlyFirst / windows,
    onlySecond: onlySecond / windows,
    neither: (windows - both - onlyFirst - onlySecond) / windows,
  };
}

const nothingCounts = failure(
  "empty",
  "windows",
  "none of them has a best leg",
  "give windows with matched trades",
);

/** Agreement of two rules with the best legs, window by window. Codes: wrong_shape, empty. O(n). */
export function agreement(
  best: readonly (Leg | null)[],
  first: readonly Leg[],
  second: readonly Leg[],
): ModelResult<Agreement> {
  const wrong = legsCheck(best, first, second);
  if (wrong !== null) return refused(wrong);
  const value = scored(best, first, second, () => true);
  return value === null ? refused(nothingCounts) : { ok: true, value };
}

/**
 * For each window the length of the run of equal best legs that it lies in, windows that do not count left out
 * (they do not end a run: project choice) and given 0. O(n).
 */
export function runLengths(best: readonly (Leg | null)[]): Int32Array {
  const lengths = new Int32Array(best.length);
  let run: number[] = [];
  let leg: Leg | null = null;
  const close = (): void => {
    for (const window of run) lengths[window] = run.length;
  };
  for (const [window, one] of best.entries()) {
    if (one === null) continue;
    if (one !== leg) {
      close();
      run = [];
      leg = one;
    }
    run.push(window);
  }
  close();
  return lengths;
}

/**
 * Agreement within runs of the best leg of `from` to `to` windows (the paper splits at 58/59); null when no window
 * lies in such a run. Codes: wrong_shape, out_of_range. O(n).
 */
export function agreementInRuns(
  best: readonly (Leg | null)[],
  first: readonly Leg[],
  second: readonly Leg[],
  from: number,
  to: number,
): ModelResult<Agreement | null> {
  const wrong =
    legsCheck(best, first, second) ??
    integerWithin("from", from, 1, Number.MAX_SAFE_INTEGER) ??
    integerWithin("to", to, from, Number.MAX_SAFE_INTEGER);
  if (wrong !== null) return refused(wrong);
  const lengths = runLengths(best);
  const inside = (window: number): boolean => lengths[window]! >= from && lengths[window]! <= to;
  return { ok: true, value: scored(best, first, second, inside) };
}
