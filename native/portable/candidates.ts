import { BUY, MAX_PRICE, opposite, orderTypes, selfTradeModes } from "./codes.ts";
import { mayTradeAt } from "./breakers.ts";
import type { EngineState } from "./engine-state.ts";
import {
  better,
  entersAsMarket,
  isConditional,
  isPeg,
  isReduceOnly,
  moreAggressive,
  needed,
  selfTradeMode,
  standings,
} from "./order.ts";
import type { Order } from "./order.ts";

/** Whom an aggressor meets, in which order, and how much of it could be executed. */

/** How far an aggressor goes: a price, null for any price, undefined when it trades with nobody. */
export type Limit = number | null | undefined;

/** The limit of an order that enters at `price` (its present one, or one it would take). */
export function limitOf(engine: EngineState, order: Order, price = order.price): Limit {
  if (isPeg(order)) return order.at;
  if (!entersAsMarket(order)) return moreAggressive(order.side, price, order.discretion);
  if (order.orderType !== orderTypes.market || order.trigger === 0) return null;
  const best = engine.book.bestPrice(opposite(order.side));
  if (best === 0) return undefined;
  return Math.max(1, Math.min(MAX_PRICE, moreAggressive(order.side, best, order.trigger)));
}

export const preventsSelfTrade = (aggressor: Order, candidate: Order): boolean =>
  aggressor.account === candidate.account && selfTradeMode(aggressor) !== selfTradeModes.none;

/** The next candidate to look at: the first that is not a conditional order asking for too much. */
export function nextCandidate(
  engine: EngineState,
  aggressor: Order,
  limit: number | null,
): Order | undefined {
  return engine.book.find(
    opposite(aggressor.side),
    limit,
    (candidate) =>
      needed(candidate) <= aggressor.lots ||
      !mayTradeAt(engine, candidate.at) ||
      preventsSelfTrade(aggressor, candidate),
  );
}

/** Lots that an order could execute at once within `limit`, counted up to its own. */
export function executable(engine: EngineState, order: Order, limit: Limit): number {
  if (limit === undefined) return 0;
  let found = 0;
  engine.book.find(opposite(order.side), limit, (candidate) => {
    if (found >= order.lots || !mayTradeAt(engine, candidate.at)) return true;
    if (preventsSelfTrade(order, candidate)) {
      return selfTradeMode(order) !== selfTradeModes.oldest;
    }
    const counts =
      !isConditional(candidate) && !isReduceOnly(candidate) && candidate.partner === null;
    if (counts) found += candidate.lots;
    return false;
  });
  return Math.min(found, order.lots);
}

/** The best order that a post-only order at `price` would trade with. */
export const wouldTradeWith = (
  engine: EngineState,
  order: Order,
  price: number,
): Order | undefined =>
  engine.book.find(opposite(order.side), price, (candidate) => !isConditional(candidate));

/**
 * The discretionary order that comes down to `price` for an aggressor: the best discretionary price
 * first, then entry order.
 */
export function discretionaryCandidate(
  engine: EngineState,
  aggressor: Order,
  price: number,
): Order | undefined {
  const side = opposite(aggressor.side);
  let found: Order | undefined;
  for (const order of engine.discretionary) {
    if (order.side !== side || order.standing !== standings.lit) continue;
    const own = discretionaryPrice(order);
    if (better(side, price, own)) continue;
    if (found === undefined || better(side, own, discretionaryPrice(found))) found = order;
  }
  return found;
}

const discretionaryPrice = (order: Order): number =>
  moreAggressive(order.side, order.at, order.discretion);

/** Whether a lit order of `side` at `price` would lock or cross the best of the other side. */
export function wouldCross({ book }: EngineState, order: Order): boolean {
  const best = book.bestPrice(opposite(order.side));
  if (best === 0) return false;
  return order.side === BUY ? order.price >= best : order.price <= best;
}
