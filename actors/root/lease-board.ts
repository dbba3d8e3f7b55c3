import { cellLeases, leaseBucket } from "../../schemas/subjects.ts";
import type { KeyStore } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { decodeLease, type LeaseRecord } from "../region/codec.ts";
import type { LeaseHolder } from "../region/contact.ts";
import { silentAfter, SilenceWatch } from "../region/silence.ts";

/** A lease as it was read. */
export interface SeenLease {
  readonly record: LeaseRecord;
  readonly revision: number;
  /** As SilenceWatch.silentFor. */
  readonly silentNs: number;
}

export interface BoardReading {
  readonly leases: readonly SeenLease[];
  readonly began: DurationNs;
  readonly ended: DurationNs;
}

/** Whoever asks sooner than that is shown what was read for another: every lease was renewed since the one before, */
const calmReadHolds = 900_000_000;
/** or one of them stands still and has not been silent for long enough. */
const readHolds = 400_000_000;

/**
 * The leases of all cells, read once for everybody in this process who looks at them. A reading says between
 * which times it was made, so that being shown it again counts as no time of silence.
 */
export class LeaseBoard {
  readonly #keys: KeyStore;
  readonly #clock: Clock;
  readonly #answers: (holder: LeaseHolder) => Promise<boolean>;
  readonly #watches = new Map<string, SilenceWatch>();
  #last: BoardReading | null = null;
  #holds = readHolds;
  #reading: Promise<Result<BoardReading>> | null = null;

  /** `answers`: whether the holder of a lease answers for itself. */
  constructor(
    keys: KeyStore,
    clock: Clock,
    answers: (holder: LeaseHolder) => Promise<boolean> = () => Promise.resolve(false),
  ) {
    this.#keys = keys;
    this.#clock = clock;
    this.#answers = answers;
  }

  /** What was read last; null: nothing yet. */
  get last(): BoardReading | null {
    return this.#last;
  }

  /** Leases whose holders lived when they were read last. */
  get living(): readonly LeaseRecord[] {
    return (this.#last?.leases ?? [])
      .filter(({ record, silentNs }) => !record.fenced && silentNs < silentAfter)
      .map(({ record }) => record);
  }

  /** Failure code: unavailable. */
  read(): Promise<Result<BoardReading>> {
    const last = this.#last;
    if (last !== null && this.#clock.monotonic() - last.ended < this.#holds) {
      return Promise.resolve(ok(last));
    }
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** As read, and begun after this call. Failure code: unavailable. */
  async readAnew(): Promise<Result<BoardReading>> {
    await this.#reading;
    this.#last = null;
    return await this.read();
  }

  async #read(): Promise<Result<BoardReading>> {
    const began = this.#clock.monotonic();
    const found = await this.#keys.list(leaseBucket, cellLeases);
    if (!found.ok) {
      for (const watch of this.#watches.values()) watch.failed();
      return found;
    }
    const ended = this.#clock.monotonic();
    const leases: SeenLease[] = [];
    for (const [key, { value, revision }] of found.value) {
      const record = decodeLease(value);
      if (record === null) continue;
      const watch = this.#watches.get(key) ?? new SilenceWatch();
      this.#watches.set(key, watch);
      watch.read(revision, began, ended);
      if (watch.isDoubtful && !record.fenced && !record.released) this.#contact(watch, record);
      leases.push({ record, revision, silentNs: watch.silentFor });
    }
    this.#last = { leases, began, ended };
    this.#holds = leases.some(isGoingSilent) ? readHolds : calmReadHolds;
    return ok(this.#last);
  }

  #contact(watch: SilenceWatch, holder: LeaseHolder): void {
    void this.#answers(holder).then((lives) => {
      if (lives) watch.answered(this.#clock.monotonic());
    });
  }
}

const isGoingSilent = ({ record, silentNs }: SeenLease): boolean =>
  silentNs > 0 && silentNs < silentAfter && !record.fenced && !record.released;
