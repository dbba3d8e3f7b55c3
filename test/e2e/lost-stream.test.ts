import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ensureAssets, ensureMarketAssets } from "../../actors/bus/assets.ts";
import { connectNats, type NatsBus } from "../../actors/bus/nats.ts";
import { epoch } from "../../actors/kernel/units.ts";
import { wire } from "../../schemas/messages.ts";
import { journalStream, journalSubject, shardName } from "../../schemas/subjects.ts";
import { readJournal } from "../support/chain.ts";
import { MarketCell, TestOwnership, testDefinition } from "../support/market-cell.ts";
import { missingNatsServer, startCluster, type TestCluster } from "../support/nats-cluster.ts";
import { hostClock, silentLog } from "../support/ports.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("a journal's stream that is gone");
const missing = missingNatsServer();

const subject = journalSubject(testDefinition.market);
const stream = journalStream(testDefinition.group, testDefinition.shard);
const shard = shardName(testDefinition.group, testDefinition.shard);
const SESSION = 77;
const { Side, OrderType, TimeInForce } = wire.market.v1;

interface World {
  readonly bus: NatsBus;
  /** A cell on a log of its own, or on one that another cell has left. */
  readonly open: (ownership: TestOwnership, directory?: string) => Promise<MarketCell>;
  readonly remove: () => Promise<void>;
  readonly isThere: () => Promise<boolean>;
}

let cluster: TestCluster | null = null;
let connection: NatsBus | null = null;

test.before(async () => {
  if (missing !== null) return;
  cluster = await startCluster();
  const { urls: servers, seed } = cluster;
  for (let attempt = 0; connection === null; attempt += 1) {
    try {
      connection = await connectNats({ servers, user: "cell", seed, authority: null });
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(100);
    }
  }
  const made = await ensureAssets(
    { bus: connection, clock: hostClock, log: silentLog },
    testDefinition.home,
    3,
  );
  assert.ok(made.ok);
});

test.after(async () => {
  await connection?.close();
  await cluster?.stop();
});

/** A journal of its own, which is gone afterwards. */
async function withJournal(body: (world: World) => Promise<void>): Promise<void> {
  if (connection === null) throw new Error("no servers");
  const connected = connection;
  const ports = { bus: connected, clock: hostClock, log: silentLog };
  const remove = async (): Promise<void> => {
    const removed = await connected.ask(`$JS.API.STREAM.DELETE.${stream}`, "", 5_000);
    assert.ok(removed.ok, "the stream is removed");
  };
  assert.ok((await ensureMarketAssets(ports, testDefinition, 3)).ok);
  try {
    await body({
      bus: connected,
      open: (ownership, directory) =>
        MarketCell.start({
          bus: connected,
          ownership,
          ...(directory === undefined ? {} : { directory }),
          ensureJournal: async () => ensureMarketAssets(ports, testDefinition, 3),
        }),
      remove,
      async isThere() {
        const tail = await connected.journal.tail(stream, subject);
        return tail.ok || tail.failure.code !== "not_found";
      },
    });
  } finally {
    await remove();
  }
}

/** The sequence of each order that was acknowledged; sent again until it is. */
async function place(cell: MarketCell, first: number, count: number): Promise<Map<number, number>> {
  const told = new Map<number, number>();
  const commands = Array.from({ length: count }, (_, index) => ({
    number: first + index,
    account: 7,
    place: {
      side: Side.SIDE_BUY,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price: 500,
      quantity: 10,
    },
  }));
  const until = performance.now() + 60_000;
  while (told.size < count && performance.now() < until) {
    const reply = await cell.submit({ session: SESSION, commands }, 5).catch(() => null);
    for (const { number, sequence, refusal } of reply?.outcomes ?? []) {
      if (!refusal && sequence) told.set(number ?? 0, sequence);
    }
    if (told.size < count) await sleep(50);
  }
  assert.is(told.size, count, "every order is acknowledged");
  return told;
}

const reports = (cell: MarketCell): readonly string[] =>
  readdirSync(cell.directory).filter((name) => name.startsWith("restored-"));

testUnless(
  test,
  missing,
  "B9.7 the log of the last owner gives a lost stream all of it again, even right after the market has opened",
  () =>
    withJournal(async ({ bus, open, remove }) => {
      const cell = await open(new TestOwnership());
      try {
        const told = await place(cell, 1, 8);
        // Another market of the shard has claimed meanwhile: the shard's epoch is above the log's.
        cell.ownership.shards.set(shard, epoch(40));
        await remove();
        for (const [number, at] of await place(cell, 9, 8)) told.set(number, at);
        await cell.until((status) => status.state === "open" && status.committed >= 16);
        const { numbers, chain } = await readJournal(bus, stream, subject, SESSION);
        for (const [number, at] of told) assert.is(numbers.get(number)?.[0], at, `order ${number}`);
        assert.is(chain.dropped, 0);
        assert.is(reports(cell).length, 1, "it is written down");
      } finally {
        await cell.end();
      }
    }),
);

testUnless(
  test,
  missing,
  "B9.7 a log that may lack what was accepted makes no stream, says why, and gives what it has when an operator takes the loss",
  () =>
    withJournal(async ({ bus, open, remove, isThere }) => {
      const owner = await open(new TestOwnership());
      const standby = new TestOwnership("us-east/other#1");
      standby.mayClaim = { may: "wait", owner: null, reason: "the owner is alive" };
      const directory = mkdtempSync(join(tmpdir(), "meridian-standby-"));
      let other = await open(standby, directory);
      try {
        const told = await place(owner, 1, 8);
        await other.until((status) => status.standby?.sequence === [...told.values()].at(-1));
        await other.stop();
        // The shard went on to a third cell, whose log nobody has any more.
        for (const each of [owner.ownership, standby]) {
          each.since = null;
          each.shards.set(shard, epoch(40));
        }
        await remove();
        const why = /cannot give all of it again: epoch 40 was given to another cell/;
        await owner.until((status) => status.state === "standby" && why.test(status.detail));
        other = await open(standby, directory);
        await other.until(
          (status) => status.state === "standby" && /was the last|never owned/.test(status.detail),
        );
        assert.is(await isThere(), false, "an empty stream would pass for the journal");
        await owner.stop();
        standby.mayClaim = { may: "claim", lossAccepted: true };
        await other.until((status) => status.state === "open" && status.committed >= 8);
        const { numbers } = await readJournal(bus, stream, subject, SESSION);
        for (const [number, at] of told) assert.is(numbers.get(number)?.[0], at, `order ${number}`);
        assert.is(reports(other).length, 1, "it is written down");
      } finally {
        await other.stop();
        await owner.end();
        rmSync(directory, { recursive: true, force: true });
      }
    }),
);

testUnless(
  test,
  missing,
  "B9.7 a log that has followed a lost epoch does not take the empty journal that was made in its place",
  () =>
    withJournal(async ({ bus, open, remove }) => {
      const owner = await open(new TestOwnership());
      const standby = new TestOwnership("us-east/other#1");
      standby.mayClaim = { may: "wait", owner: null, reason: "the owner is alive" };
      const directory = mkdtempSync(join(tmpdir(), "meridian-standby-"));
      let other = await open(standby, directory);
      try {
        const told = await place(owner, 1, 8);
        await other.until((status) => status.standby?.sequence === [...told.values()].at(-1));
        await other.stop();
        await owner.stop();
        await remove();
        const ports = { bus, clock: hostClock, log: silentLog };
        assert.is((await ensureMarketAssets(ports, testDefinition, 1, false)).ok, false);
        assert.ok((await ensureMarketAssets(ports, testDefinition, 1)).ok);
        standby.mayClaim = { may: "claim", lossAccepted: false };
        other = await open(standby, directory);
        await other.until(
          (status) =>
            status.state === "standby" && /has lost epoch 1.*can give all/.test(status.detail),
        );
        const tail = await bus.journal.tail(stream, subject);
        assert.is(tail.ok ? tail.value : "unread", null, "nothing was written");
      } finally {
        await other.stop();
        await owner.end();
        rmSync(directory, { recursive: true, force: true });
      }
    }),
);

test.run();
