import { wire } from "../messages.ts";
import type {
  Action,
  Answer,
  Book,
  Durability,
  OrderPage,
  Outcome,
  Refusal,
  Touch,
} from "./orders.ts";

const { SubmitRequest, SubmitReply, BookRequest, BookReply, OrdersRequest, OrdersReply } =
  wire.market.v1;
const { Side, OrderType, TimeInForce, DurabilityMode } = wire.market.v1;

/** Commands one request may carry at most; the exchange refuses more. */
export const MAXIMUM_COMMANDS = 1024;

/** A whole answered request. */
export interface SubmitAnswer {
  /** Set when the whole request was refused; then there are no outcomes. */
  readonly refusal: Refusal | null;
  readonly outcomes: readonly Outcome[];
  readonly durability: Durability;
  readonly epoch: number;
}

/** The request's bytes; `firstNumber` is the number of the first action, the others follow it. */
export function encodeSubmit(
  session: number,
  firstNumber: number,
  actions: readonly Action[],
): Uint8Array {
  const commands = actions.map((action, index) => ({
    number: firstNumber + index,
    account: action.account,
    ...actionFields(action),
  }));
  return SubmitRequest.encode({ session, commands }).finish();
}

function actionFields(action: Action): Partial<wire.market.v1.Command.$Properties> {
  switch (action.kind) {
    case "place":
      return {
        place: {
          side: action.side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
          orderType:
            action.price === null ? OrderType.ORDER_TYPE_MARKET : OrderType.ORDER_TYPE_LIMIT,
          timeInForce: timesInForce[action.timeInForce],
          price: action.price ?? 0,
          quantity: action.quantity,
        },
      };
    case "cancel":
      return { cancel: { orderId: action.orderId } };
    case "reduce":
      return { reduce: { orderId: action.orderId, quantity: action.quantity } };
    case "replace":
      return {
        replace: { orderId: action.orderId, price: action.price, quantity: action.quantity },
      };
    default:
      return action satisfies never;
  }
}

const timesInForce = {
  day: TimeInForce.TIME_IN_FORCE_DAY,
  ioc: TimeInForce.TIME_IN_FORCE_IOC,
  fok: TimeInForce.TIME_IN_FORCE_FOK,
} as const;

/** Failure code: reply_malformed, when the bytes are not a reply to `expected` commands. */
export function decodeSubmitReply(bytes: Uint8Array, expected: number): Answer<SubmitAnswer> {
  let reply: wire.market.v1.SubmitReply;
  try {
    reply = SubmitReply.decode(bytes);
  } catch (error) {
    return malformedReply((error as Error).message);
  }
  const refusal = decodeRefusal(reply.refusal);
  const outcomes = (reply.outcomes ?? []).map(decodeOutcome);
  if (refusal === null && outcomes.length !== expected) {
    return malformedReply(`${outcomes.length} outcomes for ${expected} commands`);
  }
  const durability = decodeDurability(reply.durability ?? 0);
  return { ok: true, value: { refusal, outcomes, durability, epoch: reply.epoch ?? 0 } };
}

function malformedReply(reason: string): Answer<never> {
  return {
    ok: false,
    failure: {
      code: "reply_malformed",
      reason: `the exchange's reply cannot be read: ${reason}`,
      next: "check that client and exchange are of the same version",
    },
  };
}

/** Null when there is none: protobuf leaves absent messages out. */
export function decodeRefusal(
  refusal: wire.market.v1.Refusal.$Properties | null | undefined,
): Refusal | null {
  if (refusal === null || refusal === undefined) return null;
  return {
    code: refusal.code ?? "internal",
    reason: refusal.reason ?? "",
    next: refusal.next ?? "",
    ...(refusal.region ? { region: refusal.region } : {}),
  };
}

function decodeOutcome(outcome: wire.market.v1.Outcome.$Properties): Outcome {
  return {
    number: outcome.number ?? 0,
    sequence: outcome.sequence ?? 0,
    refusal: decodeRefusal(outcome.refusal),
    orderId: outcome.orderId ?? 0,
    executed: outcome.executed ?? 0,
    canceled: outcome.canceled ?? 0,
    remaining: outcome.remaining ?? 0,
    fills: (outcome.fills ?? []).map((fill) => ({
      makerOrderId: fill.makerOrderId ?? 0,
      price: fill.price ?? 0,
      quantity: fill.quantity ?? 0,
      makerRemaining: fill.makerRemaining ?? 0,
    })),
    repeated: outcome.repeated ?? false,
    touch: decodeTouch(outcome.touch),
  };
}

/** Null when there is none. */
export function decodeTouch(
  touch: wire.market.v1.Touch.$Properties | null | undefined,
): Touch | null {
  if (touch === null || touch === undefined) return null;
  return {
    bidPrice: touch.bidPrice ?? 0,
    bidQuantity: touch.bidQuantity ?? 0,
    askPrice: touch.askPrice ?? 0,
    askQuantity: touch.askQuantity ?? 0,
  };
}

function decodeDurability(mode: wire.market.v1.DurabilityMode): Durability {
  if (mode === DurabilityMode.DURABILITY_MODE_REPLICATED) return "replicated";
  return mode === DurabilityMode.DURABILITY_MODE_DURABLE ? "durable" : "matched";
}

export const encodeBookRequest = (levels: number): Uint8Array =>
  BookRequest.encode({ levels }).finish();

/** A refusal of the exchange is the failure; else failure code reply_malformed. */
export function decodeBookReply(bytes: Uint8Array): Answer<Book> {
  let reply: wire.market.v1.BookReply;
  try {
    reply = BookReply.decode(bytes);
  } catch (error) {
    return malformedReply((error as Error).message);
  }
  const failure = decodeRefusal(reply.refusal);
  if (failure !== null) return { ok: false, failure };
  const level = (given: wire.market.v1.BookLevel.$Properties) => ({
    price: given.price ?? 0,
    quantity: given.quantity ?? 0,
    orders: given.orders ?? 0,
  });
  return {
    ok: true,
    value: {
      bids: (reply.bids ?? []).map(level),
      asks: (reply.asks ?? []).map(level),
      sequence: reply.sequence ?? 0,
      digest: reply.digest ?? "",
    },
  };
}

/** Resting orders of an account with ids above `after`. */
export const encodeOrdersRequest = (account: number, after: number): Uint8Array =>
  OrdersRequest.encode({ account, after }).finish();

/** A refusal of the exchange is the failure; else failure code reply_malformed. */
export function decodeOrdersReply(bytes: Uint8Array): Answer<OrderPage> {
  let reply: wire.market.v1.OrdersReply;
  try {
    reply = OrdersReply.decode(bytes);
  } catch (error) {
    return malformedReply((error as Error).message);
  }
  const failure = decodeRefusal(reply.refusal);
  if (failure !== null) return { ok: false, failure };
  return {
    ok: true,
    value: {
      orders: (reply.orders ?? []).map((order) => ({
        orderId: order.orderId ?? 0,
        side: order.side === Side.SIDE_BUY ? "buy" : "sell",
        price: order.price ?? 0,
        remaining: order.remaining ?? 0,
      })),
      more: reply.more ?? false,
      sequence: reply.sequence ?? 0,
    },
  };
}
