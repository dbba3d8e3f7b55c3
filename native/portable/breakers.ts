import { BUY, breakerModes, eventKinds, marketStates, SELL } from "./codes.ts";
import type { EngineState, LimitState } from "./engine-state.ts";
import { better, entersAsLimit } from "./order.ts";
import type { Order } from "./order.ts";

/** Circuit breakers (native/engine/README.md, Breakers). */

/** To be called when a command's own action, or a step of work, begins. */
export function beginStep(engine: EngineState): void {
  engine.stepTrades = null;
  const { mode, width, reference: set } = engine.breaker;
  const follows = mode === breakerModes.interrupt && engine.lastTrade !== 0;
  const reference = follows ? engine.lastTrade : set;
  engine.allowed =
    mode === breakerModes.none || reference === 0
      ? null
      : { low: reference - width, high: reference + width };
}

export const mayTradeAt = ({ allowed }: EngineState, price: number): boolean =>
  allowed === null || (price >= allowed.low && price <= allowed.high);

/** The price of a limit order that enters now: in mode limit_state at most the edge of its side. */
export function clamped(engine: EngineState, order: Order): number {
  const { allowed, breaker } = engine;
  if (allowed === null || breaker.mode !== breakerModes.limit_state || !entersAsLimit(order)) {
    return order.price;
  }
  const edge = order.side === BUY ? allowed.high : allowed.low;
  return better(order.side, order.price, edge) ? edge : order.price;
}

/** Limits the price of an order that enters. */
export function clamp(engine: EngineState, order: Order): void {
  const price = clamped(engine, order);
  if (price === order.price) return;
  const before = order.price;
  order.price = price;
  engine.changed(order);
  engine.emitOrder(order, {
    kind: eventKinds.repriced,
    quantity: order.lots,
    otherPrice: before,
  });
}

/** Whether a limit state has lasted as long as it may. */
export function limitStateIsOver({ limitState, breaker, time }: EngineState): boolean {
  if (limitState === null || breaker.seconds === 0) return false;
  return time >= limitState.since + BigInt(breaker.seconds) * 1_000_000_000n;
}

/** At the end of each command: whether the lit touch stands at an edge. */
export function tellLimitState(engine: EngineState): void {
  const { limitState: old, limitStateEnded } = engine;
  const now = edgeReached(engine);
  engine.limitStateEnded = false;
  if (now === null) {
    engine.limitState = null;
    if (old !== null) tell(engine, 0, old);
  } else if (old === null || limitStateEnded || old.side !== now.side) {
    engine.limitState = now;
    tell(engine, 1, now);
  }
}

function tell(engine: EngineState, code: number, { side, edge: price }: LimitState): void {
  engine.emit({ kind: eventKinds.limit_state, code, side, price });
}

function edgeReached({ state, breaker, book, time: since }: EngineState): LimitState | null {
  const { mode, reference, width } = breaker;
  if (state !== marketStates.open || mode !== breakerModes.limit_state || reference === 0) {
    return null;
  }
  if (book.bestPrice(BUY) === reference + width) {
    return { side: BUY, edge: reference + width, since };
  }
  const lower = reference - width;
  const ask = book.bestPrice(SELL);
  return ask !== 0 && ask === lower ? { side: SELL, edge: lower, since } : null;
}
