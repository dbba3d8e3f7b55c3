import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { epoch, sequence, timestampNs } from "../../actors/kernel/units.ts";
import { COMMAND_BYTES } from "../../native/portable/command-fields.ts";
import { sealRecord } from "../../native/records.ts";
import { layout } from "../../native/slots.ts";
import { generateRun } from "../differential/comparison.ts";
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

const FIRST_TIMESTAMP = 1_700_000_000_000_000_000n;
const HOUR_NS = 3_600_000_000_000n;

/** Journal records of a stream. Time stands still, creeps and leaps, all by the seed. */
export function recordsOf({ profile, commands }: Stream, seed: number): Uint8Array {
  const run = generateRun(profile, seed, commands);
  const records = new Uint8Array(commands * RECORD_BYTES);
  const view = new DataView(records.buffer);
  const random = seededRandomness(seed);
  let time = FIRST_TIMESTAMP;
  for (let step = 0; step < commands; step += 1) {
    const from = step * COMMAND_BYTES;
    const at = step * RECORD_BYTES;
    records.set(run.commands.subarray(from, from + COMMAND_BYTES), at + layout.record.command);
    time += random.below(2_000) === 0 ? HOUR_NS : BigInt(random.below(3) * random.below(50_000));
    sealRecord(view, at, {
      epoch: epoch(1),
      sequence: sequence(step + 1),
      timestamp: timestampNs(time),
    });
  }
  return records;
}
