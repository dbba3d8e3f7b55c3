/**
 * Orders and their outcomes as a client program sees them. Prices are integers in units of
 * 10^-price_decimals of the market's currency, quantities integers in the market's quantity units;
 * both are multiples of its tick and lot (MarketDefinition in schemas/market/v1).
 */

export type Side = "buy" | "sell";
export type TimeInForce = "day" | "ioc" | "fok";
/** What an acknowledgement promises: nothing, the owner's disk, or two of three regions. */
export type Durability = "matched" | "durable" | "replicated";

export interface PlaceAction {
  readonly kind: "place";
  readonly account: number;
  readonly side: Side;
  readonly timeInForce: TimeInForce;
  /** Price units; null for a market order. */
  readonly price: number | null;
  readonly quantity: number;
}
export interface CancelAction {
  readonly kind: "cancel";
  readonly account: number;
  readonly orderId: number;
}
/** Takes quantity off a resting order, which keeps its priority. */
export interface ReduceAction {
  readonly kind: "reduce";
  readonly account: number;
  readonly orderId: number;
  readonly quantity: number;
}
/** The old order leaves the book and a new one, with a new id and no priority, enters. */
export interface ReplaceAction {
  readonly kind: "replace";
  readonly account: number;
  readonly orderId: number;
  readonly price: number;
  readonly quantity: number;
}
export type Action = PlaceAction | CancelAction | ReduceAction | ReplaceAction;

/** A typed refusal: a stable code (schemas/refusals.ts), what and why, and what to do next. */
export interface Refusal {
  readonly code: string;
  readonly reason: string;
  readonly next: string;
  /** The region that serves what this one refused, when it is known; the one that was asked: it is about to. */
  readonly region?: string;
}
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Refusal };

export interface Fill {
  readonly makerOrderId: number;
  readonly price: number;
  readonly quantity: number;
  /** What was left of the maker after this fill. */
  readonly makerRemaining: number;
}
/** Best bid and offer after a command; price 0 = that side is empty. */
export interface Touch {
  readonly bidPrice: number;
  readonly bidQuantity: number;
  readonly askPrice: number;
  readonly askQuantity: number;
}
export interface Outcome {
  readonly number: number;
  /** In the market's journal; 0 when refused before the engine. */
  readonly sequence: number;
  /** Null when accepted. */
  readonly refusal: Refusal | null;
  readonly orderId: number;
  readonly executed: number;
  readonly canceled: number;
  /** Resting after the command. */
  readonly remaining: number;
  /** In order of execution; empty in a repeated outcome. */
  readonly fills: readonly Fill[];
  /** The command had been processed before; this is its first outcome again. */
  readonly repeated: boolean;
  /** Present when the command changed the best bid or offer. */
  readonly touch: Touch | null;
}

export interface BookLevel {
  readonly price: number;
  readonly quantity: number;
  readonly orders: number;
}
export interface Book {
  /** Best first. */
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
  readonly sequence: number;
  readonly digest: string;
}

/** An order of one's own that rests in the book. */
export interface RestingOrder {
  readonly orderId: number;
  readonly side: Side;
  readonly price: number;
  readonly remaining: number;
}
/** A page of resting orders by rising order id. */
export interface OrderPage {
  readonly orders: readonly RestingOrder[];
  /** There are orders with higher ids: ask again after the last one. */
  readonly more: boolean;
  readonly sequence: number;
}
