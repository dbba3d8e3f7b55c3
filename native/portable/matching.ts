import {
  breakerModes,
  marketStates,
  opposite,
  reasons,
  selfTradeModes,
  timesInForce,
} from "./codes.ts";
import { clamp, mayTradeAt } from "./breakers.ts";
import {
  discretionaryCandidate,
  executable,
  limitOf,
  nextCandidate,
  preventsSelfTrade,
  wouldCross,
  wouldTradeWith,
} from "./candidates.ts";
import type { EngineState } from "./engine-state.ts";
import { cancel, cancelPartnersOfTrade, isOpen, leave, reduce } from "./links.ts";
import { changeState } from "./market-states.ts";
import {
  entersAsMarket,
  isConditional,
  isPeg,
  isPostOnly,
  isRepriced,
  mayRest,
  moreAggressive,
  needed,
  selfTradeMode,
  standings,
} from "./order.ts";
import type { Order } from "./order.ts";
import { eventKinds } from "./codes.ts";
import { rest, restsDark, showAnew } from "./resting.ts";
import { cutToPosition, execute } from "./trading.ts";

/**
 * An order enters the open market: it is matched, then rests or is canceled. `own`: in the own
 * action of the command that accepted or replaced it; otherwise it is work.
 */
export function enter(engine: EngineState, order: Order, own: boolean): void {
  if (!own && !cutToPosition(engine, order)) return;
  clamp(engine, order);
  if (!own && isPostOnly(order) && !findPassivePrice(engine, order)) return;
  const limit = limitOf(engine, order);
  const { timeInForce } = order;
  if (timeInForce === timesInForce.fok && executable(engine, order, limit) < order.lots) {
    cancel(engine, order, reasons.fok_unfilled);
    return;
  }
  if (isConditional(order)) {
    if (executable(engine, order, limit) < needed(order)) {
      if (mayRest(order)) rest(engine, order, own);
      else cancel(engine, order, reasons.minimum_unmet);
      return;
    }
    engine.meetMinimum(order);
  }
  let stopped = false;
  if (!isPostOnly(order) && limit !== undefined) {
    stopped = meetCandidates(engine, order, limit);
    if (!stopped && isOpen(order)) meetDiscretion(engine, order);
  }
  if (isOpen(order)) settle(engine, order, stopped, own);
}

/** What becomes of an order that has been matched as far as it goes. */
function settle(engine: EngineState, order: Order, stopped: boolean, own: boolean): void {
  if (order.lots === 0) {
    leave(engine, order);
    return;
  }
  const { mode } = engine.breaker;
  if (mayRest(order)) {
    const edge = stopped && mode === breakerModes.limit_state;
    if (edge && !restsDark(order) && wouldCross(engine, order)) {
      cancel(engine, order, reasons.breaker);
    } else rest(engine, order, own);
  } else if (stopped) cancel(engine, order, reasons.breaker);
  else if (order.timeInForce === timesInForce.fok) cancel(engine, order, reasons.fok_unfilled);
  else if (entersAsMarket(order)) cancel(engine, order, reasons.no_liquidity);
  else cancel(engine, order, reasons.ioc_rest);
  const interrupts = stopped && mode === breakerModes.interrupt;
  if (interrupts && order.timeInForce !== timesInForce.fok) {
    engine.emitState(marketStates.volatility_auction);
    changeState(engine, marketStates.volatility_auction);
  }
}

/** Trades with candidates while it can. True: a breaker stopped it. */
function meetCandidates(engine: EngineState, order: Order, limit: number | null): boolean {
  while (isOpen(order) && order.lots > 0) {
    const candidate = nextCandidate(engine, order, limit);
    if (candidate === undefined) return false;
    if (!mayTradeAt(engine, candidate.at)) return true;
    meet(engine, order, candidate, candidate.at);
  }
  return false;
}

/** Discretionary orders of the other side come to the aggressor's own price. */
function meetDiscretion(engine: EngineState, order: Order): void {
  if (entersAsMarket(order)) return;
  const price = isPeg(order) ? order.at : order.price;
  if (!mayTradeAt(engine, price)) return;
  while (isOpen(order) && order.lots > 0) {
    const candidate = discretionaryCandidate(engine, order, price);
    if (candidate === undefined) return;
    meet(engine, order, candidate, price);
  }
}

/** Self-trade prevention, the cut of a reduce-only candidate, or one trade. */
function meet(engine: EngineState, order: Order, candidate: Order, price: number): void {
  if (preventsSelfTrade(order, candidate)) {
    preventSelfTrade(engine, order, candidate);
    return;
  }
  if (!cutToPosition(engine, candidate)) return;
  const offered = candidate.standing === standings.dark ? candidate.lots : candidate.shown;
  const quantity = Math.min(order.lots, offered);
  const wasConditional = isConditional(candidate);
  execute(engine, { aggressor: order, candidate, price, quantity, uncross: 0 });
  if (candidate.lots === 0) leave(engine, candidate);
  cancelPartnersOfTrade(engine, candidate, order);
  if (!isOpen(candidate)) return;
  if (wasConditional) {
    engine.meetMinimum(candidate);
    engine.withdraw(candidate);
    engine.set(candidate, standings.queued);
  } else showAnew(engine, candidate);
}

function preventSelfTrade(engine: EngineState, order: Order, candidate: Order): void {
  const mode = selfTradeMode(order);
  if (mode === selfTradeModes.decrement) {
    const lots = Math.min(order.lots, candidate.lots);
    reduce(engine, candidate, lots, reasons.self_trade);
    if (isOpen(order)) reduce(engine, order, lots, reasons.self_trade);
    return;
  }
  if (mode !== selfTradeModes.newest) cancel(engine, candidate, reasons.self_trade);
  if (mode !== selfTradeModes.oldest && isOpen(order)) cancel(engine, order, reasons.self_trade);
}

/**
 * A post-only order that enters by work and would trade takes a passive price, or is canceled. False:
 * it is gone.
 */
function findPassivePrice(engine: EngineState, order: Order): boolean {
  const price = passivePrice(engine, order, order.price);
  if (price === order.price) return true;
  if (price === null) {
    cancel(engine, order, reasons.no_room);
    return false;
  }
  const before = order.price;
  order.price = price;
  engine.changed(order);
  engine.emitOrder(order, { kind: eventKinds.repriced, quantity: order.lots, otherPrice: before });
  return true;
}

/** The price that a post-only order takes in place of `price`; null when it may not enter at all. */
export function passivePrice(engine: EngineState, order: Order, price: number): number | null {
  const other = wouldTradeWith(engine, order, price);
  if (other === undefined) return price;
  if (!isRepriced(order)) return null;
  const passive = moreAggressive(opposite(order.side), other.at, 1);
  const { bandLow, bandHigh } = engine.configuration ?? { bandLow: 1, bandHigh: 0 };
  return passive >= Math.max(1, bandLow) && passive <= bandHigh ? passive : null;
}
