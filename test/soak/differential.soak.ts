import { Market } from "../../native/portable/market.ts";
import { findDisagreement, generateRun, label } from "../differential/comparison.ts";
import { levelProfile, profiles } from "../differential/profiles.ts";
import type { SoakOptions } from "../soak.ts";
import { check } from "../stages/process.ts";

const DEFAULT_COMMANDS = 10_000_000;
const COMMANDS_PER_RUN = 100_000;
const BUILD_LIMIT_MS = 900_000;

/** Brings the engine behind the pipe up to date: one of older sources would differ, or not read its input. */
async function buildEngine(): Promise<void> {
  const tree = "build/native/test";
  const options = ["-DCMAKE_BUILD_TYPE=Release", "-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"];
  for (const line of [
    ["-S", "native", "-B", tree, "-G", "Ninja", ...options],
    ["--build", tree, "--target", "engine_replay"],
  ]) {
    if ((await check(`cmake ${line[0]}`, "cmake", line, BUILD_LIMIT_MS)).failed > 0)
      throw new Error("the engine to compare with cannot be built");
  }
}

/** Compares both engines over `count` commands (default ten million), all profiles in turn. */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  await buildEngine();
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
