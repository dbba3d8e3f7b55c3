import { rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { seededRandomness } from "../actors/kernel/seeded-randomness.ts";
import { lobsterSession } from "../actors/replay/lobster.ts";
import type { ReplayReport } from "../ops/cli/replay/report.ts";
import type { ClusterFile } from "../schemas/configuration.ts";
import { meridian } from "../test/support/command-line.ts";
import { temporaryFolder, withCluster } from "../test/support/launched-cluster.ts";
import { rehearse, textBytes } from "../test/support/recorded-session.ts";
import { asLobsterMessages, generateSession } from "../test/support/session-generator.ts";
import { repository } from "../test/support/shared-data.ts";
import { type Bench, type BenchOptions, BenchVoid, type Report, figure, median } from "./bench.ts";
import { fileSystem, processorSeconds } from "./machine.ts";

/** A recorded session through the front door of a cluster of three regions, as users replay it. */
export const replay: Bench = {
  name: "replay",
  line: "`meridian replay` at full speed into a cluster of three regions on this machine",
  run,
};

const SEED = 811;
/** Far from the ports of a cluster that a user runs, and from those of tests. */
const firstPorts = { nats: 15_222, route: 17_222, http: 19_600 } as const;

interface Session {
  readonly file: string;
  readonly line: string;
  /** What the slow twin makes of it, without any network; null when that was not asked. */
  readonly expected: ReplayReport["summary"] | null;
}

async function run({ quick, repeats, file }: BenchOptions): Promise<Report> {
  const folder = temporaryFolder();
  try {
    const session = file === null ? await generated(folder, quick) : recorded(file);
    const runs: Run[] = [];
    let engines: readonly string[] = [];
    await withCluster(
      async ({ overview }) => {
        for (let repeat = 0; repeat < repeats; repeat += 1) {
          runs.push(await replayOnce(overview.plan.dataDirectory, overview.cluster, session));
        }
        engines = overview.engines;
      },
      { cellProgram: join(repository, "actors", "root", "main.ts"), firstPorts },
    );
    return report(session, runs, `${engines.join(" and ")} engine, logs on ${fileSystem(folder)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function generated(folder: string, quick: boolean): Promise<Session> {
  const steps = quick ? 500 : 20_000;
  const random = seededRandomness(SEED);
  const made = generateSession({ random, steps, levels: null, outOfOrderPerMille: 0 });
  const text = asLobsterMessages(made);
  // A name as the vendor gives it: symbol, day, and no number of levels, so all of them.
  const file = join(folder, "BENCH_2026-01-05_34200000_57600000_message_deep.csv");
  writeFileSync(file, text);
  const { summary } = await rehearse(lobsterSession(textBytes(text)));
  return {
    file,
    line: `a generated LOBSTER session of ${made.rows.length} rows (seed ${SEED}); what the exchange did is what the portable engine does without a network`,
    expected: summary,
  };
}

function recorded(file: string): Session {
  return { file, line: `${basename(file)}; no command was refused`, expected: null };
}

interface Run {
  readonly report: ReplayReport;
  /** Processor seconds by what used them. */
  readonly used: {
    readonly commandLine: number;
    readonly homeCell: number;
    readonly homeServer: number;
    readonly rest: number;
  };
}

async function replayOnce(data: string, cluster: ClusterFile, session: Session): Promise<Run> {
  const before = usage(cluster);
  const words = ["replay", session.file, "--speed", "max", "--as", "operator", "-o", "json"];
  const result = await meridian(data, words);
  if (result.code !== 0) throw new BenchVoid(`meridian replay: ${result.errors}${result.output}`);
  const { replays } = JSON.parse(result.output) as { readonly replays: readonly ReplayReport[] };
  const done = replays[0];
  if (done === undefined || Object.keys(done.summary.refusals).length > 0) {
    throw new BenchVoid(`nothing was replayed, or commands were refused: ${result.output}`);
  }
  if (session.expected !== null && !isDeepStrictEqual(done.summary, session.expected)) {
    throw new BenchVoid(
      `the exchange did ${JSON.stringify(done.summary)}, the portable engine ${JSON.stringify(session.expected)}`,
    );
  }
  const after = usage(cluster);
  const spent = (of: "cell" | "server", isHome: boolean): number =>
    after.regions.reduce((sum, region, index) => {
      const earlier = before.regions[index]?.[of] ?? 0;
      return (region.name === done.region) === isHome ? sum + region[of] - earlier : sum;
    }, 0);
  return {
    report: done,
    used: {
      commandLine: after.commandLine - before.commandLine,
      homeCell: spent("cell", true),
      homeServer: spent("server", true),
      rest: spent("cell", false) + spent("server", false),
    },
  };
}

/** Processor seconds so far; the command line's are those of children that have ended. */
function usage(cluster: ClusterFile): {
  readonly commandLine: number;
  readonly regions: readonly { name: string; cell: number; server: number }[];
} {
  return {
    commandLine: processorSeconds("self").children,
    regions: cluster.regions.map(({ name, cellPid, natsPid }) => ({
      name,
      cell: processorSeconds(cellPid).own,
      server: processorSeconds(natsPid).own,
    })),
  };
}

function report(session: Session, runs: readonly Run[], cells: string): Report {
  const of = (value: (one: ReplayReport) => number): number[] =>
    runs.map((one) => value(one.report));
  const sample = runs[0]?.report;
  if (sample === undefined) throw new BenchVoid("nothing was replayed");
  return {
    workload: [
      session.line,
      `into a new market in ${sample.region}, acknowledged when ${sample.mode}; three servers and three cells, ${cells}, no background flow`,
    ],
    figures: [
      figure(
        "commands",
        "/s",
        "higher",
        of((one) => one.summary.sent / one.seconds),
      ),
      figure(
        "commands in a request",
        "",
        "higher",
        of((one) => one.summary.sent / one.client.requests),
      ),
      figure(
        "round trip of a request, p50",
        "µs",
        "lower",
        of((one) => one.roundTrip.p50Ns / 1000),
      ),
      figure(
        "round trip of a request, p99",
        "µs",
        "lower",
        of((one) => one.roundTrip.p99Ns / 1000),
      ),
    ],
    notes: limits(runs),
  };
}

function limits(runs: readonly Run[]): string[] {
  const middle = (value: (one: Run) => number): number => median(runs.map(value));
  const waiting = middle(
    ({ report: one }) => (one.client.requests * one.roundTrip.p50Ns) / 1e9 / one.seconds,
  );
  const executions = middle(
    ({ report: one }) => one.summary.executions.visible / one.client.requests,
  );
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const used = (value: (one: Run["used"]) => number): string =>
    middle((one) => value(one.used)).toFixed(2);
  return [
    `limit: one request is under way at a time, and ${percent(executions)} of them end at a visible execution, whose outcome decides what is sent next; at the median round trip, waiting for replies is ${percent(waiting)} of the time`,
    `processor seconds of a replay that took ${middle((one) => one.report.seconds).toFixed(2)} s: command line ${used((one) => one.commandLine)} (its start and a first pass over the file included), home cell ${used((one) => one.homeCell)}, its server ${used((one) => one.homeServer)}, the other regions ${used((one) => one.rest)}`,
  ];
}
