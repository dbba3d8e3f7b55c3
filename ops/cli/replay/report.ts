import type { ReplayResult } from "../../../actors/replay/summary.ts";
import type { ClientCounters } from "../../../schemas/sdk/client.ts";
import { duration } from "../commands/status.ts";
import type { LatencyView } from "../markets.ts";
import { facts } from "../terminal.ts";

/** Everything that is known of one replay; what -o json prints. */
export interface ReplayReport {
  readonly file: string;
  readonly format: string;
  readonly symbol: string;
  /** Price levels that the file covers; null: all, or not known. */
  readonly levels: number | null;
  readonly market: string;
  readonly region: string;
  readonly mode: string;
  readonly speed: string;
  readonly seconds: number;
  readonly commandsPerSecond: number;
  /** From a request sent to its reply, a whole batch each. */
  readonly roundTrip: LatencyView;
  readonly client: ClientCounters;
  readonly summary: ReplayResult["summary"];
  /** Percentages; null when there is nothing to compare. */
  readonly executionsSamePercent: number | null;
  readonly statesFoundPercent: number | null;
  /** Why it ended early, null at the end of the file. */
  readonly stopped: ReplayResult["stopped"];
}

/** Three decimals, cut and not rounded: 100 means all. */
export const percent = (part: number, whole: number): number | null =>
  whole === 0 ? null : Math.floor((part / whole) * 100_000) / 1_000;

/** The report for people. */
export function reportText(report: ReplayReport): string {
  const { summary, client, roundTrip } = report;
  const { executions, corrections, seeds, book } = summary;
  const rows: (readonly [string, string])[] = [
    [
      "session",
      `${report.file} (${report.format}, ${report.symbol}${report.levels === null ? "" : `, ${report.levels} level${report.levels === 1 ? "" : "s"}`})`,
    ],
    ["market", `${report.market} in ${report.region}, acknowledged when ${report.mode}`],
    ["rows", `${summary.rows}: ${summary.used} used, ${summary.malformed} malformed`],
    [
      "commands",
      `${summary.commands} from rows, ${summary.hidden} hidden executions, ${summary.crosses} crosses, ${summary.halts} halts, ${counts(summary.skipped) || "none skipped"}`,
    ],
    [
      "seeds",
      `${seeds.beforeFirstRow + seeds.later} orders from outside the file (${seeds.beforeFirstRow} before the first row)`,
    ],
    [
      "executions",
      `${share(executions.same, executions.visible)} hit the file's order with its size${suffix(counts(executions.others))}`,
    ],
    [
      "kept in step",
      `${corrections.cancels} cancels, ${corrections.entries} entries, ${corrections.reductions} reductions; ${summary.provenGone} orders proven gone, ${summary.cameBack} came back; ${summary.deletionsOfAnotherSize} deletions of another size`,
    ],
    ["refusals", counts(summary.refusals) || "none"],
    ["trades", `${summary.trades}, volume ${summary.volume}; ${summary.resting} orders rest`],
  ];
  if (book !== null) {
    rows.push([
      "book states",
      `${share(book.found, book.states)} found, ${book.method}${book.unknown > 0 ? `; ${book.unknown} not known` : ""}${book.malformed > 0 ? `; ${book.malformed} malformed book rows` : ""}`,
    ]);
  }
  rows.push(
    [
      "speed",
      `${summary.sent} commands in ${client.requests} requests, ${report.seconds.toFixed(2)} s, ${report.commandsPerSecond}/s`,
    ],
    [
      "round trip",
      `p50 ${duration(roundTrip.p50Ns)}, p99 ${duration(roundTrip.p99Ns)}, p99.9 ${duration(roundTrip.p999Ns)}`,
    ],
  );
  if (client.resends > 0) {
    rows.push(["resends", `${client.resends} (${client.timeouts} time-outs)`]);
  }
  const faults = summary.faults.map((fault) => `  at ${fault.position}: ${fault.reason}`);
  const hidden = summary.malformed - summary.faults.length;
  if (hidden > 0) faults.push(`  and ${hidden} more`);
  const stopped = report.stopped === null ? [] : [`stopped: ${report.stopped.reason}`];
  return [facts(rows), ...faults, ...stopped].join("\n");
}

/** "3 of 4 (75 %)", or "0 of 0". */
function share(part: number, whole: number): string {
  const percentage = percent(part, whole);
  return `${part} of ${whole}${percentage === null ? "" : ` (${percentage} %)`}`;
}

const suffix = (text: string): string => (text === "" ? "" : `; others: ${text}`);

/** Counts that are not 0, as text. */
const counts = (record: Readonly<Record<string, number>>): string =>
  Object.entries(record)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
