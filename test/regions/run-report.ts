import type { DrillResult } from "./drill.ts";
import { type FaultReport, reportsOf, rising, secondsOf } from "./report.ts";

/** A promise that was not kept. */
export interface Broken {
  readonly what: string;
  readonly violations: number;
  readonly first: string;
}

/** A drill that did not come to its end, or a cluster that did not start. */
export interface Uncarried {
  readonly number: number;
  readonly fault: string;
  readonly reason: string;
}

/** Which leaders were in the region that a fault befell. */
export const leaderLosses = ["none", "one", "both"] as const;
export type LeaderLoss = (typeof leaderLosses)[number];

/** Everything a run found out, as far as it has gone. */
export interface RunReport {
  readonly wanted: number;
  readonly drills: number;
  readonly broken: readonly Broken[];
  readonly uncarried: readonly Uncarried[];
  readonly faults: readonly FaultReport[];
  /** Of the `replicated` market, seconds, rising, by the leaders that the fault befell. */
  readonly recoveryByLoss: Readonly<Record<LeaderLoss, readonly number[]>>;
  /** Each planned move's, of both markets; seconds, rising. */
  readonly pauses: readonly number[];
}

const replicated = "REPL";

function lossOf({ fault }: DrillResult): LeaderLoss {
  const befallen = [fault.journalLeader, fault.leaseLeader].filter((at) => at === fault.region);
  return leaderLosses[befallen.length] ?? "both";
}

export function runReportOf(
  wanted: number,
  done: readonly DrillResult[],
  broken: readonly Broken[],
  uncarried: readonly Uncarried[],
): RunReport {
  const faults = done.filter(({ fault }) => fault.name !== "planned_move");
  const recoveryOf = (loss: LeaderLoss): readonly number[] =>
    rising(
      faults
        .filter((drill) => lossOf(drill) === loss)
        .flatMap(({ results }) => results.filter(({ market }) => market === replicated))
        .map(({ recoveryMs }) => secondsOf(recoveryMs)),
    );
  return {
    wanted,
    drills: done.length,
    broken,
    uncarried,
    faults: reportsOf(done),
    recoveryByLoss: {
      none: recoveryOf("none"),
      one: recoveryOf("one"),
      both: recoveryOf("both"),
    },
    pauses: rising(
      done.flatMap(({ results }) => results.flatMap(({ pausesMs }) => pausesMs.map(secondsOf))),
    ),
  };
}
