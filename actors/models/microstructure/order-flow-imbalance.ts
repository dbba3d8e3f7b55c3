/**
 * Order flow imbalance of Cont, Kukanov and Stoikov, "The price impact of order book events", Journal of
 * Financial Econometrics 12 (2014), eq. (4): what the queues at the best prices gained on the bid less
 * what they gained on the ask between two states of the book. Prices in ticks, quantities in lots, the
 * imbalance in lots, signed: positive is pressure to buy.
 */

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
