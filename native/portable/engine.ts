import type { MatchingEngine, OpenMarket } from "../../actors/kernel/ports/matching-engine.ts";
import { systemLogStorage } from "./log-storage.ts";
import { PortableMarket } from "./portable-market.ts";
import type { PortableEngineOptions } from "./portable-market.ts";

export type { PortableEngineOptions } from "./portable-market.ts";

/**
 * The matching engine without native code: the slow twin behind the engine port, with the same log
 * on disk. For machines without a compiler; tens of thousands of commands a second.
 */

export class PortableEngine implements MatchingEngine {
  readonly implementation = "portable";
  readonly #options: Required<PortableEngineOptions>;
  readonly #markets = new Map<string, Promise<PortableMarket>>();
  #stopping: Promise<void> | null = null;

  constructor(options: PortableEngineOptions) {
    this.#options = {
      commandCapacity: 16_384,
      eventCapacity: 65_536,
      storage: systemLogStorage,
      ...options,
    };
  }

  async open(request: OpenMarket): Promise<PortableMarket> {
    if (this.#stopping !== null) throw new Error("the portable engine is stopped");
    const already = this.#markets.get(request.market);
    if (already !== undefined) {
      const market = await already;
      if (market.closing === null) {
        await market.attach(request.directory);
        return market;
      }
      await market.closing;
      return this.open(request);
    }
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(request.market)) {
      throw new Error(
        `"${request.market}" is no market name: use 1 to 32 of letters, digits, _ and -`,
      );
    }
    const closed = (): void => {
      this.#markets.delete(request.market);
    };
    const opening = PortableMarket.open(request, this.#options, closed);
    this.#markets.set(request.market, opening);
    try {
      return await opening;
    } catch (cause) {
      closed();
      throw cause;
    }
  }

  /** Closes every market; the engine opens none afterwards. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      for (const opened of await Promise.allSettled(this.#markets.values())) {
        if (opened.status === "fulfilled") await opened.value.close();
      }
    })();
    return this.#stopping;
  }
}
