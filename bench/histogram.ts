/** Latencies as a bench program prints them: the upper end of each bucket in ns, and its count; rising. */
export type Histogram = readonly (readonly [number, number])[];

export const total = (histogram: Histogram): number =>
  histogram.reduce((all, [, count]) => all + count, 0);

/** The value that `at` (0 … 1) of all do not exceed; NaN when there are none. */
export function quantileOf(histogram: Histogram, at: number): number {
  const wanted = total(histogram) * at;
  let seen = 0;
  for (const [value, count] of histogram) {
    seen += count;
    if (seen > wanted) return value;
  }
  return histogram.at(-1)?.[0] ?? Number.NaN;
}

/**
 * The same, spread evenly over its bucket (the quantile of grouped data): for differences smaller than
 * a step of the clock.
 */
export function groupedQuantileOf(histogram: Histogram, at: number): number {
  const wanted = total(histogram) * at;
  let seen = 0;
  let before = 0;
  for (const [value, count] of histogram) {
    if (seen + count > wanted) return before + ((value - before) * (wanted - seen)) / count;
    seen += count;
    before = value;
  }
  return histogram.at(-1)?.[0] ?? Number.NaN;
}

/** The share of values above `limit`. */
export function share(histogram: Histogram, limit: number): number {
  const above = total(histogram.filter(([value]) => value > limit));
  return above / total(histogram);
}

export function merge(all: readonly Histogram[]): Histogram {
  const counts = new Map<number, number>();
  for (const [value, count] of all.flat()) counts.set(value, (counts.get(value) ?? 0) + count);
  return [...counts].sort(([a], [b]) => a - b);
}

export interface Ratio {
  readonly ratio: number;
  /** Ends of the 95 % interval. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 10_000;

/**
 * Median of `values` over median of `base`, which were measured in pairs, with the percentile bootstrap
 * of the pairs (Efron and Tibshirani, An Introduction to the Bootstrap, §13.3). Always the same
 * resamples.
 */
export function bootstrapRatio(values: readonly number[], base: readonly number[]): Ratio {
  if (values.length !== base.length || values.length === 0) {
    throw new RangeError("the bootstrap takes pairs, and at least one");
  }
  const random = mulberry32(20_261_126);
  const ratioOf = (places: readonly number[]): number =>
    middle(places.map((at) => values[at] ?? 0)) / middle(places.map((at) => base[at] ?? 1));
  const all = values.map((_, at) => at);
  const ratios = Array.from({ length: RESAMPLES }, () =>
    ratioOf(all.map(() => Math.floor(random() * values.length))),
  ).sort((a, b) => a - b);
  return {
    ratio: ratioOf(all),
    low: ratios[Math.floor(RESAMPLES * 0.025)] ?? Number.NaN,
    high: ratios[Math.floor(RESAMPLES * 0.975)] ?? Number.NaN,
  };
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return (upper + (sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN)) / 2;
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
