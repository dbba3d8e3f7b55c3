import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../test/support/seed.ts";
import { decodeRecord, encodeRecord, type EventRecord, isEventRecord } from "./event-record.ts";
import { upcastEvents } from "./event-versions.ts";
import { decodeSnapshotState, encodeSnapshotState } from "./snapshot-state.ts";

const test = suite("event record");

const sample: EventRecord = {
  eventVersion: 300,
  at: 1_700_000_000_000_000_001n,
  commandId: "order-7",
  asked: "hold 3 für später",
  changes: [
    { kind: "event", content: Uint8Array.of(1, 2, 3) },
    { kind: "timer_set", id: "t", due: -5n },
    { kind: "timer_cleared", id: "u" },
  ],
};
/** Layout 1, as it was kept when it was made: entries of this layout are on disks. */
const kept =
  "e501ac0201002a36fe9c9717076f726465722d3713686f6c6420332066c3bc72207370c3a4746572030003010203010174fbffffffffffffff020175";

test("B8.4 layout 1 of an entry is written and read as it was kept", () => {
  assert.is(Buffer.from(encodeRecord(sample)).toString("hex"), kept);
  assert.equal(decodeRecord(new Uint8Array(Buffer.from(kept, "hex"))), sample);
});

test("B8.4 an entry of a newer layout is refused by name, and one of before is told apart", () => {
  const newer = Uint8Array.from(Buffer.from(kept, "hex"));
  newer[1] = 2;
  assert.throws(() => decodeRecord(newer), /an entry of layout 2; this program reads 1/);
  assert.not.ok(isEventRecord(Buffer.from("0a170a05", "hex")));
  assert.ok(isEventRecord(newer));
});

test("B7.8 any record comes back as it was, and cut anywhere it is refused", () => {
  const start = seed(20_261_131);
  const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const plain = <T>(fields: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
    fc.record<T>(fields, { noNullPrototype: true });
  const change = fc.oneof(
    plain({ kind: fc.constant("event" as const), content: fc.uint8Array({ maxLength: 300 }) }),
    plain({ kind: fc.constant("timer_set" as const), id: fc.string(), due: i64 }),
    plain({ kind: fc.constant("timer_cleared" as const), id: fc.string() }),
  );
  const record = plain({
    eventVersion: fc.integer({ min: 1, max: 2 ** 40 }),
    at: i64,
    commandId: fc.string({ unit: "grapheme" }),
    asked: fc.string({ unit: "grapheme" }),
    changes: fc.array(change, { maxLength: 5 }),
  });
  const property = fc.property(record, fc.nat(10_000), (each, cut) => {
    const entry = encodeRecord(each);
    assert.equal(decodeRecord(entry), each);
    assert.throws(() => decodeRecord(entry.subarray(0, cut % entry.length)));
  });
  fc.assert(property, { seed: start, numRuns: 300 });
});

test("B7.8 no bytes make the reader do anything but refuse or give a record", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
    const entry = Uint8Array.of(0xe5, 1, ...noise);
    try {
      decodeRecord(entry);
    } catch (error) {
      assert.instance(error, Error);
      assert.match((error as Error).message, /^an entry /);
    }
  });
  fc.assert(property, { seed: seed(20_261_132), numRuns: 1_000 });
});

test("B8.4 an event goes through every upcaster between its version and the present one, in order", () => {
  const numbers = {
    version: 4,
    encode: () => new Uint8Array(),
    decode: () => 0,
    upcasters: {
      1: (event: unknown) => [`${event as string} one`],
      2: (event: unknown) => [event, "made by two"],
      3: (event: unknown) => [`${event as string} three`],
    },
    parse: (event: unknown) => event as string,
  };
  assert.equal(upcastEvents(numbers, 1, ["x"]), ["x one three", "made by two three"]);
  assert.equal(upcastEvents(numbers, 3, ["x"]), ["x three"]);
  assert.equal(upcastEvents(numbers, 4, ["x"]), ["x"]);
  assert.throws(() => upcastEvents(numbers, 0, ["x"]), /event of version 0/);
});

const codec = {
  version: 2,
  upcasters: { 1: (state: unknown) => ({ total: (state as { sum: number }).sum }) },
  parse: (state: unknown) => state as { readonly total: number },
  parseReply: (reply: unknown) => reply as string,
};

test("B8.4 a snapshot is written and read as it was kept, and one of the version before is read, too", () => {
  const state = {
    state: { total: 3 },
    done: [["a", { asked: "add 3", reply: "3" }]],
    timers: [["t", 7n]],
  } as const;
  const text =
    '{"layout":1,"version":2,"state":{"total":3},"done":[["a","add 3","3"]],"timers":[["t","7"]]}';
  assert.is(new TextDecoder().decode(encodeSnapshotState(codec, state)), text);
  const before = text.replace('"version":2,"state":{"total":3}', '"version":1,"state":{"sum":3}');
  for (const each of [text, before]) {
    assert.equal(decodeSnapshotState(codec, new TextEncoder().encode(each)), state);
  }
  const newer = text.replace('"version":2', '"version":3');
  assert.throws(
    () => decodeSnapshotState(codec, new TextEncoder().encode(newer)),
    /state of version 3: this program reads up to 2/,
  );
});

test.run();
