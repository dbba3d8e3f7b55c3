import { globSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import type { SoakOptions } from "../soak.ts";
import { type fuzzers, prepareFuzzers } from "../stages/fuzz.ts";
import { runProcess } from "../stages/process.ts";
import { repository } from "./shared-data.ts";

const DEFAULT_SECONDS = 600;
/** Beyond the seconds asked for: reading the corpus, and the last input. */
const MARGIN_SECONDS = 120;

/** Runs each fuzzer for `count` seconds (default ten minutes), from the corpus and from what earlier soaks found. */
export async function soakFuzzers(
  chosen: readonly (typeof fuzzers)[number][],
  { seed, count }: SoakOptions,
): Promise<void> {
  const seconds = count ?? DEFAULT_SECONDS;
  const tree = await prepareFuzzers();
  if (tree === null) throw new Error("the fuzzers cannot be built: see the line above");
  for (const fuzzer of chosen) {
    const program = join(tree, "fuzz", `${fuzzer}_fuzz`);
    const found = join("build", "fuzz", fuzzer);
    const faults = join("build", "fuzz", `${fuzzer}-`);
    mkdirSync(join(repository, found), { recursive: true });
    const run = await runProcess(
      program,
      [
        `-max_total_time=${seconds}`,
        `-seed=${seed}`,
        "-max_len=4096",
        "-len_control=0",
        "-timeout=20",
        "-print_final_stats=1",
        `-artifact_prefix=${faults}`,
        found,
        join("test", "fuzz", "native", "corpus", fuzzer),
      ],
      (seconds + MARGIN_SECONDS) * 1000,
    );
    const executed = /number_of_executed_units: (\d+)/.exec(run.output)?.[1];
    if (run.exitCode !== 0 || executed === undefined) {
      const inputs = globSync(`${faults}*`, { cwd: repository });
      console.error(run.output.split("\n").slice(-60).join("\n"));
      throw new Error(
        `${fuzzer}: a fault${run.timedOut ? " (it hung)" : ""}  SEED=${seed}  replay: ${inputs.map((input) => `${program} ${input}`).join("; ")}`,
      );
    }
    console.log(`${fuzzer}: ${executed} inputs in ${seconds} s, no fault`);
  }
}
