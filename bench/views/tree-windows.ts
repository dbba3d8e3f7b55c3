import { parseArgs } from "node:util";

import { setup } from "xstate";

import { MemoryBroker, MemoryBus } from "../../actors/bus/memory.ts";
import type { ActorDefinition, ActorSystem } from "../../actors/kernel/actor.ts";
import { actorSystem } from "../../actors/kernel/actor-system.ts";
import { dynamicSupervisorSpec, supervisorSpec } from "../../actors/kernel/child-spec.ts";
import { deadLetterStore } from "../../actors/kernel/dead-letters.ts";
import type { Log } from "../../actors/kernel/ports/log.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { LiveViews } from "../../actors/views/live-views.ts";
import type { TreeRequest } from "../../actors/views/messages.ts";
import { TreeServices } from "../../actors/views/tree-services.ts";

/**
 * What a look at a large tree costs the cell: `node --expose-gc bench/views/tree-windows.ts
 * [--actors=100000] [--repeats=200]`. For each kind of window the time until it is there, the processor time
 * of a tick of a live view, and the longest time for which nothing else of the process had a turn.
 */

const machine = setup({}).createMachine({ initial: "open", states: { open: {} } });
const log: Log = { info() {}, warn() {}, error() {}, child: () => log };

async function treeOf(actors: number): Promise<ActorSystem> {
  const worker: ActorDefinition<object, "crash", never, typeof machine> = {
    type: "strategy",
    mailbox: { capacity: 16, onRestart: "keep", parkAfter: 1 },
    create: () => ({
      machine,
      input: undefined,
      receive() {
        throw new Error("told to");
      },
    }),
  };
  const clock = systemClock();
  const system = actorSystem({
    definitions: [worker],
    clock,
    log,
    randomness: seededRandomness(1),
    deadLetters: deadLetterStore(clock),
  });
  const intensity = { maximumRestarts: 1_000_000, within: durationNs(1) };
  const pool = dynamicSupervisorSpec(
    "strategies",
    { type: "strategy", restart: "permanent", shutdown: durationNs(1e9) },
    { maximumChildren: actors + 1, intensity },
  );
  await system.start(supervisorSpec("region", [pool]));
  for (let index = 0; index < actors; index += 1) {
    const started = await system.startChild("/region/strategies", { id: `s${index}`, start: {} });
    if (!started.ok) throw new Error(started.failure.reason);
  }
  for (let index = 0; index < 50; index += 1) {
    const at = Math.floor((index * actors) / 50);
    const found = system.find(worker, `/region/strategies/s${at}`);
    if (found.ok) found.value.send("crash");
  }
  return system;
}

/** The longest time between two turns of the event loop while the work goes on. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let going = true;
  const tick = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (going) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  await new Promise((resolve) => setImmediate(resolve));
  going = false;
  return longest;
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((one, other) => one - other)[Math.floor(share * (values.length - 1))] ?? 0;

const window: TreeRequest = {
  cell: "",
  branch: "",
  scope: "subtree",
  offset: 0,
  limit: 200,
  filter: "",
  sort: "",
  view: "",
};

const { values } = parseArgs({
  options: {
    actors: { type: "string", default: "100000" },
    repeats: { type: "string", default: "200" },
  },
});
const actors = Number(values.actors);
const repeats = Number(values.repeats);
const before = process.memoryUsage().heapUsed;
const system = await treeOf(actors);
globalThis.gc?.();
const heap = process.memoryUsage().heapUsed - before;
const clock = systemClock();
const bus = new MemoryBus(new MemoryBroker(), clock);
const services = new TreeServices(
  {
    bus,
    clock,
    system: () => system,
    cells: () => Promise.resolve(["bench"]),
    mailboxCapacity: () => 16,
  },
  { region: "region", cell: "bench" },
);
const cases: readonly (readonly [string, Partial<TreeRequest>])[] = [
  ["first window", {}],
  ["last window", { offset: actors - 200 }],
  [
    "children at an offset",
    { branch: "/region/strategies", scope: "children", offset: actors / 2 },
  ],
  ["/failed", { filter: "/failed" }],
  ["restarts>0", { filter: "restarts>0" }],
  ["text and type", { filter: "type:strategy s999" }],
  ["the most restarted first", { sort: "-restarts" }],
  ["by path", { sort: "path" }],
];
console.log(`${actors} actors, ${(heap / actors / 1_000).toFixed(2)} kB of heap each`);
console.log("window                      p50 ms    p99 ms   longest turn ms   processor ms a tick");
for (const [name, change] of cases) {
  const request = { ...window, ...change };
  const times: number[] = [];
  const usage = process.cpuUsage();
  const turn = await longestTurn(async () => {
    for (let turns = 0; turns < repeats; turns += 1) {
      const began = performance.now();
      const found = await services.window(request);
      if (!found.ok) throw new Error(found.failure.reason);
      times.push(performance.now() - began);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  const { user, system: kernel } = process.cpuUsage(usage);
  const cells = [
    quantile(times, 0.5).toFixed(3),
    quantile(times, 0.99).toFixed(3),
    turn.toFixed(2).padStart(15),
    ((user + kernel) / 1_000 / repeats).toFixed(3).padStart(18),
  ];
  console.log(`${name.padEnd(26)} ${cells.map((cell) => cell.padStart(9)).join(" ")}`);
}

let messages = 0;
bus.subscribe("sup.region.views.>", () => {
  messages += 1;
});
const views = new LiveViews(
  { bus, clock, log, window: (request) => services.window(request) },
  "region",
);
for (let index = 0; index < 10; index += 1) {
  await views.lease({ ...window, filter: "/failed", view: `v${index}` });
}
const usage = process.cpuUsage();
const began = performance.now();
await new Promise((resolve) => setTimeout(resolve, 5_000));
const { user, system: kernel } = process.cpuUsage(usage);
const share = (100 * (user + kernel)) / 1_000 / (performance.now() - began);
console.log(
  `10 live views of /failed: ${messages} messages in 5 s, ${share.toFixed(1)} % of a core`,
);
views.end();
await system.stop();
