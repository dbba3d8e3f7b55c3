/**
 * Order flow imbalance of Cont, Kukanov and Stoikov, "The price impact of order book events", Journal of
 * Financial Econometrics 12 (2014), eq. (4): what the queues at the best prices gained on the bid less
 * what they gained on the ask between two states of the book. Prices in ticks, quantities in lots, the
 * imbalance in lots, signed: positive is pressure to buy.
 */
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  firstFailure,
  type ModelResult,
  refused,
  sameLength,
} from "../numerics/failure.ts";

/**
 * e = 1{Pb' >= Pb} qb' - 1{Pb' <= Pb} qb - 1{Pa' <= Pa} qa' + 1{Pa' >= Pa} qa, where ' is the later
 * state. Lots; O(1), allocates nothing. Total over all integers; a side that is absent has quantity 0.
 */
export function orderFlowImbalance(
  bidPrice: number,
  bidQuantity: number,
  askPrice: number,
  askQuantity: number,
  nextBidPrice: number,
  nextBidQuantity: number,
  nextAskPrice: number,
  nextAskQuantity: number,
): number {
  let imbalance = 0;
  if (nextBidPrice >= bidPrice) imbalance += nextBidQuantity;
  if (nextBidPrice <= bidPrice) imbalance -= bidQuantity;
  if (nextAskPrice <= askPrice) imbalance -= nextAskQuantity;
  if (nextAskPrice >= askPrice) imbalance += askQuantity;
  return imbalance;
}

/** Best quotes in order of time; prices in ticks, quantities in lots. */
export interface QuoteColumns {
  readonly bidPrice: ArrayLike<number>;
  readonly bidQuantity: ArrayLike<number>;
  readonly askPrice: ArrayLike<number>;
  readonly askQuantity: ArrayLike<number>;
}

/**
 * Imbalance of each step, quotes.length - 1 of them. O(n).
 * Failure codes: wrong_shape; too_short (< 2 quotes); not_finite.
 */
export function orderFlowImbalances(quotes: QuoteColumns): ModelResult<Float64Array> {
  const { bidPrice, bidQuantity, askPrice, askQuantity } = quotes;
  const wrong = firstFailure(
    atLeast("bidPrice", bidPrice, 2),
    sameLength("bidQuantity", bidQuantity, "bidPrice", bidPrice),
    sameLength("askPrice", askPrice, "bidPrice", bidPrice),
    sameLength("askQuantity", askQuantity, "bidPrice", bidPrice),
    allFinite("bidPrice", bidPrice),
    allFinite("bidQuantity", bidQuantity),
    allFinite("askPrice", askPrice),
    allFinite("askQuantity", askQuantity),
  );
  if (wrong !== null) return refused(wrong);
  const steps = new Float64Array(bidPrice.length - 1);
  for (let at = 0; at < steps.length; at += 1) {
    steps[at] = orderFlowImbalance(
      bidPrice[at]!,
      bidQuantity[at]!,
      askPrice[at]!,
      askQuantity[at]!,
      bidPrice[at + 1]!,
      bidQuantity[at + 1]!,
      askPrice[at + 1]!,
      askQuantity[at + 1]!,
    );
  }
  return ok(steps);
}
