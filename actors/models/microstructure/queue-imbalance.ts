/**
 * What the two best queues say about the next move of the price. Prices in ticks, quantities in lots.
 * Weighted mid: Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative
 * Finance 18 (2018), section 1.
 */
import { ok } from "../../kernel/result.ts";
import {
  firstFailure,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";

/**
 * I = qb / (qb + qa) in [0, 1]; 1 when only bids stand. Quantities in lots. O(1).
 * Failure codes: not_finite; out_of_range (a negative quantity, or both 0).
 */
export function queueImbalance(bidQuantity: number, askQuantity: number): ModelResult<number> {
  const wrong = firstFailure(
    notNegative("bidQuantity", bidQuantity),
    notNegative("askQuantity", askQuantity),
    positive("bidQuantity + askQuantity", bidQuantity + askQuantity),
  );
  if (wrong !== null) return refused(wrong);
  return ok(imbalanceOfQueues(bidQuantity, askQuantity));
}

/** `queueImbalance` for quantities that are known to be right: bidQuantity + askQuantity > 0. */
export function imbalanceOfQueues(bidQuantity: number, askQuantity: number): number {
  return bidQuantity / (bidQuantity + askQuantity);
}

/**
 * W = I Pa + (1 - I) Pb in ticks: the mid drawn to the side with the shorter queue. O(1).
 * Failure codes: those of queueImbalance; not_finite for a price; out_of_range for a crossed book.
 */
export function weightedMid(
  bidPrice: number,
  bidQuantity: number,
  askPrice: number,
  askQuantity: number,
): ModelResult<number> {
  const imbalance = queueImbalance(bidQuantity, askQuantity);
  if (!imbalance.ok) return imbalance;
  const wrong = notNegative("askPrice - bidPrice", askPrice - bidPrice);
  if (wrong !== null) return refused(wrong);
  return ok(bidPrice + imbalance.value * (askPrice - bidPrice));
}
