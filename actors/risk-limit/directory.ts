import {
  accountDirectoryKey,
  directoryBucket,
  limitDirectoryKey,
  limitDirectoryPrefix,
} from "../../schemas/subjects.ts";
import type { KeyStore } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { decodeNamed, encodeNamed } from "./codec.ts";
import type { NamedLimit } from "./messages.ts";

/**
 * Which risk limits there are, and which one writes an account's limits: keys in DIR that are created once
 * and never change, so that a name is found again by whoever owns its shard, and an account has one writer.
 */
export class LimitDirectory {
  readonly #keys: KeyStore;
  readonly #region: string;

  constructor(store: KeyStore, region: string) {
    this.#keys = store;
    this.#region = region;
  }

  /** Failure code: unavailable. */
  async has(name: string): Promise<Result<boolean>> {
    const entry = await this.#keys.get(directoryBucket, limitDirectoryKey(this.#region, name));
    return entry.ok ? ok(entry.value !== null) : entry;
  }

  /** Every name of the region. Failure code: unavailable. */
  async names(): Promise<Result<readonly string[]>> {
    const entries = await this.#keys.list(directoryBucket, limitDirectoryPrefix(this.#region));
    if (!entries.ok) return entries;
    return ok(
      [...entries.value.values()].flatMap(({ value }) => {
        const found = decodeNamed(value);
        return found === null ? [] : [found.name];
      }),
    );
  }

  /** The name exists when this returns. Failure code: unavailable. */
  async add(name: string): Promise<Result<void>> {
    const own = { region: this.#region, name };
    const holder = await this.#create(limitDirectoryKey(this.#region, name), own);
    return holder.ok ? ok(undefined) : holder;
  }

  /** Who writes the account's limits; null: nobody yet. Failure code: unavailable. */
  async writerOf(account: number): Promise<Result<NamedLimit | null>> {
    const entry = await this.#keys.get(directoryBucket, accountDirectoryKey(account));
    if (!entry.ok) return entry;
    return ok(entry.value === null ? null : decodeNamed(entry.value.value));
  }

  /** Who writes the account's limits from now on: this name, or who did before. Failure code: unavailable. */
  claimAccount(account: number, name: string): Promise<Result<NamedLimit>> {
    return this.#create(accountDirectoryKey(account), { region: this.#region, name });
  }

  /** What the key holds: this, or what was there before. */
  async #create(key: string, limit: NamedLimit): Promise<Result<NamedLimit>> {
    const bytes = encodeNamed(limit);
    const stored = await this.#keys.compareAndSet(directoryBucket, key, bytes, 0);
    if (stored.ok) return ok(limit);
    const entry = await this.#keys.get(directoryBucket, key);
    if (!entry.ok) return entry;
    const held = entry.value === null ? null : decodeNamed(entry.value.value);
    if (held !== null) return ok(held);
    return refuse("unavailable", `nobody knows whether ${key} was written`, "ask again");
  }
}
