import type { Block, ChainState } from "../kernel/accepted-chain.ts";
import type { Files } from "../kernel/ports/files.ts";
import type { Log } from "../kernel/ports/log.ts";
import { type MarketEngine, RECORD_BYTES } from "../kernel/ports/matching-engine.ts";
import { sequence } from "../kernel/units.ts";
import { firstDifference } from "./decide.ts";
import type { DivergenceReport } from "../../schemas/divergence-report.ts";
import { Diverged } from "./endings.ts";

/** Records read from the log at a time. */
const readBytes = 8_192 * RECORD_BYTES;

/** This cell's write-ahead log of a market, held against the accepted journal record by record (DESIGN §8.6). */
export class HeldLog {
  readonly #engine: MarketEngine;
  readonly #files: Files;
  readonly #log: Log;
  readonly #market: string;
  readonly #directory: string;

  constructor(engine: MarketEngine, files: Files, log: Log, market: string, directory: string) {
    this.#engine = engine;
    this.#files = files;
    this.#log = log;
    this.#market = market;
    this.#directory = directory;
  }

  /** An accepted block against the log: equal where both have records, adopted where only it has. */
  async compare(block: Block, chain: ChainState): Promise<void> {
    const { trimmed } = this.#engine;
    if (trimmed !== null && block.first <= trimmed.sequence) {
      // Its records are gone from the log; that it was this chain, the point behind which it begins says.
      if (block.last < trimmed.sequence) return;
      if (Buffer.compare(block.hash, trimmed.hash) === 0) return;
      await this.quarantine(
        trimmed.sequence + 1,
        `this log was trimmed at record ${trimmed.sequence} of another chain than the accepted journal (epoch ${block.epoch})`,
        chain,
      );
    }
    const held = this.#engine.progress().durable;
    const shared = Math.min(block.last, held) - block.first + 1;
    if (shared > 0) {
      const ours = this.read(block.first, shared);
      const difference = firstDifference(ours, block.records);
      if (difference >= 0 || ours.length < shared * RECORD_BYTES) {
        const at = block.first + Math.max(0, difference);
        await this.quarantine(
          at,
          `record ${at} of this log differs from the accepted journal (epoch ${block.epoch})`,
          chain,
        );
      }
    }
    if (block.last > held) {
      const missing = block.records.slice(Math.max(0, shared) * RECORD_BYTES);
      await this.#engine.adopt(missing);
    }
  }

  read(first: number, count: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let next = first; next < first + count; ) {
      const bytes = Math.min(readBytes, (first + count - next) * RECORD_BYTES);
      const part = this.#engine.records(sequence(next), bytes);
      if (part.length === 0) break;
      parts.push(part);
      next += part.length / RECORD_BYTES;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** Writes the log's records from `first` on, with the reason, beside the log; then gives up. */
  async quarantine(first: number, reason: string, chain: ChainState): Promise<never> {
    const last = this.#engine.progress().durable;
    const name = `${this.#directory}/quarantine-${first}-${last}`;
    for (let from = first, part = 0; from <= last; part += 1) {
      const records = this.read(from, Math.min(65_536, last - from + 1));
      if (records.length === 0) break;
      await this.#files.replace(`${name}.${part}.records`, records);
      from += records.length / RECORD_BYTES;
    }
    const report: DivergenceReport = {
      market: this.#market,
      log: this.#engine.logId,
      reason,
      first,
      last,
      accepted: {
        lastSequence: chain.lastSequence,
        epoch: chain.epoch,
        hash: Buffer.from(chain.hash).toString("hex"),
      },
    };
    await this.#files.replace(`${name}.json`, Buffer.from(`${JSON.stringify(report, null, 2)}\n`));
    this.#log.error(report, "the log and the accepted journal diverge");
    throw new Diverged(reason, first, last);
  }

  /** Its records behind the accepted ones. */
  tail(accepted: number): readonly Uint8Array[] {
    const parts: Uint8Array[] = [];
    const last = this.#engine.progress().durable;
    for (let next = accepted + 1; next <= last; ) {
      const part = this.#engine.records(sequence(next), readBytes);
      if (part.length === 0) break;
      parts.push(part);
      next += part.length / RECORD_BYTES;
    }
    return parts;
  }
}
