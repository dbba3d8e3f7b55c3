import { setTimeout as delay } from "node:timers/promises";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import colors from "picocolors";
import { ok } from "../../../actors/kernel/result.ts";
import { Launcher, type Overview } from "../../deploy/launcher.ts";
import { type MovedPort, defaultPorts } from "../../deploy/ports.ts";
import { type MarketTotals, readTotals } from "../../deploy/totals.ts";
import { exitCodes, perform } from "../action.ts";
import { dataFolder, repository } from "../data-folder.ts";
import { print, table } from "../terminal.ts";

interface UpOptions {
  readonly data?: string;
  readonly regionsDirectory: string;
  readonly flow: "on" | "off";
  readonly seed: number;
  readonly rate: number;
  readonly engine: "auto" | "native" | "portable";
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError("a whole number, 0 or more");
  }
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("a number above 0");
  return value;
}

/** `meridian up`: brings a cluster up on this machine and keeps it running until Ctrl-C. */
export function register(program: Command): void {
  program
    .command("up")
    .description("bring up a cluster of all regions on this machine; Ctrl-C stops it")
    .option("--data <folder>", "data folder of the cluster ($MERIDIAN_DATA; default: .meridian)")
    .option("--regions-directory <folder>", "reference data", join(repository, "regions"))
    .addOption(
      new Option("--flow <switch>", "background order flow").choices(["on", "off"]).default("on"),
    )
    .option("--seed <number>", "seed of the background flow", wholeNumber, 1)
    .option("--rate <number>", "mean orders per second and market of the flow", positiveNumber, 40)
    .addOption(
      new Option("--engine <engine>", "matching engine")
        .choices(["auto", "native", "portable"])
        .default("auto"),
    )
    .action((options: UpOptions) => perform(() => up(options)));
}

function movedPorts(moved: readonly MovedPort[]): readonly string[] {
  if (moved.length === 0) return [];
  const moves = moved.map((port) => `${port.kind} ${port.wanted} → ${port.used} (${port.region})`);
  return [`${colors.yellow("ports taken, moved on:")} ${moves.join(", ")}`];
}

const regionLines = 5;

/** Where things are and what to try, in at most 15 lines. */
export function banner(overview: Overview, folder: string, seconds: number): readonly string[] {
  const market = overview.regions.flatMap((region) => Object.keys(region.markets))[0];
  const width = Math.max(...overview.cluster.regions.map((region) => region.name.length));
  const regions = overview.cluster.regions.map(
    (region) =>
      `  ${region.name.padEnd(width)}  ${region.nats}  health ${region.http}/readyz  status ${region.http}/status`,
  );
  const shown = regions.length <= regionLines ? regions : regions.slice(0, regionLines - 1);
  if (regions.length > shown.length) {
    shown.push(`  and ${regions.length - shown.length} more: npx meridian status`);
  }
  const demo = [
    colors.yellow(
      "DEMO PROFILE: local users; the operator may approve for himself. Not for production.",
    ),
  ];
  return [
    `${colors.bold("Meridian is up")} after ${seconds.toFixed(1)} s: ${overview.cluster.regions.length} regions, ${overview.engines.join(" and ")} engine, nats-server ${overview.serverVersion}, data in ${folder}`,
    ...(overview.cluster.profile === "demo" ? demo : []),
    ...movedPorts(overview.moved),
    ...shown,
    "log in:  npx meridian login observer   (watch)",
    "         npx meridian login operator   (trade, create and halt markets)",
    "         npx meridian login approver   (approve what operators ask for)",
    "try:     npx meridian status",
    `         npx meridian order book ${market ?? "MARKET"}`,
    "         npx meridian tree",
    "stop:    Ctrl-C here, or npx meridian down",
  ];
}

const duration = (ns: number): string =>
  ns >= 1e6 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e3).toFixed(0)} µs`;

/** What the markets did: one row each, and a row of sums. */
export function totalsTable(markets: readonly MarketTotals[]): string {
  const sum = (pick: (market: MarketTotals) => number): string =>
    String(markets.reduce((total, market) => total + pick(market), 0));
  const latency = ({ latency: { count, p50Ns, p99Ns, p999Ns } }: MarketTotals): string[] =>
    count === 0 ? ["-", "-", "-"] : [duration(p50Ns), duration(p99Ns), duration(p999Ns)];
  return table(
    ["MARKET", "ORDERS", "TRADES", "REFUSALS", "ACK P50", "P99", "P99.9"],
    [
      ...markets.map((market) => [
        market.market,
        String(market.orders),
        String(market.trades),
        String(market.refusals),
        ...latency(market),
      ]),
      [
        "all",
        sum((market) => market.orders),
        sum((market) => market.trades),
        sum((market) => market.refusals),
        "",
        "",
        "",
      ],
    ],
  );
}

async function up(options: UpOptions): ReturnType<Parameters<typeof perform>[0]> {
  const started = performance.now();
  const folder = dataFolder(options.data).value;
  const launcher = new Launcher({
    dataDirectory: folder,
    regionsDirectory: options.regionsDirectory,
    profile: "demo",
    engine: options.engine,
    flow: { enabled: options.flow === "on", seed: options.seed, rate: options.rate },
    firstPorts: defaultPorts,
    cellProgram: join(repository, "actors", "root", "main.ts"),
    say: print,
  });

  let signals = 0;
  let onSignal = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    onSignal = resolve;
  });
  const handle = (signal: NodeJS.Signals): void => {
    signals += 1;
    if (signals > 1) {
      print("killing all processes");
      launcher.abort();
      process.exit(signal === "SIGINT" ? 130 : 143);
    }
    print("draining; once more kills at once");
    onSignal();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, handle);

  const starting = launcher.start();
  const first = await Promise.race([starting, asked]);
  if (first === undefined) {
    await launcher.stop();
    await starting;
    print("stopped before it was ready");
    return ok(exitCodes.ok);
  }
  const result = await starting;
  if (!result.ok) return result;
  for (const line of banner(result.value, folder, (performance.now() - started) / 1000)) {
    print(line);
  }
  await asked;
  await drain(launcher, result.value);
  return ok(exitCodes.ok);
}

async function drain(launcher: Launcher, overview: Overview): Promise<void> {
  const totals = await Promise.race([readTotals(overview.plan), delay(5_000, null)]);
  await launcher.stop();
  if (totals === null || totals.markets.length === 0) {
    print("no region answered when asked for its totals");
  } else {
    print(totalsTable(totals.markets));
    if (totals.silent.length > 0) print(`no totals from ${totals.silent.join(", ")}`);
  }
  if (launcher.restarts > 0) print(`processes started again: ${launcher.restarts}`);
  print("stopped");
}
