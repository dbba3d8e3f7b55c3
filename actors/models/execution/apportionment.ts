import { type QuantityLots, quantityLots } from "../../kernel/units.ts";
import {
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  notEmpty,
  notNegative,
  refused,
} from "../numerics/failure.ts";

/**
 * Whole lots in proportion to weights, by largest remainder (Hamilton's method): each share is its quota
 * rounded down, and the lots that are left go to the largest fractions, the earlier one of equals first.
 * The shares sum to `total` exactly and each differs from its quota by less than 1. Weights >= 0 with
 * a positive sum, any scale. O(n log n). Failures: empty, out_of_range, not_finite.
 */
export function apportion(
  total: QuantityLots,
  weights: ArrayLike<number>,
): ModelResult<QuantityLots[]> {
  const wrong = firstFailure(
    integerWithin("total", total, 0, Number.MAX_SAFE_INTEGER),
    notEmpty("weights", weights),
  );
  if (wrong !== null) return refused(wrong);
  let sum = 0;
  for (let index = 0; index < weights.length; index += 1) {
    const bad = notNegative(`weights[${index}]`, weights[index]!);
    if (bad !== null) return refused(bad);
    sum += weights[index]!;
  }
  if (sum <= 0 || sum === Infinity) {
    return refused(
      failure(
        "out_of_range",
        `the weights sum to ${sum}`,
        "shares need a positive finite sum",
        "give at least one weight above 0",
      ),
    );
  }
  const shares: number[] = [];
  const order: { readonly index: number; readonly remainder: number }[] = [];
  let left: number = total;
  for (let index = 0; index < weights.length; index += 1) {
    const quota = total * (weights[index]! / sum);
    const share = Math.min(Math.floor(quota), left);
    shares.push(share);
    left -= share;
    if (weights[index]! > 0) order.push({ index, remainder: quota - share });
  }
  order.sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  // One pass but for totals near 2^53, where the quotas themselves are rounded.
  for (let at = 0; left > 0; at = (at + 1) % order.length) {
    shares[order[at]!.index]! += 1;
    left -= 1;
  }
  return { ok: true, value: shares.map(quantityLots) };
}
