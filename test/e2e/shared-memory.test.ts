import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { EngineEvent, PlaceCommand } from "../../actors/kernel/ports/matching-engine.ts";
import { accountId, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { MarketClient } from "../../native/client/market-client.ts";
import { type ClientGrants, clientGrantsSchema } from "../../schemas/configuration.ts";
import { build, hostTree, missingBuildTools } from "../rv32/programs.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import {
  eventually,
  marketName,
  type OneRegion,
  place,
  withOneRegion,
} from "../support/one-region.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("shared-memory clients of a running cell");
const missing = missingNatsServer() ?? missingBuildTools;

const probe = join(repository, hostTree, "reactor", "client_probe");
/** Tokens of the probe are 32 times the same byte. */
const PROBE = { tokenByte: 7, account: 70 };

const order = (account: number, side: "buy" | "sell", number: number): PlaceCommand => ({
  kind: "place",
  session: 0,
  number,
  account: accountId(account),
  tag: number,
  side,
  orderType: "limit",
  timeInForce: "day",
  price: priceTicks(500),
  quantity: quantityLots(10),
});

const grantsOf = (file: string): ClientGrants =>
  clientGrantsSchema.parse(JSON.parse(readFileSync(file, "utf8")));

/** A client by the grant that the launcher has made. */
async function connect(region: OneRegion, more: object = {}): Promise<MarketClient> {
  const clients = region.region.clients;
  const [grant] = grantsOf(clients?.grantsFile ?? "").grants;
  if (clients === undefined || grant === undefined) throw new Error("nobody may connect");
  const connected = await MarketClient.connect({
    socket: clients.socket,
    market: marketName,
    token: new Uint8Array(Buffer.from(grant.token, "hex")),
    account: grant.account,
    ...more,
  });
  if (!connected.ok) throw new Error(`${connected.failure.code}: ${connected.failure.reason}`);
  return connected.value;
}

type Told = EngineEvent & { readonly foreign: boolean };

/** Events until one of this kind has come, or `milliseconds` are over. */
async function eventsUntil(
  client: MarketClient,
  kind: EngineEvent["kind"],
  milliseconds = 10_000,
): Promise<readonly Told[]> {
  const told: Told[] = [];
  const end = performance.now() + milliseconds;
  while (performance.now() < end && !told.some((event) => event.kind === kind)) {
    client.poll((event, foreign) => told.push({ ...event, foreign }));
    await client.wait(20);
  }
  return told;
}

async function metricOf(region: OneRegion, line: string): Promise<number> {
  const text = await (await fetch(`${region.region.http}/metrics`)).text();
  const found = text.split("\n").find((each) => each.startsWith(`${line} `));
  return Number(found?.split(" ")[1] ?? Number.NaN);
}

testUnless(
  test,
  missing,
  "A2.1 a process attaches to a running cell from TypeScript and from C++, trades with orders that came over NATS, and is refused by code",
  () =>
    withOneRegion("replicated", async (region) => {
      await region.ready();
      const { socket, grantsFile } = region.region.clients ?? { socket: "", grantsFile: "" };
      assert.is(statSync(grantsFile).mode & 0o777, 0o600);
      const client = await connect(region, { commandSlots: 16 });
      client.submit(order(client.account, "sell", 1));
      client.flush();
      const accepted = await eventsUntil(client, "accepted");
      assert.is(accepted[0]?.kind, "accepted");

      const reply = await region.submit(5, [place(1, "buy", 500, 4)]);
      assert.is(reply?.outcomes[0]?.fills?.[0]?.quantity, 4);
      const executed = (await eventsUntil(client, "executed")).find(
        ({ kind }) => kind === "executed",
      );
      assert.ok(executed?.foreign);

      const answers = Array.from({ length: 40 }, (_, index) =>
        client.submit(order(client.account, "sell", 2 + index)),
      );
      assert.equal(
        answers,
        Array.from({ length: 40 }, (_, index) => (index < 16 ? "yes" : "ring_full")),
      );
      assert.is(client.ringFullCount, 24);
      await client.close();

      const refused = await MarketClient.connect({
        socket,
        market: marketName,
        token: new Uint8Array(32).fill(PROBE.tokenByte),
        account: PROBE.account,
      });
      assert.is(refused.ok ? "" : refused.failure.code, "credentials_refused");
      assert.is(
        await metricOf(region, 'meridian_clients_refused_total{code="credentials_refused"}'),
        1,
      );

      await build(hostTree, ["-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"], ["client_probe"]);
      const { grants } = grantsOf(grantsFile);
      const token = Buffer.alloc(32, PROBE.tokenByte).toString("hex");
      const user = process.getuid?.() ?? 0;
      const more = { token, user, account: PROBE.account, permissions: [] };
      writeFileSync(grantsFile, JSON.stringify({ grants: [...grants, more] }));
      process.kill(region.cellPid(), "SIGHUP");
      const before = await region.ready();
      const isServed = async (): Promise<true | null> => {
        const words = ["flow", socket, marketName, PROBE.tokenByte, PROBE.account, 2_000];
        const child = spawn(probe, words.map(String), { stdio: "ignore" });
        await once(child, "exit");
        return child.exitCode === 0 ? true : null;
      };
      await eventually("the probe has traded", isServed);
      const after = await region.ready();
      assert.is(Number(after.matched) - Number(before.matched), 2_000);
      assert.is(await metricOf(region, 'meridian_clients_ended_total{reason="closed"}'), 2);
    }),
);

testUnless(
  test,
  missing,
  "B9.7 the gate closes by itself when the lease cannot be renewed, and what waited is taken under the next one",
  () =>
    withOneRegion("matched", async (region) => {
      await region.ready();
      const client = await connect(region);
      client.submit(order(client.account, "sell", 1));
      client.flush();
      assert.is((await eventsUntil(client, "accepted"))[0]?.kind, "accepted");
      for (const server of region.serverPids) process.kill(server, "SIGSTOP");
      try {
        await delay(2_500);
        client.submit(order(client.account, "sell", 2));
        client.flush();
        assert.equal(await eventsUntil(client, "accepted", 1_000), []);
        assert.is(client.waitingCommands, 1);
      } finally {
        for (const server of region.serverPids) process.kill(server, "SIGCONT");
      }
      assert.is((await eventsUntil(client, "accepted", 30_000))[0]?.kind, "accepted");
      assert.is(client.ended, null);
      assert.is(client.waitingCommands, 0);
      await client.close();
    }),
);

test.run();
