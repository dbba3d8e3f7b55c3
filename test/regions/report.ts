import type { DrillResult } from "./drill.ts";
import { type FaultName, faultNames } from "./faults.ts";
import type { Market } from "./three-regions.ts";

const seconds = (ms: number | undefined): string =>
  ms === undefined ? "-" : (ms / 1_000).toFixed(2);
const quantile = (sorted: readonly number[], part: number): number | undefined =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

function row(name: FaultName, market: Market, drills: readonly DrillResult[]): string {
  const of = drills.filter(({ fault }) => fault.name === name);
  const results = of.flatMap(({ results: all }) => all.filter((one) => one.market === market));
  const times = results
    .map(({ recoveryMs }) => recoveryMs ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b);
  const silence = Math.max(...results.map(({ silenceMs }) => silenceMs));
  const changes = of.reduce((sum, { ownerChanges }) => sum + ownerChanges, 0);
  return [
    name.padEnd(26),
    market.padEnd(5),
    String(of.length).padStart(3),
    seconds(quantile(times, 0.5)).padStart(8),
    seconds(times.at(-1)).padStart(8),
    seconds(silence).padStart(9),
    String(changes).padStart(7),
  ].join("  ");
}

/** The table of a run: per fault and market, how long it took and whether the owner changed. */
export function table(drills: readonly DrillResult[]): string {
  const head = `${"fault".padEnd(26)}  mkt    n   RTO p50   RTO max  silence  owners`;
  const ran = faultNames.filter((name) => drills.some(({ fault }) => fault.name === name));
  const rows = ran.flatMap((name) => [row(name, "REPL", drills), row(name, "DURA", drills)]);
  return [head, ...rows].join("\n");
}

/** One drill in a line. */
export function describeDrill(result: DrillResult): string {
  const { fault, placed, results, ownerChanges, resends } = result;
  const where = `${fault.name} at ${fault.region} (journal ${fault.journalLeader}, lease ${fault.leaseLeader}${placed ? "" : ", not placed"}, ${seconds(fault.lastsMs)} s)`;
  const markets = results.map(
    ({ market, recoveryMs, silenceMs, verdict }) =>
      `${market} RTO ${seconds(recoveryMs ?? undefined)} silence ${seconds(silenceMs)} acks ${verdict.acknowledged} repeated ${verdict.repeated} old-epoch ${verdict.ofOldEpoch} dropped ${verdict.dropped} lost ${Object.values(verdict.lost).join("/")}`,
  );
  return `${where}: ${markets.join("; ")}; owner changes ${ownerChanges}, resends ${resends}`;
}
