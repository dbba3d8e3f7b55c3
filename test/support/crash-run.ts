import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import * as assert from "uvu/assert";

import type { KernelSizes } from "../../actors/kernel/actor.ts";
import {
  type ChildSpec,
  dynamicSupervisorSpec,
  type RestartIntensity,
  supervisorSpec,
} from "../../actors/kernel/child-spec.ts";
import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { atOnce } from "./conformance-world.ts";
import { ms, probe, type ProbeMessage, type ProbeWorld, probeWorld } from "./probe-actors.ts";

export interface CrashRun {
  readonly failures: number;
  readonly restarts: number;
  readonly escalations: number;
  readonly before: KernelSizes;
  readonly after: KernelSizes;
  /** Bytes of the heap after collection, when a tenth was done and at the end. */
  readonly heapEarly: number;
  readonly heapLate: number;
}

const poolIds = Array.from({ length: 40 }, (_, index) => `p${index}`);
const workerIds = ["a", "b", "c", "d", "e"];
const strategies = ["one_for_one", "one_for_all", "rest_for_one"] as const;
const generous: RestartIntensity = { maximumRestarts: 1_000_000_000, within: ms(1) };
const strict: RestartIntensity = { maximumRestarts: 3, within: ms(10) };

/**
 * Crashes the actors of one tree until `count` have failed: by message, timer, task and machine, with
 * links, watches, asks, stashed messages and time-outs under way, under every strategy, some of it
 * escalated. Then gives every actor a fresh life, so that what is left over can only be a leak.
 */
export async function crashRun(seed: number, count: number): Promise<CrashRun> {
  const made = probeWorld({ parkAfter: 2 }, seed);
  const random = seededRandomness(seed);
  const started = await made.system.start(crashTree());
  assert.ok(started.ok, JSON.stringify(started));
  for (const id of poolIds) await addToPool(made, id);
  const before = made.system.sizes();
  const paths = pathsOf(made);
  let heapEarly = 0;
  while (made.system.counters().failures < count) {
    for (let step = 0; step < 64; step += 1) act(made, random, paths);
    await made.pass(6);
    made.did.length = 0;
    made.logged.length = 0;
    if (heapEarly === 0 && made.system.counters().failures >= count / 10) heapEarly = heap();
  }
  await freshLives(made, paths);
  const after = made.system.sizes();
  const { failures, restarts, escalations } = made.system.counters();
  made.did.length = 0;
  made.logged.length = 0;
  const heapLate = heap();
  await made.system.stop();
  assert.is(made.clock.pending, 0, "a timer outlived the tree");
  return { failures, restarts, escalations, before, after, heapEarly, heapLate };
}

function crashTree(): ChildSpec {
  const groups = strategies.flatMap((strategy) =>
    [generous, strict].map((intensity, index) =>
      supervisorSpec(
        `${strategy}-${index}`,
        workerIds.map((id) => probe(id)),
        { strategy, intensity, backoff: atOnce },
      ),
    ),
  );
  const pool = dynamicSupervisorSpec(
    "pool",
    { type: "probe", restart: "permanent", shutdown: ms(10) },
    { intensity: generous, backoff: atOnce },
  );
  return supervisorSpec("top", [...groups, pool], { intensity: generous, backoff: atOnce });
}

const addToPool = (made: ProbeWorld, id: string) =>
  made.system.startChild("/top/pool", { id, start: {} });

const pathsOf = (made: ProbeWorld): string[] =>
  made.system
    .tree()
    .filter(({ type }) => type === "probe")
    .map(({ path }) => path);

const crashes: readonly ProbeMessage[] = [
  { do: "crash", text: "x" },
  { do: "throw_in_timer", text: "x" },
  { do: "reject_task", text: "x" },
  { do: "fail_machine" },
];

function act(made: ProbeWorld, random: Randomness, paths: readonly string[]): void {
  const path = paths[random.below(paths.length)] as string;
  const other = paths[random.below(paths.length)] as string;
  const found = refAt(made, path);
  if (found === null) return;
  const kind = random.below(16);
  if (kind < 8) found.send(crashes[kind % crashes.length] as ProbeMessage);
  else if (kind === 8) found.send({ do: "link", path: other });
  else if (kind === 9) found.send({ do: "watch", path: other });
  else if (kind === 10) found.send({ do: "monitor", path: other });
  else if (kind === 11) found.send({ do: "stash", text: "s" });
  else if (kind === 12) found.send({ do: "receive_timeout", afterMs: 2 });
  else if (kind === 13) void found.ask({ do: "stay_silent" }, ms(3));
  else if (kind === 14) found.send({ do: "trap_exits", trap: true });
  else void made.system.terminateChild(path).then(() => startAnew(made, path));
}

/** As ProbeWorld.ref, null while nothing is at the path. */
function refAt(made: ProbeWorld, path: string): ReturnType<ProbeWorld["ref"]> | null {
  return made.system.childSpec(path).ok ? made.ref(path) : null;
}

async function startAnew(made: ProbeWorld, path: string): Promise<void> {
  const id = path.slice(path.lastIndexOf("/") + 1);
  if (path.startsWith("/top/pool/")) await addToPool(made, id);
  else await made.system.restartChild(path);
}

async function freshLives(made: ProbeWorld, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const stopped = made.system.terminateChild(path);
    await made.pass(10);
    await stopped;
    await startAnew(made, path);
  }
  await made.clock.settle();
}

let collect: (() => void) | null = null;

function heap(): number {
  if (collect === null) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  return process.memoryUsage().heapUsed;
}

/** Throws when something is left that was not there before. */
export function checkCrashRun(run: CrashRun): void {
  assert.equal(run.after, run.before, "registries must be as they were");
  const grown = run.heapLate - run.heapEarly;
  assert.ok(grown < 4_000_000, `the heap grew by ${grown} bytes`);
  assert.ok(run.escalations > 0, "no supervisor gave up: the run proves less than it says");
}
