/**
 * Runs one bench and prints what it measured, on which machine, and how noisy that was.
 *
 *   npm run bench                           lists the benches
 *   npm run bench -- NAME [--repeats N]     runs one
 *   npm run bench -- NAME --record          and appends the figures to bench/history.ndjson
 *   npm run bench -- NAME --quick           a tiny form, for counts and hashes only
 *   npm run bench -- replay --file FILE     replays this recorded session
 */
import { appendFileSync } from "node:fs";

import {
  type BenchOptions,
  BenchVoid,
  type Figure,
  best,
  median,
  type Report,
  type RunBench,
  shown,
  worst,
} from "./bench.ts";
import { history, historyLine } from "./history.ts";
import { commit, type Floor, floorLine, idleSpinner, machine, watchOthers } from "./machine.ts";
import { buildPrograms } from "./programs.ts";
import { readRequest, type Request } from "./request.ts";

interface Bench {
  readonly name: string;
  /** For the list of benches. */
  readonly line: string;
  /** Only the bench that runs is loaded: the list needs no addon and no cluster. */
  readonly load: () => Promise<RunBench>;
}

const benches: readonly Bench[] = [
  {
    name: "engine",
    line: "the matching engine alone on workload W: narrow, wide and deep, cost and service time",
    load: async () => (await import("./engine.ts")).runEngine,
  },
  {
    name: "depth",
    line: "what readers of the book cost the engine while it matches, and how long they wait",
    load: async () => (await import("./depth.ts")).runDepth,
  },
  {
    name: "journal",
    line: "durability through the reactor: acks, records a second, replay, what a record costs",
    load: async () => (await import("./journal.ts")).runJournal,
  },
  {
    name: "bridge",
    line: "one Node process through the addon: raw messages, orders of workload W, round trips",
    load: async () => (await import("./bridge.ts")).runBridge,
  },
  {
    name: "order-to-trade",
    line: "a client in another process over shared memory: order in, trade out, beside an empty ring",
    load: async () => (await import("./order-to-trade.ts")).runOrderToTrade,
  },
  {
    name: "metrics",
    line: "what measuring itself costs the reactor: order to last event with its metrics on and off",
    load: async () => (await import("./metrics.ts")).runMetrics,
  },
  {
    name: "edge",
    line: "order entry over TCP: io_uring and epoll with 64 to 4,096 clients, batches, beside an echo",
    load: async () => (await import("./edge.ts")).runEdge,
  },
  {
    name: "replay",
    line: "`meridian replay` at full speed into a cluster of three regions on this machine",
    load: async () => (await import("./replay.ts")).runReplay,
  },
  {
    name: "bring-up",
    line: "from the command to three ready regions: compact and supercluster, first and again",
    load: async () => (await import("./bring-up.ts")).runBringUp,
  },
  {
    name: "region-drills",
    line: "50 drills on three regions in network namespaces: how long markets do not serve, by fault",
    load: async () => (await import("./region-drills.ts")).runRegionDrills,
  },
  {
    name: "console",
    line: "the console's market page in headless Chromium beside a busy market: start, tasks, frames",
    load: async () => (await import("./console.ts")).runConsole,
  },
  {
    name: "actors",
    line: "the actor kernel beside raw XState, nact, Erlang and Pekko: spawn, memory, messages, restarts, NATS",
    load: async () => (await import("./actors/report.ts")).runActors,
  },
  {
    name: "models",
    line: "the model library beside Python: quotes, tables, Hawkes likelihood, features, Monte Carlo",
    load: async () => (await import("./models.ts")).runModels,
  },
  {
    name: "peers",
    line: "engines that registries serve as libraries, beside ours on workload W (bench/peers)",
    load: async () => (await import("./peers/report.ts")).runPeers,
  },
];

const words = process.argv.slice(2);

function list(): string {
  const width = Math.max(...benches.map(({ name }) => name.length));
  return [
    "npm run bench -- NAME [--repeats N] [--record] [--quick]; replay also [--file FILE]",
    ...benches.map(({ name, line }) => `  ${name.padEnd(width)}  ${line}`),
  ].join("\n");
}

async function perform({ bench, options, record }: Request<Bench>): Promise<number> {
  const host = machine();
  const at = commit();
  say(
    "machine",
    `${host.processor}, ${host.processors} processors, ${host.kernel}, Node ${host.node}`,
  );
  say("commit", at);
  say("command", `npm run bench -- ${words.join(" ")}`);
  try {
    const run = await bench.load();
    await buildPrograms();
    const spin = options.quick ? 100 : 1_000;
    const floors: Floor[] = [await idleSpinner(spin)];
    const others = watchOthers();
    const report = await run(options);
    const share = others();
    floors.push(await idleSpinner(spin));
    printReport(report, options);
    for (const [index, floor] of floors.entries()) {
      say("noise", floorLine(index === 0 ? "before" : "after", floor));
    }
    say(
      "",
      `meanwhile others used ${share.others.toFixed(2)} of ${host.processors} processors, the hypervisor took ${share.stolen.toFixed(2)}; load average ${share.loadAverage.toFixed(1)} at the end`,
    );
    if (record) {
      const { figures } = report;
      const noise = { floors, share };
      appendFileSync(
        history,
        historyLine(new Date(), {
          commit: at,
          machine: { ...host, ...noise },
          bench: bench.name,
          figures,
        }),
      );
    }
    return 0;
  } catch (cause) {
    if (!(cause instanceof BenchVoid)) throw cause;
    console.error(`void: ${cause.message}`);
    return 1;
  }
}

function printReport(report: Report, { quick, repeats }: BenchOptions): void {
  for (const [index, line] of report.workload.entries()) say(index === 0 ? "workload" : "", line);
  for (const line of report.notes) say("note", line);
  const width = Math.max(...report.figures.map(({ name }) => name.length));
  const note = quick ? "; a quick run: its times mean nothing" : "";
  console.log(`\n${"".padEnd(width)}  ${columns("median", "best", "worst")}  of ${repeats}${note}`);
  for (const one of report.figures) {
    const values = columns(shown(median(one.values)), shown(best(one)), shown(worst(one)));
    console.log(`${one.name.padEnd(width)}  ${values}  ${one.unit}${goalText(one)}`.trimEnd());
  }
  console.log("");
}

const columns = (...texts: readonly string[]): string =>
  texts.map((text) => text.padStart(12)).join("");

function goalText(one: Figure): string {
  if (one.goal === undefined) return "";
  const middle = median(one.values);
  const isMet = one.better === "lower" ? middle <= one.goal : middle >= one.goal;
  return `  goal ${shown(one.goal)}: ${isMet ? "met" : "missed"} by the median`;
}

function say(label: string, text: string): void {
  console.log(`${label.padEnd(9)} ${text}`);
}

if (words.length === 0) {
  console.log(list());
} else {
  const request = readRequest(words, benches);
  if (typeof request === "string") {
    console.error(`${request}\n${list()}`);
    process.exitCode = 2;
  } else {
    process.exitCode = await perform(request);
  }
}
