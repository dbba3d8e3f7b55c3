import { rmSync } from "node:fs";
import { join } from "node:path";

import { type BringUp, Launcher } from "../ops/deploy/launcher.ts";
import { type Topology, topologies } from "../ops/deploy/topology.ts";
import { launcherOptions, temporaryFolder } from "../test/support/launched-cluster.ts";
import { repository } from "../test/support/shared-data.ts";
import { type BenchOptions, BenchVoid, type Figure, figure, type Report } from "./bench.ts";

/** Seconds until three regions are ready, as `meridian up` has them. */
const goals: Readonly<Record<Topology, number>> = { compact: 8, supercluster: 20 };

/** From nothing, and again on the data of the first time. */
interface Starts {
  readonly first: BringUp;
  readonly again: BringUp;
}

/** How long a cluster takes from the command to ready, in both topologies, and what it waits for. */
export async function runBringUp({ repeats }: BenchOptions): Promise<Report> {
  const figures: Figure[] = [];
  const notes: string[] = [];
  for (const topology of topologies) {
    const starts: Starts[] = [];
    for (let repeat = 0; repeat < repeats; repeat += 1) starts.push(await startTwice(topology));
    figures.push(...figuresOf(topology, starts));
    notes.push(
      `${topology}: the election of JetStream's metadata is over after "servers"; how long that takes is the servers' own choice, and no setting of theirs`,
    );
  }
  return {
    workload: [
      "three regions of regions/ with their markets: compact 3 servers, supercluster 12; 3 cells each; mutual TLS, encryption at rest, every write synced",
    ],
    figures,
    notes,
  };
}

function figuresOf(topology: Topology, starts: readonly Starts[]): readonly Figure[] {
  const seconds = (name: string, pick: (start: Starts) => number, goal?: number): Figure =>
    figure(`${topology}: ${name}`, "s", "lower", starts.map(pick), goal);
  return [
    seconds("configured", ({ first }) => first.prepared),
    seconds("servers", ({ first }) => first.servers),
    seconds("ready", ({ first }) => first.cells, goals[topology]),
    seconds("ready again", ({ again }) => again.cells, goals[topology]),
  ];
}

async function startTwice(topology: Topology): Promise<Starts> {
  const data = temporaryFolder();
  try {
    return { first: await start(data, topology), again: await start(data, topology) };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function start(data: string, topology: Topology): Promise<BringUp> {
  const launcher = new Launcher(
    launcherOptions(data, {
      topology,
      cellProgram: join(repository, "actors", "root", "main.ts"),
    }),
  );
  try {
    const started = await launcher.start();
    if (!started.ok) throw new BenchVoid(`${started.failure.code}: ${started.failure.reason}`);
    return started.value.bringUp;
  } finally {
    await launcher.stop();
  }
}
