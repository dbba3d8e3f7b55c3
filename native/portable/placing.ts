import { reducible } from "./accounts.ts";
import { clamped } from "./breakers.ts";
import { executable, limitOf } from "./candidates.ts";
import {
  attributes,
  eventKinds,
  isCallPhase,
  linkKinds,
  linkOf,
  marketStates,
  orderTypes,
  refusals,
  timesInForce,
} from "./codes.ts";
import type { SideNumber } from "./codes.ts";
import type { CommandFields } from "./command-fields.ts";
import type { Configuration, EngineState } from "./engine-state.ts";
import { canLink, link } from "./links.ts";
import { enter, passivePrice } from "./matching.ts";
import {
  entersAsMarket,
  isConditional,
  isForLater,
  isHidden,
  isPeg,
  isPostOnly,
  isReduceOnly,
  isStop,
  isTrailing,
  mayRest,
  needed,
  NO_CHILDREN,
  standings,
} from "./order.ts";
import type { Order } from "./order.ts";
import { litTouch, pegPrice, placePeg } from "./pegs.ts";
import { lacksLevel, rest, restsDark } from "./resting.ts";
import { riskRefusal } from "./risk.ts";
import { wait } from "./stops.ts";

/** The command place: its checks in the order of the rules, then the order's entry. */

/** Open orders of special kinds, in every state. */
const pools = { dark: 2 ** 16, stops: 2 ** 16, trailing: 1_024, discretionary: 1_024 } as const;
const rarePools = { pegged: 256, conditional: 256 } as const;

/** What became of a command about one order. */
export interface Acted {
  readonly refusal: number;
  /** The order that was placed or acted on; null when refused. */
  readonly order: Order | null;
  /** Lots it had executed before the command. */
  readonly executedBefore: number;
}

export const refusedWith = (refusal: number): Acted => ({
  refusal,
  order: null,
  executedBefore: 0,
});

export function place(engine: EngineState, command: CommandFields, conf: Configuration): Acted {
  const order = draft(command);
  const refusal = placeRefusal(engine, order, command, conf);
  if (refusal !== refusals.none) return refusedWith(refusal);
  const kind = linkOf(order.attributes);
  const linked = kind === linkKinds.none ? undefined : engine.orders.get(Number(command.orderId));
  engine.admit(order);
  if (isTrailing(order)) order.extreme = engine.lastTrade;
  if (linked !== undefined) link(order, linked);
  engine.emitOrder(order, {
    kind: eventKinds.accepted,
    code: order.orderType,
    quantity: order.lots,
    otherOrderId: linked?.id ?? 0,
    otherPrice: order.trigger,
  });
  begin(engine, order);
  return { refusal, order, executedBefore: 0 };
}

/** An accepted order goes where its type and the state of the market send it. */
function begin(engine: EngineState, order: Order): void {
  if (linkOf(order.attributes) === linkKinds.child) engine.set(order, standings.parked);
  else begins(engine, order);
}

/** The same for an order that is no child (any more). */
export function begins(engine: EngineState, order: Order): void {
  if (isStop(order) || isTrailing(order)) wait(engine, order);
  else if (isPeg(order)) placePeg(engine, order);
  else if (isForLater(order, engine.state)) engine.set(order, standings.parked);
  else if (engine.state === marketStates.open) enter(engine, order, true);
  else rest(engine, order, true);
}

function draft(command: CommandFields): Order {
  return {
    id: 0,
    entry: 0,
    account: command.account,
    owner: null,
    side: command.side as SideNumber,
    orderType: command.orderType,
    timeInForce: command.timeInForce,
    attributes: command.attributes,
    group: command.group,
    discretion: command.discretion,
    expiry: command.expiry,
    price: command.price,
    trigger: command.trigger,
    display: command.display,
    minimum: command.minimum,
    minimumIsMet: command.minimum === 0 && (command.attributes & attributes.all_or_none) === 0,
    lots: command.quantity,
    shown: 0,
    executed: 0,
    extreme: 0,
    triggered: false,
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

/** The first check that fails, and 0 when all pass; the order becomes what is accepted. */
function placeRefusal(
  engine: EngineState,
  order: Order,
  command: CommandFields,
  conf: Configuration,
): number {
  if (order.account === 0) return refusals.account_invalid;
  if (engine.state === marketStates.closed) return refusals.market_closed;
  if (engine.state === marketStates.halted) return refusals.market_halted;
  if (!inPhase(engine.state, order)) return refusals.not_in_phase;
  const refusal =
    quantityRefusal(order.lots, conf) ||
    limitRefusal(order, conf) ||
    (isStop(order) ? priceRefusal(order.trigger, conf) : refusals.none) ||
    linkRefusal(engine, order, command);
  if (refusal !== refusals.none) return refusal;
  if (isTrailing(order) && engine.lastTrade === 0) return refusals.no_reference;
  if (!fitToPosition(engine, order)) return refusals.reduce_only;
  const entersNow = entersAtOnce(engine, order);
  if (entersNow && !fitToBook(engine, order)) return refusals.post_only;
  if (!engine.accounts.hasRoom(order.account)) return refusals.account_table_full;
  return riskRefusal(engine, order, null) || roomRefusal(engine, order, entersNow, conf);
}

export function quantityRefusal(quantity: number, conf: Configuration): number {
  if (quantity === 0) return refusals.quantity_not_positive;
  return quantity > conf.maximumQuantity ? refusals.quantity_too_large : refusals.none;
}

export function priceRefusal(price: number, { bandLow, bandHigh }: Configuration): number {
  if (price < 1) return refusals.price_not_positive;
  return price < bandLow || price > bandHigh ? refusals.price_out_of_band : refusals.none;
}

/** Checks the limit price of the types that have one, and a peg's cap. */
export function limitRefusal(order: Order, conf: Configuration): number {
  if (entersAsMarket(order) || (isPeg(order) && order.price === 0)) return refusals.none;
  return priceRefusal(order.price, conf);
}

/** Whether the state of the market takes such an order. */
function inPhase(state: number, { orderType, timeInForce, attributes: bits }: Order): boolean {
  if (state === marketStates.open) return timeInForce !== timesInForce.at_open;
  const opening = state === marketStates.pre_open || state === marketStates.opening_auction;
  const forAuction =
    (timeInForce === timesInForce.at_open && opening) ||
    timeInForce === timesInForce.at_close ||
    timeInForce === timesInForce.good_for_auction;
  if (orderType === orderTypes.market) return forAuction;
  const stays =
    timeInForce === timesInForce.day ||
    timeInForce === timesInForce.gtc ||
    timeInForce === timesInForce.gtd;
  return (stays || forAuction) && (bits & attributes.post_only) === 0;
}

function linkRefusal(engine: EngineState, order: Order, command: CommandFields): number {
  const kind = linkOf(order.attributes);
  if (kind === linkKinds.none) return refusals.none;
  const linked = openOrder(engine, command.orderId);
  if (linked === undefined) return refusals.order_unknown;
  if (linked.account !== order.account) return refusals.order_not_yours;
  return canLink(kind, linked) ? refusals.none : refusals.link_invalid;
}

/** The open order of an id as a command names it. */
export const openOrder = (engine: EngineState, id: bigint): Order | undefined =>
  id <= BigInt(Number.MAX_SAFE_INTEGER) ? engine.orders.get(Number(id)) : undefined;

/** Cuts a reduce-only order that is not open yet to its account's position; false: there is none. */
export function fitToPosition(engine: EngineState, order: Order): boolean {
  if (!isReduceOnly(order)) return true;
  const allowed = reducible(engine.accounts.find(order.account), order.side);
  order.lots = Math.min(order.lots, allowed);
  order.minimum = Math.min(order.minimum, order.lots);
  if (order.display >= order.lots) order.display = 0;
  return order.lots > 0;
}

/** Makes a post-only order that enters now passive, as far as it may be; false: it would trade. */
export function fitToBook(engine: EngineState, order: Order): boolean {
  if (!isPostOnly(order)) return true;
  const price = passivePrice(engine, order, order.price);
  if (price === null) return false;
  order.price = price;
  return true;
}

/** Whether an order, when accepted, is matched at once. */
function entersAtOnce(engine: EngineState, order: Order): boolean {
  if (engine.state !== marketStates.open) return false;
  if (linkOf(order.attributes) === linkKinds.child || isStop(order) || isTrailing(order)) {
    return false;
  }
  if (isPeg(order)) return pegPrice(engine, order, litTouch(engine)) !== 0;
  return !isForLater(order, engine.state);
}

/** Room for an order: special kinds, open orders, levels, ids. */
function roomRefusal(
  engine: EngineState,
  order: Order,
  entersNow: boolean,
  conf: Configuration,
): number {
  const mayStay = !entersNow || isPeg(order) || mayRest(order);
  // What it could trade with may be the order that is its partner from now on.
  const executesNow = entersNow && linkOf(order.attributes) !== linkKinds.oco;
  if (mayStay && lacksSpecialRoom(engine, order)) return refusals.special_pool_full;
  const isFull = engine.orders.size >= conf.orderCapacity;
  if (mayStay && isFull && canExecute(engine, order, executesNow) < order.lots) {
    return refusals.order_pool_full;
  }
  if (mayStay && lacksRestingLevel(engine, order, entersNow, executesNow)) {
    return refusals.level_pool_full;
  }
  return engine.ids.exhausted ? refusals.order_pool_full : refusals.none;
}

function lacksSpecialRoom(engine: EngineState, order: Order): boolean {
  const count = (kind: (one: Order) => boolean): number => {
    let found = 0;
    for (const one of engine.orders.values()) if (kind(one)) found += 1;
    return found;
  };
  const isFull = (kind: (one: Order) => boolean, limit: number): boolean =>
    kind(order) && engine.orders.size >= limit && count(kind) >= limit;
  return (
    (isPeg(order) && engine.pegs.size >= rarePools.pegged) ||
    (isConditional(order) && engine.conditional.size >= rarePools.conditional) ||
    (order.discretion > 0 && engine.discretionary.size >= pools.discretionary) ||
    isFull(isTrailing, pools.trailing) ||
    isFull(isStop, pools.stops) ||
    isFull(restsDark, pools.dark)
  );
}

/** Lots that the order executes at once, by the rule that counts them. */
function canExecute(engine: EngineState, order: Order, executesNow: boolean): number {
  if (!executesNow || isPeg(order)) return 0;
  return executable(engine, order, limitOf(engine, order, clamped(engine, order)));
}

/** Whether the order would rest lit at once, on a level that it lacks. */
function lacksRestingLevel(
  engine: EngineState,
  order: Order,
  entersNow: boolean,
  executesNow: boolean,
): boolean {
  const resting = entersNow || (isCallPhase(engine.state) && restsInCallPhase(engine, order));
  if (!resting || entersAsMarket(order) || isPeg(order) || isHidden(order)) return false;
  return needsLevel(engine, order, entersNow, executesNow);
}

/** Whether a limit order that comes to rest now finds no level, unless it executes or rests dark. */
export function needsLevel(
  engine: EngineState,
  order: Order,
  entersNow: boolean,
  executesNow = entersNow,
): boolean {
  const price = entersNow ? clamped(engine, order) : order.price;
  if (!lacksLevel(engine, order, price)) return false;
  const found = canExecute(engine, order, executesNow);
  return found < order.lots && found >= needed(order);
}

const restsInCallPhase = (engine: EngineState, order: Order): boolean =>
  linkOf(order.attributes) !== linkKinds.child &&
  !isStop(order) &&
  !isTrailing(order) &&
  !isForLater(order, engine.state);
