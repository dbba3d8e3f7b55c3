import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";
import { repository } from "../test/support/shared-data.ts";
import { type BenchOptions, figure, type Report } from "./bench.ts";
import { runProgram } from "./programs.ts";

const outputSchema = z.object({
  compiler: z.string(),
  commit: z.string(),
  orders: z.number(),
  acks: z.number(),
  pairs: z.number(),
  ackP50Us: z.number(),
  ackP99Us: z.number(),
  ackP999Us: z.number(),
  recordsPerSecond: z.number(),
  replayedPerSecond: z.number(),
  checkedPerSecond: z.number(),
  syncNs: z.number(),
  syncLowNs: z.number(),
  syncHighNs: z.number(),
  withoutNs: z.number(),
});

/** What durability costs, and how fast a market comes back. */
export async function runJournal({ quick, repeats }: BenchOptions): Promise<Report> {
  const size = quick ? ["100000", "50", "4"] : ["2000000", "2000", "30"];
  const [orders = "", acks = "", pairs = ""] = size;
  const outputs: z.infer<typeof outputSchema>[] = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    // In the checkout and not in a folder for temporary files, which may be memory.
    const folder = await mkdtemp(join(repository, "build", "bench-journal-"));
    try {
      const words = ["--folder", folder, "--orders", orders, "--acks", acks, "--pairs", pairs];
      outputs.push(outputSchema.parse(JSON.parse(await runProgram("journal", words))));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  const of = (name: Exclude<keyof z.infer<typeof outputSchema>, "compiler" | "commit">): number[] =>
    outputs.map((output) => output[name]);
  const first = outputs[0];
  return {
    workload: [
      `one order at a time until it is durable, ${acks} times, the sender spinning; W narrow, ${orders} operations through the reactor until all are durable, and its log replayed to the same digest; ${pairs} pairs with and without a record for each command`,
    ],
    figures: [
      figure("durable ack p50, idle", "µs", "lower", of("ackP50Us"), 250),
      figure("durable ack p99, idle", "µs", "lower", of("ackP99Us")),
      figure("durable ack p99.9, idle", "µs", "lower", of("ackP999Us")),
      figure("durable records", "/s", "higher", of("recordsPerSecond"), 1_000_000),
      figure("replayed records", "/s", "higher", of("replayedPerSecond"), 5_000_000),
      figure("records read and checked only", "/s", "higher", of("checkedPerSecond")),
      figure("what a record adds to a command", "ns", "lower", of("syncNs"), 10),
    ],
    notes: [
      `${first?.compiler ?? ""}; commits by ${first?.commit ?? ""}`,
      ...outputs.map(
        ({ syncLowNs, syncNs, syncHighNs, withoutNs }) =>
          `a command ${withoutNs} ns of processor time without a record; with one ${syncNs} more (quartiles ${syncLowNs} and ${syncHighNs})`,
      ),
    ],
  };
}
