import type { KeyStore } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { decodeRecord, encodeRecord, keys } from "./codec.ts";
import type { ActorRecord } from "./messages.ts";

export interface Listed {
  readonly record: ActorRecord;
  readonly revision: number;
}

/** The actors of a region as asked for by people: one key each in DIR, every write a compare-and-set. */
export class ActorDirectory {
  readonly #keys: KeyStore;
  readonly #region: string;

  constructor(store: KeyStore, region: string) {
    this.#keys = store;
    this.#region = region;
  }

  /** Null: there is none. Failure code: unavailable. */
  async read(id: string): Promise<Result<Listed | null>> {
    const entry = await this.#keys.get(keys.directoryBucket, keys.actor(this.#region, id));
    if (!entry.ok || entry.value === null) return entry.ok ? ok(null) : entry;
    const record = decodeRecord(entry.value.value);
    if (record === null) {
      return refuse("internal", `the record of ${id} is damaged`, "an operator restores the key");
    }
    return ok({ record, revision: entry.value.revision });
  }

  /** All records that can be read, by id. Failure code: unavailable. */
  async list(): Promise<Result<readonly Listed[]>> {
    const prefix = keys.actorPrefix(this.#region);
    const entries = await this.#keys.list(keys.directoryBucket, prefix);
    if (!entries.ok) return entries;
    const listed = [...entries.value].flatMap(([, entry]) => {
      const record = decodeRecord(entry.value);
      return record === null ? [] : [{ record, revision: entry.revision }];
    });
    return ok(listed.sort((one, other) => (one.record.id < other.record.id ? -1 : 1)));
  }

  /**
   * Writes at the revision that was read, 0 for a new record. An undecided write is settled by reading the
   * bytes back. Failure codes: conflict (somebody else has written: read it), unavailable.
   */
  async write(record: ActorRecord, revision: number): Promise<Result<number>> {
    const key = keys.actor(this.#region, record.id);
    const bytes = encodeRecord(record);
    const stored = await this.#keys.compareAndSet(keys.directoryBucket, key, bytes, revision);
    if (stored.ok || stored.failure.code === "conflict") return stored;
    const entry = await this.#keys.get(keys.directoryBucket, key);
    if (entry.ok && entry.value !== null && Buffer.compare(entry.value.value, bytes) === 0) {
      return ok(entry.value.revision);
    }
    return refuse("unavailable", `nobody knows whether ${key} was written`, "ask again");
  }
}
