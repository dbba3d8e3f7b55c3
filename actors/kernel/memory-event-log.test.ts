import { suite } from "uvu";
import * as assert from "uvu/assert";

import { memoryEventLog } from "./memory-event-log.ts";

const test = suite("memory event log");

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("events come back in order, in pages", async () => {
  const log = memoryEventLog();
  assert.equal(await log.append("a", 0, [bytes(1), bytes(2)]), { ok: true, value: 2 });
  assert.equal(await log.append("a", 2, [bytes(3)]), { ok: true, value: 3 });
  assert.equal(await log.read("a", 0, 2), { ok: true, value: [bytes(1), bytes(2)] });
  assert.equal(await log.read("a", 2, 2), { ok: true, value: [bytes(3)] });
  assert.equal(await log.read("a", 3, 2), { ok: true, value: [] });
  assert.equal(await log.read("b", 0, 2), { ok: true, value: [] });
});

test("of two writers with the same expectation one is refused and nothing of it is kept", async () => {
  const log = memoryEventLog();
  const results = await Promise.all([
    log.append("a", 0, [bytes(1)]),
    log.append("a", 0, [bytes(2)]),
  ]);
  assert.equal(
    results.map((result) => (result.ok ? "ok" : result.failure.code)),
    ["ok", "wrong_sequence"],
  );
  assert.equal(await log.read("a", 0, 9), { ok: true, value: [bytes(1)] });
});

test("a full log refuses all events of an append", async () => {
  const log = memoryEventLog(2);
  await log.append("a", 0, [bytes(1)]);
  const full = await log.append("a", 1, [bytes(2), bytes(3)]);
  assert.is(full.ok ? "ok" : full.failure.code, "log_full");
  assert.equal(await log.read("a", 1, 9), { ok: true, value: [] });
});

test("what the caller does with its buffers later changes nothing", async () => {
  const log = memoryEventLog();
  const event = Buffer.from([1]);
  await log.append("a", 0, [event]);
  event[0] = 9;
  const read = await log.read("a", 0, 1);
  assert.equal(read, { ok: true, value: [bytes(1)] });
});

test.run();
