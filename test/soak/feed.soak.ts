import { join } from "node:path";

import type { SoakOptions } from "../soak.ts";
import { build, hostTree } from "../rv32/programs.ts";
import { runProcess } from "../stages/process.ts";
import { repository } from "../support/shared-data.ts";

const DEFAULT_STREAMS = 20_000;
const LIMIT_MS = 3_600_000;

/** Rebuilds the book from the feed after each command of `count` seeded streams of 3,000 commands. */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  await build(hostTree, ["-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"], ["feed_test"]);
  const streams = count ?? DEFAULT_STREAMS;
  const run = await runProcess(
    join(repository, hostTree, "feed", "feed_test"),
    ["--gtest_filter=BookFeed.*:Mold.*"],
    LIMIT_MS,
    { MERIDIAN_SEED: String(seed), MERIDIAN_FEED_STREAMS: String(streams) },
  );
  if (run.exitCode !== 0)
    throw new Error(`${run.output}\nreplay: MERIDIAN_SEED=${seed} MERIDIAN_FEED_STREAMS=1`);
  console.log(`${streams} streams, ${streams * 3_000} commands: the books were the same`);
}
