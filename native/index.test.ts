import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, open as openFile, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import type {
  EngineCommand,
  EngineEvent,
  MarketEngine,
} from "../actors/kernel/ports/matching-engine.ts";
import { RECORD_BYTES } from "../actors/kernel/ports/matching-engine.ts";
import { systemClock } from "../actors/kernel/system-clock.ts";
import {
  accountId,
  epoch,
  orderId,
  priceTicks,
  quantityLots,
  sequence,
} from "../actors/kernel/units.ts";
import { seed } from "../test/support/seed.ts";
import { repository } from "../test/support/shared-data.ts";
import { missingAddon, testUnless } from "../test/support/skip.ts";
import { layoutDifference, loadAddon } from "./addon.ts";
import type { NativeEngineOptions } from "./index.ts";
import { loadNativeEngine, NativeMarket } from "./index.ts";
import type { NativeEngine } from "./index.ts";
import { PortableEngine } from "./portable/engine.ts";
import { Market as Twin } from "./portable/market.ts";
import { readRecordHeader, recordFault } from "./records.ts";
import { layout } from "./slots.ts";

const test = suite("native engine");

const header = { session: 0, number: 0, account: accountId(7), tag: 1 };
const configure: EngineCommand = {
  ...header,
  kind: "configure",
  bandLow: priceTicks(1),
  bandHigh: priceTicks(1_000_000),
  maximumQuantity: quantityLots(1_000),
  orderCapacity: 100_000,
  mode: "durable",
};
const place = (index: number, more: Partial<EngineCommand> = {}): EngineCommand =>
  ({
    ...header,
    kind: "place",
    side: index % 2 === 0 ? "buy" : "sell",
    orderType: "limit",
    timeInForce: "day",
    price: priceTicks(1_000 + ((index * 7_919) % 41)),
    quantity: quantityLots(1 + (index % 10)),
    tag: index,
    ...more,
  }) as EngineCommand;

interface Bench {
  readonly engine: NativeEngine;
  /** A folder for each name. */
  readonly open: (name: string, at?: number) => Promise<NativeMarket>;
  readonly folder: (name: string) => string;
}

function nativeTest(
  title: string,
  body: (bench: Bench) => Promise<void>,
  options: NativeEngineOptions = {},
): void {
  testUnless(test, missingAddon, title, async () => {
    const root = await mkdtemp(join(tmpdir(), "native-engine-"));
    const loaded = loadNativeEngine(options);
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.failure.reason);
    const folder = (name: string): string => join(root, name);
    const open = async (name: string, at = 1): Promise<NativeMarket> => {
      const request = { market: name, directory: folder(name), epoch: epoch(at) };
      const market = await loaded.value.open(request);
      assert.instance(market, NativeMarket);
      return market as NativeMarket;
    };
    try {
      await body({ engine: loaded.value, open, folder });
    } finally {
      await loaded.value.stop();
      await rm(root, { recursive: true, force: true });
    }
  });
}

/** Resolves when the condition holds; the test runner's limit ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** The message a promise is rejected with; empty when it is not. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "";
  } catch (cause) {
    return cause instanceof Error ? cause.message : "";
  }
}

/** Offers all of it, draining as it goes, until it is durable; returns the events. */
async function feed(
  market: MarketEngine,
  commands: Iterable<EngineCommand>,
): Promise<EngineEvent[]> {
  const events: EngineEvent[] = [];
  const drain = (): unknown => market.drain((event) => events.push({ ...event }), 1_000_000);
  let expected: number = market.progress().matched;
  for (const command of commands) {
    while (!market.offer(command)) {
      market.flush();
      drain();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expected += 1;
  }
  market.flush();
  await until(() => {
    drain();
    return market.progress().durable === expected;
  });
  drain();
  return events;
}

nativeTest(
  "an order that crosses another trades, and the callback brings the events",
  async (bench) => {
    const market = await bench.open("trade");
    const events: EngineEvent[] = [];
    const traded = new Promise<void>((resolve) => {
      market.onEvents(() => {
        market.drain((event) => events.push({ ...event }), 100);
        if (events.some((event) => event.kind === "executed")) resolve();
      });
    });
    for (const command of [configure, place(1), place(2, { price: priceTicks(1_000_000) })]) {
      assert.ok(market.offer(command));
    }
    market.flush();
    await traded;
    const executed = events.find((event) => event.kind === "executed");
    assert.is(executed?.quantity, 2);
    assert.is(executed?.makerRemaining, 0);
    assert.is(executed?.tag, 2);
    assert.is(executed?.sequence, 3);
    assert.is(market.serviceTime().count, 3);
    assert.is(market.statistics().commands.used, 0);
    const { memory } = market.statistics();
    assert.ok(memory.backedBytes > 2 ** 24, "memory is there before the first command");
    assert.is(
      memory.lockError === "" ? memory.lockedBytes : 0,
      memory.lockError === "" ? memory.backedBytes : 0,
    );
    assert.is(memory.lateSlabs, 0);
  },
);

nativeTest("offered commands stay unseen until they are flushed", async (bench) => {
  const market = await bench.open("flush");
  market.offer(configure);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(market.progress().matched, 0);
  assert.throws(() => market.setEpoch(epoch(2)), /commands are in the ring/);
  market.flush();
  await until(() => market.progress().durable === 1);
});

nativeTest(
  "a full command ring refuses and counts, and what was taken is processed when the reader comes back",
  async (bench) => {
    const market = await bench.open("full");
    let offered = 0;
    // Nobody drains: sixteen event slots hold the engine, then sixteen command slots fill.
    const fill = async (): Promise<void> => {
      while (market.offer(offered === 0 ? configure : place(offered))) offered += 1;
      market.flush();
      await new Promise((resolve) => setTimeout(resolve, 2));
    };
    await fill();
    await until(() => market.progress().eventRingStalls > 0);
    await fill();
    const { matched, commandRingRefusals } = market.progress();
    assert.ok(matched < offered);
    assert.ok(commandRingRefusals >= 2);
    assert.is(market.statistics().commands.used, 16);
    assert.not.ok(market.offer(place(0)));
    assert.is(market.progress().commandRingRefusals, commandRingRefusals + 1);
    assert.throws(() => market.restingOrders("buy", 1), /commands are in the ring/);
    let last = 0;
    await until(() => {
      market.drain((event) => {
        assert.ok(event.sequence === last || event.sequence === last + 1);
        last = event.sequence;
      }, 1_000);
      return market.progress().durable === offered;
    });
    market.drain(() => {}, 1_000);
    assert.ok(market.offer(place(0)));
  },
  { commandSlots: 16, eventSlots: 16, recordSlots: 16 },
);

nativeTest("an idle engine sleeps and stays asleep, and wakes for a command", async (bench) => {
  const market = await bench.open("idle");
  for (let round = 0; round < 5; round += 1) {
    const before = bench.engine.parkings();
    await feed(market, [round === 0 ? configure : place(round)]);
    await until(() => bench.engine.parkings() > before);
    // What is on its way to the disk may still wake it.
    await until(() => market.progress().durable === market.progress().matched);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const asleep = bench.engine.parkings();
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.is(bench.engine.parkings(), asleep, "woke up although there was nothing to do");
  }
});

nativeTest("random commands give the twin's events, digest and resting orders", async (bench) => {
  const market = await bench.open("twin");
  const twin = new Twin();
  let state = seed(20_261_122);
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const commands: EngineCommand[] = [configure];
  for (let index = 1; index <= 5_000; index += 1) {
    const id = orderId(2 ** 24 * (1 + random(3)) + 1 + random(400));
    const kind = random(10);
    const quantity = quantityLots(1 + random(9));
    const account = accountId(7);
    const session = random(3);
    const number = session === 0 ? 0 : 1 + random(index);
    const sender = { session, number, account, tag: index };
    if (kind < 2) commands.push({ ...sender, kind: "cancel", orderId: id });
    else if (kind < 3) commands.push({ ...sender, kind: "reduce", orderId: id, quantity });
    else if (kind < 4) {
      const price = priceTicks(995 + random(10));
      commands.push({ ...sender, kind: "replace", orderId: id, price, quantity });
    } else {
      const timeInForce = (["day", "day", "ioc", "fok"] as const)[random(4)] ?? "day";
      const price = priceTicks(995 + random(10));
      commands.push(place(random(2), { ...sender, timeInForce, price, quantity }));
    }
  }
  const events = await feed(market, commands);
  const expected = commands.flatMap((command, index) => twin.apply(command, sequence(index + 1)));
  for (const [index, event] of expected.entries()) {
    assert.equal(events[index], event, `SEED=${seed(20_261_122)} event ${index}`);
  }
  assert.is(events.length, expected.length);
  assert.ok(events.some((event) => event.kind === "executed"));
  assert.is(market.progress().digest, twin.digest().toString(16).padStart(16, "0"));
  for (const side of ["buy", "sell"] as const) {
    assert.equal(market.restingOrders(side, 1_000), twin.restingOrders(side, 1_000));
    assert.equal(market.restingOrders(side, 3), twin.restingOrders(side, 3));
  }
});

nativeTest(
  "a market opened again has its book, and a resend gets the first outcome",
  async (bench) => {
    const first = await bench.open("again");
    const order = place(1, { session: 5, number: 9 });
    await feed(first, [configure, order, place(3), place(5)]);
    const { digest } = first.progress();
    await first.close();
    assert.is(first.progress().digest, digest, "the last progress stays readable");
    assert.throws(() => first.records(sequence(1), 1_000), /closed/);
    assert.not.ok(first.offer(place(1)));

    const again = await bench.open("again");
    assert.not.equal(again, first);
    assert.is(again.logId, first.logId);
    assert.is(again.recovery.sequence, 4);
    assert.equal(again.recovery.cutBytes, 0);
    assert.is(again.progress().digest, digest);
    assert.is(again.progress().matched, 4);
    assert.is(again.progress().durable, 4);
    assert.is(again.restingOrders("sell", 10).length, 3);
    const [event] = await feed(again, [order]);
    assert.is(event?.kind, "repeated");
    assert.is(event?.kind === "repeated" ? event.originalSequence : 0, 2);
  },
);

nativeTest("close hands every event to who listens, and waits for the disk", async (bench) => {
  const market = await bench.open("close");
  let events = 0;
  market.onEvents(() => market.drain(() => (events += 1), 1_000_000));
  market.offer(configure);
  for (let index = 1; index <= 5_000; index += 1) assert.ok(market.offer(place(index)));
  await market.close();
  assert.is(market.progress().durable, 5_001);
  assert.ok(events >= 5_001);
});

nativeTest(
  "close does not wait for a reader who never comes",
  async (bench) => {
    const market = await bench.open("abandoned");
    market.offer(configure);
    for (let index = 1; index < 64; index += 1) assert.ok(market.offer(place(index)));
    await market.close();
    assert.is(market.progress().durable, 64);
  },
  { commandSlots: 64, eventSlots: 16, recordSlots: 16 },
);

nativeTest("opening an open market attaches to it and forgets the former holder", async (bench) => {
  const market = await bench.open("attach");
  let former = 0;
  market.onEvents(() => (former += 1));
  market.onDurable(() => (former += 1));
  market.offer(configure);
  market.offer(place(1));
  const again = await bench.open("attach");
  assert.is(again, market);
  assert.is(again.progress().durable, 2, "what was offered before is processed and durable");
  assert.is(
    again.drain(() => {}, 100),
    0,
    "its events are gone",
  );
  const before = former;
  let heard = 0;
  again.onEvents(() => {
    heard += again.drain(() => {}, 100);
  });
  again.offer(place(2));
  again.flush();
  await until(() => heard > 0 && again.progress().durable === 3);
  assert.is(former, before);
  const elsewhere = { market: "attach", directory: bench.folder("elsewhere"), epoch: epoch(1) };
  assert.match(
    await refusal(bench.engine.open(elsewhere)),
    /attach is open with its log in .*close it first/,
  );
});

nativeTest("records carry the epoch that was set, which never falls", async (bench) => {
  const market = await bench.open("epochs", 3);
  await feed(market, [configure]);
  assert.throws(() => market.setEpoch(epoch(2)), /cannot fall to 2/);
  market.setEpoch(epoch(8));
  await feed(market, [place(1)]);
  const records = market.records(sequence(1), 1_000);
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  assert.is(readRecordHeader(view, 0).epoch, 3);
  assert.is(readRecordHeader(view, RECORD_BYTES).epoch, 8);
  await market.close();
  const again = await bench.open("epochs", 1);
  assert.throws(() => again.setEpoch(epoch(7)), /is 8 and cannot fall/, "the log's epoch counts");
});

nativeTest(
  "records are given as they stand in the log, whole and within the limit",
  async (bench) => {
    const market = await bench.open("records");
    await feed(market, [configure, ...Array.from({ length: 99 }, (_, index) => place(index))]);
    const all = market.records(sequence(1), 1_000_000);
    assert.is(all.length, 100 * RECORD_BYTES);
    const file = await readFile(join(bench.folder("records"), "segment-0000000000000001.log"));
    assert.is(Buffer.compare(all, file.subarray(0, all.length)), 0);
    const some = market.records(sequence(40), 10 * RECORD_BYTES + 95);
    assert.equal(some, all.slice(39 * RECORD_BYTES, 49 * RECORD_BYTES));
    assert.is(market.records(sequence(101), 1_000).length, 0);
    assert.is(market.records(sequence(1), 95).length, 0);
    assert.is(market.records(sequence(0), 1_000).length, 0);
  },
);

nativeTest(
  "adopted records stand in the new log byte for byte, and bad ones are refused whole",
  async (bench) => {
    const source = await bench.open("source");
    await feed(source, [configure, ...Array.from({ length: 999 }, (_, index) => place(index))]);
    const records = source.records(sequence(1), 1_000_000);
    const target = await bench.open("target");
    const adopting = target.adopt(records.subarray(0, 600 * RECORD_BYTES));
    assert.ok(target.offer(place(4)), "a command offered meanwhile waits its turn");
    target.flush();
    assert.is(await adopting, 600);
    await until(() => target.progress().durable === 601);
    target.drain((event) => assert.is(event.sequence, 601), 100);
    await target.close();

    const other = await bench.open("other");
    const rejects = async (bytes: Uint8Array, reason: RegExp): Promise<void> => {
      let message = "";
      await other.adopt(bytes).catch((cause: unknown) => {
        message = String(cause);
      });
      assert.match(message, reason);
      assert.is(other.progress().matched, 0);
    };
    const flipped = records.slice();
    flipped[500 * RECORD_BYTES + 60] = (flipped[500 * RECORD_BYTES + 60] ?? 0) ^ 1;
    await rejects(flipped, /record 501 cannot be adopted: its checksum is wrong/);
    await rejects(records.slice(RECORD_BYTES), /its sequence does not follow/);
    await rejects(records.slice(1), /whole records/);
    assert.is(await other.adopt(records), 1_000);
    assert.is(other.progress().digest, source.progress().digest);
    assert.equal(other.records(sequence(1), 1_000_000), records);
  },
);

nativeTest(
  "both engines open each other's logs with the same digest, one at a time",
  async (bench) => {
    const native = await bench.open("mixed");
    await feed(native, [configure, ...Array.from({ length: 500 }, (_, index) => place(index))]);
    const portable = new PortableEngine({ clock: systemClock() });
    const request = { market: "mixed", directory: bench.folder("mixed"), epoch: epoch(1) };
    assert.match(await refusal(portable.open(request)), /use/, "the native engine holds the log");
    const { digest } = native.progress();
    await native.close();
    const twin = await portable.open(request);
    assert.is(twin.progress().digest, digest);
    await feed(
      twin,
      Array.from({ length: 500 }, (_, index) => place(index * 3)),
    );
    assert.match(await refusal(bench.open("mixed")), /in use by process/);
    await twin.close();
    const again = await bench.open("mixed");
    assert.is(again.progress().matched, 1_001);
    assert.is(again.progress().digest, twin.progress().digest);
  },
);

nativeTest("one folder is open once, in this process and among processes", async (bench) => {
  const market = await bench.open("held");
  await feed(market, [configure]);
  const again = { market: "other-name", directory: bench.folder("held"), epoch: epoch(1) };
  assert.match(await refusal(bench.engine.open(again)), /in use by process \d+; stop/);
  const child = spawnSync(
    process.execPath,
    [join(repository, "test/support/native-engine-under-load.ts"), bench.folder("held")],
    { encoding: "utf8" },
  );
  assert.not.equal(child.status, 0);
  assert.match(child.stderr, new RegExp(`in use by process ${process.pid}`));
});

nativeTest("a torn tail is cut and reported, damage in front of it is refused", async (bench) => {
  const market = await bench.open("torn");
  await feed(market, [configure, ...Array.from({ length: 99 }, (_, index) => place(index))]);
  const { digest } = market.progress();
  await market.close();
  const path = join(bench.folder("torn"), "segment-0000000000000001.log");
  const file = await openFile(path, "r+");
  await file.write(Buffer.alloc(50, 0xee), 0, 50, 100 * RECORD_BYTES);
  const cut = await bench.open("torn");
  assert.is(cut.recovery.cutBytes, 50);
  assert.is(cut.recovery.cutFile, path);
  assert.is(cut.progress().digest, digest);
  await cut.close();
  await file.write(Buffer.from([0xee]), 0, 1, 50 * RECORD_BYTES + 50);
  await file.close();
  assert.match(await refusal(bench.open("torn")), /damage: the record 51/);
});

/** Runs the load in a child until `done` says so of its lines, then kills it with SIGKILL. */
async function killedUnderLoad(
  directory: string,
  done: (line: string) => boolean,
): Promise<string[]> {
  const child = spawn(
    process.execPath,
    [join(repository, "test/support/native-engine-under-load.ts"), directory],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    if (done(line)) child.kill("SIGKILL");
  });
  await once(child, "close");
  return lines;
}

nativeTest(
  "after kill -9 under load every durable record is there, with the book they make",
  async (bench) => {
    let durable = 0;
    for (let round = 1; round <= 3; round += 1) {
      const goal = durable + 20_000;
      const lines = await killedUnderLoad(
        bench.folder("killed"),
        (line) => Number(line.split(" ")[1]) > goal,
      );
      const promised = Number(lines.at(-1)?.split(" ")[1]);
      assert.ok(promised > goal);
      const market = await bench.open("killed");
      durable = market.progress().durable;
      assert.ok(durable >= promised, `${promised} was promised, ${durable} is there`);
      const twin = new Twin();
      let next = 1;
      while (next <= durable) {
        const records = market.records(sequence(next), 768 * 1024);
        const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
        for (let at = 0; at < records.length; at += RECORD_BYTES, next += 1) {
          assert.is(recordFault(view, at), null);
          assert.is(readRecordHeader(view, at).sequence, next);
        }
      }
      await market.close();
      const copy = `${bench.folder("killed")}-copy-${round}`;
      await cp(bench.folder("killed"), copy, { recursive: true });
      const request = { market: "copy", directory: copy, epoch: epoch(1) };
      const portable = await new PortableEngine({ clock: systemClock() }).open(request);
      assert.is(portable.progress().matched, durable);
      assert.is(portable.progress().digest, market.progress().digest);
      assert.not.equal(market.progress().digest, twin.digest().toString(16).padStart(16, "0"));
      await portable.close();
    }
  },
);

const noMount = ((): string | null => {
  if (missingAddon !== null) return missingAddon;
  return process.getuid?.() === 0 ? null : "mounting a small tmpfs needs root";
})();

for (const ending of ["go on", "give up"] as const) {
  testUnless(
    test,
    noMount,
    ending === "go on"
      ? "a full disk stops durability, not the process, and loses nothing: with room it goes on"
      : "a market on a full disk can be closed",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "native-engine-full-"));
      const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=20m", "tmpfs", folder]);
      try {
        if (mounted.status !== 0) {
          console.log(`SKIP full disk: mount failed: ${String(mounted.stderr)}`);
          return;
        }
        const child = spawn(
          process.execPath,
          [
            join(repository, "test/support/native-engine-under-load.ts"),
            join(folder, "log"),
            ending,
          ],
          { stdio: ["ignore", "pipe", "inherit"] },
        );
        const lines: string[] = [];
        createInterface({ input: child.stdout }).on("line", (line) => {
          lines.push(line);
          if (line.startsWith("waiting ") && ending === "go on") {
            spawnSync("mount", ["-o", "remount,size=200m", folder]);
          }
        });
        const [status] = (await once(child, "close")) as [number | null];
        assert.is(status, 0, "the process ends in order");
        const waiting = lines.find((line) => line.startsWith("waiting ")) ?? "";
        assert.match(waiting, /^waiting 174762 .*No space left on device; free space/);
        const closed = Number(lines.at(-1)?.split(" ")[1]);
        if (ending === "go on") assert.ok(closed > 174_762, lines.at(-1));
        else assert.is(lines.at(-1), "closed 174762");
      } finally {
        spawnSync("umount", [folder]);
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
}

/** Levels and orders of a side as the resting orders say. */
function levelsOf(market: NativeMarket, side: "buy" | "sell"): Map<number, number> {
  const levels = new Map<number, number>();
  for (const { price, remaining } of market.restingOrders(side, 1_000_000)) {
    levels.set(price, (levels.get(price) ?? 0) + remaining);
  }
  return levels;
}

nativeTest("the book can be read while the engine matches", async (bench) => {
  const market = await bench.open("depth");
  const commands = Array.from({ length: 20_000 }, (_, index) =>
    index === 0 ? configure : place(index),
  );
  const running = (async () => {
    for (let sent = 0; sent < commands.length; sent += 500) {
      await feed(market, commands.slice(sent, sent + 500));
    }
  })();
  const finished = running.then(() => true);
  const turn = (): Promise<boolean> =>
    new Promise((resolve) => {
      setImmediate(resolve, false);
    });
  let last = 0;
  let reads = 0;
  while (!(await Promise.race([finished, turn()]))) {
    const before = market.progress().matched;
    const { sequence: of, bids, asks } = await market.depth();
    assert.ok(of >= last && of <= market.progress().matched);
    // Known is what the engine had published, a batch behind what it matched at most.
    assert.ok(of + 64 >= before);
    last = of;
    reads += 1;
    const [bid, ask] = [bids.levels[0], asks.levels[0]];
    if (bid !== undefined && ask !== undefined) assert.ok(bid.price < ask.price);
    for (const { levels, orders } of [bids, asks]) {
      const whole = levels.slice(0, new Set(orders.map((order) => order.price)).size - 1);
      for (const { price, quantity } of whole) {
        const here = orders.filter((order) => order.price === price);
        assert.is(
          here.reduce((sum, order) => sum + order.remaining, 0),
          quantity,
        );
      }
    }
  }
  assert.ok(reads > 1);
  const depth = await market.depth();
  assert.is(depth.sequence, 20_000);
  for (const [side, shown] of [
    ["buy", depth.bids],
    ["sell", depth.asks],
  ] as const) {
    assert.equal(
      shown.levels.map(({ price, quantity }) => [price, quantity]),
      [...levelsOf(market, side)].slice(0, 32),
    );
  }
  const top = market.topOfBook();
  assert.is(top?.bidPrice, depth.bids.levels[0]?.price ?? 0);
  assert.is(top?.askQuantity, depth.asks.levels[0]?.quantity ?? 0);
  assert.is((await market.depth(3)).bids.levels.length, Math.min(3, depth.bids.levels.length));
});

nativeTest("pages of orders make up a side of the book", async (bench) => {
  const market = await bench.open("pages");
  const sells = Array.from({ length: 2_000 }, (_, index) => place(2 * index + 1));
  await feed(market, [configure, ...sells]);
  await until(() => bench.engine.parkings() > 0);
  const collect = async (from: number, found: number[]): Promise<number[]> => {
    const page = await market.ordersFrom("sell", priceTicks(from));
    assert.is(page.cut, false);
    const all = [...found, ...page.orders.map((order) => order.orderId)];
    return page.next === null ? all : collect(page.next, all);
  };
  assert.equal(
    await collect(1, []),
    market.restingOrders("sell", 1_000_000).map((order) => order.orderId),
  );
  const [first, second] = await Promise.all([
    market.ordersFrom("buy", priceTicks(5_000)),
    market.ordersFrom("sell", priceTicks(1_000)),
  ]);
  assert.is(first.orders.length, 0);
  assert.is(second.orders[0]?.price, 1_000);
  const waiting = market.ordersFrom("sell", priceTicks(1));
  await Promise.allSettled([waiting, market.close()]);
  assert.match(await refusal(market.depth()), /is closed/);
  assert.match(await refusal(market.ordersFrom("buy", priceTicks(1))), /is closed/);
});

nativeTest("a log that cannot be made is refused with its reason", async (bench) => {
  await mkdir(bench.folder("file"), { recursive: true });
  await writeFile(join(bench.folder("file"), "plain"), "");
  const directory = join(bench.folder("file"), "plain", "log");
  const request = { market: "nowhere", directory, epoch: epoch(1) };
  assert.match(await refusal(bench.engine.open(request)), /cannot make the log folder/);
  const named = { ...request, market: "no such name" };
  assert.match(await refusal(bench.engine.open(named)), /no market name/);
});

nativeTest(
  "a second engine in the process is refused until the first has stopped",
  async (bench) => {
    const second = loadNativeEngine();
    assert.is(second.ok ? "" : second.failure.code, "engine_running");
    await bench.engine.stop();
    assert.match(await refusal(bench.open("late")), /stopped/);
    const third = loadNativeEngine();
    assert.ok(third.ok);
    await third.value.stop();
  },
);

test("options that are no power of two are refused", () => {
  const loaded = loadNativeEngine({ commandSlots: 1_000 });
  assert.is(loaded.ok ? "" : loaded.failure.code, "options_invalid");
  assert.match(loaded.ok ? "" : loaded.failure.reason, /commandSlots is 1000/);
});

nativeTest("the probe names what the machine offers", async (bench) => {
  const { uring, processor } = bench.engine.probe();
  assert.is(uring.available, uring.reason === "");
  assert.is(uring.available, uring.operations.length > 0);
  assert.ok(processor.usable >= 1);
});

test("an addon that is missing or no addon is refused with what to do next", async () => {
  const absent = loadAddon("/nonexistent/meridian.node");
  assert.is(absent.ok ? "" : absent.failure.code, "addon_missing");
  assert.match(absent.ok ? "" : absent.failure.next, /bootstrap/);
  const folder = await mkdtemp(join(tmpdir(), "native-engine-"));
  await writeFile(join(folder, "meridian.node"), "not an ELF file");
  const broken = loadAddon(join(folder, "meridian.node"));
  assert.is(broken.ok ? "" : broken.failure.code, "addon_missing");
  assert.match(broken.ok ? "" : broken.failure.reason, /cannot be loaded/);
  await rm(folder, { recursive: true });
});

test("a field that lies elsewhere in the addon is named", () => {
  assert.is(layoutDifference(structuredClone(layout), layout), null);
  const other = { ...layout, event: { ...layout.event, price: 40 } };
  assert.is(layoutDifference(other, layout), "event.price is at 40, not at 32");
  assert.is(layoutDifference({}, layout), "command.kind is at undefined, not at 0");
  const more = { ...layout, event: { ...layout.event, venue: 8 } };
  assert.match(layoutDifference(more, layout) ?? "", /does not know/);
});

nativeTest(
  "A4.1 A7.1 the reactor says where it runs, what its counter is worth, and where a market's time goes",
  async ({ engine, open }) => {
    const market = await open("ALPHA");
    await feed(market, [configure, ...Array.from({ length: 999 }, (_, index) => place(index))]);
    const { stages, commands, alert } = market.latency();
    assert.equal([commands[1], commands[5]], [999, 1], "places, and a configure");
    for (const stage of [stages.sequence, stages.match, stages.handOn]) {
      assert.is(stage.count, Math.floor(1_000 / 64));
    }
    assert.equal([alert.isSlow, alert.raised, alert.cause], [false, 0, "unknown"]);
    await until(() => engine.health().clock.checks > 0 || market.progress().matched === 0);
    const { placement, stuck, clock } = engine.health();
    assert.ok(placement.why.length > 10, placement.why);
    assert.is(placement.isPinned, placement.match !== null);
    assert.is(stuck.busy, 0);
    assert.is(clock.restarts, 0);
  },
  { processor: "auto", spinNs: 2_000_000_000 },
);

test.run();
