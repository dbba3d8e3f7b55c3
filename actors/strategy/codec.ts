import { wire } from "../../schemas/messages.ts";
import { commandSubject, marketDataSubject } from "../../schemas/subjects.ts";
import { unreachable } from "../kernel/result.ts";
import type { FlowAnswer, FlowCommand, FlowOutcome, LiveOrder, Touch } from "./messages.ts";

/** Commands and answers as protobuf; the only file of this folder that sees schemas/. */

const { Side, OrderType, TimeInForce } = wire.market.v1;

export const submitSubject = (region: string, market: string): string =>
  commandSubject(region, market, "submit");
export const bookSubject = (region: string, market: string): string =>
  commandSubject(region, market, "book");
export const touchSubject = (market: string): string => marketDataSubject(market, "l1");

export interface FlowAccounts {
  readonly makerAccount: number;
  readonly takerAccount: number;
}

export function encodeSubmit(
  session: number,
  accounts: FlowAccounts,
  commands: readonly FlowCommand[],
): Uint8Array {
  return wire.market.v1.SubmitRequest.encode({
    session,
    commands: commands.map((command) => encodeCommand(accounts, command)),
  }).finish();
}

function encodeCommand(accounts: FlowAccounts, command: FlowCommand): wire.market.v1.ICommand {
  const { number } = command;
  switch (command.type) {
    case "limit":
    case "market": {
      const limit = command.type === "limit";
      return {
        number,
        account: limit ? accounts.makerAccount : accounts.takerAccount,
        place: {
          side: command.side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
          orderType: limit ? OrderType.ORDER_TYPE_LIMIT : OrderType.ORDER_TYPE_MARKET,
          timeInForce: limit ? TimeInForce.TIME_IN_FORCE_DAY : TimeInForce.TIME_IN_FORCE_IOC,
          price: limit ? command.price : 0,
          quantity: command.quantity,
        },
      };
    }
    case "cancel":
      return {
        number,
        account: accounts.makerAccount,
        cancel: { orderId: command.order.orderId },
      };
    default:
      return unreachable(command);
  }
}

/** `unknown` when the bytes are no reply. */
export function decodeSubmitReply(bytes: Uint8Array): FlowAnswer {
  try {
    const reply = wire.market.v1.SubmitReply.decode(bytes);
    if (reply.refusal !== null && reply.refusal !== undefined) {
      return { type: "refused", code: reply.refusal.code ?? "internal" };
    }
    return { type: "outcomes", outcomes: reply.outcomes.map(decodeOutcome) };
  } catch {
    return { type: "unknown" };
  }
}

function decodeOutcome(outcome: wire.market.v1.IOutcome): FlowOutcome {
  return {
    number: outcome.number ?? 0,
    sequence: outcome.sequence ?? 0,
    refusal: outcome.refusal?.code ?? null,
    orderId: outcome.orderId ?? 0,
    remaining: outcome.remaining ?? 0,
    fills: (outcome.fills ?? []).map((fill) => ({
      makerOrderId: fill.makerOrderId ?? 0,
      price: fill.price ?? 0,
      makerRemaining: fill.makerRemaining ?? 0,
    })),
    touch: outcome.touch ? touchOf(outcome.touch) : null,
  };
}

export const encodeBookRequest = (): Uint8Array =>
  wire.market.v1.BookRequest.encode({ levels: 1 }).finish();

export const ordersSubject = (region: string, market: string): string =>
  commandSubject(region, market, "orders");
export const encodeOrdersRequest = (account: number, after: number): Uint8Array =>
  wire.market.v1.OrdersRequest.encode({ account, after }).finish();

/** Own orders that rest; null when refused or not readable. */
export function decodeOrdersReply(
  bytes: Uint8Array,
): { readonly orders: readonly LiveOrder[]; readonly more: boolean } | null {
  try {
    const { refusal, orders, more } = wire.market.v1.OrdersReply.decode(bytes);
    if (refusal !== null && refusal !== undefined) return null;
    return {
      more,
      orders: orders.map((order) => ({
        orderId: order.orderId ?? 0,
        side: order.side === Side.SIDE_BUY ? "buy" : "sell",
        price: order.price ?? 0,
        remaining: order.remaining ?? 0,
      })),
    };
  } catch {
    return null;
  }
}

/** A touch with the sequence at which it held and the last price known with it; null = not readable. */
export interface SeenTouch {
  readonly touch: Touch;
  readonly sequence: number;
  readonly last: number;
}

export function decodeBookReply(
  bytes: Uint8Array,
): SeenTouch | { readonly refusal: string } | null {
  try {
    const { refusal, bids, asks, sequence } = wire.market.v1.BookReply.decode(bytes);
    if (refusal !== null && refusal !== undefined) return { refusal: refusal.code ?? "internal" };
    const touch = { bid: bids[0]?.price ?? 0, ask: asks[0]?.price ?? 0 };
    return { touch, sequence, last: 0 };
  } catch {
    return null;
  }
}

export function decodeTouch(bytes: Uint8Array): SeenTouch | null {
  try {
    const { touch, sequence, lastPrice } = wire.market.v1.L1.decode(bytes);
    if (touch === null || touch === undefined) return null;
    return { touch: touchOf(touch), sequence, last: lastPrice };
  } catch {
    return null;
  }
}

const touchOf = (touch: wire.market.v1.ITouch): Touch => ({
  bid: touch.bidPrice ?? 0,
  ask: touch.askPrice ?? 0,
});
