import { countIn, reducible } from "./accounts.ts";
import type { Account } from "./accounts.ts";
import { eventKinds, limitKinds, reasons } from "./codes.ts";
import type { EngineState } from "./engine-state.ts";
import { reduce, isOpen } from "./links.ts";
import { isReduceOnly, standings } from "./order.ts";
import type { Order } from "./order.ts";

/** One execution, and the cut of reduce-only orders before it. */

export interface Trade {
  readonly aggressor: Order;
  readonly candidate: Order;
  readonly price: number;
  readonly quantity: number;
  /** 1 in an uncross, else 0. */
  readonly uncross: number;
}

/** Code of an execution whose maker was dark; added to that of an uncross. */
const MAKER_WAS_DARK = 2;

export function execute(engine: EngineState, trade: Trade): void {
  const { aggressor, candidate, price, quantity, uncross } = trade;
  const dark = candidate.standing === standings.dark;
  engine.takeTraded(candidate, quantity);
  engine.takeTraded(aggressor, quantity);
  engine.lastTrade = price;
  const { stepTrades } = engine;
  if (stepTrades === null) engine.stepTrades = { low: price, high: price, last: price };
  else {
    stepTrades.low = Math.min(stepTrades.low, price);
    stepTrades.high = Math.max(stepTrades.high, price);
    stepTrades.last = price;
  }
  const [buy, sell] = aggressor.side === 0 ? [aggressor, candidate] : [candidate, aggressor];
  moved(engine, engine.accountOf(buy), quantity);
  moved(engine, engine.accountOf(sell), -quantity);
  engine.trades.add({
    sequence: engine.sequence,
    index: engine.events.length,
    buyer: buy.account,
    seller: sell.account,
    price,
    quantity,
    busted: false,
  });
  engine.events.push({
    kind: eventKinds.executed,
    code: uncross + (dark ? MAKER_WAS_DARK : 0),
    side: aggressor.side,
    orderId: aggressor.id,
    account: aggressor.account,
    price,
    quantity,
    remaining: dark ? 0 : candidate.shown,
    otherOrderId: candidate.id,
    otherPrice: candidate.account,
  });
}

function moved(engine: EngineState, account: Account, lots: number): void {
  account.position += lots;
  if (account.limits[limitKinds.execution_rate] !== 0) countIn(account.executions, engine.time);
  engine.accountChanged(account);
}

/**
 * Takes off a reduce-only order what its account's position does not allow. False: nothing is left
 * of it.
 */
export function cutToPosition(engine: EngineState, order: Order): boolean {
  if (!isReduceOnly(order)) return true;
  const allowed = reducible(engine.accountOf(order), order.side);
  if (order.lots > allowed) reduce(engine, order, order.lots - allowed, reasons.reduce_only);
  return isOpen(order);
}
