import type { MarketEngine } from "../kernel/ports/matching-engine.ts";
import type { Files } from "../kernel/ports/files.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { DurationNs } from "../kernel/units.ts";
import { type AcceptedRoot, storeRoot } from "./accepted-root.ts";

/** Keeps a market's write-ahead log short and its next start quick, and tells what is wrong with it. */
export class LogKeeper {
  readonly #files: Files;
  readonly #log: Log;
  readonly #now: () => DurationNs;
  readonly #directory: string;
  /** Stream sequence of the root that was stored last, or is being stored. */
  #rootStored = 0;
  #rootStoredAt = 0;
  /** Sequence of the stored root: what is at or below it was compared with the accepted chain. */
  #rootSequence = 0;
  #trimming = false;
  #shadowFailure: string | null = null;

  constructor(files: Files, log: Log, now: () => DurationNs, directory: string) {
    this.#files = files;
    this.#log = log;
    this.#now = now;
    this.#directory = directory;
  }

  /** Another log stands in the folder from now on. */
  startOver(): void {
    this.#rootStored = 0;
    this.#rootSequence = 0;
  }

  hasStored(streamSequence: number): boolean {
    return this.#rootStored === streamSequence;
  }

  /** Whether a root at this place of the stream is to be stored now; whoever is told so stores it. */
  isDue(streamSequence: number, interval: DurationNs): boolean {
    const now = this.#now();
    if (this.hasStored(streamSequence) || now - this.#rootStoredAt < interval) return false;
    this.#rootStored = streamSequence;
    this.#rootStoredAt = now;
    return true;
  }

  async store(root: AcceptedRoot): Promise<void> {
    try {
      await storeRoot(this.#files, this.#directory, root);
      this.#rootSequence = root.lastSequence;
    } catch (error) {
      this.#log.warn({ error: String(error) }, "the root was not stored");
    }
  }

  /** Below the stored root, and below what this owner may have to send again. */
  async trim(engine: MarketEngine, resentFrom: number): Promise<void> {
    const floor = Math.min(this.#rootSequence, resentFrom - 1);
    if (floor <= 0 || this.#trimming) return;
    this.#trimming = true;
    try {
      const begin = await engine.trim(floor);
      if (begin !== null) this.#log.info({ sequence: begin.sequence }, "write-ahead log trimmed");
    } catch (error) {
      this.#log.warn({ error: String(error) }, "the write-ahead log was not trimmed");
    } finally {
      this.#trimming = false;
    }
  }

  /** Damage that the shadow finds in records that were durable is told once. */
  watchShadow(engine: MarketEngine): void {
    const failure = engine.shadow()?.failure ?? null;
    if (failure === this.#shadowFailure) return;
    this.#shadowFailure = failure;
    if (failure !== null) this.#log.error({ failure }, "the shadow of the market failed");
  }
}
