import type { Clock } from "../kernel/ports/clock.ts";
import { durationNs } from "../kernel/units.ts";

/** Shorter waits are not worth a timer. */
const SHORTEST_WAIT_NS = 1_000_000;
/** A wait ends at the latest after this time, so that a stop is noticed in a gap of the file. */
const LONGEST_WAIT_NS = 200_000_000;

/**
 * Stands before every row that has a time: while it is ahead, what was gathered is sent and `wait` is
 * called until it is not.
 */
export interface RowGate {
  isAhead(time: number): boolean;
  wait(time: number): Promise<void>;
}

/** Follows the file's own times, `speed` times as fast. */
export class Pace implements RowGate {
  readonly #clock: Clock;
  readonly #speed: number;
  #origin: { readonly session: number; readonly clock: number } | null = null;

  /** `speed` > 0. */
  constructor(clock: Clock, speed: number) {
    this.#clock = clock;
    this.#speed = speed;
  }

  /** True when a row of that time (nanoseconds after midnight) is not due yet. */
  isAhead(time: number): boolean {
    return this.#until(time) >= SHORTEST_WAIT_NS;
  }

  /** Waits until the row is due, or a part of that time when it is long. */
  async wait(time: number): Promise<void> {
    const delay = Math.min(this.#until(time), LONGEST_WAIT_NS);
    if (delay <= 0) return;
    await new Promise<void>((resolve) => {
      this.#clock.after(durationNs(Math.ceil(delay)), resolve);
    });
  }

  #until(time: number): number {
    const now = this.#clock.monotonic();
    this.#origin ??= { session: time, clock: now };
    return (time - this.#origin.session) / this.#speed - (now - this.#origin.clock);
  }
}
