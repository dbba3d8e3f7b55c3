/** What a market said of itself at one moment: counters since it was started, latencies in nanoseconds. */
export interface Sample {
  readonly at: number;
  readonly orders: number;
  readonly trades: number;
  readonly volume: number;
  readonly epoch: number;
  readonly restarts: number;
  readonly ackP50: number;
  readonly ackP99: number;
  readonly ackP999: number;
  readonly serviceP50: number;
  readonly serviceP99: number;
  readonly serviceP999: number;
}

export type Counter = "orders" | "trades" | "volume";

/** Fifteen minutes at one sample a second. */
const capacity = 900;
/** A rate is over so many samples, so that one that comes late does not look like a halt. */
const rateSamples = 3;

/** The recent past of one market, bounded. */
export class History {
  readonly #samples: Sample[] = [];

  /** A sample that is not newer is left out. */
  add(sample: Sample): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && sample.at <= last.at) return;
    this.#samples.push(sample);
    if (this.#samples.length > capacity) this.#samples.shift();
  }

  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** Per second, now. 0 while nothing is known, and when the counter began anew. */
  rate(counter: Counter): number {
    return this.#rateAt(this.#samples.length - 1, counter);
  }

  /** The last `count` rates, the newest last. */
  rates(counter: Counter, count: number): readonly number[] {
    const first = Math.max(1, this.#samples.length - count);
    const rates: number[] = [];
    for (let index = first; index < this.#samples.length; index += 1) {
      rates.push(this.#rateAt(index, counter));
    }
    return rates;
  }

  #rateAt(index: number, counter: Counter): number {
    const to = this.#samples[index];
    const from = this.#samples[Math.max(0, index - rateSamples)];
    if (to === undefined || from === undefined || to.at <= from.at) return 0;
    return Math.max(0, to[counter] - from[counter]) / ((to.at - from.at) / 1_000);
  }
}
