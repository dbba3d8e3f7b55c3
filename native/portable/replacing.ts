import { showsTooLittle, trailFits } from "./malformed.ts";
import { eventKinds, marketStates, orderTypes, refusals } from "./codes.ts";
import type { CommandFields } from "./command-fields.ts";
import type { Configuration, EngineState } from "./engine-state.ts";
import { passLinks, sortChildren } from "./links.ts";
import { enter } from "./matching.ts";
import {
  entersAsLimit,
  entersAsMarket,
  isForLater,
  isHidden,
  isPeg,
  isStop,
  isTrailing,
  NO_CHILDREN,
  standings,
} from "./order.ts";
import type { Order } from "./order.ts";
import {
  begins,
  fitToBook,
  fitToPosition,
  limitRefusal,
  needsLevel,
  openOrder,
  priceRefusal,
  quantityRefusal,
  refusedWith,
} from "./placing.ts";
import type { Acted } from "./placing.ts";
import { rest } from "./resting.ts";
import { riskRefusal } from "./risk.ts";

/** The commands that act on an open order: its owner is checked, and replace makes a new one of it. */

/** The open order that a command names, when its account owns it; else the refusal. */
export function ownOrder(engine: EngineState, command: CommandFields): Order | number {
  if (command.account === 0) return refusals.account_invalid;
  const order = openOrder(engine, command.orderId);
  if (order === undefined) return refusals.order_unknown;
  return order.account === command.account ? order : refusals.order_not_yours;
}

export function replace(engine: EngineState, command: CommandFields, conf: Configuration): Acted {
  if (command.account === 0) return refusedWith(refusals.account_invalid);
  if (engine.state === marketStates.closed) return refusedWith(refusals.market_closed);
  if (engine.state === marketStates.halted) return refusedWith(refusals.market_halted);
  const quantity = quantityRefusal(command.quantity, conf);
  if (quantity !== refusals.none) return refusedWith(quantity);
  const old = ownOrder(engine, command);
  if (typeof old === "number") return refusedWith(old);
  if (!fits(old, command)) return refusedWith(refusals.command_invalid);
  const order = successor(old, command);
  const refusal = replaceRefusal(engine, old, order, command, conf);
  if (refusal !== refusals.none) return refusedWith(refusal);

  const { lots: remaining, standing, id } = old;
  passLinks(old, order);
  engine.dismiss(old);
  engine.admit(order);
  sortChildren(order.parent);
  engine.emitOrder(order, {
    kind: eventKinds.replaced,
    code: order.orderType,
    quantity: order.lots,
    remaining,
    otherOrderId: id,
    otherPrice: order.trigger,
  });
  continueAs(engine, order, standing);
  return { refusal, order, executedBefore: old.executed };
}

/** Whether price, trigger and what is shown are such as the order's type has. */
function fits(order: Order, { price, trigger, quantity }: CommandFields): boolean {
  if (showsTooLittle(order.display, quantity)) return false;
  if (entersAsMarket(order) && price !== 0) return false;
  if (order.orderType === orderTypes.limit || order.orderType === orderTypes.market) {
    return trigger === 0;
  }
  if (isTrailing(order)) return trigger === 0 || trailFits(trigger, order.attributes);
  return !isPeg(order) || (price >= 0 && trigger >= 0);
}

/** The order that takes the place of `old`; not open yet. */
function successor(old: Order, { price, trigger, quantity }: CommandFields): Order {
  return {
    ...old,
    id: 0,
    price,
    trigger: trigger === 0 ? old.trigger : trigger,
    lots: quantity,
    minimum: Math.min(old.minimum, quantity),
    display: old.display >= quantity ? 0 : old.display,
    shown: 0,
    standing: standings.entering,
    at: 0,
    priority: 0,
    partner: null,
    parent: null,
    children: NO_CHILDREN,
    term: 0n,
    isChanged: false,
  };
}

function replaceRefusal(
  engine: EngineState,
  old: Order,
  order: Order,
  command: CommandFields,
  conf: Configuration,
): number {
  const refusal =
    limitRefusal(order, conf) ||
    (isStop(order) && command.trigger !== 0 ? priceRefusal(command.trigger, conf) : refusals.none);
  if (refusal !== refusals.none) return refusal;
  if (!fitToPosition(engine, order)) return refusals.reduce_only;
  const resting = old.standing === standings.lit || old.standing === standings.dark;
  const later = isForLater(order, engine.state);
  const entersNow = resting && !later && engine.state === marketStates.open;
  if (entersNow && !fitToBook(engine, order)) return refusals.post_only;
  const risk = riskRefusal(engine, order, old);
  if (risk !== refusals.none) return risk;
  if (resting && !later && entersAsLimit(order) && !isHidden(order)) {
    const leavesLevel =
      old.standing === standings.lit && engine.book.ordersAt(old.side, old.at) === 1;
    if (!leavesLevel && needsLevel(engine, order, entersNow)) return refusals.level_pool_full;
  }
  return engine.ids.exhaustedAfterFreeing(old.id) ? refusals.order_pool_full : refusals.none;
}

/** The new order goes on in the state in which the old one was. */
function continueAs(engine: EngineState, order: Order, standing: number): void {
  if (isPeg(order)) begins(engine, order);
  else if (standing === standings.parked || standing === standings.queued) {
    engine.set(order, standing);
  } else if (standing === standings.waiting && isTrailing(order)) engine.set(order, standing);
  else if (standing === standings.waiting) begins(engine, order);
  else if (isForLater(order, engine.state)) engine.set(order, standings.parked);
  else if (engine.state === marketStates.open) enter(engine, order, true);
  else rest(engine, order, true);
}
