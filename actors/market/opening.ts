import type { Files } from "../kernel/ports/files.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { MarketEngine, MatchingEngine } from "../kernel/ports/matching-engine.ts";
import { durationNs, epoch as epochOf, type DurationNs } from "../kernel/units.ts";
import { MarketFailed } from "./endings.ts";
import type { MarketDefinition } from "./messages.ts";

const openAttempts = 5;
const openDelay = durationNs(500_000_000);

export interface OpeningPorts {
  readonly engine: Pick<MatchingEngine, "open">;
  readonly files: Files;
  readonly log: Log;
  readonly sleep: (delay: DurationNs) => Promise<void>;
}

/** The market of a folder in the engine, or the one that is open already. Throws MarketFailed. */
export async function openLog(
  { engine, log, sleep }: OpeningPorts,
  market: string,
  directory: string,
): Promise<MarketEngine> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await engine.open({ market, directory, epoch: epochOf(0) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (attempt === openAttempts) {
        throw new MarketFailed({
          code: "internal",
          reason: `the write-ahead log cannot be opened: ${reason}`,
          next: `check ${directory}`,
        });
      }
      // The log of a process that is just ending is locked for a moment.
      log.warn({ attempt, reason }, "cannot open the write-ahead log, trying again");
      await sleep(openDelay);
    }
  }
}

/** What the opened log was found to hold. Throws MarketFailed when it cannot be written any more. */
export function tellOpened(log: Log, engine: MarketEngine): void {
  const { logFailure } = engine.progress();
  // An earlier life of this actor met it: what is in memory is ahead of the log for good.
  if (logFailure !== null) throw logFailed(log, logFailure);
  const { sequence, snapshot, replayed, elapsedNs, faults, cutBytes, cutFile } = engine.recovery;
  const perSecond = elapsedNs === 0 ? 0 : Math.round((replayed * 1e9) / elapsedNs);
  log.info(
    { sequence, snapshot: snapshot?.sequence ?? 0, replayed, perSecond },
    "write-ahead log replayed",
  );
  for (const fault of faults) log.warn({ fault }, "a snapshot was not used");
  if (cutBytes > 0) log.warn({ cutFile, cutBytes }, "a torn tail was cut from the log");
}

export function logFailed(log: Log, logFailure: string): MarketFailed {
  log.error({ logFailure }, "the write-ahead log cannot be written");
  return new MarketFailed({
    code: "internal",
    reason: `the write-ahead log cannot be written: ${logFailure}`,
    next: "free the disk, then restart the cell",
  });
}

/** The journal holds ticks and lots: what they are worth must never change under it. Throws MarketFailed. */
export async function checkUnits(
  { files }: OpeningPorts,
  { currency, priceDecimals, tick, lot }: MarketDefinition,
  directory: string,
): Promise<void> {
  const path = `${directory}/units.json`;
  const wanted = JSON.stringify({ currency, priceDecimals, tick, lot });
  const stored = await files.read(path);
  if (stored === null) {
    await files.replace(path, Buffer.from(wanted));
    return;
  }
  const held = Buffer.from(stored).toString("utf8");
  if (held === wanted) return;
  throw new MarketFailed({
    code: "definition_invalid",
    reason: `the journal was written with ${held}, the definition says ${wanted}`,
    next: "restore the old values, or make a market of another name",
  });
}
