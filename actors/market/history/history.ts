import type { Side } from "../../kernel/ports/matching-engine.ts";

/**
 * What charts of a market show, in memory of a fixed size (about 230 kB, made with the first trade or
 * acknowledgement): times are of this cell's clock, when the event had become safe.
 */

/** Milliseconds since 1970 that a clock of nanoseconds need not be read for each time. */
export interface CoarseClock {
  unixMs(): number;
}

export interface HistoryTrade {
  readonly atUnixMs: number;
  /** Price units. */
  readonly price: number;
  /** Quantity units. */
  readonly quantity: number;
  readonly aggressor: Side;
  readonly sequence: number;
}

export interface Candle {
  readonly startUnixMs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly trades: number;
}

export interface LatencySlice {
  readonly startUnixMs: number;
  /** Those that are not empty, rising; see bucketFloorNs. */
  readonly buckets: readonly number[];
  readonly counts: readonly number[];
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly maximumNs: number;
}

export interface HistoryQuery {
  readonly afterUnixMs: number;
  readonly trades: number;
  readonly seconds: number;
  readonly minutes: number;
  readonly latency: number;
}

export const historyLimits = { trades: 500, seconds: 900, minutes: 1_440, latency: 180 } as const;
const secondMs = 1_000;
const minuteMs = 60_000;
const sliceMs = 5_000;
/** Quarter octaves from a microsecond: the last begins at 14 s. */
export const latencyBuckets = 96;
export const bucketFloorNs = (bucket: number): number => 1_000 * 2 ** (bucket / 4);

function bucketOf(nanoseconds: number): number {
  if (nanoseconds <= 1_000) return 0;
  return Math.min(Math.floor(4 * Math.log2(nanoseconds / 1_000)), latencyBuckets - 1);
}

export class MarketHistory {
  readonly #clock: CoarseClock;
  readonly sinceUnixMs: number;
  #trades: TradeRing | null = null;
  #seconds: CandleRing | null = null;
  #minutes: CandleRing | null = null;
  #latency: LatencyRing | null = null;

  constructor(clock: CoarseClock) {
    this.#clock = clock;
    this.sinceUnixMs = clock.unixMs();
  }

  get nowUnixMs(): number {
    return this.#clock.unixMs();
  }

  trade(price: number, quantity: number, aggressor: Side, sequence: number): void {
    const at = this.#clock.unixMs();
    this.#trades ??= new TradeRing();
    this.#seconds ??= new CandleRing(secondMs, historyLimits.seconds);
    this.#minutes ??= new CandleRing(minuteMs, historyLimits.minutes);
    this.#trades.add({ atUnixMs: at, price, quantity, aggressor, sequence });
    this.#seconds.add(at, price, quantity);
    this.#minutes.add(at, price, quantity);
  }

  acknowledged(nanoseconds: number): void {
    this.#latency ??= new LatencyRing();
    this.#latency.add(this.#clock.unixMs(), nanoseconds);
  }

  trades(query: HistoryQuery): readonly HistoryTrade[] {
    return this.#trades?.read(query.afterUnixMs, query.trades) ?? [];
  }

  seconds(query: HistoryQuery): readonly Candle[] {
    const now = this.#clock.unixMs();
    return this.#seconds?.read(now, query.afterUnixMs, query.seconds) ?? [];
  }

  minutes(query: HistoryQuery): readonly Candle[] {
    const now = this.#clock.unixMs();
    return this.#minutes?.read(now, query.afterUnixMs, query.minutes) ?? [];
  }

  latency(query: HistoryQuery): readonly LatencySlice[] {
    const now = this.#clock.unixMs();
    return this.#latency?.read(now, query.afterUnixMs, query.latency) ?? [];
  }
}

class TradeRing {
  readonly #trades: HistoryTrade[] = [];
  #oldest = 0;

  add(trade: HistoryTrade): void {
    if (this.#trades.length < historyLimits.trades) {
      this.#trades.push(trade);
      return;
    }
    this.#trades[this.#oldest] = trade;
    this.#oldest = (this.#oldest + 1) % historyLimits.trades;
  }

  read(after: number, count: number): readonly HistoryTrade[] {
    if (count === 0) return [];
    const inOrder = [...this.#trades.slice(this.#oldest), ...this.#trades.slice(0, this.#oldest)];
    return inOrder.filter(({ atUnixMs }) => atUnixMs > after).slice(-count);
  }
}

/** Spans of one length, each in the place of the one `count` spans before. */
class Spans {
  readonly spanMs: number;
  readonly count: number;
  readonly #held: Float64Array;

  constructor(spanMs: number, count: number) {
    this.spanMs = spanMs;
    this.count = count;
    this.#held = new Float64Array(count).fill(-1);
  }

  /** Index of the place, and whether another span was there. */
  at(unixMs: number): { readonly place: number; readonly fresh: boolean } {
    const span = Math.floor(unixMs / this.spanMs);
    const place = span % this.count;
    const fresh = this.#held[place] !== span;
    this.#held[place] = span;
    return { place, fresh };
  }

  /** Places of the newest `count` spans that are held and not over at `after`, oldest first. */
  newest(now: number, after: number, count: number): readonly number[] {
    const last = Math.floor(now / this.spanMs);
    const first = Math.max(
      last - this.count + 1,
      last - count + 1,
      Math.floor(after / this.spanMs),
    );
    const places: number[] = [];
    for (let span = first; span <= last; span += 1) {
      const place = span % this.count;
      if (this.#held[place] === span) places.push(place);
    }
    return places;
  }

  startOf(place: number): number {
    return (this.#held[place] ?? 0) * this.spanMs;
  }
}

const open = 0;
const high = 1;
const low = 2;
const close = 3;
const volume = 4;
const trades = 5;
const columns = 6;

class CandleRing {
  readonly #spans: Spans;
  readonly #values: Float64Array;

  constructor(spanMs: number, count: number) {
    this.#spans = new Spans(spanMs, count);
    this.#values = new Float64Array(count * columns);
  }

  add(at: number, price: number, quantity: number): void {
    const { place, fresh } = this.#spans.at(at);
    const values = this.#values;
    const base = place * columns;
    if (fresh) {
      values[base + open] = price;
      values[base + high] = price;
      values[base + low] = price;
      values[base + volume] = 0;
      values[base + trades] = 0;
    }
    values[base + high] = Math.max(this.#of(place, high), price);
    values[base + low] = Math.min(this.#of(place, low), price);
    values[base + close] = price;
    values[base + volume] = this.#of(place, volume) + quantity;
    values[base + trades] = this.#of(place, trades) + 1;
  }

  read(now: number, after: number, count: number): readonly Candle[] {
    return this.#spans.newest(now, after, count).map((place) => ({
      startUnixMs: this.#spans.startOf(place),
      open: this.#of(place, open),
      high: this.#of(place, high),
      low: this.#of(place, low),
      close: this.#of(place, close),
      volume: this.#of(place, volume),
      trades: this.#of(place, trades),
    }));
  }

  #of(place: number, column: number): number {
    return this.#values[place * columns + column] ?? 0;
  }
}

class LatencyRing {
  readonly #spans = new Spans(sliceMs, historyLimits.latency);
  readonly #counts = new Uint32Array(historyLimits.latency * latencyBuckets);
  readonly #maximum = new Float64Array(historyLimits.latency);

  add(at: number, nanoseconds: number): void {
    const { place, fresh } = this.#spans.at(at);
    const base = place * latencyBuckets;
    if (fresh) {
      this.#counts.fill(0, base, base + latencyBuckets);
      this.#maximum[place] = 0;
    }
    const index = base + bucketOf(nanoseconds);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#maximum[place] = Math.max(this.#maximum[place] ?? 0, nanoseconds);
  }

  read(now: number, after: number, count: number): readonly LatencySlice[] {
    return this.#spans.newest(now, after, count).map((place) => this.#slice(place));
  }

  #slice(place: number): LatencySlice {
    const base = place * latencyBuckets;
    const all = this.#counts.subarray(base, base + latencyBuckets);
    const maximumNs = Math.round(this.#maximum[place] ?? 0);
    const buckets: number[] = [];
    const counts: number[] = [];
    let total = 0;
    for (const [bucket, number] of all.entries()) {
      if (number === 0) continue;
      buckets.push(bucket);
      counts.push(number);
      total += number;
    }
    // The upper end of the bucket, which may lie above every value.
    const quantile = (share: number): number => {
      let left = Math.ceil(share * total);
      for (const [index, bucket] of buckets.entries()) {
        left -= counts[index] ?? 0;
        if (left <= 0) return Math.min(Math.round(bucketFloorNs(bucket + 1)), maximumNs);
      }
      return maximumNs;
    };
    return {
      startUnixMs: this.#spans.startOf(place),
      buckets,
      counts,
      p50Ns: quantile(0.5),
      p99Ns: quantile(0.99),
      p999Ns: quantile(0.999),
      maximumNs,
    };
  }
}
