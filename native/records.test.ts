import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { EngineCommand } from "../actors/kernel/ports/matching-engine.ts";
import { accountId, epoch, orderId, sequence, timestampNs } from "../actors/kernel/units.ts";
import { crc32c, readRecordHeader, recordFault, sealRecord } from "./records.ts";
import { decodeCommand, encodeCommand } from "./command-slots.ts";
import { layout } from "./slots.ts";

const test = suite("records");

test("crc32c gives the published check value, whatever the length and alignment", () => {
  const text = new TextEncoder().encode("..123456789");
  assert.is(crc32c(new DataView(text.buffer), 2, 11), 0xe3069283);
  const zeros = new DataView(new ArrayBuffer(32));
  assert.is(crc32c(zeros, 0, 32), 0x8a9136aa);
  assert.is(crc32c(zeros, 0, 0), 0);
});

test("a sealed record reads back, and one flipped bit anywhere is found", () => {
  const array = new Uint8Array(layout.record.bytes + 128).fill(0xa5);
  const view = new DataView(array.buffer);
  const offset = 64;
  const record = {
    epoch: epoch(2 ** 35),
    sequence: sequence(2 ** 34 + 1),
    timestamp: timestampNs(1_795_000_000_123_456_789n),
  };
  const command: EngineCommand = {
    kind: "cancel",
    session: 1,
    number: 2,
    account: accountId(3),
    tag: 4,
    orderId: orderId(2 ** 40),
  };
  encodeCommand(view, offset + layout.record.command, command);
  sealRecord(view, offset, record);
  assert.ok(array.every((byte, at) => (at >= 64 && at < 160) || byte === 0xa5));
  assert.is(recordFault(view, offset), null);
  assert.equal(readRecordHeader(view, offset), record);
  assert.equal(decodeCommand(view, offset + layout.record.command), command);
  for (let bit = 0; bit < layout.record.bytes * 8; bit += 1) {
    const at = offset + (bit >> 3);
    view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
    assert.is(recordFault(view, offset), "checksum", `bit ${bit}`);
    view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
  }
});

test.run();
