import type { Clock } from "../kernel/ports/clock.ts";
import type { KeyStore } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { decodeDrain, type DrainRecord, drainKey, encodeDrain, keys } from "./codec.ts";
import type { Succession } from "./succession.ts";

export interface DrainsOf {
  readonly region: string;
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly succession: Succession;
}

/**
 * Whether the region has been drained: then no cell of it takes a market until somebody undoes that. Kept in the
 * directory, so that cells that start later know it.
 */
export class Drains {
  readonly #of: DrainsOf;
  #record: DrainRecord | null = null;
  #revision = 0;
  #draining = false;
  #known = false;

  constructor(of: DrainsOf) {
    this.#of = of;
  }

  get state(): "" | "draining" | "drained" {
    if (this.#record !== null) return "drained";
    return this.#draining ? "draining" : "";
  }

  /** Nothing of silent cells is taken here: so it is, or nobody knows yet that it is not. */
  get takesNone(): boolean {
    return !this.#known || this.state !== "";
  }

  /** Reads what is written down. Failure code: unavailable. */
  async recall(): Promise<Result<void>> {
    const entry = await this.#of.keys.get(keys.directoryBucket, drainKey(this.#of.region));
    if (!entry.ok) return entry;
    this.#revision = entry.value?.revision ?? 0;
    this.#record = entry.value === null ? null : decodeDrain(entry.value.value);
    this.#known = true;
    this.#tell();
    return ok(undefined);
  }

  /** Nothing is taken from now on: what is given away must not come back. */
  begin(): void {
    this.#draining = true;
    this.#tell();
  }

  /** The drain has ended early: the region goes on as it was. */
  giveUp(): void {
    this.#draining = false;
    this.#tell();
  }

  /** Everything is elsewhere. Failure codes: unavailable, conflict. */
  async complete(by: string, approvedBy: string, reason: string): Promise<Result<void>> {
    const { region, clock } = this.#of;
    const sinceUnixMs = Number(clock.now() / 1_000_000n);
    return this.#write({ region, drained: true, by, approvedBy, reason, sinceUnixMs });
  }

  /** Failure codes: not_drained, unavailable, conflict. */
  async undo(by: string, reason: string): Promise<Result<void>> {
    const known = await this.recall();
    if (!known.ok) return known;
    const { region, clock } = this.#of;
    if (this.#record === null) {
      return refuse("not_drained", `${region} is not drained`, "npx meridian region status");
    }
    const sinceUnixMs = Number(clock.now() / 1_000_000n);
    return this.#write({ region, drained: false, by, approvedBy: "", reason, sinceUnixMs });
  }

  async #write(record: DrainRecord): Promise<Result<void>> {
    const known = await this.recall();
    if (!known.ok) return known;
    const key = drainKey(this.#of.region);
    const bytes = encodeDrain(record);
    const stored = await this.#of.keys.compareAndSet(
      keys.directoryBucket,
      key,
      bytes,
      this.#revision,
    );
    this.#draining = false;
    const read = await this.recall();
    if (stored.ok) return read;
    const isThere = read.ok && (this.#record !== null) === record.drained;
    return isThere ? ok(undefined) : stored;
  }

  #tell(): void {
    const { region, succession } = this.#of;
    const closed = this.state === "" ? null : `${region} is ${this.state}`;
    succession.close(closed);
  }
}
