import { countedIn, countIn } from "./accounts.ts";
import type { Account } from "./accounts.ts";
import { BUY, limitKinds, refusals } from "./codes.ts";
import type { EngineState } from "./engine-state.ts";
import { isReduceOnly } from "./order.ts";
import type { Order } from "./order.ts";

/** Risk limits per account (native/engine/README.md, Risk). */

/**
 * The refusal for `order`, which is not open yet, and 0 when it passes. `replaced`: the open order
 * whose place it would take. Counts the message.
 */
export function riskRefusal(engine: EngineState, order: Order, replaced: Order | null): number {
  const account = engine.accounts.find(order.account);
  if (account === undefined) return refusals.none;
  if (account.killed) return refusals.account_killed;
  const { limits, messages, executions } = account;
  const messageRate = limits[limitKinds.message_rate] ?? 0;
  if (messageRate !== 0) {
    if (countedIn(messages, engine.time) >= messageRate) return refusals.limit_messages;
    countIn(messages, engine.time);
    engine.accountChanged(account);
  }
  const executionRate = limits[limitKinds.execution_rate] ?? 0;
  if (executionRate !== 0 && countedIn(executions, engine.time) >= executionRate) {
    return refusals.limit_executions;
  }
  return orderRefusal(engine, account, order, replaced);
}

function orderRefusal(
  engine: EngineState,
  account: Account,
  order: Order,
  replaced: Order | null,
): number {
  const exceeds = (which: number, value: number): boolean => {
    const limit = account.limits[which] ?? 0;
    return limit !== 0 && value > limit;
  };
  if (exceeds(limitKinds.quantity, order.lots)) return refusals.limit_quantity;
  const price = order.price === 0 ? engine.lastTrade : order.price;
  if (exceeds(limitKinds.notional, price * order.lots)) return refusals.limit_notional;
  const reference = engine.lastTrade === 0 ? engine.breaker.reference : engine.lastTrade;
  const away = Math.abs(order.price - reference);
  if (order.price !== 0 && reference !== 0 && exceeds(limitKinds.collar, away)) {
    return refusals.limit_collar;
  }
  if (replaced === null && exceeds(limitKinds.open_orders, account.orders.size + 1)) {
    return refusals.limit_open_orders;
  }
  const open = account.openLots[order.side] - (replaced?.lots ?? 0);
  const held = order.side === BUY ? account.position : -account.position;
  if (!isReduceOnly(order) && exceeds(limitKinds.position, held + open + order.lots)) {
    return refusals.limit_position;
  }
  return refusals.none;
}
