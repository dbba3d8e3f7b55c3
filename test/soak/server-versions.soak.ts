import { join } from "node:path";

import { floorReplicated, newestTried, releaseToTry } from "../../ops/bootstrap/nats-server.mjs";
import type { SoakOptions } from "../soak.ts";
import { runProcess } from "../stages/process.ts";
import { repository } from "../support/shared-data.ts";

/** Tests whose servers are real, and what they ask of JetStream is what the product asks. */
const tests = [
  "bus",
  "bus-contract",
  "cell",
  "failover",
  "jetstream-faults",
  "log-trim",
  "lost-stream",
  "region-recover",
  "supercluster",
  "up",
] as const;
const limitMs = 420_000;
const lastLines = 60;

/**
 * The tests of servers, on the oldest release that serves `replicated` and on the newest that was tried, one
 * after the other (`npm test` runs them on the pinned one). `count`: how often each (default 1).
 */
export async function soak({ count }: SoakOptions): Promise<void> {
  const failed: string[] = [];
  for (const version of [floorReplicated, newestTried]) {
    const server = await releaseToTry(version);
    if (server.path === undefined) {
      throw new Error(`nats-server ${version}: ${server.why}; ${server.next ?? ""}`);
    }
    const runs = tests.flatMap((name) => Array.from({ length: count ?? 1 }, () => name));
    for (const name of runs) {
      const file = join(repository, "test", "e2e", `${name}.test.ts`);
      const run = await runProcess(process.execPath, [file], limitMs, {
        NATS_SERVER: server.path,
        NO_COLOR: "1",
      });
      const passed = /^\s*Passed:\s+([1-9]\d*)/m.exec(run.output)?.[1];
      const ok = run.exitCode === 0 && passed !== undefined;
      const seconds = Math.round(run.milliseconds / 1_000);
      console.log(
        `${ok ? "ok  " : "FAIL"} ${version} ${name}  ${passed ?? 0} passed  ${seconds} s`,
      );
      if (ok) continue;
      failed.push(`${name} on ${version}`);
      console.log(run.output.split("\n").slice(-lastLines).join("\n"));
    }
  }
  if (failed.length > 0) throw new Error(failed.join(", "));
}
