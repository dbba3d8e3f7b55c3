import { eventKinds, linkKinds, linkOf, reasons } from "./codes.ts";
import type { EngineState } from "./engine-state.ts";
import { NO_CHILDREN, standings } from "./order.ts";
import type { Order } from "./order.ts";

/** How orders leave, and what their links then cause (native/engine/README.md, Links). */

export const isOpen = (order: Order): boolean => order.standing !== standings.gone;

/** Cancels all that is left of an open order. */
export function cancel(engine: EngineState, order: Order, reason: number): void {
  engine.emitOrder(order, { kind: eventKinds.canceled, code: reason, quantity: order.lots });
  leave(engine, order);
}

/** Takes lots off an open order; with nothing left it is canceled for the same reason. */
export function reduce(engine: EngineState, order: Order, quantity: number, reason: number): void {
  if (quantity >= order.lots) {
    cancel(engine, order, reason);
    return;
  }
  engine.takeOff(order, quantity);
  engine.emitOrder(order, {
    kind: eventKinds.reduced,
    code: reason,
    quantity,
    remaining: order.lots,
  });
}

/** The order leaves: its slot is freed, then its links act. Its event has been emitted. */
export function leave(engine: EngineState, order: Order): void {
  engine.dismiss(order);
  cancelPartner(engine, order);
  const { parent, children } = order;
  if (parent !== null) parent.children = parent.children.filter((child) => child !== order);
  order.children = NO_CHILDREN;
  if (order.executed > 0) activate(engine, order, children);
  else for (const child of children) cancelChild(engine, child);
}

/** The order executed or left: its partner, if it has one, is canceled. */
export function cancelPartner(engine: EngineState, order: Order): void {
  const { partner } = order;
  if (partner === null) return;
  unlink(order, partner);
  if (isOpen(partner) && partner.lots > 0) cancel(engine, partner, reasons.linked);
}

/** `candidate` and `aggressor` traded: the partners of both are canceled, the candidate's first. */
export function cancelPartnersOfTrade(
  engine: EngineState,
  candidate: Order,
  aggressor: Order,
): void {
  const traded = candidate.partner === aggressor;
  cancelPartner(engine, candidate);
  if (!traded) cancelPartner(engine, aggressor);
  else if (isOpen(candidate) && candidate.lots > 0) cancel(engine, candidate, reasons.linked);
}

/** Links a new order to the open one that its command names. */
export function link(order: Order, linked: Order): void {
  if (linkOf(order.attributes) === linkKinds.oco) {
    order.partner = linked;
    linked.partner = order;
  } else {
    order.parent = linked;
    linked.children = [...linked.children, order];
  }
}

/** Whether `linked` can take a link of this kind. */
export function canLink(kind: number, linked: Order): boolean {
  if (linked.partner !== null || linked.parent !== null) return false;
  return linked.children.length <= (kind === linkKinds.child ? 1 : 0);
}

/** The links of a replaced order belong to the new one. */
export function passLinks(old: Order, order: Order): void {
  const { partner, parent, children } = old;
  order.partner = partner;
  if (partner !== null) partner.partner = order;
  order.parent = parent;
  if (parent !== null) {
    parent.children = parent.children.map((child) => (child === old ? order : child));
  }
  order.children = children;
  for (const child of children) child.parent = order;
  old.partner = null;
  old.parent = null;
  old.children = NO_CHILDREN;
}

/** A child that was replaced has a new place among the children of its parent. */
export function sortChildren(parent: Order | null): void {
  if (parent !== null) parent.children = parent.children.toSorted((a, b) => a.entry - b.entry);
}

function unlink(order: Order, partner: Order): void {
  order.partner = null;
  partner.partner = null;
}

function cancelChild(engine: EngineState, child: Order): void {
  child.parent = null;
  cancel(engine, child, reasons.linked);
}

/** The parent left with executed lots: its children come to life, at most for so many. */
function activate(engine: EngineState, parent: Order, children: readonly Order[]): void {
  for (const child of children) child.parent = null;
  const [first, second] = children;
  if (first !== undefined && second !== undefined) {
    first.partner = second;
    second.partner = first;
  }
  for (const child of children) {
    if (child.lots > parent.executed) {
      reduce(engine, child, child.lots - parent.executed, reasons.linked);
    }
    engine.emitOrder(child, {
      kind: eventKinds.activated,
      quantity: child.lots,
      otherOrderId: parent.id,
    });
    engine.withdraw(child);
    engine.set(child, standings.queued);
  }
}
