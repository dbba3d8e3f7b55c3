import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

import { missingForWideArea, runInside } from "../test/regions/wide-area.ts";
import { missingNatsServer } from "../test/support/nats-cluster.ts";
import { repository } from "../test/support/shared-data.ts";
import { type BenchOptions, BenchVoid, type Figure, figure, type Report } from "./bench.ts";

/** Null: it did not come back. */
const seconds = z.array(z.number().nullable());

/** Of what test/regions/run.ts writes, what becomes a figure. */
const reportSchema = z.object({
  wanted: z.number(),
  drills: z.number(),
  broken: z.array(z.object({ what: z.string(), violations: z.number(), first: z.string() })),
  uncarried: z.array(z.object({ number: z.number(), fault: z.string(), reason: z.string() })),
  faults: z.array(
    z.object({
      fault: z.string(),
      market: z.string(),
      acknowledged: z.number(),
      byOuch: z.number(),
      lost: z.number(),
      doubled: z.number(),
      ofOldEpoch: z.number(),
      ownerChanges: z.number(),
      recovery: seconds,
      recoveryByOuch: seconds,
    }),
  ),
  recoveryByLoss: z.object({ none: seconds, one: seconds, both: seconds }),
  pauses: seconds,
});
type Drills = z.infer<typeof reportSchema>;
type FaultDrills = Drills["faults"][number];

const DRILLS = 50;
const QUICK_DRILLS = 1;
/** The same drills each time: what differs is the machine. */
const SEED = 2_026;
/** No drill begins after it: on a machine that is too busy the figures are those of fewer drills. */
const LONGEST_MINUTES = 40;

/**
 * Drills on three regions, judged by what their clients were told. What was found out is kept after each drill:
 * when the run is stopped, or a drill cannot be carried through, the figures are those of all others.
 */
export async function runRegionDrills({ quick }: BenchOptions): Promise<Report> {
  const missing = missingForWideArea() ?? missingNatsServer();
  if (missing !== null) throw new BenchVoid(missing);
  const folder = mkdtempSync(join(tmpdir(), "meridian-drills-"));
  try {
    const out = join(folder, "report.json");
    const code = await runInside(join(repository, "test", "regions", "run.ts"), [
      `--seed=${SEED}`,
      `--count=${quick ? QUICK_DRILLS : DRILLS}`,
      `--minutes=${LONGEST_MINUTES}`,
      `--out=${out}`,
    ]);
    if (code === null) throw new BenchVoid("this machine does not allow network namespaces");
    if (!existsSync(out)) throw new BenchVoid("stopped before the first drill was over");
    const drills = reportSchema.parse(JSON.parse(readFileSync(out, "utf8")));
    if (drills.drills === 0) throw new BenchVoid("no drill could be carried through");
    return reportOf(drills);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function reportOf(drills: Drills): Report {
  const sum = (of: (fault: FaultDrills) => number): number =>
    drills.faults.reduce((all, fault) => all + of(fault), 0);
  const lostOf = (name: string): number => sum(({ market, lost }) => (market === name ? lost : 0));
  const changesAt = (name: string): number =>
    sum(({ fault, ownerChanges }) => (fault === name ? ownerChanges : 0));
  return {
    workload: [
      `${drills.drills} of ${drills.wanted} drills, seed ${SEED}: three regions 10, 40 and 40 ms from each other, a server and a cell each, two markets, six clients by NATS and OUCH; RTO as clients see it, of planned moves the pause`,
      `${sum(({ acknowledged }) => acknowledged)} acknowledgements judged, ${sum(({ byOuch }) => byOuch)} of them by OUCH; ${sum(({ ofOldEpoch }) => ofOldEpoch)} of an old epoch, each on the chain`,
    ],
    figures: [
      count("drills carried through", "higher", drills.drills, drills.wanted),
      count("acknowledgements lost, replicated", "lower", lostOf("REPL")),
      count("acknowledgements lost, durable", "lower", lostOf("DURA")),
      count(
        "orders doubled",
        "lower",
        sum(({ doubled }) => doubled),
      ),
      count("promises broken", "lower", drills.broken.length),
      count("owner changes at a healing", "lower", changesAt("healing_under_load")),
      count("owner changes at a partial partition", "lower", changesAt("partial_partition")),
      ...goalFigures(drills),
      ...drills.faults.flatMap(({ fault, market, recovery, recoveryByOuch }) => [
        ...times(`${fault}: ${market}`, recovery),
        ...times(`${fault}: ${market} by OUCH`, recoveryByOuch),
      ]),
    ],
    notes: [
      "a value is a drill, or a move; DURA waits for its disk when its node is down",
      ...drills.uncarried.map(
        ({ number, fault, reason }) => `not carried through: ${number}. ${fault}: ${reason}`,
      ),
      ...drills.broken.map(
        ({ what, violations, first }) => `broken ${violations} times in ${what}: ${first}`,
      ),
    ],
  };
}

/** What the requirements state for `replicated` markets and for planned moves. */
function goalFigures({ recoveryByLoss, pauses }: Drills): readonly Figure[] {
  const { none, one, both } = recoveryByLoss;
  const all = [...none, ...one, ...both];
  return [
    ...times("RTO, both leaders survive", none, 4),
    ...times("RTO, one leader dies", one, 9),
    ...times("RTO, both leaders die", both),
    ...times("RTO, longest", all.length === 0 ? [] : [longest(all)], 25),
    ...times("pause of a planned move", pauses),
    ...times("pause of a planned move, p99", pauses.length === 0 ? [] : [p99(pauses)], 1),
  ];
}

const longest = (values: readonly (number | null)[]): number | null =>
  values.includes(null) ? null : Math.max(...values.map(Number));
/** `rising`: with what did not come back at the end. */
const p99 = (rising: readonly (number | null)[]): number | null =>
  rising[Math.max(0, Math.ceil(rising.length * 0.99) - 1)] ?? null;

const count = (name: string, better: Figure["better"], value: number, goal = 0): Figure =>
  figure(name, "", better, [value], goal);

/** Seconds; what did not come back until all was well again stands there as an hour. */
function times(name: string, values: readonly (number | null)[], goal?: number): readonly Figure[] {
  if (values.length === 0) return [];
  return [
    figure(
      name,
      "s",
      "lower",
      values.map((value) => value ?? NEVER_S),
      goal,
    ),
  ];
}

const NEVER_S = 3_600;
