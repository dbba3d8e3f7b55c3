import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { EngineCommand, EngineEvent } from "../actors/kernel/ports/matching-engine.ts";
import {
  type AccountId,
  type PriceTicks,
  type QuantityLots,
  epoch,
} from "../actors/kernel/units.ts";
import type { NativeEngine, NativeMarket } from "../native/index.ts";
import { repository } from "../test/support/shared-data.ts";
import { BenchVoid } from "./bench.ts";

/** Where the logs of measured markets are: on the disk of the checkout, in a folder git ignores. */
export const logsFolder = join(repository, "build");

/** Commands between two flushes: a request of a client carries up to 1,024. */
export const BATCH = 256;

const ALL = Number.MAX_SAFE_INTEGER;

/** One side of the bridge under load: commands in, every event out and decoded, and waiting. */
export class MarketDriver {
  readonly market: NativeMarket;
  readonly #folder: string;
  readonly #onEvent: (event: EngineEvent) => void;
  #offered = 0;
  #answered = 0;
  #bell: () => void = () => {};
  #durableBell: () => void = () => {};

  private constructor(market: NativeMarket, folder: string, onEvent: (event: EngineEvent) => void) {
    this.market = market;
    this.#folder = folder;
    this.#onEvent = onEvent;
    market.onEvents(() => {
      this.drain();
      this.#bell();
    });
    market.onDurable(() => this.#durableBell());
  }

  /** Opens a new market with a log of its own, lets every price and quantity through. */
  static async open(
    engine: NativeEngine,
    onEvent: (event: EngineEvent) => void,
  ): Promise<MarketDriver> {
    const directory = mkdtempSync(join(logsFolder, "bench-"));
    const market = await engine.open({ market: "bench", directory, epoch: epoch(1) });
    const driver = new MarketDriver(market as NativeMarket, directory, onEvent);
    driver.offer({
      kind: "configure",
      session: 0,
      number: 0,
      account: 1 as AccountId,
      tag: 0,
      bandLow: 1 as PriceTicks,
      bandHigh: (2 ** 31 - 2) as PriceTicks,
      maximumQuantity: (2 ** 31 - 1) as QuantityLots,
      orderCapacity: 2 ** 24 - 2,
      mode: "durable",
    });
    await driver.answered();
    return driver;
  }

  /** False: the ring is full and nothing was taken; await `more` and offer again. */
  offer(command: EngineCommand): boolean {
    if (!this.market.offer(command)) return false;
    this.#offered += 1;
    return true;
  }

  /** Decodes what has come. Returns how many events. */
  drain(): number {
    return this.market.drain(this.#take, ALL);
  }

  /** Sends what was offered, takes what has come. */
  turn(): void {
    this.market.flush();
    this.drain();
  }

  /** Resolves when at least one more event has been decoded. */
  async more(): Promise<void> {
    this.market.flush();
    if (this.drain() > 0) return;
    await new Promise<void>((resolve) => {
      this.#bell = resolve;
    });
  }

  /** As `answered`, but every event comes by the bell, as a market actor gets it: nothing polls. */
  async rung(): Promise<void> {
    this.market.flush();
    while (this.#answered < this.#offered) {
      await new Promise<void>((resolve) => {
        this.#bell = resolve;
      });
    }
  }

  /** Resolves when the last event of every offered command has been decoded. */
  async answered(): Promise<void> {
    while (this.#answered < this.#offered) await this.more();
  }

  /** Resolves when the record of every answered command is fsynced. */
  async durable(): Promise<void> {
    for (;;) {
      const { durable, matched, logFailure } = this.market.progress();
      if (logFailure !== null) throw new BenchVoid(`the log cannot be written: ${logFailure}`);
      if (durable === matched) return;
      await new Promise<void>((resolve) => {
        this.#durableBell = resolve;
      });
    }
  }

  /** Slots that went through both rings, modulo 2^32: as the rings themselves count. */
  passed(): { readonly commands: number; readonly events: number } {
    const { commands, events } = this.market.statistics();
    return { commands: commands.passed, events: events.passed };
  }

  async close(): Promise<void> {
    await this.market.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  readonly #take = (event: EngineEvent): void => {
    if (event.last) this.#answered += 1;
    this.#onEvent(event);
  };
}
