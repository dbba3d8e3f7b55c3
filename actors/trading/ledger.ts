import type { Refusal } from "../../schemas/sdk/orders.ts";
import { unreachable } from "../kernel/result.ts";

/**
 * What an actor that trades knows of its orders, as pure data: it is folded from events that are kept
 * before anything is sent, so that a successor sends the same numbers again and gets the first outcomes.
 */

export type Side = "buy" | "sell";

/** An own order that rests as far as the last outcome told. Price and quantity units. */
export interface LiveOrder {
  readonly orderId: number;
  readonly side: Side;
  readonly price: number;
  readonly remaining: number;
}

export type Order =
  | {
      readonly kind: "place";
      readonly side: Side;
      readonly price: number;
      readonly quantity: number;
      /** `day` rests, `ioc` trades now or not at all. */
      readonly timeInForce: "day" | "ioc";
    }
  | { readonly kind: "cancel"; readonly orderId: number };

export type Place = Extract<Order, { readonly kind: "place" }>;

/** Orders that were decided and kept, and whose outcome is not known yet. */
export interface Pending {
  readonly firstNumber: number;
  readonly orders: readonly Order[];
}

/** What the market said to one of them. */
export interface Settlement {
  readonly refusal: string | null;
  readonly orderId: number;
  readonly executed: number;
  /** Price units times quantity units of what was executed at once, decimal. */
  readonly value: string;
  /** Null: an earlier outcome of which the market did not know any more how much was canceled. */
  readonly canceled: number | null;
  readonly remaining: number;
}

export interface Ledger {
  /** 0 before the first order; then the same for ever, as the numbers are. */
  readonly session: number;
  /** Of the last command. */
  readonly number: number;
  readonly pending: Pending | null;
  readonly live: readonly LiveOrder[];
  /** Bought less sold, quantity units. */
  readonly inventory: number;
  /** Price units times quantity units received less paid, decimal: sums leave 2^53. */
  readonly cash: string;
  readonly bought: number;
  readonly sold: number;
  readonly fills: number;
  readonly sent: number;
  /** Quantity of orders that were gone when they were canceled: taken as filled at their price. */
  readonly assumed: number;
  /** Quantity that was canceled as far as anybody knows: some of it may have been filled just before. */
  readonly doubtful: number;
}

export const emptyLedger: Ledger = {
  session: 0,
  number: 0,
  pending: null,
  live: [],
  inventory: 0,
  cash: "0",
  bought: 0,
  sold: 0,
  fills: 0,
  sent: 0,
  assumed: 0,
  doubtful: 0,
};

/** Pure. These orders are decided; they will be sent under the numbers after the last one. */
export function planned(ledger: Ledger, session: number, orders: readonly Order[]): Ledger {
  return {
    ...ledger,
    session: ledger.session === 0 ? session : ledger.session,
    number: ledger.number + orders.length,
    pending: { firstNumber: ledger.number + 1, orders },
    sent: ledger.sent + orders.length,
  };
}

/**
 * Pure. Lots that rest, or may while these orders are under way: an order that is canceled before others are
 * placed is out of their way, for the market takes them in that order or not at all.
 */
export function openLots({ live }: Ledger, orders: readonly Order[], lot: number): number {
  const canceled = new Set(
    orders.flatMap((order) => (order.kind === "cancel" ? [order.orderId] : [])),
  );
  const rests = live.filter(({ orderId }) => !canceled.has(orderId));
  return (
    rests.reduce((sum, { remaining }) => sum + Math.ceil(remaining / lot), 0) +
    placesOf(orders).reduce((sum, { quantity }) => sum + Math.ceil(quantity / lot), 0)
  );
}

export const placesOf = (orders: readonly Order[]): readonly Place[] =>
  orders.filter((order) => order.kind === "place");

/** Pure. The outcomes of the pending orders, one each, in order. */
export function settled(ledger: Ledger, settlements: readonly Settlement[]): Ledger {
  const pending = ledger.pending;
  if (pending === null) return ledger;
  let next: Ledger = { ...ledger, pending: null };
  for (const [index, order] of pending.orders.entries()) {
    const settlement = settlements[index];
    if (settlement !== undefined) next = settledOne(next, order, settlement);
  }
  return next;
}

function settledOne(ledger: Ledger, order: Order, settlement: Settlement): Ledger {
  switch (order.kind) {
    case "place": {
      if (settlement.refusal !== null) return ledger;
      const { executed, value, remaining, orderId } = settlement;
      const traded = executed === 0 ? ledger : filled(ledger, order.side, executed, BigInt(value));
      if (remaining === 0 || order.timeInForce === "ioc") return traded;
      const { side, price } = order;
      return { ...traded, live: [...traded.live, { orderId, side, price, remaining }] };
    }
    case "cancel": {
      const resting = ledger.live.find(({ orderId }) => orderId === order.orderId);
      if (resting === undefined) return ledger;
      if (settlement.refusal !== null && settlement.refusal !== "order_unknown") return ledger;
      const live = ledger.live.filter(({ orderId }) => orderId !== order.orderId);
      const { canceled } = settlement;
      if (canceled === null) {
        // What was left was asked for just before the cancel was sent.
        return { ...ledger, live, doubtful: ledger.doubtful + resting.remaining };
      }
      const gone = resting.remaining - canceled;
      const left: Ledger = { ...ledger, live };
      if (gone <= 0) return left;
      const value = BigInt(resting.price) * BigInt(gone);
      const traded = filled(left, resting.side, gone, value);
      return settlement.refusal === null ? traded : { ...traded, assumed: traded.assumed + gone };
    }
    default:
      return unreachable(order);
  }
}

/**
 * Pure. What the market says is left of own orders, 0 for those that are gone: the difference was filled
 * at its price. An order that others took from the book (a kill switch) is not told apart from that.
 */
export function reconciled(
  ledger: Ledger,
  resting: readonly { readonly orderId: number; readonly remaining: number }[],
): Ledger {
  const left = new Map(resting.map(({ orderId, remaining }) => [orderId, remaining]));
  let next = ledger;
  for (const order of ledger.live) {
    const remaining = left.get(order.orderId);
    if (remaining === undefined || remaining >= order.remaining) continue;
    const gone = order.remaining - remaining;
    const traded = filled(next, order.side, gone, BigInt(order.price) * BigInt(gone));
    const live = traded.live.map((one) =>
      one.orderId === order.orderId ? { ...one, remaining } : one,
    );
    next = { ...traded, live: live.filter((one) => one.remaining > 0) };
  }
  return next;
}

function filled(ledger: Ledger, side: Side, quantity: number, value: bigint): Ledger {
  const buys = side === "buy";
  const cash = BigInt(ledger.cash) + (buys ? -value : value);
  return {
    ...ledger,
    inventory: ledger.inventory + (buys ? quantity : -quantity),
    cash: String(cash),
    bought: ledger.bought + (buys ? quantity : 0),
    sold: ledger.sold + (buys ? 0 : quantity),
    fills: ledger.fills + 1,
  };
}

/** Cash and inventory at this price, decimal. */
export const profitAt = (ledger: Ledger, price: number): string =>
  String(BigInt(ledger.cash) + BigInt(ledger.inventory) * BigInt(price));

/** Refusals after which the same may be asked again in a moment. */
const passing = new Set([
  "not_durable",
  "ring_full",
  "busy",
  "market_halted",
  "market_closed",
  "market_stopped",
  "market_unknown",
  "not_owner",
  "not_in_phase",
]);
export const passes = (code: string): boolean => passing.has(code);

/** What a market says to one order, as far as it is needed here. */
export interface OrderOutcome {
  readonly refusal: Refusal | null;
  /** In the market's journal; 0: the engine never saw it. */
  readonly sequence: number;
  readonly orderId: number;
  readonly executed: number;
  readonly canceled: number;
  readonly remaining: number;
  readonly fills: readonly { readonly price: number; readonly quantity: number }[];
  readonly repeated: boolean;
}

/** What is executed at once and at which value; a repeated outcome names no fills: the limit bounds it. */
export function settlementOf(order: Order, outcome: OrderOutcome): Settlement {
  const named = outcome.fills.reduce((sum, fill) => sum + fill.quantity, 0);
  const value = outcome.fills.reduce(
    (sum, fill) => sum + BigInt(fill.price) * BigInt(fill.quantity),
    0n,
  );
  const unnamed = Math.max(0, outcome.executed - named);
  const limit = order.kind === "place" ? order.price : 0;
  return {
    refusal: outcome.refusal?.code ?? null,
    orderId: outcome.orderId,
    executed: outcome.executed,
    value: String(value + BigInt(limit) * BigInt(unnamed)),
    canceled: unknownCancel(order, outcome) ? null : outcome.canceled,
    remaining: outcome.remaining,
  };
}

/** A cancel that was done takes something off the book; a repeated outcome may not say how much. */
const unknownCancel = (order: Order, { refusal, repeated, canceled }: OrderOutcome): boolean =>
  order.kind === "cancel" && refusal === null && repeated && canceled === 0;
