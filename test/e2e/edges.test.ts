import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  type EdgeAccess,
  edgeAccessSchema,
  type EdgesFile,
  edgesFileSchema,
} from "../../schemas/configuration.ts";
import type { OuchInbound } from "../../schemas/nasdaq/codec.ts";
import { connectTcp, OuchClient } from "../../schemas/nasdaq/ouch-client.ts";
import { PacketReader, replayFeed } from "../support/feed-reader.ts";
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

const test = suite("OUCH and ITCH of a running cell");
const missing = missingNatsServer();

type Place = EdgesFile["markets"][string];

const accessOf = ({ region }: OneRegion): EdgeAccess =>
  edgeAccessSchema.parse(JSON.parse(readFileSync(region.edges?.accessFile ?? "", "utf8")));

const placeOf = ({ region }: OneRegion): Promise<Place> =>
  eventually("the cell says where it listens", () => {
    try {
      const file = readFileSync(region.edges?.edgesFile ?? "", "utf8");
      const found = edgesFileSchema.parse(JSON.parse(file)).markets[marketName];
      return Promise.resolve(found !== undefined && found.feed !== 0 ? found : null);
    } catch {
      return Promise.resolve(null);
    }
  });

/** `meridian order …` on the data folder of the cluster: what it prints as JSON. */
async function meridian(
  { data }: OneRegion,
  ...words: readonly string[]
): Promise<Record<string, unknown>> {
  const main = join(repository, "ops", "cli", "main.ts");
  const options = ["--via", "ouch", "--data", data, "-o", "json"];
  const child = spawn(process.execPath, [main, "order", ...words, ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(child, "close");
  assert.is(child.exitCode, 0, said);
  return JSON.parse(output) as Record<string, unknown>;
}

async function logIn(region: OneRegion, listening: Place): Promise<OuchClient> {
  const [member] = accessOf(region).members;
  const connected = await connectTcp(listening.host, listening.orders);
  if (!connected.ok || member === undefined) throw new Error("nobody listens");
  const { username, password } = member;
  const loggedIn = await OuchClient.logIn(connected.stream, { username, password });
  if (!loggedIn.ok) throw new Error(loggedIn.failure.reason);
  return loggedIn.client;
}

const order = (userRef: number, side: "B" | "S", quantity: number): OuchInbound => ({
  kind: "enterOrder",
  userRef,
  side,
  quantity,
  symbol: marketName,
  price: 50_000n,
  timeInForce: "0",
  display: "Y",
  capacity: "P",
  intermarketSweep: "N",
  crossType: "N",
  clientOrderId: "",
  options: {},
});

/** Waits until the reader has the book that the market shows over NATS. */
async function isFollowed(region: OneRegion, reader: PacketReader): Promise<void> {
  await eventually("the book out of packets is the market's", async () => {
    reader.ask();
    const { bids, asks } = await region.book();
    const inFeedUnits = (levels: typeof bids): (readonly [number, number])[] =>
      levels.map(({ price, quantity }) => [Number(price) * 100, Number(quantity)]);
    const isSame =
      JSON.stringify([reader.book.levels("B"), reader.book.levels("S")]) ===
      JSON.stringify([inFeedUnits(bids), inFeedUnits(asks)]);
    return isSame ? true : null;
  });
}

testUnless(
  test,
  missing,
  "A5.1 B5.6 OUCH and NATS share a book, packets rebuild it through losses, and a killed cell forgets nothing",
  () =>
    withOneRegion("replicated", async (region) => {
      await region.ready();
      const place1 = await placeOf(region);
      const reader = await PacketReader.open(place1.packets, {
        host: place1.host,
        port: place1.requests,
      });
      try {
        const placed = await meridian(region, "place", marketName, "buy", "50", "5.00");
        assert.equal([placed["executed"], placed["open"]], [0, 50]);
        const reply = await region.submit(5, [place(1, "sell", 500, 30)]);
        assert.is(reply?.outcomes[0]?.fills?.[0]?.quantity, 30);
        const second = await meridian(region, "place", marketName, "sell", "25", "5.00");
        assert.equal([second["executed"], second["open"]], [20, 5]);
        const commands = Array.from({ length: 60 }, (_, index) =>
          place(2 + index, index % 2 === 0 ? "buy" : "sell", 490 + (index % 7) * 4, 3 + index),
        );
        for (const command of commands) await region.submit(5, [command]);
        await isFollowed(region, reader);
        assert.ok(reader.lost > 5, "packets were lost");
        assert.ok(reader.book.trades > 2);

        const [subscriber] = accessOf(region).subscribers;
        if (subscriber === undefined) throw new Error("nobody may read");
        const feed = { host: place1.host, port: place1.feed };
        const before = await replayFeed(feed, subscriber, reader.messages);
        process.kill(region.cellPid(), "SIGKILL");
        await eventually("the cell has died", async () =>
          (await region.status()) === null ? true : null,
        );
        await region.ready();
        const third = await eventually("order entry is open again", async () => {
          try {
            return await meridian(region, "place", marketName, "buy", "7", "4.00");
          } catch {
            return null;
          }
        });
        // References go on, and the order of before the kill is known under its own.
        assert.is(third["userRef"], Number(second["userRef"]) + 1);
        const again = await placeOf(region);
        assert.equal(again, place1, "ports stay");
        const canceled = await meridian(region, "cancel", marketName, String(third["userRef"]));
        assert.is(canceled["canceled"], 7);
        const after = await replayFeed(feed, subscriber, before.length);
        assert.equal(
          after.map((message) => Buffer.from(message).toString("hex")),
          before.map((message) => Buffer.from(message).toString("hex")),
        );
        await isFollowed(region, reader);
      } finally {
        reader.close();
      }
    }),
);

testUnless(
  test,
  missing,
  "B9.3 an OUCH order of a replicated market is acknowledged when regions have it, not before",
  () =>
    withOneRegion("replicated", async (region) => {
      await region.ready();
      const client = await logIn(region, await placeOf(region));
      client.send(order(1, "B", 10));
      assert.is((await client.receive(10_000)).kind, "message");
      for (const server of region.serverPids) process.kill(server, "SIGSTOP");
      try {
        client.send(order(2, "B", 10));
        assert.is((await client.receive(1_000)).kind, "timeout");
        await delay(1_500);
        // The lease is over: this one is not even matched.
        client.send(order(3, "B", 10));
        assert.is((await client.receive(500)).kind, "timeout");
      } finally {
        for (const server of region.serverPids) process.kill(server, "SIGCONT");
      }
      for (const userRef of [2, 3]) {
        const received = await client.receive(60_000);
        assert.is(received.kind === "message" ? received.message.kind : "", "orderAccepted");
        if (received.kind !== "message" || received.message.kind !== "orderAccepted") return;
        assert.is(received.message.userRef, userRef);
      }
      client.logOut();
    }),
);

test.run();
