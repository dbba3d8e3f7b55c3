import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

import { missingForWideArea, runInside } from "../test/regions/wide-area.ts";
import { missingNatsServer } from "../test/support/nats-cluster.ts";
import { repository } from "../test/support/shared-data.ts";
import { type BenchOptions, BenchVoid, type Figure, figure, type Report } from "./bench.ts";

/** Of what test/regions/run.ts writes, what becomes a figure. */
const reportSchema = z.array(
  z.object({
    fault: z.string(),
    market: z.string(),
    acknowledged: z.number(),
    byOuch: z.number(),
    lost: z.number(),
    doubled: z.number(),
    ofOldEpoch: z.number(),
    /** Null: it did not come back. */
    recovery: z.array(z.number().nullable()),
    recoveryByOuch: z.array(z.number().nullable()),
    goal: z.object({ median: z.number().optional(), most: z.number() }),
  }),
);

const DRILLS = 50;
const QUICK_DRILLS = 1;
/** The same drills each time: what differs is the machine. */
const SEED = 2_026;

/** Drills on three regions, judged by what their clients were told; void when a promise was broken. */
export async function runRegionDrills({ quick }: BenchOptions): Promise<Report> {
  const missing = missingForWideArea() ?? missingNatsServer();
  if (missing !== null) throw new BenchVoid(missing);
  const folder = mkdtempSync(join(tmpdir(), "meridian-drills-"));
  try {
    const out = join(folder, "reports.json");
    const count = quick ? QUICK_DRILLS : DRILLS;
    const code = await runInside(join(repository, "test", "regions", "run.ts"), [
      `--seed=${SEED}`,
      `--count=${count}`,
      `--out=${out}`,
    ]);
    if (code === null) throw new BenchVoid("this machine does not allow network namespaces");
    if (code !== 0) throw new BenchVoid("a promise was broken: see the lines that say BROKEN");
    const reports = reportSchema.parse(JSON.parse(readFileSync(out, "utf8")));
    return reportOf(reports, count);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function reportOf(reports: z.infer<typeof reportSchema>, count: number): Report {
  const sum = (name: "acknowledged" | "byOuch" | "lost" | "doubled" | "ofOldEpoch"): number =>
    reports.reduce((all, report) => all + report[name], 0);
  const seconds = (name: string, values: readonly (number | null)[], goal?: number): Figure => {
    if (values.includes(null)) throw new BenchVoid(`${name}: a market did not come back`);
    return figure(
      name,
      "s",
      "lower",
      values.filter((value) => value !== null),
      goal,
    );
  };
  return {
    workload: [
      `${count} drills, seed ${SEED}: three regions 10, 40 and 40 ms from each other, a server and a cell each, two markets, six clients by NATS and OUCH; RTO as clients see it, of planned moves the pause`,
      `${sum("acknowledged")} acknowledgements judged, ${sum("byOuch")} of them by OUCH: ${sum("lost")} lost, ${sum("doubled")} orders doubled, ${sum("ofOldEpoch")} of an old epoch, each on the chain`,
    ],
    figures: reports.flatMap(({ fault, market, recovery, recoveryByOuch, goal }) => [
      seconds(
        `${fault}: ${market}`,
        recovery,
        market === "REPL" ? (goal.median ?? goal.most) : undefined,
      ),
      seconds(`${fault}: ${market} by OUCH`, recoveryByOuch),
    ]),
    notes: ["a value is a drill, or a move; DURA waits for its disk when its node is down"],
  };
}
