import { type PriceTicks, type QuantityLots, quantityLots } from "../../kernel/units.ts";
import { failure, finite, type ModelResult, refused, sorted } from "../numerics/failure.ts";

export interface Level {
  readonly price: PriceTicks;
  readonly quantity: QuantityLots;
}

export interface Venue {
  /** Opposite side of the book, best level first. */
  readonly levels: readonly Level[];
  /** Fee of a lot in ticks, a rebate below 0. */
  readonly fee: number;
  /** Foreseen cost of reaching the venue late, in ticks a lot: adverse moves while the order travels. */
  readonly latencyCost: number;
}

export interface Route {
  /** Lots to send to each venue. */
  readonly quantities: readonly QuantityLots[];
  /** Worst price to reach at each venue, as the limit of the child; null where nothing is sent. */
  readonly limits: readonly (PriceTicks | null)[];
  /** Sum of price, fee and latency cost over the lots, in ticks times lots; what comes in counts below 0 for a sale. */
  readonly cost: number;
  /** Lots that no venue shows. */
  readonly unrouted: QuantityLots;
}

/**
 * The cheapest split of a marketable order: lots go to the next level with the least marginal cost, price
 * plus fee plus latency cost, the earlier venue of equals first. Exact where each venue's ladder gets no
 * better with depth, because the sum of convex costs is least where the marginal costs meet. O(L log L) for L
 * levels. Failures: not_finite, unsorted (a ladder that gets better).
 */
export function routeOrder(
  side: "buy" | "sell",
  quantity: QuantityLots,
  venues: readonly Venue[],
): ModelResult<Route> {
  const sign = side === "buy" ? 1 : -1;
  const steps: { venue: number; marginal: number; level: Level }[] = [];
  for (const [index, { levels, fee, latencyCost }] of venues.entries()) {
    const wrong =
      finite(`the fee of venue ${index}`, fee) ??
      finite(`the latency cost of venue ${index}`, latencyCost) ??
      sorted(
        `the ladder of venue ${index}`,
        levels.map((level) => sign * level.price),
      );
    if (wrong !== null) return refused(wrong);
    for (const level of levels) {
      if (!Number.isSafeInteger(level.quantity) || level.quantity < 0) {
        return refused(
          failure(
            "out_of_range",
            `a level of ${level.quantity} lots at venue ${index}`,
            "lots are whole and not negative",
            "check the book",
          ),
        );
      }
      steps.push({ venue: index, marginal: sign * level.price + fee + latencyCost, level });
    }
  }
  // The sort is stable: venues stay in their order, and levels of one venue too.
  steps.sort((a, b) => a.marginal - b.marginal);
  const quantities: number[] = venues.map(() => 0);
  const limits: (PriceTicks | null)[] = venues.map(() => null);
  let [left, cost]: [number, number] = [quantity, 0];
  for (const { venue, marginal, level } of steps) {
    const taken = Math.min(left, level.quantity);
    if (taken === 0) continue;
    quantities[venue]! += taken;
    limits[venue] = level.price;
    cost += taken * marginal;
    left -= taken;
  }
  return {
    ok: true,
    value: {
      quantities: quantities.map(quantityLots),
      limits,
      cost,
      unrouted: quantityLots(left),
    },
  };
}
