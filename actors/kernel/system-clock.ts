import type { Clock } from "./ports/clock.ts";
import { type DurationNs, type TimestampNs, timestampNs } from "./units.ts";

/** Longest delay setTimeout takes; it fires a longer one at once. */
const longestTimeoutMs = 2 ** 31 - 1;
/** The interpolated wall clock may be this far from the system's before it is set anew. */
const wallToleranceNs = 2_000_000n;

/**
 * The machine's clocks. `monotonic` counts from the making of the clock, because nanoseconds since
 * boot leave the safe integers after 104 days of uptime.
 */
export function systemClock(): Clock {
  const origin = process.hrtime.bigint();
  let wallAnchor = BigInt(Date.now()) * 1_000_000n;
  let monotonicAnchor = origin;

  // Date.now() has milliseconds; the nanoseconds between come from the monotonic clock, and a step
  // of the system's clock is followed.
  function now(): TimestampNs {
    const monotonicNow = process.hrtime.bigint();
    const wall = wallAnchor + (monotonicNow - monotonicAnchor);
    const reported = BigInt(Date.now()) * 1_000_000n;
    const distance = wall - reported;
    if (distance <= wallToleranceNs && distance >= -wallToleranceNs) return timestampNs(wall);
    wallAnchor = reported;
    monotonicAnchor = monotonicNow;
    return timestampNs(reported);
  }

  const monotonic = (): DurationNs => Number(process.hrtime.bigint() - origin) as DurationNs;

  function after(delay: DurationNs, callback: () => void): () => void {
    if (delay <= 0) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const due = monotonic() + delay;
    let timer: NodeJS.Timeout;
    // A timer may fire up to a millisecond early by the nanosecond clock: then wait for the rest.
    const arm = (): void => {
      const left = Math.ceil((due - monotonic()) / 1_000_000);
      timer = setTimeout(
        () => (monotonic() >= due ? callback() : arm()),
        Math.min(Math.max(left, 1), longestTimeoutMs),
      );
    };
    arm();
    return () => clearTimeout(timer);
  }

  return { now, monotonic, after };
}
