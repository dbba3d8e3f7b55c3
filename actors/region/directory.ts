import type { KeyStore } from "../kernel/ports/bus.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { decodeDefinition, encodeDefinition, keys } from "./codec.ts";
import { listedMarket } from "./decide.ts";
import { checkDefinition, differingFields } from "./definition.ts";
import type { MarketDefinition, RegionEvent, RegionState } from "./messages.ts";

const createTries = 4;

/** Markets made at run time, in bucket DIR: one key per market, created once and for all regions. */
export class Directory {
  readonly #keys: KeyStore;
  readonly #log: Log;

  constructor(store: KeyStore, log: Log) {
    this.#keys = store;
    this.#log = log;
  }

  /** Events for the markets that the state does not list yet. Failure code: unavailable. */
  async load(state: RegionState): Promise<Result<readonly RegionEvent[]>> {
    const entries = await this.#keys.list(keys.directoryBucket, keys.marketPrefix);
    if (!entries.ok) return entries;
    const events: RegionEvent[] = [];
    for (const [key, entry] of entries.value) {
      const input = decodeDefinition(entry.value);
      const checked = input === null ? null : checkDefinition(input);
      if (checked === null || !checked.ok || keys.market(checked.value.market) !== key) {
        this.#log.error(
          { key, failure: checked?.ok === false ? checked.failure : null },
          "this key of the directory holds no usable market definition; the market is left out",
        );
        continue;
      }
      const definition = checked.value;
      const listed = listedMarket(state, definition.market);
      if (listed === null) {
        events.push({ type: "market_listed", definition, origin: "directory" });
      } else if (differingFields(listed.definition, definition).length > 0) {
        this.#log.warn({ key }, "a file and the directory define this market; the file counts");
      }
    }
    return ok(events);
  }

  /**
   * Stores a new definition. Failure codes: market_exists (another region was first, with other
   * data), unavailable (nobody knows whether it is stored; the same request can be sent again).
   */
  async create(definition: MarketDefinition): Promise<Result<void>> {
    const key = keys.market(definition.market);
    const bytes = encodeDefinition(definition);
    for (let attempt = 0; attempt < createTries; attempt += 1) {
      const stored = await this.#keys.compareAndSet(keys.directoryBucket, key, bytes, 0);
      if (stored.ok) return ok(undefined);
      const found = await this.#keys.get(keys.directoryBucket, key);
      if (!found.ok) continue;
      if (found.value === null) continue;
      if (Buffer.compare(found.value.value, bytes) === 0) return ok(undefined);
      return refuse(
        "market_exists",
        `${definition.market} exists in the directory with other data`,
        "choose another name",
      );
    }
    return refuse(
      "unavailable",
      `the directory did not confirm ${definition.market}`,
      "send the same request again: it may have been stored",
    );
  }
}
