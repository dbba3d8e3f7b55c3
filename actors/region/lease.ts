import type { Clock } from "../kernel/ports/clock.ts";
import type { KeyStore } from "../kernel/ports/bus.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import {
  decodeLease,
  encodeLease,
  type HostedActors,
  type HostedRegion,
  keys,
  type LeaseRecord,
} from "./codec.ts";
import { leaseTimes, observeSilence } from "./silence.ts";

/** Who holds the lease. */
export interface CellIdentity {
  readonly region: string;
  readonly cell: string;
  /** Random id of the cell's data folder: tells its own former process from somebody else's. */
  readonly node: string;
}

export interface LeasePorts {
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly log: Log;
  /** 16 unpredictable bytes: two writes of a lease never have the same bytes. */
  readonly nonce: () => Uint8Array;
  /** Makes the incarnation durable before it is used; the next process starts above it. */
  readonly persistIncarnation: (incarnation: number) => void;
  /** What each renewal says of the actors hosted here; absent or null: it hosts none. */
  readonly actors?: () => HostedActors | null;
  /** The same of actors of other regions. */
  readonly hosts?: () => readonly HostedRegion[];
  /** Regions whose actors may run here when their own cells cannot; absent: none. */
  readonly mayHost?: readonly string[];
  /** Whether it takes no actors of silent cells; absent: it does. */
  readonly takesNone?: () => boolean;
}

/** A write whose fate is not known yet. */
interface Attempt {
  readonly bytes: Uint8Array;
  /** Monotonic time before it was sent. */
  readonly before: DurationNs;
}

/** Attempts kept for recognition; the oldest is forgotten (its late write is then read as a stranger's). */
const attemptLimit = 64;
const acquireTries = 5;
/** A successor may be taking the lease already: it is not taken from it. */
const ended = refuse("unavailable", "the cell has ended meanwhile");

/**
 * The lease of this cell: key cell.<region>.<cell>, renewed every 400 ms with a fresh nonce. The
 * validity it gives is counted from before the write was sent, so it ends before any other cell may
 * take over, whatever the delays. Time-outs are ambiguous: the key is read again and the bytes decide
 * whether the write was ours.
 */
export class CellLease {
  readonly #ports: LeasePorts;
  readonly #identity: CellIdentity;
  readonly #key: string;
  #incarnation = 0;
  #renewal = 0;
  #revision = 0;
  #validUntil = 0 as DurationNs;
  #attempts: Attempt[] = [];
  #cancelTimer: () => void = () => {};
  #inFlight: Promise<void> = Promise.resolve();
  #running = false;
  #stopped = false;
  #onLost: (reason: string) => void = () => {};
  #onValidity: () => void = () => {};

  constructor(ports: LeasePorts, identity: CellIdentity) {
    this.#ports = ports;
    this.#identity = identity;
    this.#key = keys.lease(identity.region, identity.cell);
  }

  /** 0 before the lease was acquired. */
  get incarnation(): number {
    return this.#incarnation;
  }

  /** Monotonic time until which no other cell may act for this one; 0 when never acquired or lost. */
  validUntil(): DurationNs {
    return this.#validUntil;
  }

  /** Calls back whenever `validUntil` has changed; one listener, until the function returned is called. */
  watch(listener: () => void): () => void {
    this.#onValidity = listener;
    return () => {
      if (this.#onValidity === listener) this.#onValidity = () => {};
    };
  }

  /**
   * Takes the lease with an incarnation above `recorded` (the last one this data folder used) and
   * above the one in the key. Failure codes: unavailable (try again; or it was stopped meanwhile),
   * not_owner (another process with another data folder renews it).
   */
  async acquire(recorded: number): Promise<Result<number>> {
    for (let attempt = 0; attempt < acquireTries; attempt += 1) {
      const entry = await this.#ports.keys.get(keys.leaseBucket, this.#key);
      if (this.#stopped) return ended;
      if (!entry.ok) return entry;
      const found = entry.value === null ? null : decodeLease(entry.value.value);
      if (entry.value !== null && found?.fenced !== true && found?.node !== this.#identity.node) {
        const silence = await observeSilence(this.#ports, this.#key);
        if (!silence.ok) return silence;
        if (!silence.value.silent) return this.#takenElsewhere(found);
        if (silence.value.revision !== entry.value.revision) continue;
        if (this.#stopped) return ended;
      }
      const incarnation = Math.max(recorded, found?.incarnation ?? 0, this.#incarnation) + 1;
      this.#ports.persistIncarnation(incarnation);
      this.#incarnation = incarnation;
      this.#revision = entry.value?.revision ?? 0;
      if (await this.#write()) return this.#stopped ? ended : ok(incarnation);
    }
    return refuse(
      "unavailable",
      `the lease ${this.#key} changed at each of ${acquireTries} tries`,
      "it is tried again",
    );
  }

  /** Renews until stopped; `onLost` is called at most once, when the lease is somebody else's. */
  start(onLost: (reason: string) => void): void {
    this.#onLost = onLost;
    this.#running = true;
    this.#schedule();
  }

  /** Ends renewing, and taking, for good; the validity that was given runs out by itself. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#running = false;
    this.#cancelTimer();
    await this.#inFlight;
  }

  /** Ends the lease at once, so that a successor need not wait for it to run out. Best effort. */
  async release(): Promise<void> {
    await this.stop();
    this.#setValidity(0 as DurationNs);
    if (this.#revision === 0) return;
    const bytes = encodeLease(this.#record(true));
    const stored = await this.#ports.keys.compareAndSet(
      keys.leaseBucket,
      this.#key,
      bytes,
      this.#revision,
    );
    if (!stored.ok) {
      this.#ports.log.warn(
        { failure: stored.failure },
        "lease not released; it runs out by itself",
      );
    }
  }

  #schedule(): void {
    this.#cancelTimer = this.#ports.clock.after(leaseTimes.renewEvery, () => {
      this.#inFlight = this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const started = this.#ports.clock.monotonic();
    await this.#write();
    if (!this.#running) return;
    const spent = this.#ports.clock.monotonic() - started;
    // The period counts from the start of a renewal, so that a slow store does not slow it further.
    const rest = Math.max(leaseTimes.renewEvery - spent, leaseTimes.renewEvery / 8) as DurationNs;
    this.#cancelTimer = this.#ports.clock.after(rest, () => {
      this.#inFlight = this.#renew();
    });
  }

  /** One conditional write at the revision we hold. True when the key now carries our bytes. */
  async #write(): Promise<boolean> {
    const before = this.#ports.clock.monotonic();
    this.#renewal += 1;
    const bytes = encodeLease(this.#record(false));
    this.#attempts.push({ bytes, before });
    if (this.#attempts.length > attemptLimit) this.#attempts.shift();
    const stored = await this.#ports.keys.compareAndSet(
      keys.leaseBucket,
      this.#key,
      bytes,
      this.#revision,
    );
    if (stored.ok) {
      this.#confirm(stored.value, before);
      return true;
    }
    return this.#readBack();
  }

  async #readBack(): Promise<boolean> {
    const entry = await this.#ports.keys.get(keys.leaseBucket, this.#key);
    if (!entry.ok) return false;
    if (entry.value === null) {
      this.#ports.log.warn(
        { key: this.#key },
        "the lease has vanished from its bucket; writing it anew",
      );
      this.#revision = 0;
      return false;
    }
    const { value, revision } = entry.value;
    const own = this.#attempts.find((attempt) => Buffer.compare(attempt.bytes, value) === 0);
    if (own !== undefined) {
      this.#confirm(revision, own.before);
      return true;
    }
    const found = decodeLease(value);
    if (this.#isOwn(found)) {
      // An older write of ours: the store was read before the latest one, or lost it.
      this.#revision = revision;
      return false;
    }
    if (!this.#running) return false;
    this.#running = false;
    this.#setValidity(0 as DurationNs);
    this.#onLost(
      found === null
        ? `${this.#key} holds bytes that are no lease`
        : `${this.#key} is ${found.fenced ? "fenced" : "held"} by incarnation ${found.incarnation}`,
    );
    return false;
  }

  #isOwn(found: LeaseRecord | null): boolean {
    return (
      found !== null &&
      !found.fenced &&
      found.node === this.#identity.node &&
      found.incarnation === this.#incarnation
    );
  }

  #confirm(revision: number, before: DurationNs): void {
    this.#revision = revision;
    const until = before + leaseTimes.timeToLive - leaseTimes.margin;
    this.#setValidity(Math.max(this.#validUntil, until) as DurationNs);
    this.#attempts = this.#attempts.filter((attempt) => attempt.before > before);
  }

  #setValidity(until: DurationNs): void {
    if (until === this.#validUntil) return;
    this.#validUntil = until;
    this.#onValidity();
  }

  #record(fenced: boolean): LeaseRecord {
    return {
      ...this.#identity,
      incarnation: this.#incarnation,
      renewal: this.#renewal,
      nonce: this.#ports.nonce(),
      fenced,
      released: fenced,
      actors: this.#ports.actors?.() ?? null,
      hosts: this.#ports.hosts?.() ?? [],
      mayHost: this.#ports.mayHost ?? [],
      takesNone: this.#ports.takesNone?.() ?? false,
    };
  }

  #takenElsewhere(found: LeaseRecord | null): Result<never> {
    return refuse(
      "not_owner",
      `another process (data folder ${found?.node ?? "unknown"}) renews the lease ${this.#key}`,
      "stop that process, or give this cell another name in its configuration",
    );
  }
}
