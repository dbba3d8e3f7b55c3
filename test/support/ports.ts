import type { Clock } from "../../actors/kernel/ports/clock.ts";
import type { Log } from "../../actors/kernel/ports/log.ts";
import { durationNs, timestampNs } from "../../actors/kernel/units.ts";

/** The host's clock, for tests of real processes. */
export const hostClock: Clock = {
  now: () => timestampNs(BigInt(Date.now()) * 1_000_000n),
  monotonic: () => durationNs(Number(process.hrtime.bigint())),
  after(delay, callback) {
    const timer = setTimeout(callback, delay / 1e6);
    return () => clearTimeout(timer);
  },
};

/** Says nothing; $MERIDIAN_TEST_LOG prints every line. */
export const silentLog: Log = logTo(process.env["MERIDIAN_TEST_LOG"] === undefined);

function logTo(silent: boolean): Log {
  const line =
    (level: string) =>
    (fields: object, message: string): void => {
      if (!silent) console.log(level, message, JSON.stringify(fields));
    };
  return {
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    child: () => logTo(silent),
  };
}
