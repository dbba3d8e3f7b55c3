import { wire } from "../../schemas/messages.ts";
import {
  decodeBookReply,
  encodeBookRequest,
  encodeOrdersRequest,
} from "../../schemas/sdk/codec.ts";
import {
  actorSubject,
  commandSubject,
  marketDataSubject,
  supervisionSubject,
} from "../../schemas/subjects.ts";
import type { Failure } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { Order } from "./ledger.ts";
import type { Seen } from "./market-view.ts";

export { decodeOrdersReply, decodeSubmitReply } from "../../schemas/sdk/codec.ts";
export { encodeBookRequest, encodeOrdersRequest };

/** Who sends: the market refuses a lower incarnation once it knows of a higher one. */
export interface Sender {
  readonly actor: string;
  readonly shard: string;
  readonly incarnation: number;
}

const { Hold, RiskLimitReply } = wire.risk.v1;
const { SubmitRequest, L1, Side, OrderType, TimeInForce } = wire.market.v1;

export const submitSubject = (region: string, market: string): string =>
  commandSubject(region, market, "submit");
export const bookSubject = (region: string, market: string): string =>
  commandSubject(region, market, "book");
export const ordersSubject = (region: string, market: string): string =>
  commandSubject(region, market, "orders");
export const touchSubject = (market: string): string => marketDataSubject(market, "l1");

/** The same orders under the same numbers are the same bytes but for the sender's incarnation. */
export function encodeOrders(
  sender: Sender,
  session: number,
  account: number,
  firstNumber: number,
  orders: readonly Order[],
): Uint8Array {
  return SubmitRequest.encode({
    session,
    sender,
    commands: orders.map((order, index) => ({
      number: firstNumber + index,
      account,
      ...(order.kind === "cancel"
        ? { cancel: { orderId: order.orderId } }
        : {
            place: {
              side: order.side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
              orderType: OrderType.ORDER_TYPE_LIMIT,
              timeInForce:
                order.timeInForce === "ioc"
                  ? TimeInForce.TIME_IN_FORCE_IOC
                  : TimeInForce.TIME_IN_FORCE_DAY,
              price: order.price,
              quantity: order.quantity,
            },
          }),
    })),
  }).finish();
}

/** Makes the sender's incarnation known to the market: from the answer on lower ones are refused. */
export const encodeIntroduction = (sender: Sender): Uint8Array =>
  SubmitRequest.encode({ sender, commands: [] }).finish();

/** Null when the bytes are no l1 message. */
export function decodeL1(payload: Uint8Array, at: DurationNs): Seen | null {
  try {
    const { touch, sequence, lastPrice, volume } = L1.decode(payload);
    if (touch === null || touch === undefined) return null;
    return {
      type: "seen",
      bid: touch.bidPrice ?? 0,
      bidQuantity: touch.bidQuantity ?? 0,
      ask: touch.askPrice ?? 0,
      askQuantity: touch.askQuantity ?? 0,
      sequence,
      last: lastPrice,
      volume,
      at,
    };
  } catch {
    return null;
  }
}

/** Null when refused or not readable. */
export function decodeBook(payload: Uint8Array, at: DurationNs): Seen | null {
  const book = decodeBookReply(payload);
  if (!book.ok) return null;
  const { bids, asks, sequence } = book.value;
  const [bid, ask] = [bids[0], asks[0]];
  return {
    type: "seen",
    bid: bid?.price ?? 0,
    bidQuantity: bid?.quantity ?? 0,
    ask: ask?.price ?? 0,
    askQuantity: ask?.quantity ?? 0,
    sequence,
    last: 0,
    volume: null,
    at,
  };
}

export const holdSubject = (region: string, limit: string): string =>
  actorSubject(region, "risk-limit", limit, "hold");
/** Where a limit says what stands, at each change. */
export const riskNewsSubject = (region: string, limit: string): string =>
  supervisionSubject(region, `risk/${limit}`);

/** What is open, or about to be, as a risk limit is told it. */
export const encodeHold = (hold: {
  readonly commandId: string;
  readonly from: string;
  readonly epoch: number;
  readonly number: number;
  readonly quantity: number;
  readonly largest: number;
  readonly markets: readonly string[];
  readonly sender: Sender;
}): Uint8Array => Hold.encode({ ...hold, markets: [...hold.markets] }).finish();

/** Null: it is held, and an order may follow. What cannot be read is a refusal. */
export function decodeHoldReply(payload: Uint8Array): Failure | null {
  try {
    const { refusal } = RiskLimitReply.decode(payload);
    if (refusal === null || refusal === undefined) return null;
    return { code: refusal.code ?? "", reason: refusal.reason ?? "", next: refusal.next ?? "" };
  } catch {
    return { code: "malformed", reason: "the limit's answer cannot be read", next: "" };
  }
}

/** Why a limit takes no order, by its news; null when the bytes are none. */
export function decodeStopped(payload: Uint8Array): string | null {
  try {
    return RiskLimitReply.decode(payload).stopped;
  } catch {
    return null;
  }
}
