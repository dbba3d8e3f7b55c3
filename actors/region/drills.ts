import type { KeyStore } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { decodeDrill, encodeDrill, keys } from "./codec.ts";
import type { DrillRecord } from "./messages.ts";

const writeTries = 4;

/** The last drill of the cluster, in DIR: whoever ran it tells one region, and every region shows it. */
export class Drills {
  readonly #keys: KeyStore;
  #last: DrillRecord | null = null;

  constructor(store: KeyStore) {
    this.#keys = store;
  }

  /** The last one that this cell has read of. */
  get last(): DrillRecord | null {
    return this.#last;
  }

  async recall(): Promise<void> {
    const entry = await this.#keys.get(keys.directoryBucket, keys.lastDrill);
    if (entry.ok && entry.value !== null) this.#last = decodeDrill(entry.value.value);
  }

  /** Written unless a later one is. Failure codes: parameters_invalid, unavailable. */
  async record(drill: DrillRecord): Promise<Result<DrillRecord>> {
    const outcomes = ["passed", "failed"];
    if (drill.id === "" || drill.fault === "" || !outcomes.includes(drill.outcome)) {
      return refuse(
        "parameters_invalid",
        "a drill has an id, a fault and an outcome, passed or failed",
        "`npx meridian region drill --help` shows how it is told",
      );
    }
    for (let attempt = 0; attempt < writeTries; attempt += 1) {
      const entry = await this.#keys.get(keys.directoryBucket, keys.lastDrill);
      if (!entry.ok) return entry;
      const before = entry.value === null ? null : decodeDrill(entry.value.value);
      if (before !== null && before.atUnixMs > drill.atUnixMs) {
        this.#last = before;
        return ok(before);
      }
      const revision = entry.value?.revision ?? 0;
      const bytes = encodeDrill(drill);
      const stored = await this.#keys.compareAndSet(
        keys.directoryBucket,
        keys.lastDrill,
        bytes,
        revision,
      );
      if (!stored.ok) continue;
      this.#last = drill;
      return ok(drill);
    }
    return refuse("unavailable", "the directory did not take the drill", "tell it again");
  }
}
