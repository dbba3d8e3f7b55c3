import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fromPromise, setup } from "xstate";

import { atOnce } from "../../test/support/conformance-world.ts";
import { ms } from "../../test/support/probe-actors.ts";
import type { ActorDefinition } from "./actor.ts";
import { actorSystem } from "./actor-system.ts";
import { currentScope } from "./blame.ts";
import { supervisorSpec } from "./child-spec.ts";
import { deadLetterStore } from "./dead-letters.ts";
import { MachineHosts } from "./machine-host.ts";
import { manualClock } from "./manual-clock.ts";
import type { Log } from "./ports/log.ts";
import { seededRandomness } from "./seeded-randomness.ts";

/** Machines share XState systems: what must not be seen of it. */
const test = suite("machine host");

const did: string[] = [];
/** As whose code the bells rang. */
const scopes: string[] = [];

/** After a second it rings, when its id begins with `bad` by throwing; `ask` invokes a promise. */
const machine = setup({
  types: {
    input: {} as { readonly id: string },
    context: {} as { readonly id: string },
    events: {} as { readonly type: "ask" },
  },
  actions: {
    ring: ({ context }) => {
      if (context.id.startsWith("bad")) throw new Error(`${context.id} rings`);
      did.push(context.id);
      scopes.push(currentScope()?.path ?? "nobody");
    },
    answered: ({ context }) => did.push(`${context.id} answered`),
  },
  actors: { answer: fromPromise(async () => 42) },
  delays: { later: 2_000 },
}).createMachine({
  initial: "waiting",
  context: ({ input }) => input,
  states: {
    waiting: { after: { 1_000: "rung" }, on: { ask: "asking" } },
    rung: { entry: "ring" },
    asking: { invoke: { src: "answer", onDone: { target: "resting", actions: "answered" } } },
    resting: { after: { later: "rung" } },
  },
});

async function bells(ids: readonly string[]) {
  did.length = 0;
  scopes.length = 0;
  const clock = manualClock();
  const log: Log = { info() {}, warn() {}, error() {}, child: () => log };
  const bell: ActorDefinition<object, "ask", never, typeof machine> = {
    type: "bell",
    mailbox: { capacity: 4, onRestart: "keep", parkAfter: 1 },
    create: (context) => ({
      machine,
      input: { id: context.id },
      receive: () => context.lifecycle.send({ type: "ask" }),
    }),
  };
  const system = actorSystem({
    definitions: [bell],
    clock,
    log,
    randomness: seededRandomness(1),
    deadLetters: deadLetterStore(clock),
  });
  const spec = { type: "bell", start: {}, restart: "temporary", shutdown: ms(10) } as const;
  await system.start(
    supervisorSpec(
      "top",
      ids.map((id) => ({ ...spec, id })),
      { backoff: atOnce },
    ),
  );
  return { system, clock, bell };
}

const many = Array.from({ length: 200 }, (_, index) => `b${index}`);

test("B7.8 a delayed transition that fails is the failure of its own actor, and of none that shares its system", async () => {
  const { system, clock } = await bells(["a", "bad", "c"]);
  await clock.advance(ms(1_000));
  assert.equal(did, ["a", "c"]);
  assert.equal(scopes, ["/top/a", "/top/c"]);
  assert.is(system.counters().failures, 1);
  assert.equal(
    system.tree().map(({ path }) => path),
    ["/top", "/top/a", "/top/c"],
  );
});

test("B7.8 delayed transitions end with their actor, and those of the others go on", async () => {
  const { system, clock } = await bells(many);
  assert.is(clock.pending, many.length);
  for (const id of many.slice(0, 150)) await system.terminateChild(`/top/${id}`);
  assert.is(clock.pending, 50);
  await clock.advance(ms(1_000));
  assert.equal(did, many.slice(150));
});

test("B7.8 a delayed transition armed after a promise of the machine is its actor's, too", async () => {
  const { system, clock, bell } = await bells(["a", "bad"]);
  for (const id of ["a", "bad"]) {
    const found = system.find(bell, `/top/${id}`);
    if (found.ok) found.value.send("ask");
  }
  await clock.settle();
  assert.equal(did, ["a answered", "bad answered"]);
  assert.is(clock.pending, 2);
  await system.terminateChild("/top/a");
  assert.is(clock.pending, 1, "its timer has ended with it");
  await clock.advance(ms(2_000));
  assert.is(system.counters().failures, 1);
  assert.is(clock.pending, 0);
});

test("B7.8 places of machines that ended are used again, and every machine is given back", async () => {
  const { system } = await bells(many);
  assert.is(system.sizes().machines, many.length);
  for (let round = 0; round < 5; round += 1) {
    for (const id of many) {
      await system.terminateChild(`/top/${id}`);
      const spec = { type: "bell", start: {}, restart: "temporary", shutdown: ms(10) } as const;
      await system.startChild("/top", { ...spec, id });
    }
  }
  assert.is(system.sizes().machines, many.length);
  await system.stop();
  assert.is(system.sizes().machines, 0);
});

test("B7.8 however often machines come and go, they share as few systems as they need", () => {
  const hosts = new MachineHosts(() => () => {});
  const random = seededRandomness(3);
  const make = () => hosts.create(machine, { id: "x" });
  const running = Array.from({ length: 200 }, make);
  for (let change = 0; change < 5_000; change += 1) {
    const at = random.below(running.length);
    const { actor, host } = running[at] as (typeof running)[number];
    hosts.release(actor, host);
    running[at] = make();
  }
  // Four would do; a few more are there while machines come and go.
  const used = new Set(running.map(({ host }) => host)).size;
  assert.ok(used <= 8, `${used} systems for 200 machines`);
});

test.run();
