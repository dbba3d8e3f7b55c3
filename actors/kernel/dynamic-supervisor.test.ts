import { suite } from "uvu";
import * as assert from "uvu/assert";
import { setup } from "xstate";

import { atOnce, code } from "../../test/support/conformance-world.ts";
import { ms } from "../../test/support/probe-actors.ts";
import type { ActorDefinition } from "./actor.ts";
import { actorSystem } from "./actor-system.ts";
import { dynamicSupervisorSpec } from "./child-spec.ts";
import { deadLetterStore } from "./dead-letters.ts";
import { manualClock } from "./manual-clock.ts";
import type { Log } from "./ports/log.ts";
import { seededRandomness } from "./seeded-randomness.ts";

const test = suite("dynamic supervisor");

const machine = setup({}).createMachine({ initial: "open", states: { open: {} } });
type Message = "hello" | "fail";

const greeter: ActorDefinition<object, Message, string, typeof machine> = {
  type: "greeter",
  mailbox: { capacity: 4, onRestart: "keep", parkAfter: 1 },
  create: ({ id }) => ({
    machine,
    input: undefined,
    receive(message, reply) {
      if (message === "fail") throw new Error("told to");
      reply(`hello from ${id}`);
    },
  }),
};

async function pool(count: number) {
  const clock = manualClock();
  const log: Log = { info() {}, warn() {}, error() {}, child: () => log };
  const system = actorSystem({
    definitions: [greeter],
    clock,
    log,
    randomness: seededRandomness(1),
    deadLetters: deadLetterStore(clock),
  });
  const template = { type: "greeter", restart: "permanent", shutdown: ms(10) } as const;
  await system.start(
    dynamicSupervisorSpec("pool", template, { maximumChildren: count, backoff: atOnce }),
  );
  // Processor time: what others on the machine take must not count.
  const begun = process.cpuUsage();
  for (let index = 0; index < count; index += 1) {
    const started = await system.startChild("/pool", { id: `g${index}`, start: {} });
    if (!started.ok) throw new Error(started.failure.reason);
  }
  const { user, system: kernel } = process.cpuUsage(begun);
  return { system, clock, startUs: (user + kernel) / count };
}

test("B7.8 a dynamic supervisor holds 100,000 children: each is found, answers, restarts and stops on its own", async () => {
  const count = 100_000;
  const { system, clock } = await pool(count);
  assert.is(code(await system.startChild("/pool", { id: "more", start: {} })), "busy");
  const last = system.find(greeter, `/pool/g${count - 1}`);
  assert.ok(last.ok);
  if (!last.ok) return;
  const asked = last.value.ask("hello", ms(1));
  await clock.settle();
  assert.equal(await asked, { ok: true, value: `hello from g${count - 1}` });
  last.value.send("fail");
  await clock.settle();
  assert.is(system.counters().restarts, 1);
  assert.is(code(await system.terminateChild("/pool/g5")), "ok");
  assert.equal(system.countChildren("/pool"), {
    ok: true,
    value: { specs: count - 1, active: count - 1, supervisors: 0, workers: count - 1 },
  });
  const stopped = system.stop();
  await clock.settle();
  await stopped;
  assert.is(system.sizes().machines, 0);
  assert.is(clock.pending, 0);
});

test("B7.8 a child more costs the same among 2,000 as among 20,000", async () => {
  await pool(2_000);
  const few = Math.min((await pool(2_000)).startUs, (await pool(2_000)).startUs);
  const many = Math.min((await pool(20_000)).startUs, (await pool(20_000)).startUs);
  // 1 when linear, 10 when quadratic; the noise of a shared machine stays below 4.
  assert.ok(many / few < 4, `${few.toFixed(1)} us among 2,000, ${many.toFixed(1)} us among 20,000`);
});

test.run();
