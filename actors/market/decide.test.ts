import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Block } from "../kernel/accepted-chain.ts";
import { RECORD_BYTES } from "../kernel/ports/matching-engine.ts";
import { testDefinition } from "../../test/support/market-cell.ts";
import {
  admission,
  CANCEL_RESERVE,
  configureCommand,
  configureRefused,
  decideTail,
  decideTakeover,
  effectiveMode,
  evolveReference,
  firstDifference,
  mustConfigure,
  recordEpoch,
  referenceStart,
  safeSequence,
  STALLED_AFTER_NS,
  UNSAFE_WINDOW,
} from "./decide.ts";

const test = suite("market decisions");

const positions = { matched: 30, durable: 20, committed: 10 };

test("each mode lets leave what it promises, and never what is not matched", () => {
  assert.is(safeSequence("matched", positions, true), 30);
  assert.is(safeSequence("durable", positions, true), 20);
  assert.is(safeSequence("replicated", positions, true), 10);
  assert.is(safeSequence("durable", { ...positions, durable: 99 }, true), 30);
});

test("without a lease only what is committed leaves", () => {
  for (const mode of ["matched", "durable", "replicated"] as const) {
    assert.is(safeSequence(mode, positions, false), 10);
  }
});

test("after a change of mode acks wait as in replicated until the change is committed", () => {
  assert.is(effectiveMode("matched", 12, 11), "replicated");
  assert.is(effectiveMode("matched", 12, 12), "matched");
});

test("orders are refused beyond the window or after a standstill, cancels only beyond the reserve", () => {
  assert.is(admission(0, 10 * STALLED_AFTER_NS), "all");
  assert.is(admission(1, STALLED_AFTER_NS), "all");
  assert.is(admission(1, STALLED_AFTER_NS + 1), "cancels");
  assert.is(admission(UNSAFE_WINDOW - 1, 0), "all");
  assert.is(admission(UNSAFE_WINDOW, 0), "cancels");
  assert.is(admission(UNSAFE_WINDOW + CANCEL_RESERVE, 0), "nothing");
});

test("a definition becomes a configure command in ticks and lots, its band rounded inwards", () => {
  const definition = { ...testDefinition, bandLow: 7, bandHigh: 23, maximumQuantity: 55 };
  const command = configureCommand(definition, 3);
  assert.is(command.bandLow, 2);
  assert.is(command.bandHigh, 4);
  assert.is(command.maximumQuantity, 5);
  assert.is(command.tag, 3);
});

test("a definition is journalled again only when it says something new", () => {
  assert.ok(mustConfigure(referenceStart, testDefinition));
  const configured = evolveReference(referenceStart, configureCommand(testDefinition, 0), 1);
  assert.not.ok(mustConfigure(configured, testDefinition));
  assert.ok(mustConfigure(configured, { ...testDefinition, mode: "durable" }));
  assert.ok(mustConfigure(configured, { ...testDefinition, bandHigh: 500 }));
  assert.is(configured.modeChangedAt, 1);
  const wider = evolveReference(
    configured,
    configureCommand({ ...testDefinition, bandHigh: 500 }, 0),
    9,
  );
  assert.is(wider.modeChangedAt, 1);
  assert.ok(configureRefused(wider, { ...configureCommand(testDefinition, 0), orderCapacity: 5 }));
});

const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const block = (byte: number): Block => ({
  type: "block",
  market: "TEST",
  epoch: 1,
  first: byte,
  last: byte,
  previousHash: hash(byte - 1),
  hash: hash(byte),
  records: new Uint8Array(RECORD_BYTES),
});

test("the tail tells what became of a block in flight", () => {
  const sealed = [block(1), block(2), block(3)];
  const flying = block(4);
  assert.is(decideTail(sealed, flying, block(4)).tail, "in_flight_stored");
  assert.is(decideTail(sealed, flying, block(3)).tail, "unchanged");
  assert.equal(decideTail(sealed, flying, block(1)), { tail: "behind", index: 0 });
  assert.is(decideTail(sealed, flying, block(9)).tail, "foreign");
  assert.is(decideTail(sealed, flying, null).tail, "foreign");
  assert.is(decideTail(sealed, null, block(4)).tail, "foreign");
});

function records(count: number, epoch: number): Uint8Array {
  const bytes = new Uint8Array(count * RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index += 1) {
    view.setUint32(index * RECORD_BYTES, 0xc0ffee + epoch, true);
    view.setUint32(index * RECORD_BYTES + 8, epoch, true);
    view.setUint32(index * RECORD_BYTES + 16, index + 1, true);
  }
  return bytes;
}

test("records are compared without the epoch and its checksum", () => {
  assert.is(firstDifference(records(5, 1), records(3, 2)), -1);
  assert.is(recordEpoch(records(5, 7), RECORD_BYTES), 7);
  for (let byte = 16; byte < RECORD_BYTES; byte += 1) {
    const other = records(3, 1);
    const at = 2 * RECORD_BYTES + byte;
    other[at] = (other[at] ?? 0) ^ 1;
    assert.is(firstDifference(records(3, 1), other), 2, `byte ${byte}`);
  }
});

test("a log's tail is cut off by a later fence of another log, and by no other", () => {
  const foreign = { epoch: 5, log: "b" };
  assert.is(decideTakeover("a", [foreign], "b", 4, "replicated").may, "quarantine");
  assert.is(decideTakeover("a", [{ epoch: 5, log: "a" }], "a", 4, "replicated").may, "take");
  // Written after that fence: this log had the market again.
  assert.is(decideTakeover("a", [foreign, { epoch: 6, log: "a" }], "a", 6, "durable").may, "take");
});

test("another log takes a market without a tail unless its acks were durable", () => {
  assert.is(decideTakeover("a", [], "b", null, "replicated").may, "take");
  assert.is(decideTakeover("a", [], "b", null, "matched").may, "take");
  assert.is(decideTakeover("a", [], "b", null, "durable").may, "wait");
  assert.is(decideTakeover("a", [], "a", null, "durable").may, "take");
  assert.is(decideTakeover("a", [], null, null, null).may, "take");
});

test.run();
