import type { LatencyAlert } from "../actors/kernel/ports/matching-engine.ts";
import type { MarketAlert } from "./addon.ts";

/** A market as the watch sees it. */
export interface WatchedMarket {
  readonly market: string;
  readonly closing: Promise<void> | null;
  alert(): MarketAlert;
}

const quiet: MarketAlert = { isSlow: false, raised: 0, p50: 0, usual: 0, cause: "unknown" };

/**
 * Turns what stands in the markets' metrics into a beginning and an end of each alert. The bell that
 * asks for a look carries nothing and several rings may be one look, so the difference to what was told
 * before decides: an alert is told once, and one that has ended again before the look is told as both.
 */
export class AlertWatch {
  readonly #markets = new Map<string, { readonly of: WatchedMarket; told: MarketAlert }>();
  listener: (alert: LatencyAlert) => void = () => {};

  follow(market: WatchedMarket): void {
    this.#markets.set(market.market, { of: market, told: quiet });
  }

  /** A closed market is slow no longer. */
  forget(market: string): void {
    const told = this.#markets.get(market)?.told;
    this.#markets.delete(market);
    if (told?.isSlow === true) this.#tell(market, told, false);
  }

  look(): void {
    for (const [market, known] of this.#markets) {
      if (known.of.closing !== null) continue;
      const now = known.of.alert();
      const before = known.told;
      known.told = now;
      if (now.raised !== before.raised) {
        if (before.isSlow) this.#tell(market, before, false);
        this.#tell(market, now, true);
        if (!now.isSlow) this.#tell(market, now, false);
      } else if (before.isSlow && !now.isSlow) {
        this.#tell(market, now, false);
      }
    }
  }

  #tell(market: string, { p50, usual, cause }: MarketAlert, stands: boolean): void {
    this.listener({ market, stands, p50, usual, cause });
  }
}
