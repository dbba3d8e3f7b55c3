import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { encodeBatch } from "./event-batches.ts";
import { fileEventLog } from "./file-event-log.ts";
import { memoryEventLog } from "./memory-event-log.ts";
import type { SnapshotLog } from "./ports/event-log.ts";
import type { Log } from "./ports/log.ts";
import type { Result } from "./result.ts";
import { epoch } from "./units.ts";

/** What every event log does about epochs and snapshots; each test makes a new one in the folder. */
const test = suite<{ directory: string; warnings: string[]; log: Log }>("event log contract", {
  directory: "",
  warnings: [],
  log: { info() {}, warn() {}, error() {}, child: () => quiet },
});
const quiet: Log = { info() {}, warn() {}, error() {}, child: () => quiet };

test.before.each(async (context) => {
  context.directory = await mkdtemp(join(tmpdir(), "event-log-"));
  context.warnings = [];
  context.log = { ...quiet, warn: (_fields, text) => void context.warnings.push(text) };
});
test.after.each(({ directory }) => rm(directory, { recursive: true }));

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const code = (result: Result<unknown>): string => (result.ok ? "ok" : result.failure.code);
const value = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(result.failure.reason);
  return result.value;
};
const opened = (context: { directory: string; log: Log }, capacity = 1_000): SnapshotLog =>
  fileEventLog({ directory: context.directory, capacity, log: context.log });

const kinds = {
  "in memory": () => memoryEventLog(20),
  "in files": (context: { directory: string; log: Log }) => opened(context, 20),
} as const;

for (const [kind, make] of Object.entries(kinds)) {
  test(`B6.2 a writer of a lower epoch is refused ${kind}, also by the next append and by a snapshot`, async (context) => {
    const log = make(context);
    assert.is(code(await log.append("a", 0, [bytes(1)], epoch(3))), "ok");
    assert.is(code(await log.append("a", 1, [bytes(2)], epoch(2))), "stale_epoch");
    assert.is(code(await log.append("a", 1, [bytes(2)])), "stale_epoch");
    assert.is(
      code(await log.storeSnapshot("a", { sequence: 1, state: bytes(9) }, epoch(2))),
      "stale_epoch",
    );
    assert.is(code(await log.append("a", 1, [bytes(2)], epoch(3))), "ok");
    assert.is(code(await log.append("a", 2, [bytes(3)], epoch(4))), "ok");
    assert.equal(value(await log.read("a", 0, 9)), [bytes(1), bytes(2), bytes(3)]);
  });

  test(`B7.8 a snapshot ${kind} is read back, and the one before keeps its events`, async (context) => {
    const log = make(context);
    assert.is(value(await log.readSnapshot("a")), null);
    for (let index = 0; index < 12; index += 1) {
      value(await log.append("a", index, [bytes(index)]));
      if (index % 4 !== 3) continue;
      value(await log.storeSnapshot("a", { sequence: index + 1, state: bytes(index, index) }));
    }
    assert.equal(value(await log.readSnapshot("a")), { sequence: 12, state: bytes(11, 11) });
    assert.is(code(await log.read("a", 7, 9)), "trimmed");
    assert.equal(
      value(await log.read("a", 8, 9)),
      [8, 9, 10, 11].map((each) => bytes(each)),
    );
    assert.is(value(await log.append("a", 12, [bytes(12)])), 13);
  });

  test(`B7.8 a snapshot of another state than the last ${kind} is refused`, async (context) => {
    const log = make(context);
    value(await log.append("a", 0, [bytes(1), bytes(2)]));
    for (const sequence of [0, 1, 3]) {
      assert.is(
        code(await log.storeSnapshot("a", { sequence, state: bytes(1) })),
        "wrong_sequence",
      );
    }
  });

  test(`B7.8 with snapshots a log ${kind} never fills up`, async (context) => {
    const log = make(context);
    for (let index = 0; index < 200; index += 1) {
      value(await log.append("a", index, [bytes(1)]));
      if (index % 10 === 9) {
        value(await log.storeSnapshot("a", { sequence: index + 1, state: bytes(1) }));
      }
    }
    assert.is(value(await log.append("a", 200, [bytes(1)])), 201);
  });
}

/** Ten events, and snapshots after 4 and 8. */
async function withSnapshots(context: { directory: string; log: Log }): Promise<void> {
  const log = opened(context);
  for (let index = 0; index < 10; index += 1) {
    value(await log.append("a", index, [bytes(index)], epoch(2)));
    if (index % 4 === 3) {
      const snapshot = { sequence: index + 1, state: bytes(100 + index) };
      value(await log.storeSnapshot("a", snapshot, epoch(2)));
    }
  }
}

test("B7.8 snapshots and what follows them are there when the logs are opened anew, and the epoch holds", async (context) => {
  await withSnapshots(context);
  const log = opened(context);
  assert.equal(value(await log.readSnapshot("a")), { sequence: 8, state: bytes(107) });
  assert.equal(value(await log.read("a", 8, 9)), [bytes(8), bytes(9)]);
  assert.is(code(await log.append("a", 10, [bytes(1)], epoch(1))), "stale_epoch");
  assert.is(value(await log.append("a", 10, [bytes(1)], epoch(2))), 11);
  assert.equal(context.warnings, []);
});

test("B6.2 a log opened anew knows the epoch of its snapshot, also when no event has it", async (context) => {
  const log = opened(context);
  value(await log.append("a", 0, [bytes(1)], epoch(2)));
  value(await log.storeSnapshot("a", { sequence: 1, state: bytes(1) }, epoch(3)));
  assert.is(code(await opened(context).append("a", 1, [bytes(2)], epoch(2))), "stale_epoch");
});

test("B7.7 whichever bit of the newest snapshot flips, the one before it is used with all events since", async (context) => {
  await withSnapshots(context);
  const path = join(context.directory, "a.snapshot");
  const whole = await readFile(path);
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const damaged = Buffer.from(whole);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await writeFile(path, damaged);
    const log = opened(context);
    assert.equal(value(await log.readSnapshot("a")), { sequence: 4, state: bytes(103) });
    const since = value(await log.read("a", 4, 9));
    assert.equal(
      since,
      [4, 5, 6, 7, 8, 9].map((each) => bytes(each)),
      `bit ${bit}`,
    );
  }
  assert.match(context.warnings[0] ?? "", /a snapshot is damaged/);
});

test("B7.7 with both snapshots damaged the log is unavailable: its first events are gone", async (context) => {
  await withSnapshots(context);
  for (const name of ["a.snapshot", "a.snapshot.earlier"]) {
    await writeFile(join(context.directory, name), bytes(1, 2, 3));
  }
  assert.is(code(await opened(context).readSnapshot("a")), "unavailable");
});

test("B7.7 a log that ends before its snapshot has lost its end and is unavailable", async (context) => {
  await withSnapshots(context);
  const head = encodeBatch([bytes(4)], 2, 4);
  await writeFile(join(context.directory, "a.events"), head);
  assert.is(code(await opened(context).read("a", 4, 1)), "unavailable");
});

test("B7.7 wherever a crash interrupts the taking of a snapshot, nothing is lost", async (context) => {
  await withSnapshots(context);
  const read = async (name: string): Promise<Buffer> => readFile(join(context.directory, name));
  const write = (name: string, content: Uint8Array) =>
    writeFile(join(context.directory, name), content);
  const before = {
    events: await read("a.events"),
    newest: await read("a.snapshot"),
    earlier: await read("a.snapshot.earlier"),
  };
  const log = opened(context);
  value(await log.storeSnapshot("a", { sequence: 10, state: bytes(110) }, epoch(2)));
  const after = { events: await read("a.events"), newest: await read("a.snapshot") };
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["nothing done", async () => {}],
    [
      "the newest is the earlier one",
      async () => {
        await rm(join(context.directory, "a.snapshot"));
        await write("a.snapshot.earlier", before.newest);
      },
    ],
    ["the new one is drafted", () => write("a.snapshot.draft", after.newest.subarray(0, 9))],
    ["the new one is there", () => write("a.snapshot", after.newest)],
    ["the events are drafted", () => write("a.events.draft", after.events.subarray(0, 5))],
    ["the events are replaced", () => write("a.events", after.events)],
  ];
  await write("a.events", before.events);
  await write("a.snapshot", before.newest);
  await write("a.snapshot.earlier", before.earlier);
  for (const [step, happen] of steps) {
    await happen();
    const again = opened(context);
    const snapshot = value(await again.readSnapshot("a"));
    assert.ok(snapshot !== null && snapshot.sequence >= 8, step);
    const since = value(await again.read("a", snapshot?.sequence ?? 0, 9));
    const expected = [8, 9].slice((snapshot?.sequence ?? 0) - 8);
    assert.equal(
      since,
      expected.map((each) => bytes(each)),
      step,
    );
    assert.is(value(await again.append("a", 10, [], epoch(2))), 10, step);
  }
});

test("B8.4 a file of the first version, without epochs, is read and goes on under an epoch", async (context) => {
  const first = Buffer.from(
    "1d000000b063f56c190000000a170a0566697273741204080a10191a086f70657261746f721f00000067f391190c000000120a0a067365636f6e6410090b0000001a090a0574686972641004",
    "hex",
  );
  await writeFile(join(context.directory, "a.events"), first);
  const log = opened(context);
  const kept = value(await log.read("a", 0, 9)).map((entry) => Buffer.from(entry).toString("hex"));
  assert.equal(kept, [
    "0a170a0566697273741204080a10191a086f70657261746f72",
    "120a0a067365636f6e641009",
    "1a090a0574686972641004",
  ]);
  value(await log.append("a", 3, [bytes(1)], epoch(7)));
  assert.is(code(await opened(context).append("a", 4, [bytes(1)], epoch(6))), "stale_epoch");
  assert.equal(await readdir(context.directory), ["a.events"]);
});

test("B8.4 the present layouts of a batch and of a first batch are as they were kept", async () => {
  const kept = {
    plain: Buffer.from(encodeBatch([bytes(1, 2)], 0)).toString("hex"),
    epoch: Buffer.from(encodeBatch([bytes(1, 2)], 5)).toString("hex"),
    base: Buffer.from(encodeBatch([], 5, 9)).toString("hex"),
  };
  assert.equal(kept, {
    plain: "06000000c5501f0b020000000102",
    epoch: "0e0000802e09b66c0500000000000000020000000102",
    base: "100000c0e150a30b09000000000000000500000000000000",
  });
});

test.run();
