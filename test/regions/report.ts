import type { DrillResult } from "./drill.ts";
import { type FaultName, faultNames } from "./faults.ts";
import { type Market, markets } from "./three-regions.ts";

/** What is reached for, in seconds; a machine that is busy misses it, and that is no broken promise. */
interface Goal {
  readonly median?: number;
  readonly most: number;
}
const MOST_S = 25;
/** The stream's leader and the lease's stay, one of them dies, or both. */
const goals: Readonly<Record<Exclude<FaultName, "planned_move">, Goal>> = {
  region_killed: { median: 4, most: MOST_S },
  region_frozen: { median: 4, most: MOST_S },
  partition: { median: 4, most: MOST_S },
  one_way_partition: { median: 4, most: MOST_S },
  flapping_link: { median: 4, most: MOST_S },
  slow_disk: { median: 4, most: MOST_S },
  lossy_link: { median: 4, most: MOST_S },
  narrow_link: { median: 4, most: MOST_S },
  // A leader may be in the region that is cut off.
  healing_under_load: { median: 9, most: MOST_S },
  // The owner lives and cannot reach the leaders: it is waited for.
  partial_partition: { median: 9, most: MOST_S },
  journal_leader_killed: { median: 9, most: MOST_S },
  lease_leader_killed: { median: 9, most: MOST_S },
  region_and_leaders_killed: { most: MOST_S },
  both_leaders_killed: { most: MOST_S },
};
export const PAUSE_GOAL_S = 1;

/** Of one fault and one market over all drills. Times in seconds, infinite: it did not come back. */
export interface FaultReport {
  readonly fault: FaultName;
  readonly market: Market;
  readonly drills: number;
  readonly acknowledged: number;
  readonly byOuch: number;
  /** Acknowledgements that the chain does not have, or not as they were told. */
  readonly lost: number;
  readonly doubled: number;
  readonly repeated: number;
  readonly ofOldEpoch: number;
  readonly ownerChanges: number;
  /** Each drill's, rising; of planned moves each move's pause. */
  readonly recovery: readonly number[];
  readonly recoveryByOuch: readonly number[];
  readonly longestSilence: number;
  readonly goal: Goal;
}

export const rising = (values: readonly number[]): readonly number[] =>
  [...values].sort((a, b) => a - b);
export const secondsOf = (ms: number | null): number =>
  ms === null ? Number.POSITIVE_INFINITY : ms / 1_000;
const shown = (value: number | undefined): string =>
  value === undefined ? "-" : Number.isFinite(value) ? value.toFixed(2) : "never";

/** The value that this share of the samples does not exceed. */
export function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))];
}

export function reportsOf(drills: readonly DrillResult[]): readonly FaultReport[] {
  return faultNames
    .filter((name) => drills.some(({ fault }) => fault.name === name))
    .flatMap((name) => markets.map((market) => reportOf(name, market.name, drills)));
}

function reportOf(name: FaultName, market: Market, drills: readonly DrillResult[]): FaultReport {
  const results = drills
    .filter(({ fault }) => fault.name === name)
    .flatMap((drill) => drill.results.filter((one) => one.market === market));
  const sum = (of: (result: (typeof results)[number]) => number): number =>
    results.reduce((all, result) => all + of(result), 0);
  const isMove = name === "planned_move";
  return {
    fault: name,
    market,
    drills: results.length,
    acknowledged: sum(({ news }) => news.acknowledged),
    byOuch: sum(({ news }) => news.byOuch),
    lost: sum(({ news }) => news.lost),
    doubled: sum(({ news }) => news.doubled),
    repeated: sum(({ news }) => news.repeated),
    ofOldEpoch: sum(({ news }) => news.ofOldEpoch),
    ownerChanges: sum(({ news }) => news.ownerChanges),
    recovery: rising(
      isMove
        ? results.flatMap(({ pausesMs }) => pausesMs.map(secondsOf))
        : results.map(({ recoveryMs }) => secondsOf(recoveryMs)),
    ),
    recoveryByOuch: rising(results.map(({ byOuch }) => secondsOf(byOuch.recoveryMs))),
    longestSilence: Math.max(...results.map(({ silenceMs }) => silenceMs)) / 1_000,
    goal: isMove ? { most: PAUSE_GOAL_S } : goals[name],
  };
}

/** `met`, or by what it was missed; a durable market waits for its disk, for which there is no goal. */
function judged({ market, recovery, goal }: FaultReport): string {
  if (markets.find(({ name }) => name === market)?.mode !== "replicated") return "";
  const median = quantile(recovery, 0.5) ?? Number.POSITIVE_INFINITY;
  const most = recovery.at(-1) ?? Number.POSITIVE_INFINITY;
  const missed = [
    ...(goal.median !== undefined && median >= goal.median ? [`p50 < ${goal.median}`] : []),
    ...(most >= goal.most ? [`max < ${goal.most}`] : []),
  ];
  return missed.length === 0 ? "met" : `missed: ${missed.join(", ")}`;
}

const columns = [
  ["fault", (one: FaultReport) => one.fault],
  ["market", (one: FaultReport) => one.market],
  ["n", (one: FaultReport) => String(one.recovery.length)],
  ["acks", (one: FaultReport) => String(one.acknowledged)],
  ["lost", (one: FaultReport) => String(one.lost)],
  ["doubled", (one: FaultReport) => String(one.doubled)],
  ["old epoch", (one: FaultReport) => String(one.ofOldEpoch)],
  ["owners", (one: FaultReport) => String(one.ownerChanges)],
  ["p50", (one: FaultReport) => shown(quantile(one.recovery, 0.5))],
  ["p99", (one: FaultReport) => shown(quantile(one.recovery, 0.99))],
  ["max", (one: FaultReport) => shown(one.recovery.at(-1))],
  ["OUCH p50", (one: FaultReport) => shown(quantile(one.recoveryByOuch, 0.5))],
  ["OUCH max", (one: FaultReport) => shown(one.recoveryByOuch.at(-1))],
  ["silence", (one: FaultReport) => shown(one.longestSilence)],
  ["goal", judged],
] as const;

/** The table of a run in Markdown: per fault and market what was lost and how long it took, in seconds. */
export function table(drills: readonly DrillResult[]): string {
  const rows = reportsOf(drills).map((one) => columns.map(([, value]) => value(one)));
  const widths = columns.map(([title], at) =>
    Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  return [
    line(columns.map(([title]) => title)),
    line(widths.map((width) => "-".repeat(width))),
    ...rows.map(line),
  ].join("\n");
}

/** One drill in a line. */
export function describeDrill(result: DrillResult): string {
  const { fault, phases, placed, results, ownerChanges, resends, unanswered } = result;
  const where = `${fault.name} at ${fault.region} (journal ${fault.journalLeader}, lease ${fault.leaseLeader}${placed ? "" : ", not placed"}, ${shown(fault.lastsMs / 1_000)} s)`;
  const of = results.map(
    ({ market, recoveryMs, byOuch, silenceMs, pausesMs, news, verdict }) =>
      `${market} RTO ${shown(secondsOf(recoveryMs))} OUCH ${shown(secondsOf(byOuch.recoveryMs))} silence ${shown(silenceMs / 1_000)}${pausesMs.length > 0 ? ` pauses ${pausesMs.map((ms) => shown(ms / 1_000)).join(" ")}` : ""} acks ${news.acknowledged} repeated ${news.repeated} old-epoch ${news.ofOldEpoch} lost ${news.lost} dropped ${verdict.dropped}`,
  );
  const took = Object.entries(phases).map(([phase, ms]) => `${phase} ${shown(ms / 1_000)}`);
  return `${where}: ${of.join("; ")}; owner changes ${ownerChanges}, resends ${resends}, unanswered ${unanswered.length}; took ${took.join(", ")}`;
}
