import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { NatsConnection } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { connectAs } from "../../ops/deploy/connection.ts";
import { credentialsOf } from "../../ops/deploy/cluster.ts";
import { Launcher, type Overview } from "../../ops/deploy/launcher.ts";
import { approve, propose, run } from "../../ops/deploy/recovery/recovery.ts";
import { natsUrl } from "../../ops/deploy/topology.ts";
import { wire } from "../../schemas/messages.ts";
import { commandSubject } from "../../schemas/subjects.ts";
import { meridian } from "../support/command-line.ts";
import { launcherOptions, temporaryFolder, testPorts } from "../support/launched-cluster.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("region recover");
const survivor = "eu-central";
const markets = [
  { home: survivor, market: "BTC-EUR" },
  { home: "us-east", market: "BTC-USD" },
];
const session = 4_711;
const { SubmitRequest, SubmitReply, Side, OrderType, TimeInForce, DurabilityMode } = wire.market.v1;

async function start(dataDirectory: string): Promise<{ launcher: Launcher; overview: Overview }> {
  const cellProgram = join(repository, "actors", "root", "main.ts");
  const launcher = new Launcher(
    launcherOptions(dataDirectory, { cellProgram, engine: "portable" }),
  );
  const started = await launcher.start();
  if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
  return { launcher, overview: started.value };
}

async function asOperator<T>(
  { plan }: Overview,
  body: (connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const connection = await connectAs({
    user: "operator",
    seedFile: credentialsOf(plan, "operator").seedFile,
    authorityFile: plan.certificates.authorityFile,
    servers: plan.servers.map((server) => natsUrl(server.ports)),
  });
  try {
    return await body(connection);
  } finally {
    await connection.close();
  }
}

/** Places one resting order; the same number again, where the market is said to be, until there is an outcome. */
async function place(
  connection: NatsConnection,
  { home, market }: (typeof markets)[number],
): Promise<wire.market.v1.SubmitReply & { readonly region: string }> {
  const command = {
    number: 1,
    account: 9,
    place: {
      side: Side.SIDE_BUY,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price: 5_000_000,
      quantity: 10,
    },
  };
  const payload = SubmitRequest.encode({ session, commands: [command] }).finish();
  let region = home;
  let last = "nobody answers";
  for (let attempt = 0; attempt < 240; attempt += 1) {
    try {
      const reply = await connection.request(commandSubject(region, market, "submit"), payload, {
        timeout: 5_000,
      });
      const decoded = SubmitReply.decode(reply.data);
      const refusal = decoded.refusal ?? decoded.outcomes[0]?.refusal;
      if (refusal == null) return Object.assign(decoded, { region });
      last = refusal.reason ?? "";
      const told = refusal.region ?? "";
      if (told !== "") region = told;
    } catch (error) {
      last = String(error);
    }
    await sleep(250);
  }
  throw new Error(`${market} takes no order: ${last}`);
}

testUnless(
  test,
  missingNatsServer(),
  "B9.7 after two of three regions are gone for good two people bring back what the third one has, in epochs that were never given",
  async () => {
    const data = temporaryFolder();
    let running: Launcher | null = null;
    try {
      const first = await start(data);
      running = first.launcher;
      const lost = first.overview.regions
        .map(({ name }) => name)
        .filter((name) => name !== survivor);
      assert.is(lost.length, 2);
      const told = await asOperator(first.overview, (connection) =>
        Promise.all(markets.map((market) => place(connection, market))),
      );
      for (const reply of told) {
        assert.is(reply.durability, DurabilityMode.DURABILITY_MODE_REPLICATED);
      }
      // The third replica may be behind the two that have acknowledged.
      await sleep(500);
      running.abort();
      running = null;
      for (const region of lost) {
        rmSync(join(data, "nats", region), { recursive: true });
        rmSync(join(data, "cells", region), { recursive: true });
      }

      const settings = {
        dataDirectory: data,
        regionsDirectory: join(repository, "regions"),
        firstPorts: testPorts,
        say: () => undefined,
      };
      const proposed = await propose(
        settings,
        survivor,
        "the other two have burnt down",
        "operator",
      );
      if (!proposed.ok) throw new Error(proposed.failure.reason);
      const { id } = proposed.value;
      assert.equal(proposed.value.lost, lost);
      const early = await run(settings, id);
      assert.is(early.ok ? "" : early.failure.code, "recovery_refused");
      const same = await approve(settings, id, "operator");
      assert.is(same.ok ? "" : same.failure.code, "recovery_refused");
      const approved = await approve(settings, id, "approver");
      assert.ok(approved.ok);
      const given = ["region", "recover", "run", id, "--as", "operator", "-o", "json"];
      const ran = await meridian(data, given);
      assert.is(ran.code, 0, ran.errors);
      const { journals } = JSON.parse(ran.output) as {
        journals: { market: string; sequence: number; holder: string }[];
      };
      for (const [index, { market }] of markets.entries()) {
        const journal = journals.find((each) => each.market === market);
        assert.ok((journal?.sequence ?? 0) >= (told[index]?.outcomes[0]?.sequence ?? 1), market);
      }
      const again = await meridian(data, given);
      assert.is(again.code, 3, again.errors);
      const log = readFileSync(join(data, "recoveries", "log.ndjson"), "utf8")
        .trim()
        .split("\n");
      assert.equal(
        log.map((line) => (JSON.parse(line) as { step: string }).step),
        ["proposed", "approved", "done"],
      );

      const second = await start(data);
      running = second.launcher;
      const after = await asOperator(second.overview, (connection) =>
        Promise.all(markets.map((market) => place(connection, market))),
      );
      for (const [index, reply] of after.entries()) {
        assert.is(reply.outcomes[0]?.repeated, true, "a resend gets the first outcome");
        assert.is(reply.outcomes[0]?.sequence, told[index]?.outcomes[0]?.sequence);
        assert.ok((reply.epoch ?? 0) > 2 ** 20, `epoch ${reply.epoch}`);
        assert.is(reply.region, survivor, "the region that still has the market's log takes it");
      }
    } finally {
      await running?.stop();
      rmSync(data, { recursive: true, force: true });
    }
  },
);

test.run();
