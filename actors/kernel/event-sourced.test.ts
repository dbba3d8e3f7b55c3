import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ms } from "../../test/support/probe-actors.ts";
import {
  faultyPurseLog,
  jsonEvents,
  type PurseEvent,
  type PurseMessage,
  purseWorld,
  said,
} from "../../test/support/purse-actor.ts";
import { entries, purseDeliveries, purseOf } from "../../test/support/purse-deliveries.ts";
import { seed } from "../../test/support/seed.ts";
import { decodeRecord } from "./event-record.ts";
import type { EventCodec } from "./event-versions.ts";
import { memoryEventLog } from "./memory-event-log.ts";

const test = suite("event-sourced actor");

const put = (commandId: string, coins: number): PurseMessage => ({ type: "put", commandId, coins });
const take = (commandId: string, coins: number): PurseMessage => ({
  type: "take",
  commandId,
  coins,
});
const hold = (commandId: string, name: string, coins: number, forMs: number): PurseMessage => ({
  type: "hold",
  commandId,
  name,
  coins,
  forMs,
});

test("B7.8 a command is done, a resend gets the first outcome, another under its id is refused", async () => {
  const made = await purseWorld({ events: memoryEventLog() });
  assert.is(said(await made.ask(put("a", 5))), "done 5");
  assert.is(said(await made.ask(put("b", 2))), "done 7");
  assert.is(said(await made.ask(put("a", 5))), "repeated 5");
  assert.is(said(await made.ask(put("a", 6))), "command_id_reused");
  assert.is(said(await made.ask(take("c", 8))), "too_few");
  assert.is(said(await made.ask(put("d", 1))), "done 8");
  assert.is(said(await made.ask(take("c", 8))), "done 0", "a refusal is not remembered");
});

test("B7.8 an entry says under which id, when and what was asked, and what came of it", async () => {
  const events = memoryEventLog();
  const made = await purseWorld({ events, wall: 1_000n });
  await made.ask(put("a", 5));
  const [entry] = await entries(events);
  const record = decodeRecord(entry as Uint8Array);
  assert.equal(
    [record.eventVersion, record.commandId, record.asked, record.changes.length],
    [1, "a", '{"type":"put","commandId":"","coins":5}', 1],
  );
  assert.ok(record.at >= 1_000n);
});

test("B7.7 B7.8 every message repeated and reordered, with crashes, restarts and uncertain appends, is done once (npm run soak -- event-sourced)", async () => {
  const { repeats, crashes } = await purseDeliveries(seed(20_261_128), 60);
  assert.ok(repeats > 500 && crashes > 100, `only ${repeats} repeats, ${crashes} crashes`);
});

test("B7.8 an append that was kept though it seemed to fail is done once, one that was not is tried again", async () => {
  const events = faultyPurseLog(memoryEventLog());
  const made = await purseWorld({ events });
  events.faults = ["stored"];
  assert.is(said(await made.ask(put("a", 5))), "repeated 5");
  events.faults = ["not_stored", "not_stored"];
  assert.is(said(await made.ask(put("b", 1))), "done 6");
  assert.is((await entries(events)).length, 2);
  assert.is(made.lastFailure(), "", "it finds out by reading, not by a restart");
});

test("B7.8 as many commands are remembered as the rules say, the oldest is forgotten first", async () => {
  for (const snapshotEvery of [undefined, 2]) {
    const events = memoryEventLog();
    const options = snapshotEvery === undefined ? {} : { snapshotEvery };
    const made = await purseWorld({ events, remembered: 3, ...options });
    for (const id of ["a", "b", "c", "d"]) await made.ask(put(id, 1));
    await made.system.terminateChild("/top/purse");
    await made.system.restartChild("/top/purse");
    assert.is(said(await made.ask(put("b", 1))), "repeated 2");
    assert.is(said(await made.ask(put("a", 1))), "done 5");
  }
});

test("B7.8 snapshots bound what a start reads, and the log's length", async () => {
  const events = faultyPurseLog(memoryEventLog(50));
  const made = await purseWorld({ events, snapshotEvery: 20 });
  for (let index = 0; index < 1_000; index += 1) {
    assert.is(said(await made.ask(put(`${index}`, 1))), `done ${index + 1}`);
  }
  events.entriesRead = 0;
  await made.system.terminateChild("/top/purse");
  await made.system.restartChild("/top/purse");
  assert.is(said(await made.ask({ type: "describe" })), "done 1000");
  assert.ok(events.entriesRead < 20, `${events.entriesRead} entries were read`);
  assert.is(said(await made.ask(put("990", 1))), "repeated 991", "resends are in the snapshot");
});

test("B7.8 snapshot and replay give the same state as replay alone", async () => {
  const start = seed(20_261_129);
  const steps = fc.array(
    fc.tuple(fc.constantFrom(put, take), fc.nat(40), fc.integer({ min: 1, max: 9 })),
    { maxLength: 60 },
  );
  const property = fc.asyncProperty(steps, fc.integer({ min: 1, max: 15 }), async (all, every) => {
    const logs = [memoryEventLog(), memoryEventLog()] as const;
    const worlds = [
      await purseWorld({ events: logs[0] }),
      await purseWorld({ events: logs[1], snapshotEvery: every }),
    ];
    for (const [make, id, coins] of all) {
      const [plain, snapshots] = await Promise.all(
        worlds.map((world) => world.ask(make(`${id}`, coins))),
      );
      assert.equal(snapshots, plain);
    }
    const again = await purseWorld({ events: logs[1], snapshotEvery: every });
    const replayed = await purseWorld({ events: logs[0] });
    const asked = { type: "describe" } as const;
    assert.equal(await again.ask(asked), await replayed.ask(asked));
  });
  await fc.assert(property, { seed: start, numRuns: 40 });
});

test("B7.8 a timer that is set is due at its time, once, and its entry clears it", async () => {
  const events = memoryEventLog();
  const made = await purseWorld({ events });
  await made.ask(put("a", 10));
  await made.ask(hold("b", "x", 4, 60_000));
  await made.clock.advance(ms(59_000));
  assert.equal(purseOf(await made.ask({ type: "describe" })).held, { x: 4 });
  await made.clock.advance(ms(10_000));
  const after = purseOf(await made.ask({ type: "describe" }));
  assert.equal([after.coins, after.held, after.expired], [10, {}, ["x"]]);
  await made.clock.advance(ms(600_000));
  assert.equal(purseOf(await made.ask({ type: "describe" })), after);
  assert.is((await entries(events)).length, 3);
});

for (const snapshotEvery of [undefined, 2]) {
  const way = snapshotEvery === undefined ? "by replay" : "by a snapshot";
  test(`B7.8 timers survive a restart ${way}: what came due meanwhile is due at once, in order, the rest at its time`, async () => {
    const events = memoryEventLog();
    const options = snapshotEvery === undefined ? { events } : { events, snapshotEvery };
    const made = await purseWorld(options);
    await made.ask(put("a", 10));
    for (const [name, forMs] of [
      ["late", 30_000],
      ["later", 40_000],
      ["future", 90_000],
      ["gone", 20_000],
    ] as const) {
      await made.ask(hold(`hold ${name}`, name, 1, forMs));
    }
    await made.ask({ type: "let_go", commandId: "c", name: "gone" });
    await made.system.stop();
    const wall = made.clock.now() + 50_000_000_000n;
    const again = await purseWorld({ ...options, wall });
    assert.equal(purseOf(await again.ask({ type: "describe" })).expired, ["late", "later"]);
    await again.clock.advance(ms(60_000));
    const { expired, held } = purseOf(await again.ask({ type: "describe" }));
    assert.equal([expired, held], [["late", "later", "future"], {}]);
  });
}

test("B7.8 a timer that came due in a life that ended is due in the next, and its work is done once", async () => {
  const events = faultyPurseLog(memoryEventLog());
  const made = await purseWorld({ events });
  await made.ask(put("a", 10));
  await made.ask(hold("b", "x", 4, 1_000));
  events.faults = ["stored"];
  made.purse.send({ type: "fail" });
  await made.clock.advance(ms(5_000));
  assert.equal(purseOf(await made.ask({ type: "describe" })).expired, ["x"]);
  assert.is((await entries(events)).length, 3);
});

test("B7.8 a timer set anew under its id is due at the later time only", async () => {
  const made = await purseWorld({ events: memoryEventLog() });
  await made.ask(put("a", 10));
  await made.ask(hold("b", "x", 4, 10_000));
  await made.ask({ type: "let_go", commandId: "c", name: "x" });
  await made.ask(hold("d", "x", 4, 60_000));
  await made.clock.advance(ms(30_000));
  assert.equal(purseOf(await made.ask({ type: "describe" })).held, { x: 4 });
});

test("B7.7 a writer that was replaced is refused by the log, and decides nothing more", async () => {
  const events = memoryEventLog();
  const old = await purseWorld({ events, epoch: 1 });
  assert.is(said(await old.ask(put("a", 5))), "done 5");
  const owner = await purseWorld({ events, epoch: 2 });
  assert.is(said(await owner.ask(put("b", 1))), "done 6");
  assert.is(said(await old.ask(put("c", 1))), "stale_epoch");
  assert.is(old.state(), "fenced");
  assert.is(said(await old.ask({ type: "describe" })), "stale_epoch", "what it knows is old");
  assert.is(said(await owner.ask(put("c", 1))), "done 7");
  assert.is((await entries(events)).length, 3);
});

test("B6.2 a writer that was replaced and has not heard of it keeps nothing more once its successor has started", async () => {
  const events = memoryEventLog();
  const old = await purseWorld({ events, epoch: 1 });
  assert.is(said(await old.ask(put("a", 5))), "done 5");
  const owner = await purseWorld({ events, epoch: 2 });
  assert.is(said(await old.ask(put("b", 1))), "stale_epoch");
  assert.is(purseOf(await owner.ask({ type: "describe" })).coins, 5);
  assert.is((await entries(events)).length, 1);
});

test("B6.2 a writer that was replaced and has not heard of it refuses no command by what it knew before", async () => {
  const events = memoryEventLog();
  const old = await purseWorld({ events, epoch: 1 });
  assert.is(said(await old.ask(put("a", 5))), "done 5");
  const owner = await purseWorld({ events, epoch: 2 });
  assert.is(said(await owner.ask(put("b", 5))), "done 10");
  assert.is(said(await old.ask(take("c", 8))), "stale_epoch", "there are ten");
  assert.is(said(await owner.ask(take("d", 11))), "too_few");
});

test("B7.7 two writers under one epoch: the second append fails its writer, which starts from the log", async () => {
  const events = memoryEventLog();
  const made = await purseWorld({ events });
  const intruder = await purseWorld({ events });
  await intruder.ask(put("theirs", 4));
  assert.is(said(await made.ask(put("ours", 3))), "done 7");
  assert.match(made.lastFailure(), /wrong_sequence/);
});

test("B7.8 a full log refuses what changes something and still answers questions", async () => {
  const made = await purseWorld({ events: memoryEventLog(1) });
  await made.ask(put("a", 5));
  assert.is(said(await made.ask(put("b", 5))), "log_full");
  assert.is(said(await made.ask({ type: "describe" })), "done 5");
});

test("B7.8 more timers than an actor may have are refused", async () => {
  const made = await purseWorld({ events: memoryEventLog() });
  await made.ask(put("a", 2_000));
  for (let index = 0; index < 1_024; index += 1) {
    made.purse.send(hold(`h${index}`, `n${index}`, 1, 3_600_000));
    if (index % 500 === 0) await made.clock.settle();
  }
  assert.is(said(await made.ask(hold("more", "more", 1, 1))), "limit_exceeded");
  await made.ask({ type: "let_go", commandId: "z", name: "n7" });
  assert.is(said(await made.ask(hold("more", "more", 1, 3_600_000))), "done 976");
});

/** Version 1 counted dozens, version 2 coins, version 3 has each put of more than 100 in two. */
const versioned = (version: number): EventCodec<PurseEvent> => ({
  ...jsonEvents,
  version,
  upcasters: {
    1: (event) => {
      const { type, dozens } = event as { readonly type: string; readonly dozens: number };
      return [{ type, coins: dozens * 12 }];
    },
    2: (event) => {
      const { type, coins } = event as { readonly type: string; readonly coins: number };
      return coins > 100
        ? [
            { type, coins: 100 },
            { type, coins: coins - 100 },
          ]
        : [event];
    },
  },
});

test("B8.4 events of every older version are read through the upcasters between", async () => {
  const events = memoryEventLog();
  const dozens: EventCodec<PurseEvent> = {
    ...versioned(1),
    encode: (event) =>
      jsonEvents.encode({ type: "put", dozens: (event as { coins: number }).coins } as never),
  };
  const first = await purseWorld({ events, codec: dozens });
  first.purse.send(put("a", 10));
  await first.clock.settle();
  const second = await purseWorld({ events, codec: versioned(2) });
  assert.is(said(await second.ask(put("b", 3))), "done 123");
  const third = await purseWorld({ events, codec: versioned(3) });
  assert.is(said(await third.ask({ type: "describe" })), "done 123");
  assert.is(said(await third.ask(put("a", 10))), "repeated 120");
});

test("B8.4 events of a newer version stop the actor, and nothing is guessed", async () => {
  const events = memoryEventLog();
  const newer = await purseWorld({ events, codec: versioned(3) });
  await newer.ask(put("a", 5));
  const older = await purseWorld({ events, codec: versioned(2) });
  assert.match(older.lastFailure(), /event of version 3: this program reads up to 2/);
});

test("B7.8 a damaged entry stops the actor and never becomes a wrong state", async () => {
  const events = memoryEventLog();
  await events.append("purse", 0, [Uint8Array.of(0xe5, 1, 1, 2)]);
  assert.match((await purseWorld({ events })).lastFailure(), /an entry ends too early/);
});

test.run();
