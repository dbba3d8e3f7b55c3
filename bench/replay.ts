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
import {
  asLobsterMessages,
  type GeneratedSession,
  generateSession,
} from "../test/support/session-generator.ts";
import { repository } from "../test/support/shared-data.ts";
import { type BenchOptions, BenchVoid, type Figure, figure, median, type Report } from "./bench.ts";
import { fileSystem, processorSeconds } from "./machine.ts";

const SEED = 811;

interface Session {
  /** In front of its figures. */
  readonly name: string;
  readonly file: string;
  readonly line: string;
  /** What the slow twin makes of it, without any network; null when that was not asked. */
  readonly expected: ReplayReport["summary"] | null;
}

/** A recorded session through the front door of a cluster of three regions, as users replay it. */
export async function runReplay({ quick, repeats, file }: BenchOptions): Promise<Report> {
  const folder = temporaryFolder();
  try {
    const sessions = file === null ? await generatedSessions(folder, quick) : [recorded(file)];
    const runs: (readonly Run[])[] = [];
    let engines: readonly string[] = [];
    await withCluster(
      async ({ overview }) => {
        for (const session of sessions) {
          const repeated: Run[] = [];
          for (let repeat = 0; repeat < repeats; repeat += 1) {
            repeated.push(await replayOnce(overview.plan.dataDirectory, overview.cluster, session));
          }
          runs.push(repeated);
        }
        engines = overview.engines;
      },
      { cellProgram: join(repository, "actors", "root", "main.ts") },
    );
    const sample = runs[0]?.[0]?.report;
    const into = `into new markets in ${sample?.region}, acknowledged when ${sample?.mode}; three servers and three cells, ${engines.join(" and ")} engine, no background flow, logs on ${fileSystem(folder)}`;
    const reported = sessions.map((session, index) => ({ session, runs: runs[index] ?? [] }));
    return {
      workload: [...sessions.map(({ line }) => line), into],
      figures: reported.flatMap(({ session, runs: of }) => figuresOf(session.name, of)),
      notes: reported.flatMap(({ session, runs: of }) => limits(session.name, of)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A session, and the same one without the orders that trade: the replay waits for the outcome of
 * each execution, and the second session shows what it does when it need not.
 */
async function generatedSessions(folder: string, quick: boolean): Promise<Session[]> {
  const steps = quick ? 500 : 20_000;
  const random = seededRandomness(SEED);
  const made = generateSession({ random, steps, levels: null, outOfOrderPerMille: 0 });
  const traded = new Set(
    made.rows.flatMap(({ event }) => (event.type === "execute" ? [event.id] : [])),
  );
  const resting = made.rows.filter(({ event }) => "id" in event && !traded.has(event.id));
  return [
    await generated(folder, "trading", made),
    await generated(folder, "resting", { rows: resting, outOfOrder: 0 }),
  ];
}

async function generated(folder: string, name: string, made: GeneratedSession): Promise<Session> {
  const text = asLobsterMessages(made);
  // A name as the vendor gives it: symbol, day, and no number of levels, so all of them.
  const file = join(folder, `${name}_2026-01-05_34200000_57600000_message_deep.csv`);
  writeFileSync(file, text);
  const { summary } = await rehearse(lobsterSession(textBytes(text)));
  const { visible } = summary.executions;
  return {
    name,
    file,
    line: `${name}: a generated LOBSTER session of ${made.rows.length} rows (seed ${SEED}), ${visible} of them executions; the exchange did what the portable engine does without a network`,
    expected: summary,
  };
}

const recorded = (file: string): Session => ({
  name: "file",
  file,
  line: `file: ${basename(file)}; no command was refused`,
  expected: null,
});

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

function figuresOf(name: string, runs: readonly Run[]): Figure[] {
  const of = (value: (one: ReplayReport) => number): number[] =>
    runs.map((one) => value(one.report));
  const sent = of(({ summary, seconds }) => summary.sent / seconds);
  const batch = of(({ summary, client }) => summary.sent / client.requests);
  const middle = of(({ roundTrip }) => roundTrip.p50Ns / 1000);
  const tail = of(({ roundTrip }) => roundTrip.p99Ns / 1000);
  return [
    figure(`${name}, commands`, "/s", "higher", sent),
    figure(`${name}, commands in a request`, "", "higher", batch),
    figure(`${name}, round trip of a request, p50`, "µs", "lower", middle),
    figure(`${name}, round trip of a request, p99`, "µs", "lower", tail),
  ];
}

function limits(name: string, runs: readonly Run[]): string[] {
  const middle = (value: (one: Run) => number): number => median(runs.map(value));
  const percent = (value: (one: Run) => number): string => `${(middle(value) * 100).toFixed(0)} %`;
  const used = (value: (one: Run["used"]) => number): string =>
    middle((one) => value(one.used)).toFixed(2);
  const executions = percent(
    ({ report }) => report.summary.executions.visible / report.client.requests,
  );
  const waiting = percent(
    ({ report }) => (report.client.requests * report.roundTrip.p50Ns) / 1e9 / report.seconds,
  );
  const seconds = middle(({ report }) => report.seconds).toFixed(2);
  return [
    `limit, ${name}: one request is under way at a time, and ${executions} of them end at an execution, whose outcome decides what is sent next, the others at a row about an order whose id has not come back yet, or full; at the median round trip, waiting for replies is ${waiting} of the time`,
    `${name}: of ${seconds} s, processor seconds: command line ${used((one) => one.commandLine)} (with its start and a first pass over the file), home cell ${used((one) => one.homeCell)}, its server ${used((one) => one.homeServer)}, the other regions ${used((one) => one.rest)}`,
  ];
}
