import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { type Command, InvalidArgumentError, Option } from "commander";
import { build } from "hdr-histogram-js";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { systemClock } from "../../../actors/kernel/system-clock.ts";
import { BookCheck, type BookStates } from "../../../actors/replay/book-check.ts";
import { Pace } from "../../../actors/replay/pace.ts";
import { replay } from "../../../actors/replay/session.ts";
import { recordedLevels, surveyRange } from "../../../actors/replay/unseen.ts";
import { ExchangeClient, type Transport } from "../../../schemas/sdk/client.ts";
import { type ExitCode, exitCodeOf, exitCodes, perform } from "../action.ts";
import { type Cluster, connectTo, withCluster } from "../cluster.ts";
import { type LatencyView, type MarketView, type ModeName, modeNames } from "../markets.ts";
import { progressBar } from "../progress.ts";
import { replayMarket } from "../replay/replay-market.ts";
import { percent, type ReplayReport, reportText } from "../replay/report.ts";
import {
  openBook,
  type OpenedFile,
  openSessions,
  type RecordedSession,
} from "../replay/sessions.ts";
import { calmOption, type OutputFormat, outputOption, printed } from "../output.ts";
import { type ClusterOptions, print, withClusterOptions } from "../terminal.ts";

type ReplayCommandOptions = ClusterOptions & {
  readonly output: OutputFormat;
  readonly book?: string;
  readonly market?: string;
  readonly region?: string;
  readonly mode: ModeName;
  readonly speed: Speed;
  readonly symbol?: readonly string[];
  readonly levels?: number;
  readonly require?: number;
  readonly strict?: boolean;
};

/** Times the file's own time, or as fast as the exchange answers. */
type Speed = number | "max";

/** Accounts of the replay: nobody else's orders carry them. */
const participants = 4_000_000_001;
const aggressor = 4_000_000_002;
const REQUEST_TIMEOUT_MS = 5_000;
/** With waits of up to a second between them: a cell that starts again, or a takeover, is outlasted. */
const ATTEMPTS = 64;

/** `meridian replay FILE…`: recorded sessions through the front door, compared with what happened. */
export function register(program: Command): void {
  withClusterOptions(program.command("replay"))
    .description("send recorded sessions through the exchange and check what it does")
    .argument("<files...>", "LOBSTER message files or ITCH 5.0 files, plain or gzip")
    .option("--book <file>", "LOBSTER book file to compare best bid and offer states with")
    .option("--market <name>", "name of the market (default: from the file)")
    .option("--region <region>", "home of the market (default: the first that is ready)")
    .addOption(
      new Option("--mode <mode>", "what an acknowledgement promises")
        .choices(modeNames)
        .default("matched"),
    )
    .option("--speed <speed>", "1x, 10x, … the file's own time, or max", parseSpeed, "max")
    .option("--symbol <symbols...>", "symbols of an ITCH file (default: the one with most orders)")
    .option(
      "--levels <count>",
      "price levels a LOBSTER file covers (default: what its name says and its rows bear out)",
      count,
    )
    .option("--strict", "stop at the first malformed row instead of skipping it")
    .option("--require <percent>", "fail unless so many of the book states are found", share)
    .addOption(outputOption())
    .addOption(calmOption())
    .addHelpText(
      "after",
      "\nExits 1 when a command was refused, a replay stopped early, or --require is not met.",
    )
    .action((files: readonly string[], options: ReplayCommandOptions) =>
      perform(() => replayFiles(files, options)),
    );
}

/** Never null: to commander that is a missing value. */
function parseSpeed(text: string): Speed {
  if (text === "max") return text;
  const match = /^(\d{1,6}(?:\.\d{1,3})?)x$/.exec(text);
  const speed = Number(match?.[1] ?? 0);
  if (speed <= 0) throw new InvalidArgumentError("1x, 10x, … or max");
  return speed;
}

function count(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError("a whole number from 1");
  return Number(text);
}

function share(text: string): number {
  const value = Number(text);
  if (!/^\d{1,3}(\.\d{1,3})?$/.test(text) || value > 100) {
    throw new InvalidArgumentError("a percentage from 0 to 100");
  }
  return value;
}

async function replayFiles(
  files: readonly string[],
  options: ReplayCommandOptions,
): Promise<Result<ExitCode>> {
  const opened = await openFiles(files, options);
  if (!opened.ok) return opened;
  const sessions = opened.value.flatMap((file) => file.sessions);
  const overviews = opened.value.map((file) => file.overview);
  if (sessions.length !== 1 && (options.market !== undefined || options.book !== undefined)) {
    return refuse(
      "usage",
      `--market and --book are for one session, and these files have ${sessions.length}`,
      "replay them one by one",
    );
  }
  const book = options.book === undefined ? ok(null) : await openBook(options.book);
  if (!book.ok) return book;
  if (sessions.length === 0) {
    const told = { value: { files: overviews, replays: [] }, rows: [] };
    if (!printed(options, told)) print("nothing to replay: no orders in the files");
    return ok(exitCodes.ok);
  }
  return withCluster(options, async (cluster) => {
    const reports = await replayAll(cluster, sessions, book.value, options);
    if (!reports.ok) return reports;
    printed(options, { value: { files: overviews, replays: reports.value }, rows: reports.value });
    const codes = reports.value.map((report) => exitCodeOfReport(report, options.require ?? null));
    return ok(codes.find((code) => code !== exitCodes.ok) ?? exitCodes.ok);
  });
}

/** Opens every file before the first command is sent. */
async function openFiles(
  files: readonly string[],
  options: ReplayCommandOptions,
): Promise<Result<readonly OpenedFile[]>> {
  const opened: OpenedFile[] = [];
  for (const file of files) {
    const choice = { symbols: options.symbol ?? [], levels: options.levels ?? null };
    const one = await openSessions(file, choice);
    if (!one.ok) return one;
    const { overview, notes, sessions } = one.value;
    if (options.output === "table") for (const note of notes) print(note);
    const [fault] = overview.faults;
    if (options.strict === true && sessions.length === 0 && fault !== undefined) {
      return refuse("malformed_row", `${file} at ${fault.position}: ${fault.reason}`, notStrict);
    }
    opened.push(one.value);
  }
  return ok(opened);
}

const notStrict = "without --strict such rows are skipped and counted";

async function replayAll(
  cluster: Cluster,
  sessions: readonly RecordedSession[],
  book: BookStates | null,
  options: ReplayCommandOptions,
): Promise<Result<readonly ReplayReport[]>> {
  let stopping = false;
  // The first Ctrl-C ends the replay with its summary, the second one the process.
  process.once("SIGINT", () => {
    stopping = true;
  });
  const reports: ReplayReport[] = [];
  for (const session of sessions) {
    if (stopping) break;
    const report = await replayOne(cluster, session, book, options, () => stopping);
    if (!report.ok) return report;
    reports.push(report.value);
    if (options.output === "table")
      print(reports.length > 1 ? `\n${reportText(report.value)}` : reportText(report.value));
  }
  return ok(reports);
}

function exitCodeOfReport(report: ReplayReport, required: number | null): ExitCode {
  if (report.stopped !== null) return exitCodeOf(report.stopped);
  if (Object.keys(report.summary.refusals).length > 0) return exitCodes.failed;
  if (required === null || report.statesFoundPercent === null) return exitCodes.ok;
  return report.statesFoundPercent < required ? exitCodes.failed : exitCodes.ok;
}

async function replayOne(
  cluster: Cluster,
  session: RecordedSession,
  book: BookStates | null,
  options: ReplayCommandOptions,
  isStopped: () => boolean,
): Promise<Result<ReplayReport>> {
  const market = await replayMarket(cluster, {
    exactName: options.market ?? null,
    name: session.marketName,
    region: options.region ?? null,
    mode: options.mode,
    survey: session.survey,
  });
  if (!market.ok) return market;
  // Every request goes to the market's home: its own server saves a hop between regions.
  const near = await connectTo(cluster.target, market.value.region);
  if (!near.ok) return near;
  try {
    return ok(await replayInto(near.value, market.value, session, book, options, isStopped));
  } finally {
    await near.value.close();
  }
}

async function replayInto(
  cluster: Cluster,
  market: MarketView,
  session: RecordedSession,
  book: BookStates | null,
  options: ReplayCommandOptions,
  isStopped: () => boolean,
): Promise<ReplayReport> {
  const timed = timedTransport(cluster);
  const client = new ExchangeClient({
    region: market.region,
    otherRegions: cluster.regions,
    market: market.market,
    transport: timed.transport,
    session: randomInt(1, 2 ** 48 - 1),
    sleep,
    random: Math.random,
    timeoutMs: REQUEST_TIMEOUT_MS,
    attempts: ATTEMPTS,
  });
  const { source, survey } = session;
  const levels = await recordedLevels(source, survey.rows, session.levels, book);
  const range = levels === null ? null : await surveyRange(source, survey.seeds, levels);
  if (session.levels !== null && range === null) {
    process.stderr.write(`${session.file}: its rows go beyond ${session.levels} levels\n`);
  }
  const bar = progressBar(market.market, survey.rows);
  const started = performance.now();
  const { summary, stopped } = await replay({
    source,
    survey,
    exchange: client,
    participants,
    aggressor,
    range,
    check: book === null ? null : new BookCheck(book, survey.rows),
    strict: options.strict ?? false,
    pace: options.speed === "max" ? null : new Pace(systemClock(), options.speed),
    onProgress: (rows) => bar.rows(rows),
    isStopped,
  });
  bar.end();
  const seconds = (performance.now() - started) / 1000;
  const { executions, book: compared } = summary;
  return {
    file: session.file,
    format: session.format,
    symbol: session.symbol,
    levels: range?.levels ?? null,
    market: market.market,
    region: market.home,
    mode: market.mode,
    speed: options.speed === "max" ? "max" : `${options.speed}x`,
    seconds,
    commandsPerSecond: Math.round(summary.sent / Math.max(seconds, 0.001)),
    roundTrip: timed.latency(),
    client: client.counters(),
    summary,
    executionsSamePercent: percent(executions.same, executions.visible),
    statesFoundPercent: compared === null ? null : percent(compared.found, compared.states),
    stopped,
  };
}

/** The cluster's transport with a histogram of its round trips. */
function timedTransport(cluster: Cluster): {
  readonly transport: Transport;
  readonly latency: () => LatencyView;
} {
  const histogram = build({
    highestTrackableValue: 60_000_000_000,
    numberOfSignificantValueDigits: 3,
  });
  return {
    transport: {
      async request(subject, payload, timeoutMs) {
        const started = performance.now();
        const delivery = await cluster.request(subject, payload, timeoutMs);
        const elapsed = Math.round((performance.now() - started) * 1_000_000);
        histogram.recordValue(Math.max(1, Math.min(elapsed, 60_000_000_000)));
        return delivery;
      },
    },
    latency: () => ({
      count: histogram.totalCount,
      p50Ns: histogram.getValueAtPercentile(50),
      p99Ns: histogram.getValueAtPercentile(99),
      p999Ns: histogram.getValueAtPercentile(99.9),
      maximumNs: histogram.maxValue,
    }),
  };
}
