import type { Files } from "../kernel/ports/files.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { MarketEngine } from "../kernel/ports/matching-engine.ts";
import type { Candidate, Ownership } from "../kernel/ports/ownership.ts";
import type { Result } from "../kernel/result.ts";
import { journalStream, shardName } from "../../schemas/subjects.ts";
import { type AcceptedRoot, loadRoot } from "./accepted-root.ts";
import type { MarketDefinition } from "./messages.ts";

export interface LostStreamPorts {
  readonly ownership: Ownership;
  readonly files: Files;
  /** Absent: a stream that is gone waits for an operator. */
  readonly ensureJournal?: (definition: MarketDefinition) => Promise<Result<void>>;
  readonly log: Log;
  readonly report: (step: "recovering" | "standby", detail: string) => void;
}

/**
 * The journal's stream is gone. Only the log of its last owner can give all of it again; any other
 * would lose without a word what was acknowledged, and gives what it has when an operator takes that loss.
 */
export async function restoreLostStream(
  { ensureJournal, files, log, ownership, report }: LostStreamPorts,
  definition: MarketDefinition,
  directory: string,
  engine: MarketEngine,
  candidate: (blocked: string) => Candidate,
): Promise<void> {
  const { market, group, shard } = definition;
  const stream = journalStream(group, shard);
  if (ensureJournal === undefined) {
    return report("recovering", `there is no stream ${stream}: restore it`);
  }
  const root = await loadRoot(files, directory);
  const fault = await notWhole(root, engine, ownership, shardName(group, shard));
  if (fault !== null) {
    const what = `there is no stream ${stream}, and this log cannot give all of it again: ${fault}`;
    const candidacy = await ownership.candidacy(candidate(what));
    report(
      "standby",
      `${what}; start the cell of its last owner, restore the stream, or accept the loss`,
    );
    if (candidacy.may === "wait" || !candidacy.lossAccepted) return;
  }
  const made = await ensureJournal(definition);
  if (!made.ok) return log.warn({ failure: made.failure }, "the stream could not be made yet");
  const restored = {
    market,
    stream,
    log: engine.logId,
    records: engine.progress().durable,
    fencedAs: root?.epoch ?? 0,
    lossAcceptedBecause: fault ?? "",
  };
  log.error(restored, "the journal's stream was gone and is made again from this log");
  const name = `${directory}/restored-${restored.fencedAs}-${restored.records}.json`;
  await files.replace(name, Buffer.from(`${JSON.stringify(restored, null, 2)}\n`));
}

/** Why this log may lack something that was accepted; null when that is excluded. */
async function notWhole(
  root: AcceptedRoot | null,
  engine: MarketEngine,
  ownership: Ownership,
  shard: string,
): Promise<string | null> {
  const { logId, trimmed } = engine;
  const recorded = await ownership.recordedEpoch(shard);
  const held = await ownership.heldSince(shard);
  if (!recorded.ok || !held.ok) return "the store of leases does not answer";
  if (root === null) return recorded.value === null ? null : "it has never owned the market";
  if (root.log !== logId) return "its notes are of another log";
  if (root.fenceLog !== logId) return `log ${root.fenceLog} of ${root.fenceHolder} was the last`;
  if (root.lastSequence > engine.progress().durable) return "its end is gone";
  if (trimmed !== null) return `it begins behind record ${trimmed.sequence}`;
  // Whoever has fenced behind this log's fence had an epoch of the shard.
  if (root.epoch >= (recorded.value ?? 0)) return null;
  if (held.value !== null && held.value <= root.epoch) return null;
  return `epoch ${recorded.value} was given to another cell after its own ${root.epoch}`;
}
