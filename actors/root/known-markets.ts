import type { MarketDefinition } from "../region/messages.ts";
import { shardOf } from "../region/codec.ts";
import type { ReferenceData } from "./reference-data.ts";

/** What the files of regions say, as this cell knows it: more of it once a region has joined the cluster. */
export class KnownMarkets {
  readonly #groups = new Map<string, readonly string[]>();
  readonly #markets: MarketDefinition[] = [];
  readonly #shards = new Map<string, string>();

  constructor(reference: ReferenceData) {
    this.learn(reference);
  }

  /** All that are known; what is learnt later is added to this very list. */
  get markets(): readonly MarketDefinition[] {
    return this.#markets;
  }

  /** Null: no file defines the market. */
  shard(market: string): string | null {
    return this.#shards.get(market) ?? null;
  }

  /** Regions that may hold the journals of a group. */
  regionsOf(group: string): readonly string[] {
    return [...this.#groups].flatMap(([region, groups]) => (groups.includes(group) ? region : []));
  }

  /** Markets and regions that are new; what is known already stays as it is while this process runs. */
  learn({ groups, markets }: ReferenceData): readonly MarketDefinition[] {
    for (const [region, its] of Object.entries(groups)) {
      if (!this.#groups.has(region)) this.#groups.set(region, its);
    }
    const added = markets.filter(({ market }) => !this.#shards.has(market));
    for (const definition of added) {
      this.#markets.push(definition);
      this.#shards.set(definition.market, shardOf(definition));
    }
    return added;
  }
}
