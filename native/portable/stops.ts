import { attributes, BUY, eventKinds, SELL } from "./codes.ts";
import type { SideNumber } from "./codes.ts";
import type { EngineState } from "./engine-state.ts";
import { isStop, isTrailing, standings } from "./order.ts";
import type { Order } from "./order.ts";

/** Stops and trailing stops (native/engine/README.md, Stops). */

const BPS = 10_000;

/** A stop begins to wait, or is triggered when the last trade satisfies it already. */
export function wait(engine: EngineState, order: Order): void {
  if (isStop(order) && satisfied(order, engine.lastTrade, engine.lastTrade)) {
    trigger(engine, order, order.trigger);
  } else engine.set(order, standings.waiting);
}

/** At the end of a step: the stops that its trades satisfy are triggered. */
export function electStops(engine: EngineState): void {
  const { stepTrades } = engine;
  if (stepTrades === null || engine.waiting.size === 0) return;
  const { low, high, last } = stepTrades;
  const waiting = [...engine.waiting];
  const elect = (side: SideNumber): void => {
    const sign = side === BUY ? 1 : -1;
    const elected = waiting
      .filter((order) => order.side === side && isStop(order) && satisfied(order, low, high))
      .sort((a, b) => sign * (a.trigger - b.trigger) || a.entry - b.entry);
    for (const order of elected) trigger(engine, order, order.trigger);
  };
  elect(BUY);
  elect(SELL);
  for (const order of waiting.filter(isTrailing).sort((a, b) => a.entry - b.entry)) {
    trail(engine, order, order.side === SELL ? high : low);
    const price = trailingStopPrice(order);
    if (order.side === SELL ? last <= price : last >= price) trigger(engine, order, price);
  }
}

/** The extreme follows the market in the order's favor. */
function trail(engine: EngineState, order: Order, price: number): void {
  const follows = order.side === SELL ? order.extreme < price : order.extreme > price;
  if (!follows) return;
  order.extreme = price;
  engine.changed(order);
}

function trailingStopPrice(order: Order): number {
  const { extreme, trigger: distance } = order;
  const inBps = (order.attributes & attributes.trail_bps) !== 0;
  const ticks = inBps ? Math.max(1, Math.floor((extreme * distance) / BPS)) : distance;
  return order.side === SELL ? extreme - ticks : extreme + ticks;
}

/** Whether trades between `low` and `high` satisfy a stop; 0: there was no trade. */
function satisfied(order: Order, low: number, high: number): boolean {
  if (high === 0) return false;
  return order.side === BUY ? order.trigger <= high : order.trigger >= low;
}

function trigger(engine: EngineState, order: Order, stopPrice: number): void {
  engine.emitOrder(order, {
    kind: eventKinds.triggered,
    quantity: order.lots,
    otherPrice: stopPrice,
  });
  order.triggered = true;
  engine.withdraw(order);
  engine.set(order, standings.queued);
}
