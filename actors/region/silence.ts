import type { Clock } from "../kernel/ports/clock.ts";
import type { KeyStore } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { keys } from "./codec.ts";

/** The times of cell leases; the same in every cell, for one counts on the other's. */
export const leaseTimes = {
  timeToLive: 2_000_000_000 as DurationNs,
  renewEvery: 400_000_000 as DurationNs,
  /** Taken off the holder's validity and added to the taker's wait: rates of two clocks differ. */
  margin: 300_000_000 as DurationNs,
} as const;

/**
 * A holder that answers when it is asked lives, and only its way to the store is missing: it is waited for so
 * much longer. After a partition that heals, servers have routes to each other within 3.1 s, one after the other.
 */
const patienceWithLiving = 4_000_000_000;
/** An answer says so much about the time after it: two looks. */
const answerHolds = 1_000_000_000;

/** The time after which nobody counts on a lease that stands still any more. */
export const silentAfter = leaseTimes.timeToLive + leaseTimes.margin;

/** Reads that may fail in a row before the observation is given up. */
const failureLimit = 10;

export interface Silence {
  /** True when the key stood still for time to live + margin of successful reads. */
  readonly silent: boolean;
  /** Revision of the key at the last read; 0 when it does not exist. */
  readonly revision: number;
}

/**
 * Watches a lease until it is renewed or has been silent for long enough. Only time between reads
 * that succeeded in a row counts: while the store has no leader nobody can renew, and that is
 * nobody's silence. Failure code: unavailable.
 */
export async function observeSilence(
  ports: { readonly keys: KeyStore; readonly clock: Clock },
  key: string,
): Promise<Result<Silence>> {
  const { clock } = ports;
  let revision: number | null = null;
  let silentFor = 0;
  let lastRead: DurationNs | null = null;
  let failures = 0;
  for (;;) {
    const before = clock.monotonic();
    const entry = await ports.keys.get(keys.leaseBucket, key);
    if (!entry.ok) {
      failures += 1;
      lastRead = null;
      if (failures >= failureLimit) {
        return refuse(
          "unavailable",
          `the lease ${key} cannot be read: ${entry.failure.reason}`,
          "it is tried again",
        );
      }
    } else {
      failures = 0;
      const found = entry.value?.revision ?? 0;
      if (revision !== null && found !== revision) return ok({ silent: false, revision: found });
      revision = found;
      // From the end of one read to the start of the next: what the store told holds in between.
      if (lastRead !== null) silentFor += Math.max(0, before - lastRead);
      lastRead = clock.monotonic();
      if (silentFor >= silentAfter) return ok({ silent: true, revision: found });
    }
    await new Promise<void>((resolve) => {
      clock.after(leaseTimes.renewEvery, resolve);
    });
  }
}

/**
 * The same observation, made by somebody who reads the key anyway: told each read, it says for how long
 * the key stood still. Only the time between successful reads counts, and what a holder that answers for
 * itself is allowed does not.
 */
export class SilenceWatch {
  #revision: number | null = null;
  #stoodStill = 0;
  #lastRead: DurationNs | null = null;
  /** End of the last read that succeeded, also when one failed since. */
  #seenAt = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;

  /** A read that began and ended at these times and found this revision; true: silent for long enough. */
  read(revision: number, began: DurationNs, ended: DurationNs): boolean {
    if (this.#revision !== revision) this.#stoodStill = 0;
    else if (this.#lastRead !== null) this.#stoodStill += Math.max(0, began - this.#lastRead);
    this.#revision = revision;
    this.#lastRead = ended;
    this.#seenAt = ended;
    return this.silentFor >= silentAfter;
  }

  /**
   * For how long it stood still, of time between successful reads; less than is needed while its holder
   * answers for itself and has not done so for too long.
   */
  get silentFor(): number {
    const answers = this.#seenAt - this.#answeredAt < answerHolds;
    return answers && this.#stoodStill < silentAfter + patienceWithLiving
      ? Math.min(this.#stoodStill, silentAfter - 1)
      : this.#stoodStill;
  }

  /** It stands still for longer than it does while all is well: its holder may be asked whether it lives. */
  get isDoubtful(): boolean {
    return this.#stoodStill > leaseTimes.timeToLive / 2;
  }

  /** The holder answered for itself at this time. */
  answered(at: DurationNs): void {
    this.#answeredAt = at;
  }

  /** A read failed: what happened meanwhile is nobody's silence. */
  failed(): void {
    this.#lastRead = null;
  }
}
