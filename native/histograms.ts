import type { Histogram } from "./addon.ts";

/** The largest value of each octave, in nanoseconds: native/reactor/latency_histogram.hpp. */
export const octaveEndsNs: readonly number[] = Array.from(
  { length: 33 },
  (_, octave) => 32 * 2 ** octave - 1,
);

/** Counts by octave, then the sum, as the addon gives them. */
export function histogramOf(octaves: Float64Array): Histogram {
  const last = octaves.length - 1;
  return { counts: [...octaves.subarray(0, last)], sumNs: octaves[last] ?? 0 };
}
