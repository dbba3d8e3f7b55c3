import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { connect } from "nats";
import { setup } from "xstate";

import type { ActorDefinition } from "../../actors/kernel/actor.ts";
import { actorSystem } from "../../actors/kernel/actor-system.ts";
import { supervisorSpec } from "../../actors/kernel/child-spec.ts";
import { deadLetterStore } from "../../actors/kernel/dead-letters.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { natsServer } from "../../test/support/nats-cluster.ts";
import { silentLog } from "../../test/support/ports.ts";
import { BenchVoid, quantile } from "../bench.ts";

/** Microseconds of a request, one at a time, rising. */
export interface Requests {
  /** Answered by an actor, through its mailbox. */
  readonly actor: Float64Array;
  /** Answered by the subscription itself: what the server and both clients cost. */
  readonly bare: Float64Array;
}

const machine = setup({}).createMachine({ initial: "open", states: { open: {} } });
const payload = new Uint8Array(64);
const askTimeout = durationNs(5e9);

/** A real nats-server, two connections of this process, requests to an actor and to nobody in turn. */
export async function requests(count: number): Promise<Requests> {
  const binary = natsServer();
  if (binary === null) throw new BenchVoid("no nats-server: npm run bench sets one up");
  const port = await freePort();
  const server = spawn(binary, ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  try {
    return await measure(port, count);
  } finally {
    server.kill("SIGKILL");
  }
}

async function measure(port: number, count: number): Promise<Requests> {
  const servers = `nats://127.0.0.1:${port}`;
  const serving = await retried(() => connect({ servers }));
  const asking = await connect({ servers });
  const echo: ActorDefinition<object, Uint8Array, Uint8Array, typeof machine> = {
    type: "echo",
    mailbox: { capacity: 256, onRestart: "keep", parkAfter: 1 },
    create: () => ({
      machine,
      input: undefined,
      receive: (message, reply) => reply(message),
    }),
  };
  const clock = systemClock();
  const system = actorSystem({
    definitions: [echo],
    clock,
    log: silentLog,
    randomness: seededRandomness(1),
    deadLetters: deadLetterStore(clock),
  });
  const spec = { id: "echo", type: "echo", start: {}, restart: "permanent" } as const;
  await system.start(supervisorSpec("top", [{ ...spec, shutdown: durationNs(1e9) }]));
  serving.subscribe("act.bench.echo.one.ask", {
    callback: (_error, request) => {
      const found = system.find(echo, "/top/echo");
      if (!found.ok) return;
      void found.value.ask(request.data, askTimeout).then((answer) => {
        if (answer.ok) request.respond(answer.value);
      });
    },
  });
  serving.subscribe("bare", { callback: (_error, request) => void request.respond(request.data) });
  await serving.flush();
  const one = async (subject: string): Promise<number> => {
    const begun = performance.now();
    await asking.request(subject, payload, { timeout: 5_000 });
    return (performance.now() - begun) * 1e3;
  };
  for (let index = 0; index < Math.min(count, 500); index += 1) {
    await one("act.bench.echo.one.ask");
    await one("bare");
  }
  const actor = new Float64Array(count);
  const bare = new Float64Array(count);
  for (let index = 0; index < count; index += 1) {
    actor[index] = await one("act.bench.echo.one.ask");
    bare[index] = await one("bare");
  }
  await asking.close();
  await serving.close();
  await system.stop();
  return { actor: actor.sort(), bare: bare.sort() };
}

export const p50 = (samples: Float64Array): number => quantile(samples, 0.5);
export const p99 = (samples: Float64Array): number => quantile(samples, 0.99);

async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (cause) {
      if (attempt === 50) throw new BenchVoid("nats-server does not answer", { cause });
      await sleep(100);
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
