import { build, type Histogram } from "hdr-histogram-js";

import { type CountedDurations, Durations } from "../kernel/durations.ts";
import type { LatencySummary } from "../kernel/ports/matching-engine.ts";
import { type CoarseClock, MarketHistory } from "./history/history.ts";

/** What a market counts since its actor started. */
export class MarketCounters {
  readonly history: MarketHistory;
  orders = 0;
  trades = 0;
  /** Lots. */
  volumeLots = 0;
  withheld = 0;
  eventsRefused = 0;
  /** Logs set aside because the journal went another way. */
  diverged = 0;
  readonly #refusals = new Map<string, number>();
  /** 1 µs to 60 s at two significant digits. */
  readonly #acknowledgement: Histogram = build({
    lowestDiscernibleValue: 1_000,
    highestTrackableValue: 60_000_000_000,
    numberOfSignificantValueDigits: 2,
    bitBucketSize: 32,
  });

  readonly #durations = new Durations();

  constructor(clock: CoarseClock) {
    this.history = new MarketHistory(clock);
  }

  refuse(code: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  /** From the request's arrival to its reply, in nanoseconds. */
  acknowledged(nanoseconds: number): void {
    this.history.acknowledged(nanoseconds);
    this.#acknowledgement.recordValue(Math.min(Math.max(nanoseconds, 1_000), 60_000_000_000));
    this.#durations.record(nanoseconds);
  }

  acknowledgements(): CountedDurations {
    return this.#durations.read();
  }

  refusals(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusals);
  }

  acknowledgement(): LatencySummary {
    const histogram = this.#acknowledgement;
    if (histogram.totalCount === 0) return noLatency;
    // A percentile is given as the upper end of its bucket, which may lie above every value.
    const maximum = histogram.maxValue;
    const at = (percentile: number): number =>
      Math.min(histogram.getValueAtPercentile(percentile), maximum);
    return { count: histogram.totalCount, p50: at(50), p99: at(99), p999: at(99.9), maximum };
  }
}

export const noLatency: LatencySummary = { count: 0, p50: 0, p99: 0, p999: 0, maximum: 0 };
