import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MemoryBroker, MemoryBus } from "../bus/memory.ts";
import { type ManualClock, manualClock } from "../kernel/manual-clock.ts";
import type { KeyStore } from "../kernel/ports/bus.ts";
import type { Log } from "../kernel/ports/log.ts";
import { refuse, type Result } from "../kernel/result.ts";
import { type DurationNs, epoch } from "../kernel/units.ts";
import {
  decodeLease,
  decodeOwnership,
  encodeLease,
  encodeOwnership,
  keys,
  type LeaseRecord,
  type OwnershipRecord,
} from "./codec.ts";
import { CellLease } from "./lease.ts";
import { ShardOwnership } from "./ownership.ts";

const test = suite("lease and ownership");
const ms = (count: number): DurationNs => (count * 1_000_000) as DurationNs;
const silent: Log = { info() {}, warn() {}, error() {}, child: () => silent };

type Fault = "none" | "undecided_stored" | "undecided_lost" | "unavailable";

/** A key store whose writes can have the outcomes that a real one has. */
class FaultyKeys implements KeyStore {
  fault: Fault = "none";
  reads = 0;
  /** What the next read, or the next write, is answered after. */
  slowRead: Promise<void> | null = null;
  slowWrite: Promise<void> | null = null;
  readonly #keys: KeyStore;
  constructor(store: KeyStore) {
    this.#keys = store;
  }
  async get(bucket: string, key: string): ReturnType<KeyStore["get"]> {
    this.reads += 1;
    await this.slowRead;
    return this.fault === "unavailable"
      ? refuse("unavailable", "no leader")
      : await this.#keys.get(bucket, key);
  }
  async compareAndSet(
    bucket: string,
    key: string,
    value: Uint8Array,
    expected: number,
  ): Promise<Result<number>> {
    if (this.fault === "none") {
      const stored = await this.#keys.compareAndSet(bucket, key, value, expected);
      await this.slowWrite;
      return stored;
    }
    if (this.fault === "undecided_stored") {
      await this.#keys.compareAndSet(bucket, key, value, expected);
    }
    return refuse("undecided", "no answer");
  }
  async list(bucket: string, prefix: string): ReturnType<KeyStore["list"]> {
    return await this.#keys.list(bucket, prefix);
  }
}

interface Cell {
  readonly lease: CellLease;
  readonly ownership: ShardOwnership;
  readonly keys: FaultyKeys;
  readonly persisted: number[];
}

let clock: ManualClock;
let broker: MemoryBroker;
let nonces = 0;

test.before.each(() => {
  clock = manualClock();
  broker = new MemoryBroker();
  nonces = 0;
});

function nonce(): Uint8Array {
  nonces += 1;
  return new Uint8Array(16).fill(nonces);
}

function cell(region: string, node: string, name = "a"): Cell {
  const store = new FaultyKeys(new MemoryBus(broker, clock).keys);
  const persisted: number[] = [];
  const identity = { region, cell: name, node };
  const persistIncarnation = (incarnation: number): void => void persisted.push(incarnation);
  const ports = { keys: store, clock, log: silent, nonce, persistIncarnation };
  const lease = new CellLease(ports, identity);
  const ownership = new ShardOwnership(ports, identity);
  ownership.use(lease);
  return { lease, ownership, keys: store, persisted };
}

/** Lets an operation run while time passes; its result. */
async function during<T>(work: Promise<T>): Promise<T> {
  const progress = { done: false };
  const watched = work.finally(() => {
    progress.done = true;
  });
  for (let steps = 0; !progress.done && steps < 400; steps += 1) await clock.advance(ms(25));
  return await watched;
}

const stored = (region: string): LeaseRecord | null =>
  decodeLease(broker.bucket("LEASE").get(keys.lease(region, "a"))?.value ?? new Uint8Array());

test("a lease is valid for the time to live less a margin, from before it was written", async () => {
  const { lease, persisted } = cell("eu", "n1");
  assert.equal(await lease.acquire(4), { ok: true, value: 5 });
  assert.equal(persisted, [5]);
  assert.is(lease.validUntil(), ms(1_700));
  assert.is(stored("eu")?.incarnation, 5);
});

test("a renewed lease stays valid, and each write has other bytes", async () => {
  const { lease } = cell("eu", "n1");
  await lease.acquire(0);
  lease.start(() => assert.unreachable());
  const seen = new Set<string>();
  for (let step = 0; step < 20; step += 1) {
    await clock.advance(ms(400));
    assert.ok(lease.validUntil() > clock.monotonic(), `invalid at step ${step}`);
    seen.add(Buffer.from(stored("eu")?.nonce ?? []).toString("hex"));
  }
  assert.is(seen.size, 20);
  await lease.stop();
  await clock.advance(ms(3_000));
  assert.ok(lease.validUntil() < clock.monotonic());
});

test("B9.7 who watches is told of the validity now, of each renewal, and of its end", async () => {
  const { lease, ownership } = cell("eu", "n1");
  const told: number[] = [];
  const unwatch = ownership.watch((validUntil) => told.push(validUntil));
  assert.equal(told, [0]);
  await lease.acquire(0);
  lease.start(() => assert.unreachable());
  await clock.advance(ms(400));
  assert.equal(told, [0, ms(1_700), ms(2_100)]);
  ownership.use(null);
  assert.is(told.at(-1), 0);
  await clock.advance(ms(400));
  assert.is(told.length, 4, "the lease is not this owner's any more");
  ownership.use(lease);
  await lease.release();
  assert.equal(told.slice(4), [ms(2_500), 0]);
  unwatch();
  ownership.use(null);
  assert.is(told.length, 6);
});

test("its own late write is recognised by its bytes and counts from when it was sent", async () => {
  const { lease, keys: store } = cell("eu", "n1");
  await lease.acquire(0);
  lease.start(() => assert.unreachable());
  store.fault = "undecided_stored";
  await clock.advance(ms(400));
  assert.is(lease.validUntil(), ms(400 + 1_700));
  store.fault = "none";
  await clock.advance(ms(400));
  assert.is(lease.validUntil(), ms(800 + 1_700));
  await lease.stop();
});

test("while the store has no leader the lease runs out, and comes back by itself", async () => {
  const { lease, keys: store } = cell("eu", "n1");
  await lease.acquire(0);
  let lost = 0;
  lease.start(() => {
    lost += 1;
  });
  store.fault = "unavailable";
  await clock.advance(ms(7_000));
  assert.ok(lease.validUntil() < clock.monotonic());
  store.fault = "none";
  await clock.advance(ms(500));
  assert.ok(lease.validUntil() > clock.monotonic());
  assert.is(lost, 0);
  await lease.stop();
});

test("a lease that somebody fenced is lost, at once and once", async () => {
  const { lease } = cell("eu", "n1");
  await lease.acquire(0);
  const reasons: string[] = [];
  lease.start((reason) => reasons.push(reason));
  const entry = broker.bucket("LEASE").get(keys.lease("eu", "a"));
  const held = decodeLease(entry?.value ?? new Uint8Array());
  if (held === null || entry === undefined) throw new Error("no lease stored");
  broker.bucket("LEASE").set(keys.lease("eu", "a"), {
    value: encodeLease({ ...held, fenced: true, nonce: nonce() }),
    revision: entry.revision + 1_000,
  });
  await clock.advance(ms(3_000));
  assert.is(reasons.length, 1);
  assert.match(reasons[0] ?? "", /fenced/);
  assert.is(lease.validUntil(), 0);
});

test("a restart from the same folder takes its lease at once, with a higher incarnation", async () => {
  await cell("eu", "n1").lease.acquire(0);
  const again = cell("eu", "n1");
  assert.equal(await again.lease.acquire(1), { ok: true, value: 2 });
  const behind = cell("eu", "n1");
  assert.equal(await behind.lease.acquire(0), { ok: true, value: 3 });
});

test("B6.2 a lease that is stopped while it is being taken is not taken, and not from its successor", async () => {
  for (const slow of ["slowRead", "slowWrite"] as const) {
    const region = slow === "slowRead" ? "eu" : "us";
    const first = cell(region, "n1");
    let answer = (): void => {};
    first.keys[slow] = new Promise((resolve) => {
      answer = resolve;
    });
    const taking = first.lease.acquire(0);
    // What it has sent by now is on its way.
    await clock.advance(ms(1));
    await first.lease.stop();
    const successor = cell(region, "n1");
    const taken = await successor.lease.acquire(first.persisted.at(-1) ?? 0);
    assert.ok(taken.ok);
    answer();
    const late = await taking;
    assert.is(late.ok ? "" : late.failure.code, "unavailable", slow);
    assert.is(stored(region)?.incarnation, successor.persisted.at(-1), slow);
    successor.lease.start(() => assert.unreachable());
    await clock.advance(ms(2_000));
    assert.ok(successor.lease.validUntil() > clock.monotonic());
    await successor.lease.stop();
  }
});

test("a second folder with the same cell name is refused while the first one renews", async () => {
  const first = cell("eu", "n1");
  await first.lease.acquire(0);
  first.lease.start(() => assert.unreachable());
  const second = cell("eu", "n2");
  const refused = await during(second.lease.acquire(0));
  assert.is(refused.ok ? "" : refused.failure.code, "not_owner");
  await first.lease.stop();
  const taken = await during(second.lease.acquire(0));
  assert.equal(taken, { ok: true, value: 2 });
});

test("a released lease can be taken by another folder at once", async () => {
  const first = cell("eu", "n1");
  await first.lease.acquire(0);
  await first.lease.release();
  assert.is(stored("eu")?.fenced, true);
  assert.is(first.lease.validUntil(), 0);
  const before = clock.monotonic();
  assert.equal(await cell("eu", "n2").lease.acquire(0), { ok: true, value: 2 });
  assert.is(clock.monotonic(), before);
});

test("a claim gives an epoch above the recorded one and above the journal's", async () => {
  const { lease, ownership } = cell("eu", "n1");
  await lease.acquire(0);
  assert.equal(await ownership.claim("atlas-00", epoch(0)), { ok: true, value: 1 });
  assert.equal(await ownership.claim("atlas-00", epoch(7)), { ok: true, value: 8 });
  assert.equal(await ownership.claim("atlas-00", epoch(2)), { ok: true, value: 9 });
  assert.is(ownership.holder, "eu/a#1");
});

test("without a valid lease nothing is claimed", async () => {
  const { lease, ownership } = cell("eu", "n1");
  const early = await ownership.claim("atlas-00", epoch(0));
  assert.is(early.ok ? "" : early.failure.code, "unavailable");
  await lease.acquire(0);
  await clock.advance(ms(1_700));
  const late = await ownership.claim("atlas-00", epoch(0));
  assert.is(late.ok ? "" : late.failure.code, "unavailable");
});

test("a live owner keeps its shard; a silent one is fenced first and its lease stays fenced", async () => {
  const owner = cell("eu", "n1");
  await owner.lease.acquire(0);
  let lost = "";
  owner.lease.start((reason) => {
    lost = reason;
  });
  assert.ok((await owner.ownership.claim("atlas-00", epoch(0))).ok);
  const taker = cell("us", "n2");
  await taker.lease.acquire(0);
  taker.lease.start(() => assert.unreachable());
  const refused = await during(taker.ownership.claim("atlas-00", epoch(1)));
  assert.is(refused.ok ? "" : refused.failure.code, "not_owner");

  owner.keys.fault = "unavailable";
  const stoppedAt = owner.lease.validUntil();
  const taken = await during(taker.ownership.claim("atlas-00", epoch(1)));
  assert.equal(taken, { ok: true, value: 2 });
  assert.ok(clock.monotonic() > stoppedAt, "taken while the owner was still valid");
  assert.is(stored("eu")?.fenced, true);
  owner.keys.fault = "none";
  await clock.advance(ms(1_000));
  assert.match(lost, /fenced/);
  await taker.lease.stop();
});

test("a leaderless gap is nobody's silence", async () => {
  const owner = cell("eu", "n1");
  await owner.lease.acquire(0);
  owner.lease.start(() => assert.unreachable());
  assert.ok((await owner.ownership.claim("atlas-00", epoch(0))).ok);
  const taker = cell("us", "n2");
  await taker.lease.acquire(0);
  taker.lease.start(() => {});
  // Both lose the store for as long as a takeover takes; the taker has it again a moment earlier.
  const claim = taker.ownership.claim("atlas-00", epoch(1));
  await clock.advance(ms(100));
  owner.keys.fault = "unavailable";
  taker.keys.fault = "unavailable";
  await clock.advance(ms(3_000));
  taker.keys.fault = "none";
  await clock.advance(ms(800));
  owner.keys.fault = "none";
  const refused = await during(claim);
  assert.is(refused.ok, false);
  assert.is(stored("eu")?.fenced, false);
  await owner.lease.stop();
  await taker.lease.stop();
});

test("B9.4 a shard is handed over and taken by a write each, while what was seen is still so", async () => {
  const shard = "atlas-00";
  const giver = cell("eu", "n1");
  const taker = cell("uk", "n2");
  await giver.lease.acquire(0);
  await taker.lease.acquire(0);
  assert.ok((await giver.ownership.claim(shard, epoch(0))).ok);
  const candidate = { market: "BTC-EUR", shard, home: "eu", blocked: null };
  assert.is((await taker.ownership.candidacy(candidate)).may, "wait");
  let told = 0;
  const unwatch = taker.ownership.watchSuccession(shard, () => {
    told += 1;
  });
  giver.keys.reads = 0;
  assert.ok((await giver.ownership.handOver(shard, "uk")).ok);
  assert.is(giver.keys.reads, 0);
  await taker.ownership.succession.look();
  await taker.ownership.succession.look();
  assert.is(told, 1);
  unwatch();
  assert.is((await taker.ownership.candidacy(candidate)).may, "claim");
  taker.keys.reads = 0;
  assert.equal(await taker.ownership.claim(shard, epoch(5)), { ok: true, value: 6 });
  assert.is(taker.keys.reads, 0);
  const again = await giver.ownership.handOver(shard, "uk");
  assert.is(again.ok ? "" : again.failure.code, "not_owner");
  giver.ownership.succession.stop();
  taker.ownership.succession.stop();
});

test("B9.4 a record that is not the one that was seen any more is read again", async () => {
  const shard = "atlas-00";
  const write = (record: OwnershipRecord): void =>
    void broker.bucket("LEASE").set(keys.ownership(shard), {
      value: encodeOwnership(record),
      revision: broker.nextRevision("LEASE"),
    });
  const { lease, ownership } = cell("eu", "n1");
  await lease.acquire(0);
  const handed = { shard, epoch: 4, since: 4, region: "eu", cell: "", incarnation: 0 };
  write(handed);
  const candidate = { market: "BTC-EUR", shard, home: "eu", blocked: null };
  assert.is((await ownership.candidacy(candidate)).may, "claim");
  write({ ...handed, epoch: 9, cell: "a", incarnation: 1 });
  assert.equal(await ownership.claim(shard, epoch(0)), { ok: true, value: 10 });
  write({ ...handed, epoch: 11, region: "us", cell: "b", incarnation: 3 });
  const given = await ownership.handOver(shard, "uk");
  assert.is(given.ok ? "" : given.failure.code, "not_owner");
  const kept = decodeOwnership(
    broker.bucket("LEASE").get(keys.ownership(shard))?.value ?? new Uint8Array(),
  );
  assert.is(kept?.cell, "b");
  ownership.succession.stop();
});

test("a claim whose answer was lost is found again by its bytes", async () => {
  const { lease, ownership, keys: store } = cell("eu", "n1");
  await lease.acquire(0);
  store.fault = "undecided_stored";
  assert.equal(await ownership.claim("atlas-00", epoch(0)), { ok: true, value: 1 });
});

test("a lost ownership record waits for an operator, unless the journal names this cell", async () => {
  const { lease, ownership } = cell("eu", "n1");
  await lease.acquire(0);
  assert.ok((await ownership.claim("atlas-00", epoch(0))).ok);
  broker.bucket("LEASE").delete(keys.ownership("atlas-00"));
  const marked = await ownership.claim("atlas-00", epoch(0), null);
  assert.match(marked.ok ? "" : marked.failure.reason, /missing although/);
  const foreign = await ownership.claim("atlas-00", epoch(6), "us/b#3");
  assert.is(foreign.ok ? "" : foreign.failure.code, "not_owner");
  assert.equal(await ownership.claim("atlas-00", epoch(6), "eu/a#1"), { ok: true, value: 7 });
});

test("an ownership record of a later incarnation of this cell is not overwritten", async () => {
  const { lease, ownership } = cell("eu", "n1");
  await lease.acquire(0);
  const record = { shard: "atlas-00", epoch: 4, region: "eu", cell: "a", incarnation: 9, since: 4 };
  broker.bucket("LEASE").set(keys.ownership("atlas-00"), {
    value: encodeOwnership(record),
    revision: broker.nextRevision("LEASE"),
  });
  const refused = await ownership.claim("atlas-00", epoch(0));
  assert.is(refused.ok ? "" : refused.failure.code, "not_owner");
});

test("bytes that are no lease and no ownership record are told apart from good ones", () => {
  for (const bytes of [new Uint8Array(), new Uint8Array([255, 255, 255]), Buffer.from("garbage")]) {
    assert.is(decodeLease(bytes), null);
    assert.is(decodeOwnership(bytes), null);
  }
});

test.run();
