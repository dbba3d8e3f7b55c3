/**
 * Limit up, limit down and market-wide circuit breakers of United States equities as parameters with dates: the
 * plan was amended, and sources disagree by date, so that every set says from when it holds. Prices in hundredths
 * of a cent, times in nanoseconds since local midnight.
 */
import {
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
} from "../numerics/failure.ts";

/** 0.0001 of the currency: $3 = 30,000. */
export type BandPrice = number;

export interface BandParameters {
  /** First day, ISO 8601, on which the set holds. */
  readonly from: string;
  /** Shares of the reference price in basis points by tier, for previous closes above `high`. */
  readonly tier1: number;
  readonly tier2: number;
  /** Previous closes from `low` to `high`, both included, use `middle`; below `low` the lesser of two. */
  readonly high: BandPrice;
  readonly low: BandPrice;
  readonly middle: number;
  readonly lowShare: number;
  readonly lowAmount: BandPrice;
  /** Bands are twice as wide within these spans, for the securities that `doubled` names. */
  readonly doubleSpans: readonly (readonly [number, number])[];
  readonly doubled: "all" | "tier 1 and tier 2 up to high";
  /** Largest age of a trade in the reference price. */
  readonly referenceWindow: number;
  /** A new mean becomes the reference price when it is this far, in basis points, from the old one. */
  readonly referenceMove: number;
  /** A limit state that lasts so long becomes a pause of so long. */
  readonly limitState: number;
  readonly pause: number;
}

const second = 1_000_000_000;
const at = (hour: number, minute: number): number => (hour * 60 + minute) * 60 * second;

const original: BandParameters = {
  from: "2013-04-08",
  tier1: 500,
  tier2: 1_000,
  high: 30_000,
  low: 7_500,
  middle: 2_000,
  lowShare: 7_500,
  lowAmount: 1_500,
  doubleSpans: [
    [at(9, 30), at(9, 45)],
    [at(15, 35), at(16, 0)],
  ],
  doubled: "all",
  referenceWindow: 300 * second,
  referenceMove: 100,
  limitState: 15 * second,
  pause: 300 * second,
};

/**
 * Shares, amounts and the spans are those of the plan's texts; both `from` dates, and that a mean must move by 1 % to
 * become the reference, are unverified source values.
 */
export const bandParameterSets: readonly BandParameters[] = [
  original,
  {
    ...original,
    from: "2020-02-24",
    doubleSpans: [[at(15, 35), at(16, 0)]],
    doubled: "tier 1 and tier 2 up to high",
  },
];

/** The set that holds on a day, ISO 8601. Failure: out_of_range (before the first). */
export function bandParametersOn(
  day: string,
  sets: readonly BandParameters[] = bandParameterSets,
): ModelResult<BandParameters> {
  const found = sets.findLast((set) => set.from <= day);
  if (found !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(day)) return { ok: true, value: found };
  return refused(
    failure(
      "out_of_range",
      `no price bands on "${day}"`,
      "the first set begins later, or this is no day",
      "give a day as YYYY-MM-DD, or a set that covers it",
    ),
  );
}

export interface Bands {
  readonly lower: BandPrice;
  readonly upper: BandPrice;
}

const cent = 100;
const nearestCent = (price: number): BandPrice => Math.floor(price / cent + 0.5) * cent;

/**
 * Bands about a reference price, to the nearest cent: tier 1 above $3 5 %, tier 2 10 %; from $0.75 to $3 20 %; below
 * the lesser of $0.15 and 75 %, by the previous close. O(1). Failures: out_of_range, not_finite.
 */
export function priceBands(
  parameters: BandParameters,
  tier: 1 | 2,
  previousClose: BandPrice,
  reference: BandPrice,
  time: number,
): ModelResult<Bands> {
  const wrong = firstFailure(
    integerWithin("previousClose", previousClose, 1, 1e12),
    integerWithin("reference", reference, 1, 1e12),
    integerWithin("time", time, 0, 24 * 3_600 * second),
  );
  if (wrong !== null) return refused(wrong);
  const widening = isDoubled(parameters, tier, previousClose, time) ? 2 : 1;
  const width = widening * widthOf(parameters, tier, previousClose, reference);
  return {
    ok: true,
    value: {
      lower: Math.max(0, nearestCent(reference - width)),
      upper: nearestCent(reference + width),
    },
  };
}

function widthOf(
  parameters: BandParameters,
  tier: 1 | 2,
  previousClose: BandPrice,
  reference: BandPrice,
): number {
  const share = (basisPoints: number): number => (reference * basisPoints) / 10_000;
  if (previousClose > parameters.high) {
    return share(tier === 1 ? parameters.tier1 : parameters.tier2);
  }
  if (previousClose >= parameters.low) return share(parameters.middle);
  return Math.min(parameters.lowAmount, share(parameters.lowShare));
}

function isDoubled(
  { doubleSpans, doubled, high }: BandParameters,
  tier: 1 | 2,
  previousClose: BandPrice,
  time: number,
): boolean {
  if (!doubleSpans.some(([from, to]) => time >= from && time < to)) return false;
  return doubled === "all" || tier === 1 || previousClose <= high;
}

/** Reference price and phase of one security. Plain data. */
export interface BandState {
  readonly reference: BandPrice;
  readonly trades: readonly { readonly time: number; readonly price: BandPrice }[];
  readonly phase:
    | { readonly type: "normal" }
    | { readonly type: "limit_state"; readonly since: number }
    | { readonly type: "paused"; readonly until: number };
}

export const openingBands = (reference: BandPrice): BandState => ({
  reference,
  trades: [],
  phase: { type: "normal" },
});

/**
 * A trade: the reference becomes the arithmetic mean of the trades of the window when that has moved far enough.
 * O(trades of the window).
 */
export function afterTrade(
  parameters: BandParameters,
  state: BandState,
  price: BandPrice,
  time: number,
): BandState {
  const kept = state.trades.filter((trade) => time - trade.time < parameters.referenceWindow);
  const trades = [...kept, { time, price }];
  let sum = 0;
  for (const trade of trades) sum += trade.price;
  const mean = Math.round(sum / trades.length);
  const moved = Math.abs(mean - state.reference) * 10_000;
  const reference = moved >= parameters.referenceMove * state.reference ? mean : state.reference;
  return { ...state, trades, reference };
}

/**
 * A quote or the passing of time: a limit state begins when the bid stands at the upper band or the offer at the
 * lower one, ends when it no longer does, and after `limitState` becomes a pause. A price of 0 is no quote.
 */
export function afterQuote(
  parameters: BandParameters,
  state: BandState,
  bands: Bands,
  quote: { readonly bid: BandPrice; readonly offer: BandPrice },
  time: number,
): BandState {
  const { phase } = state;
  if (phase.type === "paused") {
    return time < phase.until ? state : { ...state, phase: { type: "normal" }, trades: [] };
  }
  const atLimit =
    (quote.bid > 0 && quote.bid >= bands.upper) || (quote.offer > 0 && quote.offer <= bands.lower);
  if (!atLimit) return phase.type === "normal" ? state : { ...state, phase: { type: "normal" } };
  const since = phase.type === "limit_state" ? phase.since : time;
  if (time - since < parameters.limitState) {
    return phase.type === "limit_state"
      ? state
      : { ...state, phase: { type: "limit_state", since } };
  }
  const until = since + parameters.limitState + parameters.pause;
  return { ...state, phase: { type: "paused", until } };
}

/** Falls of the index in basis points that stop the whole market; unverified source values. */
export const marketWideLevels = [700, 1_300, 2_000] as const;

/**
 * What a fall of the index calls for: levels 1 and 2 stop trading for 15 minutes before 15:25 and not after it,
 * level 3 for the day (unverified source values). `index` and `previousClose` in any one unit, > 0.
 */
export function marketWideHalt(
  previousClose: number,
  index: number,
  time: number,
): { readonly level: 0 | 1 | 2 | 3; readonly halt: number | "rest of the day" | null } {
  const fallen = (previousClose - index) * 10_000;
  const level = marketWideLevels.filter((limit) => fallen >= limit * previousClose).length as
    | 0
    | 1
    | 2
    | 3;
  if (level === 3) return { level, halt: "rest of the day" };
  return { level, halt: level > 0 && time < at(15, 25) ? 900 * second : null };
}
