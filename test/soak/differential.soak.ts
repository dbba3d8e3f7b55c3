import { Market } from "../../native/portable/market.ts";
import { findDisagreement, generateRun, label } from "../differential/comparison.ts";
import { levelProfile, profiles } from "../differential/profiles.ts";
import type { SoakOptions } from "../soak.ts";

const DEFAULT_COMMANDS = 10_000_000;
const COMMANDS_PER_RUN = 100_000;

/** Compares both engines over `count` commands (default ten million), all profiles in turn. */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  const commands = count ?? DEFAULT_COMMANDS;
  const all = [...profiles, levelProfile];
  let compared = 0;
  for (let index = 0; compared < commands; index += 1) {
    const profile = all[index % all.length] ?? levelProfile;
    const length = Math.min(COMMANDS_PER_RUN, commands - compared);
    const run = generateRun(profile, seed + index, length);
    const disagreement = await findDisagreement(run, () => new Market(), false);
    if (disagreement !== null) {
      throw new Error(`${label(profile, seed + index)} count=${length} ${disagreement}`);
    }
    compared += length;
    console.log(`${compared} of ${commands} commands agree (${profile.name})`);
  }
}
