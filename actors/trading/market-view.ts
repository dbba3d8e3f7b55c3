import { type Actor, createActor, fromTransition } from "xstate";

import type { DurationNs } from "../kernel/units.ts";

/** What a trading actor sees of its market; 0 = not there. Price and quantity units. */
export interface MarketView {
  readonly bid: number;
  readonly bidQuantity: number;
  readonly ask: number;
  readonly askQuantity: number;
  readonly sequence: number;
  readonly last: number;
  /** Traded since the market's cell started, as its l1 says; null before the first l1. */
  readonly volume: number | null;
  /** Monotonic time of the last message, and of the mid before it. */
  readonly at: number;
  /** Variance of the mid per second, (price units)^2, exponentially weighted; 0 before two mids. */
  readonly variance: number;
}

export interface Seen {
  readonly type: "seen";
  readonly bid: number;
  readonly bidQuantity: number;
  readonly ask: number;
  readonly askQuantity: number;
  readonly sequence: number;
  readonly last: number;
  /** Absent: not known, as from a book. */
  readonly volume: number | null;
  readonly at: DurationNs;
}

export const emptyView: MarketView = {
  bid: 0,
  bidQuantity: 0,
  ask: 0,
  askQuantity: 0,
  sequence: 0,
  last: 0,
  volume: null,
  at: 0,
  variance: 0,
};

/** Over which the variance forgets, in seconds. */
const memory = 30;

/** Pure. An older sequence changes nothing. */
export function seen(view: MarketView, message: Seen): MarketView {
  if (message.sequence < view.sequence) return view;
  const before = midOf(view);
  const after = midOf(message);
  const elapsed = (message.at - view.at) / 1e9;
  let variance = view.variance;
  if (before !== 0 && after !== 0 && elapsed > 0) {
    const weight = 1 - Math.exp(-elapsed / memory);
    variance += weight * ((after - before) ** 2 / elapsed - variance);
  }
  const { bid, bidQuantity, ask, askQuantity, sequence, at } = message;
  const last = message.last === 0 ? view.last : message.last;
  const volume = message.volume ?? view.volume;
  return { bid, bidQuantity, ask, askQuantity, sequence, last, volume, at, variance };
}

/** The middle of the touch, the last price when a side is empty, 0 when there is neither. */
export function midOf(view: Pick<MarketView, "bid" | "ask" | "last">): number {
  if (view.bid > 0 && view.ask > 0) return (view.bid + view.ask) / 2;
  return view.last;
}

/** Ticks go through a transition function: a machine would cost ten times as much for each (DESIGN §6). */
const marketViewLogic = fromTransition(
  // XState's own events, like that of a stop, come here too.
  (view: MarketView, message: Seen) => (message.type === "seen" ? seen(view, message) : view),
  emptyView,
);

export type MarketViewActor = Actor<typeof marketViewLogic>;
export const createMarketView = (): MarketViewActor => createActor(marketViewLogic).start();
