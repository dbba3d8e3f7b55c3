import type { Command } from "commander";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { wire } from "../../../schemas/messages.ts";
import { patterns } from "../../../schemas/subjects.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster, withRegionalCluster } from "../cluster.ts";
import { clusterStatus } from "../markets.ts";
import { type OutputOptions, outputOption, printed, wholeOption } from "../output.ts";
import { RegionMemory } from "../region-memory.ts";
import { type ClusterOptions, print, withClusterOptions } from "../terminal.ts";
import {
  type AlertLine,
  frame,
  type Panel,
  ratesOf,
  type TopSample,
  type TopState,
} from "../top/frame.ts";
import { Screen } from "../top/screen.ts";
import { askTree, type NodeRow } from "../views.ts";

type TopOptions = ClusterOptions &
  OutputOptions & { readonly once?: boolean; readonly count?: string };

const sampleMs = 1_000;
const drawMs = 500;
const alertsShown = 8;
const troubledShown = 12;

const help = `
Keys: q quit, p pause, r regions, m markets, a actors, l alerts, 0 everything, ? help. Needs a terminal; with
--once, or where there is none, one screen is printed: rates are those of one second then.

Examples:
  npx meridian top
  npx meridian top --once
  npx meridian top --once -o json`;

/** `meridian top`: regions, markets, latencies, actors and alerts as they are now. */
export function register(program: Command): void {
  withClusterOptions(program.command("top"))
    .description("watch regions, markets, latencies, actors and alerts on one screen")
    .option("--once", "print one screen and end")
    .option("--count <samples>", "print that many samples, one a second, each a line; -o json")
    .addOption(outputOption())
    .addHelpText("after", help)
    .action((options: TopOptions) =>
      perform(() => {
        const tty = process.stdout.isTTY && process.stdin.isTTY;
        const live = tty && options.once !== true && options.output === "table";
        if (options.count !== undefined) return printSamples(options, options.count);
        // What goes on moves with the regions; one screen needs a server once.
        return live
          ? withRegionalCluster(options, (cluster) => watch(cluster))
          : withCluster(options, (cluster) => once(cluster, options));
      }),
    );
}

async function once(cluster: Cluster, options: TopOptions): Promise<Result<ExitCode>> {
  const before = await sampleOf(cluster);
  if (before.status.regions.every(({ cell }) => cell === null)) {
    const reason = before.status.regions[0]?.reason ?? "";
    return refuse("no_responders", `no region answers: ${reason}`, "npx meridian doctor");
  }
  await new Promise((resolve) => setTimeout(resolve, sampleMs));
  const sample = await sampleOf(cluster);
  const markets = sample.status.markets.map((market) => ({
    ...market,
    perSecond: ratesOf(market, sample, before),
  }));
  const { regions } = sample.status;
  const value = { regions, markets, actors: sample.trees, troubled: sample.troubled };
  if (!printed(options, { value, rows: markets })) {
    const state = { ...initial(cluster), sample, before, nowMs: sample.atMs };
    print(
      frame(state, process.stdout.columns ?? 160, 200)
        .slice(2)
        .join("\n"),
    );
  }
  return ok(exitCodes.ok);
}

const mostSamples = 1_000_000;

async function printSamples(options: TopOptions, count: string): Promise<Result<ExitCode>> {
  const samples = wholeOption(count, "count", mostSamples);
  if (!samples.ok) return samples;
  return withRegionalCluster(options, async (cluster, line) => {
    const memory = new RegionMemory();
    for (let taken = 0; taken < samples.value; taken += 1) {
      const due = new Promise((resolve) => setTimeout(resolve, sampleMs));
      const sample = await sampleOf(cluster, memory);
      const { regions, markets } = sample.status;
      const at = new Date(sample.atMs).toISOString();
      print(JSON.stringify({ at, through: line.region, regions, markets, actors: sample.trees }));
      await due;
    }
    return ok(exitCodes.ok);
  });
}

const initial = (cluster: Cluster): TopState => ({
  sample: null,
  before: null,
  alerts: [],
  nowMs: Date.now(),
  paused: false,
  help: false,
  panel: "all",
  user: cluster.user,
  fault: "",
});

async function watch(cluster: Cluster): Promise<Result<ExitCode>> {
  const screen = new Screen(process.stdout, process.stdin);
  const memory = new RegionMemory();
  let state = initial(cluster);
  const draw = (): void => {
    state = { ...state, nowMs: Date.now() };
    screen.draw((width, height) => frame(state, width, height));
  };
  const take = async (): Promise<void> => {
    if (state.paused) return;
    try {
      const sample = await sampleOf(cluster, memory);
      state = { ...state, sample, before: state.sample, fault: "" };
    } catch (error) {
      state = { ...state, fault: error instanceof Error ? error.message : String(error) };
    }
    draw();
  };
  void listen(cluster, (alert) => {
    state = { ...state, alerts: [alert, ...state.alerts].slice(0, alertsShown) };
  });
  screen.open((key) => {
    if (key === "q") screen.close();
    else state = pressed(state, key);
    draw();
  });
  draw();
  let taking = take();
  const sampling = setInterval(() => {
    // One question at a time: a slow cluster is not asked faster than it answers.
    taking = taking.then(take);
  }, sampleMs);
  const drawing = setInterval(draw, drawMs);
  await screen.closed;
  clearInterval(sampling);
  clearInterval(drawing);
  return ok(exitCodes.ok);
}

const panelKeys: Readonly<Record<string, Panel | "all">> = {
  r: "regions",
  m: "markets",
  a: "actors",
  l: "alerts",
  "0": "all",
};

export function pressed(state: TopState, key: string): TopState {
  if (key === "p") return { ...state, paused: !state.paused };
  if (key === "?") return { ...state, help: !state.help };
  const panel = panelKeys[key];
  return panel === undefined ? state : { ...state, panel, help: false };
}

async function sampleOf(cluster: Cluster, memory = new RegionMemory()): Promise<TopSample> {
  const [answered, ...windows] = await Promise.all([
    clusterStatus(cluster),
    ...cluster.regions.map((region) =>
      askTree(cluster, region, { sort: "-restarts", filter: "restarts>0", limit: troubledShown }),
    ),
  ]);
  const status = memory.merge(answered, performance.now());
  const trees = windows.flatMap((window, index) =>
    window.ok ? [{ region: cluster.regions[index] ?? "", totals: window.value.totals }] : [],
  );
  const failed = await Promise.all(
    trees
      .filter(({ totals }) => totals.failed > 0)
      .map(({ region }) => askTree(cluster, region, { filter: "/failed", limit: troubledShown })),
  );
  const rows = [...failed, ...windows].flatMap((window) => (window.ok ? window.value.rows : []));
  const troubled = new Map<string, NodeRow>();
  for (const row of rows) troubled.set(`${row.region} ${row.cell} ${row.path}`, row);
  return {
    atMs: Date.now(),
    status,
    trees,
    troubled: [...troubled.values()].slice(0, troubledShown),
  };
}

async function listen(cluster: Cluster, tell: (alert: AlertLine) => void): Promise<void> {
  for await (const payload of cluster.listen(patterns.alerts)) {
    const alert = wire.control.v1.LatencyAlert.decode(payload);
    const { market, region, stands, repeated, cause, p50Ns, usualP50Ns } = alert;
    if (repeated) continue;
    const what = stands
      ? `slower than usual: median ${p50Ns} ns, usually ${usualP50Ns} ns (${cause})`
      : "as fast as usual again";
    tell({ atMs: Date.now(), stands, text: `${market} in ${region} is ${what}` });
  }
}
