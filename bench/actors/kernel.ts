import { setup } from "xstate";

import type { ActorDefinition, ActorRef } from "../../actors/kernel/actor.ts";
import { actorSystem } from "../../actors/kernel/actor-system.ts";
import { dynamicSupervisorSpec } from "../../actors/kernel/child-spec.ts";
import { deadLetterStore } from "../../actors/kernel/dead-letters.ts";
import type { Log } from "../../actors/kernel/ports/log.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { receivers, type Subject } from "./subject.ts";

const machine = setup({}).createMachine({ initial: "open", states: { open: {} } });
const log: Log = { info() {}, warn() {}, error() {}, child: () => log };
const mailboxCapacity = 256;

/** Actors of our kernel under a dynamic supervisor that restarts at once. */
export async function kernelSubject(): Promise<Subject> {
  const counted = { worked: 0 };
  let onWork: (() => void) | null = null;
  const worker: ActorDefinition<object, "work" | "crash", never, typeof machine> = {
    type: "worker",
    mailbox: { capacity: mailboxCapacity, onRestart: "keep", parkAfter: 1 },
    create: () => ({
      machine,
      input: undefined,
      receive(message) {
        if (message === "crash") throw new Error("told to");
        counted.worked += 1;
        onWork?.();
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
  await system.start(
    dynamicSupervisorSpec(
      "pool",
      { type: "worker", restart: "permanent", shutdown: durationNs(1e9) },
      {
        maximumChildren: 1_000_000,
        intensity: { maximumRestarts: 1_000_000, within: durationNs(1) },
        backoff: {
          initial: durationNs(0),
          maximum: durationNs(0),
          jitter: 0,
          resetAfter: durationNs(0),
        },
      },
    ),
  );
  const refs: ActorRef<"work" | "crash", never>[] = [];
  return {
    async spawn(count) {
      for (let index = 0; index < count; index += 1) {
        const started = await system.startChild("/pool", { id: `w${index}`, start: {} });
        if (!started.ok) throw new Error(started.failure.reason);
      }
      for (let index = 0; index < Math.min(receivers, count); index += 1) {
        const found = system.find(worker, `/pool/w${index}`);
        if (found.ok) refs.push(found.value);
      }
    },
    async messages(count) {
      counted.worked = 0;
      for (let sent = 0; sent < count; ) {
        const taken = refs[sent % refs.length]?.send("work");
        if (taken?.ok === true) sent += 1;
        // Full: whoever sends faster than the receivers work waits for them.
        else await new Promise((resolve) => setImmediate(resolve));
      }
      while (counted.worked < count) await new Promise((resolve) => setImmediate(resolve));
    },
    crash() {
      return new Promise((resolve) => {
        onWork = () => {
          onWork = null;
          resolve();
        };
        refs[0]?.send("crash");
        refs[0]?.send("work");
      });
    },
  };
}
