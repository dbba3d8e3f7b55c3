import { setTimeout as sleep } from "node:timers/promises";

import { jetstreamManager } from "@nats-io/jetstream";
import { createInbox } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  ensureAssets,
  ensureAuditAssets,
  ensureMarketAssets,
  type AssetPorts,
} from "../../actors/bus/assets.ts";
import { AuditStream } from "../../actors/bus/audit-stream.ts";
import { NatsJournalReplicas } from "../../actors/bus/journal-replicas.ts";
import { connectNats, type NatsBus, type NatsOptions } from "../../actors/bus/nats.ts";
import { anywhere } from "../../actors/bus/placement.ts";
import { syncAlwaysReport } from "../../actors/bus/sync-report.ts";
import type { AppendFate } from "../../actors/kernel/ports/bus.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { CellLease } from "../../actors/region/lease.ts";
import { SyncGuard } from "../../actors/root/startup.ts";
import {
  auditStream,
  journalStream,
  journalSubject,
  leaseBucket,
  patterns,
} from "../../schemas/subjects.ts";
import { cellMarket } from "../support/memory-cell.ts";
import { HeldUpWay } from "../support/held-up-way.ts";
import { hostClock, silentLog } from "../support/ports.ts";
import {
  missingNatsServer,
  startCluster,
  testRegions,
  type TestCluster,
} from "../support/nats-cluster.ts";
import { testUnless } from "../support/skip.ts";
import { eventually, until } from "../support/until.ts";

const test = suite("bus over real servers");
let cluster: TestCluster;
let bus: NatsBus;
let ports: AssetPorts;
const missing = missingNatsServer();
/** A minute of them, for a busy machine: streams may have to elect a leader meanwhile. */
const SETTLE_TRIES = 240;
/** Messages of 64 KiB. */
const FLOOD = 64;

const options = (user: string, seed: Uint8Array): NatsOptions => ({
  servers: cluster.urls,
  user,
  seed,
  authority: null,
});

test.before(async () => {
  if (missing !== null) return;
  cluster = await startCluster();
  // Servers that have just been started do not listen at once.
  bus = await eventually("a connection", () =>
    connectNats(options("cell", cluster.seed)).catch(() => null),
  );
  ports = { bus, clock: hostClock, log: silentLog };
});
test.after(async () => {
  if (missing !== null) return;
  await bus.close();
  await cluster.stop();
});

async function consumersOf(stream: string): Promise<readonly string[]> {
  const answer = await bus.ask(`$JS.API.CONSUMER.NAMES.${stream}`, "", 2_000);
  if (!answer.ok) throw new Error(answer.failure.reason);
  return JSON.parse(Buffer.from(answer.value.data).toString()).consumers;
}

/** Asks for a message and waits until it is there. */
async function given(pull: string): Promise<void> {
  const reply = createInbox();
  const arrived = bus.connection.subscribe(reply, { max: 1 });
  bus.connection.publish(pull, "1", { reply });
  for await (const message of arrived) assert.ok(message.data.length > 0);
}

/** An append whose fate is known: an undecided one is settled by reading the tail, as owners do. */
async function settled(
  subject: string,
  payload: Uint8Array,
  expected: number,
): Promise<AppendFate> {
  const stream = journalStream("atlas", 0);
  for (let attempt = 0; attempt < SETTLE_TRIES; attempt += 1) {
    const fate = await bus.journal.append(stream, subject, payload, expected);
    if (fate.fate !== "undecided") return fate;
    await sleep(250);
    const tail = await bus.journal.tail(stream, subject);
    if (tail.ok && tail.value !== null && Buffer.compare(tail.value.payload, payload) === 0) {
      return { fate: "stored", streamSequence: tail.value.streamSequence };
    }
  }
  throw new Error(`the fate of an append on ${subject} stays undecided`);
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const atlas = { group: "atlas", shard: 0, home: "eu-central" };

testUnless(test, missing, "three cells make the same assets at once, and all succeed", async () => {
  const regions = await Promise.all(testRegions.map((region) => ensureAssets(ports, region, 3)));
  for (const made of regions) assert.equal(made, { ok: true, value: undefined });
  const markets = await Promise.all(
    testRegions.map((region) => ensureMarketAssets(ports, { ...atlas, market: `M-${region}` }, 3)),
  );
  for (const made of markets) assert.equal(made, { ok: true, value: undefined });
  const tail = await bus.journal.tail(journalStream("atlas", 0), journalSubject("M-us-east"));
  assert.equal(tail, { ok: true, value: null });
  const other = await ensureMarketAssets(ports, { ...atlas, shard: 1, market: "M-us-east" }, 3);
  assert.is(other.ok ? "" : other.failure.code, "market_exists");
});

testUnless(
  test,
  missing,
  "a region's part of the trail that another cell's update took out is there again with the next entry",
  async () => {
    const [home, other] = testRegions;
    const make = (region: string) => ensureAuditAssets(ports, region, "trails", 3);
    assert.ok((await make(home)).ok);
    assert.ok((await make(other)).ok);
    const trail = new AuditStream(bus, home, "trails", () => make(home));
    const entry = bytes("entry");
    const kept = async (): Promise<number> => {
      const found = await trail.read(1, 10);
      return found.ok ? found.value.length : 0;
    };
    await until("the first entry is kept", async () => (await trail.append("operation", entry)).ok);
    const before = await kept();
    const manager = await jetstreamManager(bus.connection);
    const subjects = [patterns.auditsOf(other)];
    await manager.streams.update(auditStream("trails"), { subjects });
    const lost = await trail.append("operation", entry);
    assert.is(lost.ok ? "" : lost.failure.code, "no_responders");
    await until("the next entry is kept", async () => (await trail.append("operation", entry)).ok);
    const { config } = await manager.streams.info(auditStream("trails"));
    assert.equal([...config.subjects].sort(), [home, other].map(patterns.auditsOf).sort());
    await until("it is read", async () => (await kept()) > before);
  },
);

testUnless(
  test,
  missing,
  "markets of one shard that a cell makes at once all have their subjects",
  async () => {
    const guard = new SyncGuard(
      bus,
      options("reporter", cluster.systemSeed),
      { ...ports, signal: new AbortController().signal },
      "eu-central",
    );
    const names = Array.from({ length: 8 }, (_, index) => `TOGETHER-${index}`);
    const made = await Promise.all(
      names.map((name) =>
        guard.ensureJournal({ ...cellMarket, market: name, shard: 2 }, anywhere(3), true),
      ),
    );
    for (const one of made) assert.ok(one.ok, one.ok ? "" : one.failure.reason);
    const manager = await jetstreamManager(bus.connection);
    const { config } = await manager.streams.info(journalStream("atlas", 2));
    assert.equal([...config.subjects].sort(), names.map(journalSubject).sort());
  },
);

testUnless(test, missing, "an append is stored on its expected tail and on no other", async () => {
  const stream = journalStream("atlas", 0);
  const subject = journalSubject("M-eu-central");
  const first = await settled(subject, bytes("a"), 0);
  if (first.fate !== "stored") throw new Error(JSON.stringify(first));
  assert.equal(await settled(subject, bytes("b"), 0), { fate: "wrong_tail" });
  const other = await settled(journalSubject("M-us-east"), bytes("x"), 0);
  assert.is(other.fate, "stored");
  const second = await settled(subject, bytes("c"), first.streamSequence);
  if (second.fate !== "stored") throw new Error(JSON.stringify(second));
  const tail = await bus.journal.tail(stream, subject);
  assert.is(tail.ok && Buffer.from(tail.value?.payload ?? []).toString(), "c");
  const next = await bus.journal.next(stream, subject, first.streamSequence + 1);
  assert.is(next.ok && next.value?.streamSequence, second.streamSequence);
  const none = await bus.journal.next(stream, subject, second.streamSequence + 1);
  assert.equal(none, { ok: true, value: null });
});

testUnless(test, missing, "a block of 768 KiB is stored and read back byte for byte", async () => {
  const stream = journalStream("atlas", 0);
  const subject = journalSubject("M-ap-southeast");
  const block = new Uint8Array(768 * 1024 + 300).map((_, index) => (index * 31) % 251);
  const fate = await settled(subject, block, 0);
  assert.is(fate.fate, "stored");
  const tail = await bus.journal.tail(stream, subject);
  assert.ok(tail.ok && tail.value !== null && Buffer.compare(tail.value.payload, block) === 0);
});

testUnless(
  test,
  missing,
  "B9.4 a message that is lost on its way from a replica is no message that the replica lacks",
  async () => {
    const stream = journalStream("atlas", 0);
    const subject = journalSubject("M-us-east");
    // One message is there from a test before.
    const held = await bus.journal.tail(stream, subject);
    let tail = held.ok ? (held.value?.streamSequence ?? 0) : 0;
    for (const text of ["y", "z"]) {
      const fate = await settled(subject, bytes(text), tail);
      if (fate.fate !== "stored") throw new Error(JSON.stringify(fate));
      tail = fate.streamSequence;
    }
    const replicas = new NatsJournalReplicas(bus);
    const [server] = testRegions;
    for (const lost of [0, 1]) {
      const before = await consumersOf(stream);
      const reader = await replicas.open(stream, subject, server);
      if (!reader.ok) throw new Error(reader.failure.reason);
      const name = (await consumersOf(stream)).find((each) => !before.includes(each));
      const first = await reader.value.next(1);
      assert.is(first.ok ? first.value.length : -1, 1);
      // Somebody else is given what was on its way here.
      const pull = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`;
      for (let taken = 0; taken < lost; taken += 1) await given(pull);
      const second = await reader.value.next(16);
      if (lost === 0) assert.is(second.ok ? second.value.length : -1, 2);
      else assert.is(second.ok ? "" : second.failure.code, "unavailable");
      const end = await reader.value.next(16);
      assert.is(end.ok, lost === 0, "nothing more, or nothing known");
      await reader.value.close();
    }
  },
);

testUnless(test, missing, "a key changes only for who knows its revision", async () => {
  const made = await bus.keys.compareAndSet(leaseBucket, "own.atlas-00", bytes("1"), 0);
  if (!made.ok) throw new Error(made.failure.reason);
  const again = await bus.keys.compareAndSet(leaseBucket, "own.atlas-00", bytes("2"), 0);
  assert.is(again.ok ? "" : again.failure.code, "conflict");
  const changed = await bus.keys.compareAndSet(leaseBucket, "own.atlas-00", bytes("3"), made.value);
  assert.ok(changed.ok);
  await bus.keys.compareAndSet(leaseBucket, "cell.eu.a", bytes("x"), 0);
  const owners = await bus.keys.list(leaseBucket, "own.");
  assert.equal(owners.ok && [...owners.value.keys()], ["own.atlas-00"]);
  const entry = await bus.keys.get(leaseBucket, "own.atlas-00");
  assert.is(entry.ok && Buffer.from(entry.value?.value ?? []).toString(), "3");
  assert.equal(await bus.keys.get(leaseBucket, "own.none"), { ok: true, value: null });
});

testUnless(
  test,
  missing,
  "B9.2 a cell whose connection is flooded and held up renews its lease in time",
  async () => {
    const way = await HeldUpWay.to(Number(new URL(cluster.urls[0] ?? "").port));
    const apart = { ...options("cell", cluster.seed), servers: [way.url], keysApart: true };
    const cell = await connectNats(apart);
    const identity = { region: "eu-central", cell: "held-up", node: "n" };
    const lease = new CellLease(
      {
        keys: cell.keys,
        clock: hostClock,
        log: silentLog,
        nonce: () => crypto.getRandomValues(new Uint8Array(16)),
        persistIncarnation: () => {},
      },
      identity,
    );
    try {
      assert.is(way.open, 2);
      await until("the lease is there", async () => (await lease.acquire(0)).ok);
      let heard = 0;
      cell.subscribe("flood", () => {
        heard += 1;
      });
      // Once it has been answered the server knows of what was asked for before.
      await cell.request("nobody", new Uint8Array(), durationNs(5e9));
      way.holdUpFirst();
      for (let sent = 0; sent < FLOOD; sent += 1) bus.publish("flood", new Uint8Array(64 * 1024));
      let renewals = 0;
      const lost: string[] = [];
      lease.watch(() => {
        renewals += 1;
      });
      lease.start((reason) => lost.push(reason));
      await until("three renewals", async () => renewals >= 3);
      assert.ok(heard < FLOOD, "the flood was still on its way");
      assert.equal(lost, []);
    } finally {
      void lease.stop();
      way.close();
      // Not waited for: a connection that is held up cannot say goodbye.
      void cell.close().catch(() => {});
    }
  },
);

testUnless(
  test,
  missing,
  "requests are answered, or refused by name when nobody serves",
  async () => {
    const subscription = bus.serve("cmd.eu.*.submit", (request) =>
      request.respond(bytes(`${request.subject}:${Buffer.from(request.payload).toString()}`)),
    );
    const answer = await bus.request("cmd.eu.M.submit", bytes("q"), durationNs(2e9));
    assert.is(answer.ok && Buffer.from(answer.value).toString(), "cmd.eu.M.submit:q");
    subscription.unsubscribe();
    const nobody = await bus.request("cmd.us.M.submit", bytes("q"), durationNs(2e9));
    assert.is(nobody.ok ? "" : nobody.failure.code, "no_responders");
  },
);

testUnless(test, missing, "servers report that they sync every write", async () => {
  const system = options("reporter", cluster.systemSeed);
  const report = await syncAlwaysReport(bus, system, [journalStream("atlas", 0), "KV_LEASE"]);
  if (!report.ok) throw new Error(report.failure.reason);
  assert.equal(report.value.reports.map(({ name }) => name).sort(), [...testRegions].sort());
  assert.is(report.value.strongest, "replicated");
});

testUnless(test, missing, "a killed server is left for another and drops are counted", async () => {
  const name = bus.state().server;
  const own = cluster.servers.find((server) => server.url.endsWith(name.split(":").at(-1) ?? ""));
  if (own === undefined) throw new Error(`no server ${name}`);
  const states: boolean[] = [];
  bus.onState((state) => states.push(state.connected));
  const silent = bus.serve("cmd.eu.silent", () => {});
  const pending = bus.request("cmd.eu.silent", bytes("q"), durationNs(60e9));
  await sleep(20);
  await own.kill("SIGKILL");
  const lost = await pending;
  assert.is(lost.ok ? "" : lost.failure.code, "disconnected");
  bus.publish("md.M.l1", bytes("dropped"));
  assert.is(bus.state().dropped, 1);
  while (!bus.state().connected) await sleep(20);
  assert.is(bus.state().reconnects, 1);
  assert.is.not(bus.state().server, name);
  assert.equal(states, [false, true]);
  silent.unsubscribe();
  // The stream's leader may have died with the server: unavailable until there is a new one.
  for (;;) {
    const tail = await bus.journal.tail(journalStream("atlas", 0), journalSubject("M-eu-central"));
    if (tail.ok) break;
    assert.is(tail.failure.code, "unavailable");
    await sleep(200);
  }
});

test.run();
