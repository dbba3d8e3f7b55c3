import type { SoakOptions } from "../soak.ts";
import { check, runProcess } from "../stages/process.ts";

const DEFAULT_SEEDS = 20_000;
const BUILD_LIMIT_MS = 900_000;
const RUN_LIMIT_MS = 3_600_000;

/** Lives of a log with power cuts and kills at random operations, `count` of them (default 20,000). */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  const tree = "build/native/test";
  const options = ["-DCMAKE_BUILD_TYPE=Release", "-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"];
  for (const line of [
    ["-S", "native", "-B", tree, "-G", "Ninja", ...options],
    ["--build", tree, "--target", "log_test"],
  ]) {
    if ((await check(`cmake ${line[0]}`, "cmake", line, BUILD_LIMIT_MS)).failed > 0)
      throw new Error("the tests of the journal cannot be built");
  }
  const seeds = count ?? DEFAULT_SEEDS;
  const run = await runProcess(
    `${tree}/journal/log_test`,
    ["--gtest_filter=PowerCut.*:Damage.*:FullDisk.*"],
    RUN_LIMIT_MS,
    { MERIDIAN_POWER_CUT_SEEDS: String(seeds), MERIDIAN_SEED: String(seed) },
  );
  console.log(run.output.split("\n").slice(-8).join("\n"));
  if (run.exitCode !== 0) throw new Error(run.output);
  console.log(`${seeds} seeds: every acknowledged record was there, in order, once`);
}
