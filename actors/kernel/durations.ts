/** Upper ends of the buckets in nanoseconds, 100 µs … 10 s; what is above all of them is in one more. */
export const durationBoundsNs: readonly number[] = [
  1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7, 2.5e7, 5e7, 1e8, 2.5e8, 5e8, 1e9, 2.5e9, 5e9, 1e10,
];

/** Durations counted by bucket. */
export interface CountedDurations {
  /** One count per bound, then one for what is above all. */
  readonly counts: readonly number[];
  readonly sumNs: number;
}

/** Counts durations of requests: few buckets, exact counts, no room that grows. */
export class Durations {
  readonly #counts: number[] = Array.from({ length: durationBoundsNs.length + 1 }, () => 0);
  #sumNs = 0;

  record(ns: number): void {
    let bucket = 0;
    while (bucket < durationBoundsNs.length && ns > (durationBoundsNs[bucket] ?? 0)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumNs += ns;
  }

  read(): CountedDurations {
    return { counts: [...this.#counts], sumNs: this.#sumNs };
  }
}

export function addDurations(all: readonly CountedDurations[]): CountedDurations {
  const counts = Array.from({ length: durationBoundsNs.length + 1 }, (_, bucket) =>
    all.reduce((sum, one) => sum + (one.counts[bucket] ?? 0), 0),
  );
  return { counts, sumNs: all.reduce((sum, one) => sum + one.sumNs, 0) };
}
