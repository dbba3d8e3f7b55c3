import { suite } from "uvu";
import * as assert from "uvu/assert";

import { actorSnapshotBucket, eventLogStream, eventLogSubject } from "../../schemas/subjects.ts";
import { seed } from "../../test/support/seed.ts";
import type { Result } from "../kernel/result.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { epoch } from "../kernel/units.ts";
import { MemoryBroker, MemoryBus } from "./memory.ts";
import { ReplicatedEventLog } from "./replicated-event-log.ts";

const test = suite("replicated event log");

const region = "eu-central";
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const code = (result: Result<unknown>): string => (result.ok ? "ok" : result.failure.code);
const value = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(`${result.failure.code}: ${result.failure.reason}`);
  return result.value;
};
/** A process of its own: it knows what it has read. */
function opened(broker: MemoryBroker): ReplicatedEventLog {
  const { journal, keys } = new MemoryBus(broker, systemClock());
  return new ReplicatedEventLog({ journal, keys, region });
}
const stream = eventLogStream(region);
const subject = eventLogSubject(region, "x.a");

test("B6.2 events come back in order to another process, and a snapshot takes the place of the first ones", async () => {
  const broker = new MemoryBroker();
  const log = opened(broker);
  assert.is(value(await log.append("x.a", 0, [bytes(1), bytes(2)], epoch(1))), 2);
  assert.is(value(await log.append("x.a", 2, [bytes(3)], epoch(1))), 3);
  assert.equal(value(await opened(broker).read("x.a", 1, 9)), [bytes(2), bytes(3)]);
  value(await log.storeSnapshot("x.a", { sequence: 3, state: bytes(9) }, epoch(1)));
  value(await log.append("x.a", 3, [bytes(4)], epoch(1)));
  const later = opened(broker);
  assert.equal(value(await later.readSnapshot("x.a")), { sequence: 3, state: bytes(9) });
  assert.is(code(await later.read("x.a", 0, 9)), "trimmed");
  assert.equal(value(await later.read("x.a", 3, 9)), [bytes(4)]);
  assert.is(value(await later.append("x.a", 4, [bytes(5)], epoch(1))), 5);
});

test("B6.2 a replaced writer is refused, also when it has not heard of its successor and when it reads on", async () => {
  const broker = new MemoryBroker();
  const [old, successor] = [opened(broker), opened(broker)];
  value(await old.append("x.a", 0, [bytes(1)], epoch(4)));
  value(await successor.append("x.a", 1, [bytes(2)], epoch(5)));
  assert.is(code(await old.append("x.a", 1, [bytes(99)], epoch(4))), "stale_epoch");
  value(await old.read("x.a", 0, 9));
  assert.is(code(await old.append("x.a", 2, [bytes(99)], epoch(4))), "stale_epoch");
  assert.is(
    code(await old.storeSnapshot("x.a", { sequence: 2, state: bytes(9) }, epoch(4))),
    "stale_epoch",
  );
  assert.equal(value(await opened(broker).read("x.a", 0, 9)), [bytes(1), bytes(2)]);
});

test("B6.2 what a server stored although the tail had moved is accepted by nobody", async () => {
  const broker = new MemoryBroker();
  const [old, successor] = [opened(broker), opened(broker)];
  value(await old.append("x.a", 0, [bytes(1)], epoch(4)));
  value(await successor.append("x.a", 1, [bytes(2)], epoch(5)));
  broker.appendFault = () => ({ fault: "unchecked" });
  await old.append("x.a", 1, [bytes(99)], epoch(4));
  // Another process under the same epoch, as after a restart that overlaps.
  const twin = opened(broker);
  value(await twin.read("x.a", 0, 9));
  broker.inject(stream, subject, broker.messages(stream, subject)[1]?.payload ?? new Uint8Array());
  broker.appendFault = () => null;
  assert.is(broker.messages(stream, subject).length, 4);
  assert.equal(value(await opened(broker).read("x.a", 0, 9)), [bytes(1), bytes(2)]);
  const after = await successor.append("x.a", 2, [bytes(3)], epoch(5));
  if (!after.ok) {
    assert.is(after.failure.code, "unavailable", "its tail had moved: read, then append again");
    value(await successor.append("x.a", 2, [bytes(3)], epoch(5)));
  }
  assert.equal(value(await opened(broker).read("x.a", 2, 9)), [bytes(3)]);
});

test("B7.7 an append of unknown fate is settled by reading: stored, not stored, or stored late", async () => {
  for (const fault of ["undecided_stored", "undecided_not_stored", "undecided_late"] as const) {
    const broker = new MemoryBroker();
    const log = opened(broker);
    value(await log.append("x.a", 0, [bytes(1)], epoch(1)));
    broker.appendFault = () => ({ fault, reason: "time-out" });
    assert.is(code(await log.append("x.a", 1, [bytes(2)], epoch(1))), "unavailable", fault);
    broker.appendFault = () => null;
    const read = value(await log.read("x.a", 1, 9));
    assert.is(read.length, fault === "undecided_stored" ? 1 : 0, fault);
    const again = await log.append("x.a", 1 + read.length, [bytes(3)], epoch(1));
    assert.is(code(again), "ok", fault);
    broker.deliverLate();
    const all = value(await opened(broker).read("x.a", 0, 9));
    const expected = [bytes(1), ...(read.length === 1 ? [bytes(2)] : []), bytes(3)];
    assert.equal(all, expected, fault);
  }
});

test("B7.7 a damaged snapshot costs reading, not the log", async () => {
  const broker = new MemoryBroker();
  const log = opened(broker);
  value(await log.append("x.a", 0, [bytes(1), bytes(2)], epoch(1)));
  value(await log.storeSnapshot("x.a", { sequence: 2, state: bytes(9, 9, 9) }, epoch(1)));
  const { keys } = new MemoryBus(broker, systemClock());
  const bucket = actorSnapshotBucket(region);
  const kept = value(await keys.get(bucket, "x.a"));
  const flipped = (kept?.value ?? bytes()).slice();
  flipped[flipped.length - 40] = (flipped[flipped.length - 40] ?? 0) ^ 1;
  value(await keys.compareAndSet(bucket, "x.a", flipped, kept?.revision ?? 0));
  const later = opened(broker);
  assert.is(value(await later.readSnapshot("x.a")), null);
  assert.equal(value(await later.read("x.a", 0, 9)), [bytes(1), bytes(2)]);
});

test("B6.2 an epoch without an event refuses lower ones, is written once, and is bounded like events", async () => {
  const broker = new MemoryBroker();
  const [old, owner] = [opened(broker), opened(broker)];
  assert.is(value(await old.append("x.a", 0, [bytes(1)], epoch(1))), 1);
  value(await owner.read("x.a", 0, 9));
  assert.is(value(await owner.append("x.a", 1, [], epoch(2))), 1);
  assert.is(value(await owner.append("x.a", 1, [], epoch(2))), 1);
  assert.is(broker.messages(stream, subject).length, 2);
  assert.is(code(await old.append("x.a", 1, [bytes(99)], epoch(1))), "stale_epoch");
  let last = 2;
  while (code(await owner.append("x.a", 1, [], epoch(last + 1))) === "ok") last += 1;
  assert.is(broker.messages(stream, subject).length, 2_000);
  value(await owner.storeSnapshot("x.a", { sequence: 1, state: bytes(9) }, epoch(last + 1)));
  assert.is(code(await owner.append("x.a", 1, [], epoch(last + 1))), "ok");
  assert.is(value(await opened(broker).append("x.a", 1, [bytes(2)], epoch(last + 1))), 2);
});

test("B7.7 a log that no snapshot is taken of is full before the stream drops what it holds", async () => {
  const broker = new MemoryBroker();
  const log = opened(broker);
  let last = 0;
  for (let index = 0; index < 2_000; index += 1) {
    last = value(await log.append("x.a", last, [bytes(1)], epoch(1)));
  }
  assert.is(code(await log.append("x.a", last, [bytes(1)], epoch(1))), "log_full");
  value(await log.storeSnapshot("x.a", { sequence: last, state: bytes(1) }, epoch(1)));
  assert.is(code(await log.append("x.a", last, [bytes(1)], epoch(1))), "ok");
});

test("B7.7 of many writers under random faults and takeovers every acknowledged event is there, once, in order", async () => {
  const first = seed(3_021);
  for (let round = 0; round < 40; round += 1) {
    const random = seededRandomness(first + round);
    const broker = new MemoryBroker();
    const faults = ["undecided_stored", "undecided_not_stored", "undecided_late"] as const;
    broker.appendFault = () =>
      random.below(4) === 0
        ? { fault: faults[random.below(3)] ?? "undecided_stored", reason: "chance" }
        : null;
    const writers = [1, 2, 3].map((number) => ({ log: opened(broker), epoch: number }));
    const acknowledged: number[] = [];
    let next = 1;
    for (let step = 0; step < 200; step += 1) {
      // A successor never gives way to its predecessor for long: the higher epoch wins what both try.
      const writer = writers[random.below(Math.min(3, 1 + Math.floor(step / 60)))];
      if (writer === undefined) continue;
      const read = await writer.log.read("x.a", 0, 10_000);
      if (!read.ok) continue;
      const event = bytes(next >> 8, next & 255);
      const appended = await writer.log.append(
        "x.a",
        read.value.length,
        [event],
        epoch(writer.epoch),
      );
      if (appended.ok) acknowledged.push(next);
      if (random.below(10) === 0) broker.deliverLate();
      next += 1;
    }
    const all = value(await opened(broker).read("x.a", 0, 10_000)).map(
      ([high = 0, low = 0]) => high * 256 + low,
    );
    const why = `SEED=${first + round}`;
    assert.equal(all, [...new Set(all)], why);
    assert.equal(
      all.filter((one) => acknowledged.includes(one)),
      acknowledged,
      why,
    );
    assert.ok(acknowledged.length > 50, why);
  }
});

test.run();
