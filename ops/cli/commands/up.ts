import { setTimeout as delay } from "node:timers/promises";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import colors from "picocolors";
import { ok } from "../../../actors/kernel/result.ts";
import { profileToStart, readRecord } from "../../deploy/cluster-record.ts";
import { Launcher, type Overview } from "../../deploy/launcher.ts";
import { type MovedPort, defaultPorts } from "../../deploy/ports.ts";
import { type Profile, profiles } from "../../deploy/roles.ts";
import { type MarketTotals, readTotals } from "../../deploy/totals.ts";
import { type Topology, topologies } from "../../deploy/topology.ts";
import { exitCodes, perform } from "../action.ts";
import { dataFolder, isWrapped, repository, type Setting } from "../data-folder.ts";
import { calmOption } from "../output.ts";
import { during } from "../progress.ts";
import { print, table } from "../terminal.ts";

interface UpOptions {
  readonly data?: string;
  readonly regionsDirectory: string;
  readonly flow?: "on" | "off";
  readonly profile?: Profile;
  readonly traces?: string;
  readonly seed: number;
  readonly rate: number;
  readonly engine: "auto" | "native" | "portable";
  readonly natsPort: number;
  readonly routePort: number;
  readonly httpPort: number;
  readonly websocketPort: number;
  readonly gatewayPort: number;
  readonly leafPort: number;
  readonly topology?: Topology;
  readonly regions?: readonly string[];
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError("a whole number, 0 or more");
  }
  return value;
}

function portNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError("a port, 1 to 65535");
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
      new Option(
        "--topology <topology>",
        "one server per region in one cluster, or a cluster per region and one across them (default: as the data folder has it, else compact)",
      ).choices(topologies),
    )
    .option(
      "--regions <names>",
      "regions to start, with commas (default: as the data folder has it, else those that are enabled)",
      (text: string) => text.split(",").filter((name) => name !== ""),
    )
    .addOption(
      new Option(
        "--profile <profile>",
        "demo, or production: without any default of development (default: as the data folder has it, else demo)",
      ).choices(profiles),
    )
    .addOption(
      new Option(
        "--flow <switch>",
        "background order flow (default: on in the demo profile)",
      ).choices(["on", "off"]),
    )
    .option("--traces <url>", "send traces of orders there (OTLP over HTTP)")
    .option("--seed <number>", "seed of the background flow", wholeNumber, 1)
    .option("--rate <number>", "mean orders per second and market of the flow", positiveNumber, 40)
    .addOption(
      new Option("--engine <engine>", "matching engine")
        .choices(["auto", "native", "portable"])
        .default("auto"),
    )
    .option("--nats-port <port>", "first port for clients", portNumber, defaultPorts.nats)
    .option("--route-port <port>", "first port between servers", portNumber, defaultPorts.route)
    .option("--http-port <port>", "first port of health and status", portNumber, defaultPorts.http)
    .option(
      "--websocket-port <port>",
      "first port for browsers",
      portNumber,
      defaultPorts.websocket,
    )
    .option(
      "--gateway-port <port>",
      "first port between clusters",
      portNumber,
      defaultPorts.gateway,
    )
    .option("--leaf-port <port>", "first port for edge sites", portNumber, defaultPorts.leaf)
    .addOption(calmOption())
    .addHelpText(
      "after",
      "\nRegion number n takes the first port of each kind plus n; a taken one moves to the next free one.",
    )
    .action((options: UpOptions) => perform(() => up(options)));
}

function movedPorts(moved: readonly MovedPort[]): readonly string[] {
  if (moved.length === 0) return [];
  const moves = moved.map((port) => `${port.kind} ${port.wanted} → ${port.used} (${port.region})`);
  return [`${colors.yellow("ports taken, moved on:")} ${moves.join(", ")}`];
}

const mostLines = 15;

/** Limitations of this start that a user can lift. */
function limitations(overview: Overview): readonly string[] {
  const lines: string[] = [];
  if (overview.engines.includes("portable") && overview.engine === "auto") {
    lines.push(
      "no native engine on this machine: the portable one is correct, and much slower; node ops/bootstrap.mjs says why",
    );
  }
  if (overview.strongestMode === "durable") {
    lines.push(
      `nats-server ${overview.serverVersion} is of an older release: markets are durable at most, not replicated`,
    );
  }
  return lines.map((line) => colors.yellow(line));
}

/** How a command in another terminal finds this cluster; empty for the default folder. */
const dataOption = (folder: Setting): string => {
  if (folder.origin === "default") return "";
  const plain = /^[A-Za-z0-9_./-]+$/.test(folder.value);
  return ` --data ${plain ? folder.value : `'${folder.value.replaceAll("'", "'\\''")}'`}`;
};

/** Where things are and what to try, in at most 15 lines. */
export function banner(overview: Overview, folder: Setting, seconds: number): readonly string[] {
  const market = overview.regions.flatMap((region) => Object.keys(region.markets))[0];
  const data = dataOption(folder);
  const width = Math.max(...overview.cluster.regions.map((region) => region.name.length));
  const regions = overview.cluster.regions.map(
    (region) =>
      `  ${region.name.padEnd(width)}  ${region.nats}  health ${region.http}/readyz  status ${region.http}/status`,
  );
  const demo = [
    colors.yellow(
      "DEMO PROFILE: local users; the operator may publish approvals too. Not for production.",
    ),
  ];
  const before = [
    `${colors.bold("Meridian is up")} after ${seconds.toFixed(1)} s (servers ${overview.bringUp.servers.toFixed(1)} s): ${overview.cluster.regions.length} regions, ${overview.plan.topology}, ${overview.engines.join(" and ")} engine, nats-server ${overview.serverVersion}, data in ${folder.value}`,
    ...(overview.cluster.profile === "demo" ? demo : []),
    ...limitations(overview),
    ...movedPorts(overview.moved),
  ];
  const after = [
    `console: ${overview.cluster.regions[0]?.http ?? ""}/console/   (npx meridian console${data})`,
    `log in:  npx meridian login observer${data}   (watch)`,
    `         npx meridian login operator${data}   (trade, create and halt markets)`,
    `         npx meridian login approver${data}   (approve what operators ask for)`,
    `try:     npx meridian status${data}`,
    `         npx meridian order book ${market ?? "MARKET"}${data}`,
    `         npx meridian tree${data}`,
    `stop:    Ctrl-C here, or npx meridian down${data}`,
  ];
  const room = mostLines - before.length - after.length;
  const shown = regions.length <= room ? regions : regions.slice(0, room - 1);
  if (regions.length > shown.length) {
    shown.push(`  and ${regions.length - shown.length} more: npx meridian status${data}`);
  }
  return [...before, ...shown, ...after];
}

const duration = (ns: number): string =>
  ns >= 1e6 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e3).toFixed(0)} µs`;

/**
 * What the markets did: one row each, and a row of sums. `outside`: refusals before a market was
 * reached.
 */
export function totalsTable(markets: readonly MarketTotals[], outside: number): string {
  const sum = (pick: (market: MarketTotals) => number, start = 0): string =>
    String(markets.reduce((total, market) => total + pick(market), start));
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
      ...(outside === 0 ? [] : [["outside", "", "", String(outside), "", "", ""]]),
      [
        "all",
        sum((market) => market.orders),
        sum((market) => market.trades),
        sum((market) => market.refusals, outside),
        "",
        "",
        "",
      ],
    ],
  );
}

/** Signals that come within this time are one: npm passes on a Ctrl-C that the terminal sends as well. */
const oneGestureMs = 1_000;
const parentCheckMs = 1_000;

/** Tells of the wish to stop, once; a second one kills everything. */
function onStopWish(launcher: Launcher, stop: () => void): void {
  let wishedAt: number | null = null;
  const handle = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (wishedAt !== null && now - wishedAt < oneGestureMs) return;
    if (wishedAt !== null) {
      print("killing all processes");
      launcher.abort();
      process.exit(signal === "SIGINT" ? 130 : 143);
    }
    wishedAt = now;
    print("draining; once more kills at once");
    stop();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, handle);

  // npm and the bin cannot pass a SIGKILL on: without this their cluster would stay behind.
  const started = process.env["npm_lifecycle_event"] === "start" || isWrapped();
  if (!started) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    if (wishedAt !== null) return;
    wishedAt = performance.now();
    print(`process ${parent}, which started this one, is gone; draining`);
    stop();
  }, parentCheckMs);
  timer.unref();
}

async function up(options: UpOptions): ReturnType<Parameters<typeof perform>[0]> {
  const started = performance.now();
  const folder = dataFolder(options.data);
  const launcher = new Launcher({
    dataDirectory: folder.value,
    regionsDirectory: options.regionsDirectory,
    topology: options.topology ?? null,
    regions: options.regions ?? null,
    profile: options.profile ?? null,
    engine: options.engine,
    flow: { enabled: flowOf(options, folder.value), seed: options.seed, rate: options.rate },
    ...(options.traces === undefined ? {} : { tracing: { url: options.traces } }),
    firstPorts: {
      nats: options.natsPort,
      route: options.routePort,
      http: options.httpPort,
      websocket: options.websocketPort,
      gateway: options.gatewayPort,
      leaf: options.leafPort,
    },
    cellProgram: join(repository, "actors", "root", "main.ts"),
    say: print,
  });

  const asked = new Promise<void>((resolve) => {
    onStopWish(launcher, resolve);
  });
  const starting = during("bringing the cluster up", () => launcher.start());
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

/** A record that cannot be read is refused by the launcher, with its reason. */
function flowOf(options: UpOptions, folder: string): boolean {
  if (options.flow !== undefined) return options.flow === "on";
  const recorded = readRecord(folder);
  const profile = profileToStart(options.profile ?? null, recorded.ok ? recorded.value : null);
  return profile.ok && profile.value === "demo";
}

async function drain(launcher: Launcher, overview: Overview): Promise<void> {
  const totals = await Promise.race([readTotals(overview.plan), delay(5_000, null)]);
  await launcher.stop();
  if (totals === null || totals.markets.length === 0) {
    print("no region answered when asked for its totals");
  } else {
    print(totalsTable(totals.markets, totals.outside));
    if (totals.silent.length > 0) print(`no totals from ${totals.silent.join(", ")}`);
  }
  if (launcher.restarts > 0) {
    print(`processes started again: ${launcher.restarts}; a cell counts from its own last start`);
  }
  print("stopped");
}
