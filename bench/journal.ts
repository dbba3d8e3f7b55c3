import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";
import { repository } from "../test/support/shared-data.ts";
import { type BenchOptions, figure, type Report } from "./bench.ts";
import { runProgram } from "./programs.ts";

const quartiles = z.tuple([z.number(), z.number(), z.number()]);
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
  withoutNs: z.number(),
  recordNs: quartiles,
  syncNs: quartiles,
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
  type Output = (typeof outputs)[number];
  const of = (pick: (output: Output) => number): number[] => outputs.map(pick);
  const first = outputs[0];
  return {
    workload: [
      `one order at a time until it is durable, ${acks} times, the sender spinning; W narrow, ${orders} operations through the reactor until all are durable, and its log replayed to the same digest; ${pairs} times the same commands without records, with records that are dropped, and with records that become durable, in turns`,
    ],
    figures: [
      figure(
        "durable ack p50, idle",
        "µs",
        "lower",
        of((output) => output.ackP50Us),
        250,
      ),
      figure(
        "durable ack p99, idle",
        "µs",
        "lower",
        of((output) => output.ackP99Us),
      ),
      figure(
        "durable ack p99.9, idle",
        "µs",
        "lower",
        of((output) => output.ackP999Us),
      ),
      figure(
        "durable records",
        "/s",
        "higher",
        of((output) => output.recordsPerSecond),
        1_000_000,
      ),
      figure(
        "replayed records",
        "/s",
        "higher",
        of((output) => output.replayedPerSecond),
        5_000_000,
      ),
      figure(
        "records read and checked only",
        "/s",
        "higher",
        of((output) => output.checkedPerSecond),
      ),
      figure(
        "what a record adds to a command",
        "ns",
        "lower",
        of(({ recordNs }) => recordNs[1]),
      ),
      figure(
        "what its sync adds to that",
        "ns",
        "lower",
        of(({ syncNs }) => syncNs[1]),
        10,
      ),
    ],
    notes: [
      `${first?.compiler ?? ""}; commits by ${first?.commit ?? ""}`,
      ...outputs.map(
        ({ withoutNs, recordNs, syncNs }) =>
          `processor time of the match thread: ${withoutNs} ns a command, quartiles of the pairs: ${recordNs.join(", ")} ns more with a record that is dropped, ${syncNs.join(", ")} ns more when it becomes durable`,
      ),
    ],
  };
}
