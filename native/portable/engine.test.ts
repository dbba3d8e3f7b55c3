import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import {
  appendFile,
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import type {
  EngineCommand,
  EngineEvent,
  MarketEngine,
} from "../../actors/kernel/ports/matching-engine.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { accountId, epoch, priceTicks, quantityLots, sequence } from "../../actors/kernel/units.ts";
import { FullDisk } from "../../test/support/full-disk.ts";
import { repository } from "../../test/support/shared-data.ts";
import { testUnless } from "../../test/support/skip.ts";
import { crc32c, readRecordHeader, recordFault } from "../records.ts";
import { sealPath } from "../seal-log.ts";
import { layout } from "../slots.ts";
import { PortableEngine } from "./engine.ts";
import type { PortableEngineOptions } from "./engine.ts";
import { SEGMENT_RECORDS, segmentPath } from "./log-files.ts";
import { lockLog } from "./log-lock.ts";

const test = suite("portable engine");

const clock = systemClock();

async function inFolder(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "portable-engine-"));
  try {
    await body(join(directory, "log"));
  } finally {
    await rm(directory, { recursive: true });
  }
}

const open = (directory: string, options: Partial<PortableEngineOptions> = {}) =>
  new PortableEngine({ clock, ...options }).open({ market: "BTC-EUR", directory, epoch: epoch(1) });

const header = { session: 0, number: 0, account: accountId(7), tag: 1 };
const configure: EngineCommand = {
  ...header,
  kind: "configure",
  bandLow: priceTicks(1),
  bandHigh: priceTicks(1_000_000),
  maximumQuantity: quantityLots(1_000),
  orderCapacity: 1_000_000,
  mode: "durable",
};
const place = (index: number): EngineCommand => ({
  ...header,
  kind: "place",
  side: index % 2 === 0 ? "buy" : "sell",
  orderType: "limit",
  timeInForce: "day",
  price: priceTicks(1_000 + ((index * 7_919) % 41)),
  quantity: quantityLots(1 + (index % 10)),
  tag: index,
});

/** Offers all of it, waiting when the ring is full, until it is durable; returns the events. */
async function feed(
  market: MarketEngine,
  commands: Iterable<EngineCommand>,
): Promise<EngineEvent[]> {
  const events: EngineEvent[] = [];
  const drain = () => market.drain((event) => events.push(structuredClone(event)), 1_000_000);
  let expected: number = market.progress().matched;
  for (const command of commands) {
    while (!market.offer(command)) {
      market.flush();
      await turn();
      drain();
    }
    expected += 1;
  }
  market.flush();
  while (market.progress().durable < expected) {
    assert.is(market.progress().logFailure, null);
    await turn();
    drain();
  }
  drain();
  return events;
}
function* orders(count: number, from = 0): Generator<EngineCommand> {
  for (let index = from; index < from + count; index += 1) yield place(index);
}
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

test("an order and its trade come out as events, in the order of their commands", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    const events = await feed(market, [
      configure,
      place(1),
      { ...place(2), price: priceTicks(2_000) } as EngineCommand,
    ]);
    assert.equal(
      events.map(({ kind, sequence: of, last }) => `${kind} ${of}${last ? " last" : ""}`),
      [
        "configured 1 last",
        "accepted 2",
        "touch 2 last",
        "accepted 3",
        "executed 3",
        "touch 3 last",
      ],
    );
    assert.is(market.progress().matched, 3);
    assert.is(market.progress().restingOrders, 1);
    assert.is(market.restingOrders("buy", 10)[0]?.remaining, 1);
    assert.is(market.serviceTime().count, 3);
    assert.ok(market.serviceTime().p50 > 0);
    await market.close();
    assert.not(market.offer(place(3)));
  }));

test("a reopened market has the same digest, and its records are those of the log", () =>
  inFolder(async (directory) => {
    const first = await open(directory);
    await feed(first, [configure, ...orders(5_000)]);
    const { digest } = first.progress();
    const id = first.logId;
    const bytes = first.records(sequence(10), 100 * RECORD_BYTES + 5);
    assert.is(bytes.length, 100 * RECORD_BYTES);
    await first.close();
    const file = await readFile(segmentPath(directory, 1));
    assert.equal(bytes, new Uint8Array(file.subarray(9 * RECORD_BYTES, 109 * RECORD_BYTES)));
    const second = await open(directory);
    assert.is(second.progress().digest, digest);
    assert.is(second.progress().matched, 5_001);
    assert.is(second.progress().durable, 5_001);
    assert.is(second.logId, id);
    assert.match(id, /^[0-9a-f]{32}$/);
    const view = new DataView(second.records(sequence(5_001), 1e6).buffer);
    assert.is(view.byteLength, RECORD_BYTES);
    assert.is(recordFault(view, 0), null);
    assert.is(readRecordHeader(view, 0).sequence, 5_001);
    assert.is(second.records(sequence(5_002), 1e6).length, 0);
    await second.close();
  }));

test("a full command ring refuses and counts, and takes commands again after a turn", () =>
  inFolder(async (directory) => {
    const market = await open(directory, { commandCapacity: 8 });
    for (let index = 0; index < 8; index += 1)
      assert.ok(market.offer(index ? place(index) : configure));
    assert.not(market.offer(place(8)));
    assert.not(market.offer(place(8)));
    assert.is(market.progress().commandRingRefusals, 2);
    assert.is(market.progress().matched, 0);
    market.flush();
    while (market.progress().matched < 8) await turn();
    await feed(market, orders(100, 8));
    assert.is(market.progress().matched, 108);
    await market.close();
  }));

test("the engine waits when nobody takes its events, counts it, and loses none", () =>
  inFolder(async (directory) => {
    const market = await open(directory, { eventCapacity: 16 });
    market.offer(configure);
    for (let index = 1; index < 200; index += 1) market.offer(place(index));
    market.flush();
    for (let turns = 0; turns < 20; turns += 1) await turn();
    assert.ok(market.progress().matched < 100);
    assert.is(market.progress().eventRingStalls, 1);
    let next = 1;
    const finished = () => next > 200;
    let called = 0;
    market.onEvents(() => {
      called += 1;
    });
    while (!finished()) {
      market.drain((event) => {
        assert.is(event.sequence, next);
        if (event.last) next += 1;
      }, 3);
      await turn();
    }
    assert.is(market.progress().matched, 200);
    assert.ok(market.progress().eventRingStalls > 1);
    assert.ok(called > 0);
    await market.close();
  }));

test("callbacks say when events wait and when records became durable", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    const durable = new Promise<void>((resolve) => market.onDurable(resolve));
    const events = new Promise<void>((resolve) => market.onEvents(resolve));
    market.offer(configure);
    market.flush();
    await events;
    assert.is(
      market.drain(() => {}, 100),
      1,
    );
    await durable;
    assert.is(market.progress().durable, 1);
    await market.close();
  }));

test("a second open of the same log is refused, in this process and in another", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    await feed(market, [configure]);
    await rejects(open(directory), /in use by another portable engine: stop it/);
    const engine = new URL("engine.ts", import.meta.url).href;
    const script = `
      const { PortableEngine } = await import(${JSON.stringify(engine)});
      const clock = { now: () => 1n, monotonic: () => 0, after: (_, run) => (setImmediate(run), () => {}) };
      await new PortableEngine({ clock }).open({ market: "m", directory: process.argv[1], epoch: 1 })
        .then(() => console.log("opened"), (failure) => console.log(failure.message));`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, directory]);
    child.stdout.setEncoding("utf8");
    let said = "";
    child.stdout.on("data", (text: string) => {
      said += text;
    });
    await once(child, "close");
    assert.match(said, /in use by another portable engine/);
    await market.close();
    await (await open(directory)).close();
  }));

test("a log whose holder, a native engine, lives is refused, and one left by a dead holder is not", () =>
  inFolder(async (directory) => {
    await (await open(directory)).close();
    const start = (await readFile("/proc/1/stat", "utf8")).split(") ").at(-1)?.split(" ")[19];
    await writeFile(join(directory, "lock"), `1 ${start}\n`);
    await rejects(open(directory), /in use by process 1:/);
    await writeFile(join(directory, "lock"), `1 ${Number(start) + 5}\n`);
    await (await open(directory)).close();
    assert.is(await readFile(join(directory, "lock"), "utf8"), "");
    const lock = lockLog(directory);
    const line = await readFile(join(directory, "lock"), "utf8");
    assert.match(line, new RegExp(`^${process.pid} \\d+\n$`));
    lock.release();
  }));

const noFlock = existsSync("/usr/bin/flock") ? null : "no flock; apt-get install -y util-linux";
testUnless(
  test,
  noFlock,
  "a native engine that holds the log but has not yet said so in it is seen",
  () =>
    inFolder(async (directory) => {
      await (await open(directory)).close();
      const path = join(directory, "lock");
      const holder = spawn("flock", ["--no-fork", path, "sh", "-c", "echo held; exec sleep 60"]);
      await once(holder.stdout, "data");
      await rejects(open(directory), /in use by process \d+: stop it/);
      assert.is(await readFile(path, "utf8"), "");
      holder.kill();
      await once(holder, "exit");
    }),
);

test("a torn tail is cut off, whatever its length, and the records before it stay", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    await feed(market, [configure, ...orders(50)]);
    await market.close();
    const path = segmentPath(directory, 1);
    const whole = await readFile(path);
    const { digest } = await stateAfter(directory, 50, whole);
    for (const torn of [1, 4, 31, 32, 60, 95]) {
      await writeFile(path, whole.subarray(0, 50 * RECORD_BYTES + torn));
      await rm(sealPath(directory), { force: true });
      const again = await open(directory);
      assert.is(again.progress().matched, 50);
      assert.is(again.progress().digest, digest);
      const { cutBytes } = again.recovery;
      assert.ok(cutBytes > 0 && cutBytes <= torn, `${cutBytes} of ${torn} bytes cut`);
      assert.is(again.recovery.cutFile, path);
      await again.close();
      assert.is((await stat(path)).size, 50 * RECORD_BYTES);
    }
    await rm(sealPath(directory));
    // Room taken in advance by the native engine is not a torn tail.
    await writeFile(
      path,
      Buffer.concat([whole.subarray(0, 50 * RECORD_BYTES), Buffer.alloc(4_096)]),
    );
    const again = await open(directory);
    assert.is(again.progress().digest, digest);
    assert.is(again.recovery.cutBytes, 0);
    await feed(again, [place(50)]);
    await again.close();
    assert.is((await stat(path)).size, 50 * RECORD_BYTES + 4_096);
  }));

test("a flipped bit before the tail is damage: opening is refused and the file stays", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    await feed(market, [configure, ...orders(50)]);
    await market.close();
    const path = segmentPath(directory, 1);
    const whole = await readFile(path);
    for (const at of [0, 40, 20 * RECORD_BYTES + 70, 49 * RECORD_BYTES + 95]) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      await writeFile(path, damaged);
      await rejects(open(directory), /is damaged at record \d+.*restore the file/);
      assert.equal(await readFile(path), damaged);
    }
    await writeFile(path, whole);
    await (await open(directory)).close();
  }));

test("sectors that a crash left unwritten within the last group are torn, further back they are damage", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    await feed(market, [configure, ...orders(6_000)]);
    await market.close();
    await rm(sealPath(directory));
    const path = segmentPath(directory, 1);
    const whole = await readFile(path);
    const unwritten = (sector: number) =>
      Buffer.concat([
        whole.subarray(0, sector * 512),
        Buffer.alloc(512),
        whole.subarray((sector + 1) * 512),
      ]);
    const sectors = Math.floor(whole.length / 512);
    await writeFile(path, unwritten(sectors - 20));
    const again = await open(directory);
    assert.is(again.progress().matched, Math.floor(((sectors - 20) * 512) / RECORD_BYTES));
    await again.close();
    await rm(sealPath(directory));
    await writeFile(path, unwritten(sectors - 600));
    await rejects(open(directory), /is damaged at record/);
  }));

test("the log goes on in a second segment when the first is full", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    const cancel = { ...header, kind: "cancel", orderId: 1 } as EngineCommand;
    const filler = Array.from({ length: SEGMENT_RECORDS - 1 }, () => cancel);
    await feed(market, [configure, ...filler, place(1), place(2)]);
    assert.equal((await readdir(directory)).filter((name) => name.startsWith("segment")).sort(), [
      "segment-0000000000000001.log",
      `segment-${String(SEGMENT_RECORDS + 1).padStart(16, "0")}.log`,
    ]);
    const across = market.records(sequence(SEGMENT_RECORDS - 1), 10 * RECORD_BYTES);
    const view = new DataView(across.buffer);
    assert.is(across.length, 4 * RECORD_BYTES);
    for (let index = 0; index < 4; index += 1) {
      assert.is(recordFault(view, index * RECORD_BYTES), null);
      assert.is(readRecordHeader(view, index * RECORD_BYTES).sequence, SEGMENT_RECORDS - 1 + index);
    }
    const { digest } = market.progress();
    await market.close();
    const again = await open(directory);
    assert.is(again.progress().digest, digest);
    await again.close();
    await truncate(segmentPath(directory, 1), 100 * RECORD_BYTES);
    await rejects(open(directory), /damaged at record 101.*another segment follows/);
    await rm(segmentPath(directory, 1));
    await rejects(open(directory), /segment-0000000000000001.log is missing/);
  }));

test("records of another log are adopted byte for byte, and nothing else is", () =>
  inFolder(async (directory) => {
    const source = await open(directory);
    await feed(source, [configure, ...orders(20_000)]);
    const records = source.records(sequence(1), 1e9);
    const { digest } = source.progress();
    await source.close();
    const target = await open(`${directory}-2`);
    const part = records.subarray(0, 7_000 * RECORD_BYTES);
    assert.is(await target.adopt(part), 7_000);
    await rejects(target.adopt(part), /does not continue the log: nothing was adopted/);
    const bad = Uint8Array.from(records.subarray(7_000 * RECORD_BYTES));
    bad[9_000 * RECORD_BYTES + 50] = (bad[9_000 * RECORD_BYTES + 50] ?? 0) ^ 1;
    await rejects(target.adopt(bad), /bad checksum: nothing was adopted/);
    assert.is(target.progress().matched, 7_000);
    assert.is(await target.adopt(records.subarray(7_000 * RECORD_BYTES)), 20_001);
    assert.is(target.progress().digest, digest);
    assert.is(target.progress().durable, 20_001);
    assert.is(
      target.drain(() => {}, 10),
      0,
    );
    await target.close();
    const [a, b] = await Promise.all([
      readFile(segmentPath(directory, 1)),
      readFile(segmentPath(`${directory}-2`, 1)),
    ]);
    assert.ok(a.equals(b));
  }));

test("B6.2 a market that is closed takes nothing more: its log may be another's", () =>
  inFolder(async (directory) => {
    const source = await open(directory);
    await feed(source, [configure, ...orders(10)]);
    const records = source.records(sequence(1), 1e9);
    await source.close();
    const target = await open(`${directory}-2`);
    await target.close();
    const next = await open(`${directory}-2`);
    await rejects(target.adopt(records), /is closed/);
    await rejects(target.seal([]), /is closed/);
    await rejects(target.mark(), /is closed/);
    assert.throws(() => target.setEpoch(epoch(2)), /is closed/);
    assert.is(next.progress().durable, 0);
    await next.close();
  }));

test("a whole record that does not belong where it stands is refused, not cut off", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    await feed(market, [configure, ...orders(50)]);
    await market.close();
    const path = segmentPath(directory, 1);
    const whole = await readFile(path);
    const last = whole.subarray(50 * RECORD_BYTES);
    await writeFile(path, Buffer.concat([whole, last]));
    await rejects(open(directory), /damaged at record 52: record 51 stands in its place/);
    const other = Uint8Array.from(last);
    const view = new DataView(other.buffer);
    view.setUint16(layout.record.version, 9, true);
    view.setUint32(0, crc32c(view, 4, RECORD_BYTES), true);
    await writeFile(path, Buffer.concat([whole.subarray(0, 50 * RECORD_BYTES), other]));
    await rejects(open(directory), /record 51 .* another version: start the release that wrote it/);
  }));

test("an id left empty by a crash is made anew, and a spoiled one is refused", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    await feed(market, [configure]);
    const first = market.logId;
    await market.close();
    await writeFile(join(directory, "log.id"), "");
    const again = await open(directory);
    assert.match(again.logId, /^[0-9a-f]{32}$/);
    assert.is.not(again.logId, first);
    assert.is(again.progress().matched, 1);
    await again.close();
    await writeFile(join(directory, "log.id"), "12 monkeys");
    await rejects(open(directory), /log\.id does not hold 32 hexadecimal digits: restore it/);
  }));

test("records carry the epoch that was set, and it never falls", () =>
  inFolder(async (directory) => {
    const market = await open(directory);
    await feed(market, [configure]);
    market.setEpoch(epoch(5));
    assert.throws(() => market.setEpoch(epoch(4)), /cannot fall to 4/);
    await feed(market, [place(1)]);
    market.offer(place(2));
    assert.throws(() => market.setEpoch(epoch(6)), /while commands are in the ring/);
    await market.close();
    const again = await open(directory);
    await feed(again, [place(3)]);
    const view = new DataView(again.records(sequence(1), 1e6).buffer);
    const epochs = [0, 1, 2, 3].map((index) => readRecordHeader(view, index * RECORD_BYTES).epoch);
    assert.equal(epochs, [1, 5, 5, 5]);
    await again.close();
  }));

test("on a full disk nothing more counts as durable, and everything does when there is room again", () =>
  inFolder(async (directory) => {
    const disk = new FullDisk(1_000);
    const market = await open(directory, { storage: disk.storage });
    await feed(market, [configure]);
    for (const command of orders(100)) market.offer(command);
    market.flush();
    await new Promise<void>((resolve) => market.onDurable(resolve));
    assert.match(market.progress().logWaiting ?? "", /cannot be written: ENOSPC.*free space/);
    assert.is(market.progress().logFailure, null);
    assert.is(market.progress().durable, 1);
    disk.room = 1e9;
    while (market.progress().durable < 101) await turn();
    assert.is(market.progress().logWaiting, null);
    disk.room = 0;
    market.offer(place(1));
    market.flush();
    await turn();
    await market.close();
    const again = await open(directory);
    assert.is(again.progress().matched, 101);
    await again.close();
  }));

test("after the disk failed nothing more counts as durable, and a reopened log goes on", () =>
  inFolder(async (directory) => {
    const market = await open(directory, { storage: new FullDisk(1_000, "EIO").storage });
    await feed(market, [configure]);
    for (const command of orders(100)) market.offer(command);
    market.flush();
    await new Promise<void>((resolve) => market.onDurable(resolve));
    assert.match(market.progress().logFailure ?? "", /cannot be written: EIO/);
    assert.is(market.progress().durable, 1);
    const { matched } = market.progress();
    market.offer(place(1));
    market.flush();
    await turn();
    assert.is(market.progress().matched, matched);
    await rejects(market.adopt(new Uint8Array(0)), /cannot be written|while commands/);
    await market.close();
    const again = await open(directory);
    assert.is(again.progress().matched, 10);
    await feed(again, orders(100, 500));
    assert.is(again.progress().durable, 110);
    await again.close();
  }));

test("an open market is attached to again: its book stays, old events and callbacks go", () =>
  inFolder(async (directory) => {
    const engine = new PortableEngine({ clock, eventCapacity: 8 });
    const request = { market: "BTC-EUR", directory, epoch: epoch(1) };
    const market = await engine.open(request);
    let old = 0;
    market.offer(configure);
    for (const command of orders(500)) market.offer(command);
    market.onEvents(() => {
      old += 1;
    });
    const again = await engine.open({ ...request, epoch: epoch(9) });
    assert.is(again, market);
    assert.is(again.progress().durable, 501);
    assert.is(
      again.drain(() => {}, 10),
      0,
    );
    const before = old;
    const events = await feed(again, [{ ...header, kind: "set_state", state: "halted" }]);
    assert.equal(
      events.map(({ kind }) => kind),
      ["state_set"],
    );
    assert.is(old, before);
    await rejects(engine.open({ ...request, directory: `${directory}-2` }), /close it first/);
    await rejects(engine.open({ ...request, market: "a b" }), /is no market name/);
    await engine.stop();
    await rejects(engine.open(request), /engine is stopped/);
    const fresh = await open(directory);
    assert.is(fresh.progress().matched, 502);
    await fresh.close();
  }));

test("a process killed while it writes loses no record that it reported as durable", () =>
  inFolder(async (directory) => {
    const script = join(repository, "test", "support", "portable-engine-under-load.ts");
    const child = spawn(process.execPath, [script, directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.setEncoding("utf8");
    let said = "";
    child.stdout.on("data", (text: string) => {
      said += text;
      if (said.split("\n").length > 30) child.kill("SIGKILL");
    });
    await once(child, "close");
    const reported = Number(said.trimEnd().split("\n").slice(0, -1).at(-1));
    assert.ok(reported > 0);
    const market = await open(directory);
    assert.ok(market.progress().matched >= reported);
    await feed(market, orders(10));
    await market.close();
  }));

/** Digest of a market whose log has only the first `count` records. */
async function stateAfter(
  directory: string,
  count: number,
  log: Buffer,
): Promise<{ digest: string }> {
  const copy = `${directory}-copy`;
  await cp(directory, copy, { recursive: true });
  await truncate(segmentPath(copy, 1), 0);
  await appendFile(segmentPath(copy, 1), log.subarray(0, count * RECORD_BYTES));
  await rm(sealPath(copy));
  const market = await open(copy);
  const { digest } = market.progress();
  await market.close();
  return { digest };
}

async function rejects(promise: Promise<unknown>, expected: RegExp): Promise<void> {
  const failure = await promise.then(
    () => null,
    (cause: unknown) => cause as Error,
  );
  assert.instance(failure, Error);
  assert.match(failure?.message ?? "", expected);
}

test.run();
