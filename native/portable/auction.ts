import {
  BUY,
  eventKinds,
  isCallPhase,
  marketStates,
  reasons,
  SELL,
  timesInForce,
} from "./codes.ts";
import type { SideNumber } from "./codes.ts";
import type { EngineState } from "./engine-state.ts";
import type { EventCells } from "./events.ts";
import { cancel, cancelPartner, isOpen, leave } from "./links.ts";
import { better, isConditional, isPeg, standings } from "./order.ts";
import type { Order } from "./order.ts";
import { showAnew } from "./resting.ts";
import { cutToPosition, execute } from "./trading.ts";

/** Uncross and indicative price (native/engine/README.md, States and auctions). */

export interface Uncross {
  /** 0: there is none. */
  readonly price: number;
  readonly volume: number;
  /** Lots of buys less those of sells; negative: sells are left over. */
  readonly surplus: number;
}

const NONE: Uncross = { price: 0, volume: 0, surplus: 0 };

const takesPart = (order: Order): boolean => !isConditional(order) && !isPeg(order);

/** Orders of a side that take part, in candidate order. */
function participants({ book }: EngineState, side: SideNumber): Order[] {
  const orders = [...book.marketOrders(side)];
  book.find(side, null, (order) => {
    if (takesPart(order)) orders.push(order);
    return false;
  });
  return orders;
}

/** Lots of `orders` that would trade at `price`; market orders (at 0) always would. */
const lotsAt = (orders: readonly Order[], side: SideNumber, price: number): number =>
  orders.reduce((sum, order) => (satisfies(order, side, price) ? sum + order.lots : sum), 0);

const satisfies = (order: Order, side: SideNumber, price: number): boolean =>
  order.at === 0 || !better(side, price, order.at);

/** The price of greatest volume, least surplus, market pressure and nearness to the reference. */
export function uncrossPrice(engine: EngineState): Uncross {
  const buys = participants(engine, BUY);
  const sells = participants(engine, SELL);
  const reference = engine.lastTrade === 0 ? engine.breaker.reference : engine.lastTrade;
  const limits = possiblePrices(buys, sells);
  const prices = limits.length === 0 && reference !== 0 ? [reference] : limits;
  const outcomes = prices.map((price): Uncross => {
    const [bought, sold] = [lotsAt(buys, BUY, price), lotsAt(sells, SELL, price)];
    return { price, volume: Math.min(bought, sold), surplus: bought - sold };
  });
  const volume = Math.max(0, ...outcomes.map((one) => one.volume));
  if (volume === 0) return NONE;
  const largest = outcomes.filter((one) => one.volume === volume);
  const least = Math.min(...largest.map(({ surplus }) => Math.abs(surplus)));
  const best = largest
    .filter(({ surplus }) => Math.abs(surplus) === least)
    .sort((a, b) => a.price - b.price);
  if (best.every(({ surplus }) => surplus > 0)) return best.at(-1) ?? NONE;
  if (best.every(({ surplus }) => surplus < 0)) return best[0] ?? NONE;
  const distance = ({ price }: Uncross): number => Math.abs(price - reference);
  return best.reduce((found, one) => (distance(one) <= distance(found) ? one : found));
}

function possiblePrices(buys: readonly Order[], sells: readonly Order[]): number[] {
  const bids = buys.map(({ at }) => at).filter((price) => price > 0);
  const asks = sells.map(({ at }) => at).filter((price) => price > 0);
  const all = [...new Set([...bids, ...asks])];
  const [bid, ask] = [bids[0], asks[0]];
  if (bid === undefined || ask === undefined) return all;
  return all.filter((price) => price >= Math.min(bid, ask) && price <= Math.max(bid, ask));
}

/** Trades what can be traded, at one price; again when cuts or links have left something. */
export function uncross(engine: EngineState): void {
  let told = 0;
  do {
    told = engine.events.length;
    const { price, volume } = uncrossPrice(engine);
    if (volume === 0) return;
    let traded = false;
    for (;;) {
      const buy = head(engine, BUY, price);
      const sell = head(engine, SELL, price);
      if (buy === undefined || sell === undefined) break;
      if (!cutToPosition(engine, buy)) continue;
      if (!isOpen(sell) || !cutToPosition(engine, sell) || !isOpen(buy)) continue;
      tradePair(engine, buy, sell, price);
      traded = true;
    }
    // Cuts alone make no price.
    if (traded) engine.breaker.reference = price;
  } while (engine.events.slice(told).some(tookOff));
}

/** Whether an event tells of a cut, or of an order that a link canceled. */
const tookOff = ({ kind, code }: EventCells): boolean =>
  kind === eventKinds.canceled || (kind === eventKinds.reduced && code === reasons.reduce_only);

const head = ({ book }: EngineState, side: SideNumber, price: number): Order | undefined =>
  book.marketOrders(side)[0] ??
  book.find(side, null, (order) => takesPart(order) && satisfies(order, side, price));

function tradePair(engine: EngineState, buy: Order, sell: Order, price: number): void {
  const quantity = Math.min(offered(buy), offered(sell));
  execute(engine, { aggressor: buy, candidate: sell, price, quantity, uncross: 1 });
  const partners = sell.partner === buy;
  for (const order of [sell, buy]) {
    if (!isOpen(order)) continue;
    if (order.lots === 0) leave(engine, order);
    else cancelPartner(engine, order);
  }
  if (partners && isOpen(sell)) cancel(engine, sell, reasons.linked);
  for (const order of [sell, buy]) if (isOpen(order)) showAnew(engine, order);
}

const offered = (order: Order): number =>
  order.standing === standings.dark || order.at === 0 ? order.lots : order.shown;

/** Cancels what an auction of `state` has left of the orders that were for it. */
export function cancelAuctionRests(engine: EngineState, state: number): void {
  const forAuction = isCallPhase(state) && state !== marketStates.pre_open;
  const isForIt = ({ timeInForce }: Order): boolean =>
    (state === marketStates.opening_auction && timeInForce === timesInForce.at_open) ||
    (state === marketStates.closing_auction && timeInForce === timesInForce.at_close) ||
    (forAuction && timeInForce === timesInForce.good_for_auction);
  for (const order of engine.orders.values()) {
    const resting = order.standing === standings.lit || order.standing === standings.dark;
    const queued = order.standing === standings.queued;
    if ((resting && order.at === 0) || ((resting || queued) && isForIt(order))) {
      cancel(engine, order, reasons.auction_rest);
    }
  }
}

/** Tells the indicative price of an auction when it is another than the one told last. */
export function tellIndicative(engine: EngineState, told: Uncross): Uncross {
  if (!isCallPhase(engine.state) || engine.state === marketStates.pre_open) return told;
  const now = uncrossPrice(engine);
  const same =
    now.price === told.price && now.volume === told.volume && now.surplus === told.surplus;
  if (same) return told;
  engine.emit({
    kind: eventKinds.indicative,
    side: now.surplus < 0 ? SELL : BUY,
    orderId: now.volume,
    price: now.price,
    otherOrderId: Math.abs(now.surplus),
  });
  return now;
}
