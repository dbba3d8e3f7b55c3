import { quantityLots } from "../kernel/units.ts";
import type { Limits } from "./messages.ts";

/** Nothing may be reserved, and nothing else is limited: what holds before the first set-limits. */
export const noLimits: Limits = {
  maximumOrderQuantity: quantityLots(0),
  maximumOpenQuantity: quantityLots(0),
  maximumPosition: 0,
  maximumNotional: 0,
  collar: 0,
  maximumOpenOrders: 0,
  messageCount: 0,
  messageWindowMs: 0,
  executionCount: 0,
  executionWindowMs: 0,
  maximumLoss: 0,
};

/** True when nothing is allowed by `wanted` that `held` does not allow. */
export function isTighter(wanted: Limits, held: Limits): boolean {
  const withinBound = (bound: number, than: number): boolean =>
    than === 0 || (bound !== 0 && bound <= than);
  const withinRate = (count: number, windowMs: number, than: number, thanMs: number): boolean =>
    than === 0 || (count !== 0 && count <= than && windowMs >= thanMs);
  return (
    wanted.maximumOrderQuantity <= held.maximumOrderQuantity &&
    wanted.maximumOpenQuantity <= held.maximumOpenQuantity &&
    withinBound(wanted.maximumPosition, held.maximumPosition) &&
    withinBound(wanted.maximumNotional, held.maximumNotional) &&
    withinBound(wanted.collar, held.collar) &&
    withinBound(wanted.maximumOpenOrders, held.maximumOpenOrders) &&
    withinBound(wanted.maximumLoss, held.maximumLoss) &&
    withinRate(
      wanted.messageCount,
      wanted.messageWindowMs,
      held.messageCount,
      held.messageWindowMs,
    ) &&
    withinRate(
      wanted.executionCount,
      wanted.executionWindowMs,
      held.executionCount,
      held.executionWindowMs,
    )
  );
}
