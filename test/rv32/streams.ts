import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { epoch, sequence, timestampNs } from "../../actors/kernel/units.ts";
import { sealRecord } from "../../native/records.ts";
import { layout } from "../../native/slots.ts";
import { ENTRY_BYTES, ENTRY_COMMAND, generateRun } from "../differential/comparison.ts";
import type { Profile } from "../differential/profiles.ts";
import { levelProfile, profiles } from "../differential/profiles.ts";

/** What the engine is asked on both processors: every profile of the differential test. */

export interface Stream {
  readonly profile: Profile;
  readonly commands: number;
}

const COMMANDS = 12_000;
/** Enough to occupy all 65,536 levels of a market. */
const LEVEL_COMMANDS = 75_000;

export const streams: readonly Stream[] = [
  ...profiles.map((profile) => ({ profile, commands: COMMANDS })),
  { profile: levelProfile, commands: LEVEL_COMMANDS },
];

/** The seed of the committed answers. */
export const GOLDEN_SEED = 1;

/** Journal records of a stream. */
export function recordsOf({ profile, commands }: Stream, seed: number): Uint8Array {
  const run = generateRun(profile, seed, commands);
  const records = new Uint8Array(commands * RECORD_BYTES);
  const view = new DataView(records.buffer);
  const entries = new DataView(run.commands.buffer, run.commands.byteOffset);
  for (let step = 0; step < commands; step += 1) {
    const from = step * ENTRY_BYTES;
    const at = step * RECORD_BYTES;
    const command = run.commands.subarray(from + ENTRY_COMMAND, from + ENTRY_BYTES);
    records.set(command, at + layout.record.command);
    sealRecord(view, at, {
      epoch: epoch(1),
      sequence: sequence(step + 1),
      timestamp: timestampNs(entries.getBigUint64(from, true)),
    });
  }
  return records;
}
