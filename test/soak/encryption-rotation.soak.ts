import { randomUUID } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, connect } from "nats";
import * as assert from "uvu/assert";
import { loginFrom } from "../../actors/bus/login-files.ts";
import { connectionOptions } from "../../actors/bus/nats.ts";
import { Launcher } from "../../ops/deploy/launcher.ts";
import { type Topology, natsUrl, topologies } from "../../ops/deploy/topology.ts";
import { wire } from "../../schemas/messages.ts";
import { commandSubject, deploymentSubject } from "../../schemas/subjects.ts";
import type { SoakOptions } from "../soak.ts";
import { launcherOptions, temporaryFolder } from "../support/launched-cluster.ts";
import { type Exchange, NumberedOrders } from "../support/numbered-orders.ts";
import { repository } from "../support/shared-data.ts";

const { market } = wire;
const { DeploymentRequest, DeploymentReply } = wire.region.v1;
const home = "eu-central";
const name = "BTC-EUR";
const price = 5_000_000;
const lone = "LONE";
const loneMessages = 500;
const changedWithinMs = 900_000;
const answersWithinMs = 4_000;

interface Running {
  readonly launcher: Launcher;
  as(user: string): Promise<NatsConnection>;
}

async function start(data: string, topology: Topology): Promise<Running> {
  const launcher = new Launcher(
    launcherOptions(data, { topology, cellProgram: join(repository, "actors/root/main.ts") }),
  );
  const started = await launcher.start();
  if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
  const { plan } = started.value;
  const as = async (user: string): Promise<NatsConnection> =>
    connect(
      connectionOptions({
        servers: plan.servers.map(({ ports }) => natsUrl(ports)),
        user,
        ...loginFrom(join(data, "users", `${user}.nk`), plan.certificates.authorityFile),
      }),
    );
  return { launcher, as };
}

function exchangeOver(connection: NatsConnection): Exchange {
  const ask = async (verb: "submit" | "book", payload: Uint8Array): Promise<Uint8Array | null> => {
    try {
      const subject = commandSubject(home, name, verb);
      return (await connection.request(subject, payload, { timeout: answersWithinMs })).data;
    } catch {
      return null;
    }
  };
  return {
    async submit(session, commands) {
      const payload = market.v1.SubmitRequest.encode({ session, commands }).finish();
      const reply = await ask("submit", payload);
      return reply === null ? null : market.v1.SubmitReply.decode(reply);
    },
    async book() {
      const reply = await ask("book", market.v1.BookRequest.encode({ levels: 100 }).finish());
      if (reply === null) throw new Error("the market does not show its book");
      return market.v1.BookReply.decode(reply);
    },
  };
}

async function rotate(operator: NatsConnection): Promise<readonly string[]> {
  const payload = DeploymentRequest.encode({ commandId: randomUUID() }).finish();
  const until = performance.now() + changedWithinMs;
  for (;;) {
    try {
      const subject = deploymentSubject("encryption-rotate");
      const reply = await operator.request(subject, payload, { timeout: changedWithinMs });
      const { refusal, steps } = DeploymentReply.decode(reply.data);
      assert.is(refusal ?? null, null, JSON.stringify(refusal));
      return (steps ?? []).map(({ what }) => what ?? "");
    } catch (error) {
      if ((error as Error).name === "Assertion" || performance.now() > until) throw error;
      await delay(1_000);
    }
  }
}

/** A stream that one server keeps alone, in the only cluster or in its region's own. */
async function addLone(running: Running, topology: Topology): Promise<void> {
  const cell = await running.as(`cell-${home}`);
  const cluster = topology === "compact" ? "meridian" : home;
  await (await jetstreamManager(cell)).streams.add({
    name: lone,
    subjects: ["jrn.LONE"],
    num_replicas: 1,
    placement: { cluster, tags: [`region:${home}`] },
  });
  for (let number = 0; number < loneMessages; number += 1) {
    await jetstream(cell).publish("jrn.LONE", `message ${number}`);
  }
  await cell.close();
}

async function checkLone(running: Running): Promise<void> {
  const cell = await running.as(`cell-${home}`);
  const manager = await jetstreamManager(cell);
  for (let number = 0; number < loneMessages; number += 1) {
    const stored = await manager.streams.getMessage(lone, { seq: number + 1 });
    assert.is(stored?.string(), `message ${number}`);
  }
  await cell.close();
}

async function round(topology: Topology): Promise<void> {
  const data = temporaryFolder();
  let running = await start(data, topology);
  try {
    const operator = await running.as("operator");
    await addLone(running, topology);
    const exchange = exchangeOver(operator);
    const orders = new NumberedOrders(exchange, { resends: true, price });
    let steps: readonly string[];
    try {
      await delay(1_000);
      steps = await rotate(operator);
    } finally {
      await orders.stop();
    }
    const { orders: sent, longestMs } = await orders.check();
    console.log(
      `${topology}: ${steps.length} servers changed, ${sent} orders, none lost or doubled, the longest took ${longestMs} ms`,
    );
    const before = await exchange.book();
    await operator.close();
    // The old key is forgotten at the next start: everything has to be written with the new one.
    await running.launcher.stop();
    const keys = JSON.parse(readFileSync(join(data, "nats", "encryption.json"), "utf8")) as object;
    assert.ok("previous" in keys);
    running = await start(data, topology);
    const kept = JSON.parse(readFileSync(join(data, "nats", "encryption.json"), "utf8")) as object;
    assert.not.ok("previous" in kept);
    const again = await running.as("operator");
    const after = await exchangeOver(again).book();
    assert.equal(after.bids, before.bids);
    await checkLone(running);
    await again.close();
  } finally {
    await running.launcher.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

/** Replaces the key of encryption at rest while orders come, `count` times in each topology (default 1). */
export async function soak({ count }: SoakOptions): Promise<void> {
  for (let turn = 0; turn < (count ?? 1); turn += 1) {
    for (const topology of topologies) await round(topology);
  }
}
