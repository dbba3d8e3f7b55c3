import type { Account } from "./accounts.ts";
import {
  attributes,
  isCallPhase,
  marketStates,
  orderTypes,
  selfTradeModeOf,
  timesInForce,
} from "./codes.ts";
import type { SideNumber } from "./codes.ts";

/** Where an order stands; numbers as in the digest. `entering`: it is being matched. */
export const standings = {
  entering: 0,
  lit: 1,
  dark: 2,
  waiting: 3,
  queued: 4,
  parked: 5,
  gone: 6,
} as const;

/** An order from its acceptance until it leaves. Changed only through engine-state.ts and book.ts. */
export interface Order {
  id: number;
  /** Sequence of the command that accepted or replaced it: entry order. */
  entry: number;
  readonly account: number;
  /** The account's row, once the order is open. */
  owner: Account | null;
  readonly side: SideNumber;
  readonly orderType: number;
  readonly timeInForce: number;
  readonly attributes: number;
  readonly group: number;
  readonly discretion: number;
  readonly expiry: number;
  /** Limit or cap; 0: none. */
  price: number;
  /** Stop price, distance or protection. */
  trigger: number;
  display: number;
  /** Unmet minimum. An all-or-none order has none: what it needs is all its lots. */
  minimum: number;
  /** Its minimum was met, or it never had one. */
  minimumIsMet: boolean;
  lots: number;
  /** Of `lots`, what a lit order shows. */
  shown: number;
  /** Over its life, orders that it replaced included. */
  executed: number;
  /** Of a trailing stop: the best last trade so far. */
  extreme: number;
  /** A stop that a trade has satisfied. */
  triggered: boolean;
  standing: number;
  /** The price at which it rests; of a peg also the one at which it enters. */
  at: number;
  /** Sequence of the command that put it last where it stands. */
  priority: number;
  partner: Order | null;
  parent: Order | null;
  /** At most two, in entry order. */
  children: readonly Order[];
  /** Its part of the state digest. */
  term: bigint;
  /** `term` is to be computed anew. */
  isChanged: boolean;
}

/** The children of most orders. */
export const NO_CHILDREN: readonly Order[] = [];

const has = (order: Order, bit: number): boolean => (order.attributes & bit) !== 0;

export const isHidden = (order: Order): boolean => has(order, attributes.hidden);
export const isPostOnly = (order: Order): boolean => has(order, attributes.post_only);
export const isRepriced = (order: Order): boolean => has(order, attributes.reprice);
export const isReduceOnly = (order: Order): boolean => has(order, attributes.reduce_only);
export const isAllOrNone = (order: Order): boolean => has(order, attributes.all_or_none);
export const selfTradeMode = (order: Order): number => selfTradeModeOf(order.attributes);

export const isPeg = (order: Order): boolean => order.orderType >= orderTypes.pegged_primary;
export const isTrailing = (order: Order): boolean => order.orderType === orderTypes.trailing_stop;
/** Stops with a stop price: stop and stop_limit. */
export const isStop = (order: Order): boolean =>
  order.orderType === orderTypes.stop || order.orderType === orderTypes.stop_limit;
/** Whether it enters as a market order: market, and stops once they are triggered. */
export const entersAsMarket = (order: Order): boolean =>
  order.orderType === orderTypes.market ||
  order.orderType === orderTypes.stop ||
  order.orderType === orderTypes.trailing_stop;
export const entersAsLimit = (order: Order): boolean =>
  order.orderType === orderTypes.limit || order.orderType === orderTypes.stop_limit;

/** Lots that it must trade at once, or not at all; 0: any. */
export const needed = (order: Order): number => {
  if (order.minimumIsMet) return 0;
  return isAllOrNone(order) ? order.lots : order.minimum;
};
export const isConditional = (order: Order): boolean => needed(order) > 0;

/** Whether an order that enters in the open market may rest. */
export const mayRest = (order: Order): boolean =>
  !entersAsMarket(order) &&
  order.timeInForce !== timesInForce.ioc &&
  order.timeInForce !== timesInForce.fok;

/** Whether it is for an auction that this state is not. */
export function isForLater(order: Order, state: number): boolean {
  if (order.timeInForce === timesInForce.at_close) {
    return state !== marketStates.closing_auction;
  }
  return order.timeInForce === timesInForce.good_for_auction && !isCallPhase(state);
}

/** Whether `a` is better than `b` for an order of `side`. */
export const better = (side: SideNumber, a: number, b: number): boolean =>
  side === 0 ? a > b : a < b;

/** `price` made `ticks` more aggressive for an order of `side`. */
export const moreAggressive = (side: SideNumber, price: number, ticks: number): number =>
  side === 0 ? price + ticks : price - ticks;
