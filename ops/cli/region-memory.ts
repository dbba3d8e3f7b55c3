import type { ClusterStatus, MarketView, RegionView } from "./markets.ts";

interface Remembered {
  readonly atMs: number;
  readonly region: RegionView;
  readonly markets: readonly MarketView[];
}

/** What regions told last, for as long as they do not answer: shown as stale, with its age. */
export class RegionMemory {
  readonly #last = new Map<string, Remembered>();

  /** The status with what is remembered in place of what is missing. `nowMs` is monotonic. */
  merge(status: ClusterStatus, nowMs: number): ClusterStatus {
    for (const region of status.regions.filter(({ stale }) => !stale)) {
      const markets = status.markets.filter((market) => market.region === region.name);
      this.#last.set(region.name, { atMs: nowMs, region, markets });
    }
    const regions = status.regions.map((region) => {
      const last = region.stale ? this.#last.get(region.name) : undefined;
      if (last === undefined) return region;
      const { reason } = region;
      return { ...last.region, ready: false, stale: true, ageMs: nowMs - last.atMs, reason };
    });
    // A market that somebody else has by now is shown as that one tells it.
    const told = new Set(status.markets.map(({ market }) => market));
    const remembered = status.regions
      .filter(({ stale }) => stale)
      .flatMap(({ name }) => this.#last.get(name) ?? [])
      .flatMap(({ atMs, markets }) => markets.map((market) => staleMarket(market, nowMs - atMs)))
      .filter(({ market }) => !told.has(market));
    return { regions, markets: [...status.markets, ...remembered] };
  }
}

const staleMarket = (market: MarketView, ageMs: number): MarketView => ({
  ...market,
  state: "stale",
  detail: `was ${market.state} ${(ageMs / 1_000).toFixed(1)} s ago`,
});
