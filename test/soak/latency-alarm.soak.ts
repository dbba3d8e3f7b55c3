import { existsSync } from "node:fs";
import { join } from "node:path";

import type { SoakOptions } from "../soak.ts";
import { runProcess } from "../stages/process.ts";
import { repository } from "../support/shared-data.ts";

const program = join(repository, "build", "native", "test", "reactor", "reactor_test");
const DEFAULT_SECONDS = 600;

/** A market under a steady flow, for `count` seconds (default ten minutes): no latency alert may be raised. */
export async function soak({ count }: SoakOptions): Promise<void> {
  if (!existsSync(program)) throw new Error("npm test -- --only=native builds reactor_test");
  const seconds = count ?? DEFAULT_SECONDS;
  const run = await runProcess(
    program,
    ["--gtest_filter=MarketMonitorTest.StaysSilentWhileNothingIsWrong"],
    (seconds + 60) * 1_000,
    { MERIDIAN_CLEAN_SECONDS: String(seconds) },
  );
  console.log(run.output);
  if (run.exitCode !== 0) throw new Error(`an alert was raised in ${seconds} s of a clean flow`);
}
