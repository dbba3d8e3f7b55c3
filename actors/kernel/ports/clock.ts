import type { DurationNs, TimestampNs } from "../units.ts";

/** Time enters only through this port; logic never reads a clock of its own. */
export interface Clock {
  /** Wall-clock time, for records and people. May jump. */
  now(): TimestampNs;
  /** Monotonic nanoseconds since an arbitrary point, for durations and deadlines. */
  monotonic(): DurationNs;
  /** Runs the callback once after at least `delay`; the returned function cancels it. */
  after(delay: DurationNs, callback: () => void): () => void;
}
