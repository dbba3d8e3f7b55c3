import { BUY, marketStates, MAX_PRICE, orderTypes, SELL } from "./codes.ts";
import type { EngineState } from "./engine-state.ts";
import { isOpen } from "./links.ts";
import { enter } from "./matching.ts";
import { better, standings } from "./order.ts";
import type { Order } from "./order.ts";

/** Pegged orders (native/engine/README.md, Pegs). */

interface LitTouch {
  readonly bid: number;
  readonly ask: number;
}

export const litTouch = ({ book }: EngineState): LitTouch => ({
  bid: book.bestPrice(BUY),
  ask: book.bestPrice(SELL),
});

/** The price of a peg at this touch; 0: it has none and is parked. */
export function pegPrice(engine: EngineState, order: Order, { bid, ask }: LitTouch): number {
  const { orderType, side, trigger: distance, price: cap } = order;
  const primary = side === BUY ? bid : ask;
  const market = side === BUY ? ask : bid;
  let reference: number;
  if (orderType === orderTypes.pegged_primary) reference = primary;
  else if (orderType === orderTypes.pegged_market) reference = market;
  else if (bid === 0 || ask === 0) reference = 0;
  else reference = side === BUY ? Math.floor((bid + ask) / 2) : Math.ceil((bid + ask) / 2);
  if (reference === 0) return 0;
  let price = side === BUY ? reference - distance : reference + distance;
  if (cap !== 0 && better(side, price, cap)) price = cap;
  const { bandLow, bandHigh } = engine.configuration ?? { bandLow: 1, bandHigh: 0 };
  const fits = price >= 1 && price <= MAX_PRICE && price >= bandLow && price <= bandHigh;
  return fits ? price : 0;
}

/** A new peg enters at its price, or is parked without one. */
export function placePeg(engine: EngineState, order: Order): void {
  const open = engine.state === marketStates.open;
  const price = open ? pegPrice(engine, order, litTouch(engine)) : 0;
  order.at = price;
  if (price === 0) engine.set(order, standings.parked);
  else enter(engine, order, true);
}

export function pegsAreDue(engine: EngineState): boolean {
  if (engine.pegs.size === 0) return false;
  const { bid, ask } = litTouch(engine);
  return engine.pegsDue || bid !== engine.pegTouch.bid || ask !== engine.pegTouch.ask;
}

/** One pass: each peg whose price differs at the present touch leaves its level and enters anew. */
export function pricePegs(engine: EngineState): void {
  const touch = litTouch(engine);
  engine.pegTouch = touch;
  engine.pegsDue = false;
  for (const order of engine.pegs) {
    if (engine.state !== marketStates.open) return;
    if (!isOpen(order)) continue;
    const price = pegPrice(engine, order, touch);
    const parked = order.standing === standings.parked;
    if (price === (parked ? 0 : order.at)) continue;
    engine.withdraw(order);
    order.at = price;
    if (price === 0) engine.set(order, standings.parked);
    else enter(engine, order, false);
  }
}

/** The market leaves the open state: no peg rests. */
export function parkPegs(engine: EngineState): void {
  for (const order of engine.pegs) {
    if (order.standing !== standings.dark) continue;
    engine.withdraw(order);
    engine.set(order, standings.parked);
  }
}
