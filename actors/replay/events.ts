/**
 * A recorded session as the replay sees it, whatever format it was read from. Prices are integers in
 * units of 10^-4 of the currency (as LOBSTER and ITCH write them), sizes are shares, times are
 * nanoseconds after midnight of the exchange's day.
 */

export type Side = "buy" | "sell";

/** Decimals of the prices in recorded sessions: LOBSTER and ITCH write dollars x 10,000. */
export const PRICE_DECIMALS = 4;
/** Largest price and size that a row may carry; what is beyond is a malformed row. */
export const MAXIMUM_PRICE = 2 ** 31 - 2;
export const MAXIMUM_SIZE = 2 ** 31 - 1;

interface Row {
  /** Line of the file (1, 2, …), or byte offset of the message in a binary file. */
  readonly position: number;
  readonly time: number;
}
interface OrderRow extends Row {
  readonly id: number;
  readonly side: Side;
  readonly price: number;
  readonly size: number;
}

export interface Addition extends OrderRow {
  readonly type: "add";
}
/** The order loses `size` and keeps its priority. */
export interface Reduction extends OrderRow {
  readonly type: "reduce";
}
/** The order is gone; `size` is what the file says was left of it. */
export interface Deletion extends OrderRow {
  readonly type: "delete";
}
/** A visible execution of a resting order at its price; `side` is the resting order's. */
export interface Execution extends OrderRow {
  readonly type: "execute";
}
/** `id` leaves the book and `newId` enters on the same side, at the end of its level. */
export interface Replacement extends OrderRow {
  readonly type: "replace";
  readonly newId: number;
}
/** A row that leaves the visible book as it is. */
export interface Remark extends Row {
  readonly type: "hidden" | "cross" | "halt";
}
/** A row about an order that the file never introduced and gives no price for. */
export interface Unknown extends Row {
  readonly type: "unknown";
  readonly id: number;
}
/** A row that cannot be read; it is counted and reported, and stops a strict replay. */
export interface Malformed extends Row {
  readonly type: "malformed";
  readonly reason: string;
}

export type OrderEvent = Addition | Reduction | Deletion | Execution | Replacement;
export type SessionEvent = OrderEvent | Remark | Unknown | Malformed;

/** Opens the session from its start; called once to survey it and once to replay it. */
export type SessionSource = () => AsyncIterable<readonly SessionEvent[]>;

/** Bytes of a file in order. */
export type ByteSource = () => AsyncIterable<Uint8Array>;

export const opposite = (side: Side): Side => (side === "buy" ? "sell" : "buy");

/** True when a resting order of that side at `price` is better (served earlier) than one at `than`. */
export const isBetter = (side: Side, price: number, than: number): boolean =>
  side === "buy" ? price > than : price < than;
