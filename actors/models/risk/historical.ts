/**
 * Value at risk and expected shortfall of a sample of losses (a loss is positive), with no assumption on
 * its distribution. `confidence` is the share of outcomes that the value at risk covers, 0.99 for one in a
 * hundred beyond it.
 */
import {
  allFinite,
  between,
  type Check,
  finite,
  firstFailure,
  type ModelResult,
  notEmpty,
  refused,
} from "../numerics/failure.ts";

export interface TailRisk {
  /** In units of the losses. */
  readonly valueAtRisk: number;
  readonly expectedShortfall: number;
}

export function sampleCheck(losses: ArrayLike<number>, confidence: number): Check {
  return firstFailure(
    notEmpty("losses", losses),
    allFinite("losses", losses),
    between("confidence", confidence, 0, 1),
  );
}

/**
 * Value at risk: the ceil(n c)-th smallest loss. Expected shortfall: the mean of the worst n (1 - c)
 * losses, a fraction of one included, [sum of losses > VaR + (n (1 - c) - their count) VaR] / (n (1 - c))
 * (Acerbi & Tasche 2002, which makes it coherent; the order statistic is a project choice). O(n log n).
 * Failures: empty, not_finite, out_of_range.
 */
export function historicalRisk(losses: Float64Array, confidence: number): ModelResult<TailRisk> {
  const wrong = sampleCheck(losses, confidence);
  if (wrong !== null) return refused(wrong);
  const tail = tailOf(Float64Array.from(losses).sort(), confidence);
  const overflow = finite("the expected shortfall", tail.expectedShortfall);
  return overflow === null ? { ok: true, value: tail } : refused(overflow);
}

/** The same of losses that are sorted and checked. */
export function tailOf(sorted: Float64Array, confidence: number): TailRisk {
  const n = sorted.length;
  // n c is rounded, 100 * 0.99 for one: what is within its rounding of an integer is that integer.
  const rank = Math.min(n, Math.max(1, Math.ceil(n * confidence * (1 - 4 * Number.EPSILON))));
  const valueAtRisk = sorted[rank - 1]!;
  const beyond = n * (1 - confidence);
  let [sum, count] = [0, 0];
  for (let index = n - 1; index >= rank && sorted[index]! > valueAtRisk; index -= 1) {
    sum += sorted[index]!;
    count += 1;
  }
  return { valueAtRisk, expectedShortfall: (sum + (beyond - count) * valueAtRisk) / beyond };
}

/**
 * The quantile that interpolates linearly between order statistics at 1 + (n - 1) c: type 7 of Hyndman & Fan
 * (1996), what numpy and R give. O(n log n). Failures as above.
 */
export function interpolatedValueAtRisk(
  losses: Float64Array,
  confidence: number,
): ModelResult<number> {
  const wrong = sampleCheck(losses, confidence);
  if (wrong !== null) return refused(wrong);
  const sorted = Float64Array.from(losses).sort();
  const at = (sorted.length - 1) * confidence;
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return { ok: true, value: low + (at - below) * (high - low) };
}
