import type { KeyStore } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { directoryBucket, incidentDirectoryKey, incidentDirectoryPrefix } from "./codec.ts";

/** Incidents of a region at most; an id counts whether its incident is open or not. */
export const mostIncidents = 512;

/** Which incidents there are: keys in DIR that are created once, so that whoever owns a shard finds its own. */
export class IncidentDirectory {
  readonly #keys: KeyStore;
  readonly #region: string;

  constructor(store: KeyStore, region: string) {
    this.#keys = store;
    this.#region = region;
  }

  /** Failure code: unavailable. */
  async has(id: string): Promise<Result<boolean>> {
    const entry = await this.#keys.get(directoryBucket, incidentDirectoryKey(this.#region, id));
    return entry.ok ? ok(entry.value !== null) : entry;
  }

  /** Every id of the region. Failure code: unavailable. */
  async ids(): Promise<Result<readonly string[]>> {
    const prefix = incidentDirectoryPrefix(this.#region);
    const entries = await this.#keys.list(directoryBucket, prefix);
    if (!entries.ok) return entries;
    return ok([...entries.value.keys()].map((key) => key.slice(prefix.length)));
  }

  /** The id exists when this returns. Failure codes: unavailable, too_many_incidents. */
  async add(id: string): Promise<Result<void>> {
    const there = await this.ids();
    if (!there.ok) return there;
    if (there.value.includes(id)) return ok(undefined);
    if (there.value.length >= mostIncidents) {
      return refuse(
        "too_many_incidents",
        `${this.#region} has ${mostIncidents} incidents, open or closed`,
        "alerts that differ in one word too many are one alert: look at what makes their names",
      );
    }
    const key = incidentDirectoryKey(this.#region, id);
    const made = await this.#keys.compareAndSet(
      directoryBucket,
      key,
      new TextEncoder().encode(id),
      0,
    );
    if (made.ok) return ok(undefined);
    const known = await this.has(id);
    if (known.ok && known.value) return ok(undefined);
    return refuse("unavailable", `nobody knows whether ${key} was written`, "it is tried again");
  }
}
