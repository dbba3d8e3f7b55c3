/**
 * Units in types. A value of one unit does not compile where another is wanted; each maker checks
 * its range and throws on a value that only a bug can produce (outside input is checked before).
 */

declare const unit: unique symbol;
type Unit<Base, Name extends string> = Base & { readonly [unit]: Name };

/** A price in ticks of its market: an integer, 1 <= ticks <= MAX_PRICE_TICKS. */
export type PriceTicks = Unit<number, "PriceTicks">;
/** A price in units of 10^-priceDecimals of the market's currency: a safe integer. */
export type PriceUnits = Unit<number, "PriceUnits">;
/** A quantity in lots of its market: an integer, 0 <= lots <= 2^53 - 1 (orders: <= MAX_ORDER_LOTS). */
export type QuantityLots = Unit<number, "QuantityLots">;
/** Nanoseconds since 1970-01-01 UTC. 61 bits, hence a bigint; never in machine context. */
export type TimestampNs = Unit<bigint, "TimestampNs">;
/** A span of nanoseconds as a safe integer (up to 104 days). */
export type DurationNs = Unit<number, "DurationNs">;
/** Trading account number: 1 <= account < 2^32. */
export type AccountId = Unit<number, "AccountId">;
/** generation * 2^24 + slot (see native/engine/README.md): unique for ever within a market. */
export type OrderId = Unit<number, "OrderId">;
/** Position in a market's journal: 1, 2, 3, … */
export type Sequence = Unit<number, "Sequence">;
/** Ownership number of a shard: rises by at least one with each owner (DESIGN §8). */
export type Epoch = Unit<number, "Epoch">;

/** Largest price the engine can represent, in ticks. */
export const MAX_PRICE_TICKS = 2 ** 31 - 2;
/** Largest quantity of one order, in lots. */
export const MAX_ORDER_LOTS = 2 ** 31 - 1;

function integer(value: number, low: number, high: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < low || value > high) {
    throw new RangeError(`${name} must be an integer from ${low} to ${high}, not ${value}`);
  }
  return value;
}

export const priceTicks = (value: number): PriceTicks =>
  integer(value, 1, MAX_PRICE_TICKS, "PriceTicks") as PriceTicks;
export const priceUnits = (value: number): PriceUnits =>
  integer(value, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, "PriceUnits") as PriceUnits;
export const quantityLots = (value: number): QuantityLots =>
  integer(value, 0, Number.MAX_SAFE_INTEGER, "QuantityLots") as QuantityLots;
export const durationNs = (value: number): DurationNs =>
  integer(value, 0, Number.MAX_SAFE_INTEGER, "DurationNs") as DurationNs;
export const accountId = (value: number): AccountId =>
  integer(value, 1, 2 ** 32 - 1, "AccountId") as AccountId;
export const orderId = (value: number): OrderId =>
  integer(value, 1, Number.MAX_SAFE_INTEGER, "OrderId") as OrderId;
export const sequence = (value: number): Sequence =>
  integer(value, 0, Number.MAX_SAFE_INTEGER, "Sequence") as Sequence;
export const epoch = (value: number): Epoch =>
  integer(value, 0, Number.MAX_SAFE_INTEGER, "Epoch") as Epoch;
export const timestampNs = (value: bigint): TimestampNs => {
  if (value < 0n || value >= 2n ** 63n) throw new RangeError(`TimestampNs out of range: ${value}`);
  return value as TimestampNs;
};
