import { directoryBucket, marketDirectoryPrefix } from "../../schemas/subjects.ts";
import type { KeyStore } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { DurationNs } from "../kernel/units.ts";
import { decodeDefinition } from "../region/codec.ts";
import type { MarketDefinition } from "../region/messages.ts";
import type { MarketPlaces } from "../risk-limit/effects.ts";

const lookEvery = 10_000_000_000 as DurationNs;

/** Every market of all regions with its home: those of the files, and those made at run time. */
export class DirectoryPlaces implements MarketPlaces {
  readonly #homes: Map<string, string>;
  readonly #watching = new Set<() => void>();
  readonly #keys: KeyStore;
  readonly #clock: Clock;
  #list: readonly { readonly market: string; readonly home: string }[] = [];
  #stopped = false;

  constructor(markets: readonly MarketDefinition[], keys: KeyStore, clock: Clock) {
    this.#homes = new Map(markets.map(({ market, home }) => [market, home]));
    this.#keys = keys;
    this.#clock = clock;
    this.#renew();
  }

  list(): readonly { readonly market: string; readonly home: string }[] {
    return this.#list;
  }

  onChange(callback: () => void): () => void {
    this.#watching.add(callback);
    return () => this.#watching.delete(callback);
  }

  /** Markets that files define by now. */
  add(markets: readonly MarketDefinition[]): void {
    for (const { market, home } of markets) this.#homes.set(market, home);
    if (markets.length > 0) this.#changed();
  }

  /** Looks for new markets from now on. */
  start(): void {
    if (this.#stopped) return;
    void this.#look().finally(() => this.#clock.after(lookEvery, () => this.start()));
  }

  stop(): void {
    this.#stopped = true;
  }

  async #look(): Promise<void> {
    const entries = await this.#keys.list(directoryBucket, marketDirectoryPrefix);
    // Unreadable now: what is known stays, and the next look may tell more.
    if (!entries.ok) return;
    const known = this.#homes.size;
    for (const { value } of entries.value.values()) {
      const definition = decodeDefinition(value);
      if (definition === null || this.#homes.has(definition.market)) continue;
      this.#homes.set(definition.market, definition.home);
    }
    if (this.#homes.size > known) this.#changed();
  }

  #changed(): void {
    this.#renew();
    for (const callback of this.#watching) callback();
  }

  #renew(): void {
    this.#list = [...this.#homes].map(([market, home]) => ({ market, home }));
  }
}
