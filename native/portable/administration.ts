import { limitKinds, massCancelFilters, eventKinds, reasons, refusals } from "./codes.ts";
import { marketStates } from "./codes.ts";
import { cancelAuctionRests, uncross } from "./auction.ts";
import type { CommandFields } from "./command-fields.ts";
import type { EngineState } from "./engine-state.ts";
import { changeState } from "./market-states.ts";
import { entersAsMarket, isPeg, isStop, standings } from "./order.ts";
import type { Order } from "./order.ts";
import type { RememberedTrade } from "./remembered-trades.ts";
import { electStops } from "./stops.ts";

/** The commands that are not about one order. Each returns its refusal, 0 for none. */

/** Sweeps of accounts that may wait. */
export const SWEEPS_WAITING = 16;

const NANOSECONDS_PER_MS = 1_000_000n;

export function setState(engine: EngineState, state: number): number {
  const before = engine.state;
  if (state === before) {
    engine.emitState(state);
    return refusals.none;
  }
  if (state === marketStates.open || state === marketStates.closed) {
    uncross(engine);
    electStops(engine);
    engine.stepTrades = null;
    cancelAuctionRests(engine, before);
  }
  engine.emitState(state);
  changeState(engine, state);
  return refusals.none;
}

export function setBreaker(engine: EngineState, command: CommandFields): number {
  const { breaker } = engine;
  breaker.mode = command.orderType;
  if (command.price !== 0) breaker.reference = command.price;
  breaker.width = command.quantity;
  breaker.seconds = command.expiry;
  engine.limitStateEnded = true;
  engine.emit({
    kind: eventKinds.breaker_set,
    code: breaker.mode,
    price: breaker.reference,
    quantity: breaker.width,
  });
  return refusals.none;
}

export function massCancel(engine: EngineState, command: CommandFields): number {
  const { account, orderType: filters, side, price: low, trigger: high, group } = command;
  if (account === 0) return refusals.account_invalid;
  if (engine.sweeps.length >= SWEEPS_WAITING) return refusals.busy;
  const by = (filter: number): boolean => (filters & filter) !== 0;
  engine.emit({ kind: eventKinds.mass_canceled, code: filters, side, account });
  sweep(engine, account, reasons.mass_cancel, (order) => {
    if (by(massCancelFilters.side) && order.side !== side) return false;
    if (by(massCancelFilters.group) && order.group !== group) return false;
    if (!by(massCancelFilters.price)) return true;
    const price = filterPrice(order);
    return price !== null && price >= low && price <= high;
  });
  return refusals.none;
}

/** The price by which a mass cancel chooses an order; null: none. */
function filterPrice(order: Order): number | null {
  if (isStop(order)) return order.trigger;
  if (entersAsMarket(order)) return null;
  if (!isPeg(order)) return order.price;
  return order.standing === standings.dark ? order.at : null;
}

function sweep(
  engine: EngineState,
  account: number,
  reason: number,
  matches: (order: Order) => boolean,
): void {
  const before = engine.sequence;
  engine.sweeps.push({ account, reason, before, matches, row: 0, passed: 0 });
}

export function kill(engine: EngineState, { account, orderType: action }: CommandFields): number {
  if (account === 0) return refusals.account_invalid;
  if (!engine.accounts.hasRoom(account)) return refusals.account_table_full;
  const engaged = action === 0;
  if (engaged && engine.sweeps.length >= SWEEPS_WAITING) return refusals.busy;
  const row = engine.accounts.row(account);
  row.killed = engaged;
  engine.accountChanged(row);
  engine.emit({ kind: eventKinds.killed, code: action, account });
  if (engaged) sweep(engine, account, reasons.killed, () => true);
  return refusals.none;
}

export function setLimit(engine: EngineState, command: CommandFields): number {
  const { account, orderType: which, quantity: window } = command;
  if (account === 0) return refusals.account_invalid;
  if (!engine.accounts.hasRoom(account)) return refusals.account_table_full;
  const row = engine.accounts.row(account);
  const value = Number(command.orderId);
  row.limits[which] = value;
  const rate =
    which === limitKinds.message_rate
      ? row.messages
      : which === limitKinds.execution_rate
        ? row.executions
        : null;
  if (rate !== null) {
    rate.count = 0;
    rate.start = engine.time;
    rate.length = BigInt(window) * NANOSECONDS_PER_MS;
  }
  engine.accountChanged(row);
  engine.emit({
    kind: eventKinds.limit_set,
    code: which,
    account,
    orderId: value,
    quantity: window,
  });
  return refusals.none;
}

export function setPosition(
  engine: EngineState,
  { account, side, orderId }: CommandFields,
): number {
  if (account === 0) return refusals.account_invalid;
  if (!engine.accounts.hasRoom(account)) return refusals.account_table_full;
  const row = engine.accounts.row(account);
  const lots = Number(orderId);
  row.position = side === 0 ? lots : -lots;
  engine.accountChanged(row);
  engine.emit({ kind: eventKinds.position_set, side, account, orderId: lots });
  return refusals.none;
}

export function bust(engine: EngineState, command: CommandFields): number {
  const trade = engine.trades.find(Number(command.orderId), command.quantity);
  if (trade === undefined) return refusals.trade_unknown;
  moveBack(engine, trade, trade.quantity);
  trade.busted = true;
  engine.emit({
    kind: eventKinds.busted,
    orderId: trade.sequence,
    account: trade.buyer,
    price: trade.price,
    quantity: trade.quantity,
    remaining: trade.index,
    otherPrice: trade.seller,
  });
  return refusals.none;
}

export function correct(engine: EngineState, command: CommandFields): number {
  const { price, display: quantity } = command;
  const trade = engine.trades.find(Number(command.orderId), command.quantity);
  if (trade === undefined) return refusals.trade_unknown;
  if (price < 1) return refusals.price_not_positive;
  if (quantity === 0) return refusals.quantity_not_positive;
  if (quantity > trade.quantity) return refusals.quantity_too_large;
  const before = trade.quantity;
  moveBack(engine, trade, before - quantity);
  trade.price = price;
  trade.quantity = quantity;
  engine.emit({
    kind: eventKinds.corrected,
    orderId: trade.sequence,
    account: trade.buyer,
    price,
    quantity,
    remaining: trade.index,
    otherOrderId: before,
    otherPrice: trade.seller,
  });
  return refusals.none;
}

/** Both positions as if so many lots of the trade had never been traded. */
function moveBack(engine: EngineState, trade: RememberedTrade, lots: number): void {
  const buyer = engine.accounts.row(trade.buyer);
  const seller = engine.accounts.row(trade.seller);
  buyer.position -= lots;
  seller.position += lots;
  engine.accountChanged(buyer);
  engine.accountChanged(seller);
}
