import type { wire } from "../../../../schemas/messages.ts";

/** The last fifteen minutes of a market as its cell keeps them, put together from answers. Pure. */

export interface Candle {
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

export interface LatencySlice {
  readonly start: number;
  /** Bucket i counts from bucketNs(i) up to bucketNs(i + 1). */
  readonly buckets: readonly number[];
  readonly counts: readonly number[];
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface MarketHistory {
  readonly candles: readonly Candle[];
  readonly latency: readonly LatencySlice[];
  /** Where the next question begins: what was still growing is asked again. */
  readonly askedFrom: number;
  readonly since: number;
}

export const nothingYet: MarketHistory = { candles: [], latency: [], askedFrom: 0, since: 0 };

const keptMs = 15 * 60_000;
/** The newest slice still grows when it is told. */
const growingMs = 10_000;

/** Lower bound of a bucket in nanoseconds: a quarter of an octave each, from a microsecond on. */
export const bucketNs = (index: number): number => 1_000 * 2 ** (index / 4);

export function merged(
  before: MarketHistory,
  reply: wire.market.v1.MarketHistoryReply,
): MarketHistory {
  const from = reply.atUnixMs - keptMs;
  const candles = (reply.seconds ?? []).map(
    (candle): Candle => ({
      start: candle.startUnixMs ?? 0,
      open: candle.open ?? 0,
      high: candle.high ?? 0,
      low: candle.low ?? 0,
      close: candle.close ?? 0,
      volume: candle.volume ?? 0,
    }),
  );
  const latency = (reply.acknowledgement ?? []).map(
    (slice): LatencySlice => ({
      start: slice.startUnixMs ?? 0,
      buckets: slice.buckets ?? [],
      counts: slice.counts ?? [],
      p50: slice.p50Ns ?? 0,
      p99: slice.p99Ns ?? 0,
      p999: slice.p999Ns ?? 0,
    }),
  );
  return {
    candles: joined(before.candles, candles, from),
    latency: joined(before.latency, latency, from),
    askedFrom: Math.max(1, reply.atUnixMs - growingMs),
    since: reply.sinceUnixMs,
  };
}

/** The new ones take the place of old ones of the same time; what is too old goes. */
function joined<T extends { readonly start: number }>(
  before: readonly T[],
  after: readonly T[],
  from: number,
): readonly T[] {
  const first = after[0]?.start ?? Number.POSITIVE_INFINITY;
  return [...before.filter((each) => each.start < first), ...after].filter(
    (each) => each.start >= from,
  );
}

/** Candles of `span` milliseconds out of shorter ones. */
export function widened(candles: readonly Candle[], span: number): readonly Candle[] {
  const wide: Candle[] = [];
  for (const candle of candles) {
    const start = Math.floor(candle.start / span) * span;
    const last = wide.at(-1);
    if (last?.start !== start) {
      wide.push({ ...candle, start });
      continue;
    }
    wide[wide.length - 1] = {
      ...last,
      high: Math.max(last.high, candle.high),
      low: Math.min(last.low, candle.low),
      close: candle.close,
      volume: last.volume + candle.volume,
    };
  }
  return wide;
}
