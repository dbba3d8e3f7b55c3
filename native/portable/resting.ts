import { LEVEL_LIMIT } from "./book.ts";
import { attributes, eventKinds, isCallPhase, reasons } from "./codes.ts";
import type { EngineState } from "./engine-state.ts";
import { cancel } from "./links.ts";
import { entersAsMarket, isConditional, isHidden, isPeg, standings } from "./order.ts";
import type { Order } from "./order.ts";

/** How orders come to rest and how icebergs show anew. */

/** Whether an order rests in the dark book. */
export const restsDark = (order: Order): boolean =>
  isHidden(order) || isPeg(order) || isConditional(order);

/** Whether `order` at `price` needs a level of the lit book and none is left. */
export const lacksLevel = ({ book }: EngineState, order: Order, price: number): boolean =>
  book.levels(order.side) >= LEVEL_LIMIT && book.ordersAt(order.side, price) === 0;

/**
 * The order comes to rest. `quietly`: at the end of the own action of the command that accepted or
 * replaced it, which told everything about a plain order.
 */
export function rest(engine: EngineState, order: Order, quietly: boolean): void {
  if (entersAsMarket(order)) {
    order.at = 0;
    engine.stand(order, standings.lit, 0);
    return;
  }
  if (!isPeg(order)) order.at = order.price;
  if (restsDark(order)) {
    engine.stand(order, standings.dark, 0);
    return;
  }
  if (lacksLevel(engine, order, order.at)) {
    cancel(engine, order, reasons.no_room);
    return;
  }
  const shown = order.display === 0 ? order.lots : Math.min(order.display, order.lots);
  engine.stand(order, standings.lit, shown);
  if (!quietly || order.orderType !== 0 || order.display !== 0) tellRested(engine, order);
}

/** An iceberg that shows nothing and has a reserve shows anew, last at its price. */
export function showAnew(engine: EngineState, order: Order): void {
  if (order.standing !== standings.lit || order.at === 0 || order.shown > 0) return;
  const random = (order.attributes & attributes.random_refresh) !== 0;
  const size = random ? 1 + engine.random.below(2 * order.display - 1) : order.display;
  engine.withdraw(order);
  engine.stand(order, standings.lit, Math.min(order.lots, size));
  tellRested(engine, order);
}

/** Parked orders for the call phase that begins come to rest, in entry order. */
export function restParked(engine: EngineState, comesToRest: (order: Order) => boolean): void {
  if (!isCallPhase(engine.state)) return;
  const found = [...engine.parked].filter((order) => order.parent === null && comesToRest(order));
  for (const order of found.sort((a, b) => a.entry - b.entry)) {
    engine.withdraw(order);
    rest(engine, order, false);
  }
}

function tellRested(engine: EngineState, order: Order): void {
  engine.emitOrder(order, { kind: eventKinds.rested, price: order.at, quantity: order.shown });
}
