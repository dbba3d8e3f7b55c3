/**
 * The Composite Liquidity Factor of "High Frequency Quoting Under Liquidity Constraints", arXiv 2507.05749 v1,
 * as a third party transcribed it (the paper's own equation was not available: unverified):
 *
 *   bid side  CLF_i = ln(p_1 / p_{i+1}) / ln(q_1 + ... + q_i),    ask side  CLF_i = ln(p_{i+1} / p_1) / ln(q_1 + ... + q_i)
 *
 * How far the price falls after i levels, over how much stands there: lower is flatter and better. Prices in any
 * unit, quantities in lots. Project choice: one level and the mean over levels are both offered.
 */
import {
  atLeast,
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refused,
  sameLength,
} from "../numerics/failure.ts";

export type BookSide = "bid" | "ask";

/** Levels from the best on: prices move away from it, quantities are above 0. */
function bookCheck(
  side: BookSide,
  prices: ArrayLike<number>,
  quantities: ArrayLike<number>,
): Check {
  const wrong = firstFailure(
    atLeast("prices", prices, 1),
    sameLength("quantities", quantities, "prices", prices),
  );
  if (wrong !== null) return wrong;
  for (let level = 0; level < prices.length; level += 1) {
    const bad =
      positive(`prices[${level}]`, prices[level]!) ??
      positive(`quantities[${level}]`, quantities[level]!);
    if (bad !== null) return bad;
    if (level === 0) continue;
    const away = prices[level - 1]! - prices[level]!;
    if (side === "bid" ? away > 0 : away < 0) continue;
    return failure(
      "unsorted",
      `prices[${level}] = ${prices[level]} after ${prices[level - 1]}`,
      `${side} prices must ${side === "bid" ? "fall" : "rise"} from the best on`,
      "give the levels from the best on, each price once",
    );
  }
  return null;
}

/**
 * CLF of one level, 1 <= level; null where it does not exist: fewer than level + 1 levels, or a total quantity of
 * at most 1 lot before it. Codes: too_short, wrong_shape, unsorted, out_of_range, not_finite. O(levels).
 */
export function compositeLiquidityFactor(
  side: BookSide,
  prices: ArrayLike<number>,
  quantities: ArrayLike<number>,
  level: number,
): ModelResult<number | null> {
  const wrong = bookCheck(side, prices, quantities) ?? integerWithin("level", level, 1, 1_000);
  if (wrong !== null) return refused(wrong);
  const factor = liquidityFactorOf(side, prices, quantities, level);
  return { ok: true, value: factor < Number.POSITIVE_INFINITY ? factor : null };
}

/** Mean of CLF_1 to CLF_levels; null where one of them does not exist. Codes and cost as above, times `levels`. */
export function meanLiquidityFactor(
  side: BookSide,
  prices: ArrayLike<number>,
  quantities: ArrayLike<number>,
  levels: number,
): ModelResult<number | null> {
  const wrong = bookCheck(side, prices, quantities) ?? integerWithin("levels", levels, 1, 1_000);
  if (wrong !== null) return refused(wrong);
  let sum = 0;
  for (let level = 1; level <= levels; level += 1) {
    sum += liquidityFactorOf(side, prices, quantities, level);
  }
  return { ok: true, value: sum < Number.POSITIVE_INFINITY ? sum / levels : null };
}

/** The same without checks and without allocation, for a sound book; Infinity where it does not exist. */
export function liquidityFactorOf(
  side: BookSide,
  prices: ArrayLike<number>,
  quantities: ArrayLike<number>,
  level: number,
): number {
  if (prices.length <= level) return Number.POSITIVE_INFINITY;
  let total = 0;
  for (let index = 0; index < level; index += 1) total += quantities[index]!;
  if (!(total > 1)) return Number.POSITIVE_INFINITY;
  const ratio = side === "bid" ? prices[0]! / prices[level]! : prices[level]! / prices[0]!;
  return Math.log(ratio) / Math.log(total);
}
