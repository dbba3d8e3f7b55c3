import { spawnSync } from "node:child_process";
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { testUnless } from "../../test/support/skip.ts";
import { fileEventLog } from "./file-event-log.ts";
import type { EventLog } from "./ports/event-log.ts";
import type { Log } from "./ports/log.ts";
import type { Result } from "./result.ts";

const test = suite<{ directory: string; warnings: object[]; log: Log }>("file event log", {
  directory: "",
  warnings: [],
  log: { info() {}, warn() {}, error() {}, child: () => quiet },
});
const quiet: Log = { info() {}, warn() {}, error() {}, child: () => quiet };

test.before.each(async (context) => {
  context.directory = await mkdtemp(join(tmpdir(), "event-log-"));
  context.warnings = [];
  context.log = { ...quiet, warn: (fields) => void context.warnings.push(fields) };
});
test.after.each(({ directory }) => rm(directory, { recursive: true }));

/** The soft limit on the size of files this process writes. */
function limitFileSize(soft: string): void {
  const done = spawnSync("prlimit", ["--pid", String(process.pid), `--fsize=${soft}:`]);
  assert.is(done.status, 0, String(done.stderr));
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const all = async (log: EventLog, name = "a"): Promise<Result<readonly Uint8Array[]>> =>
  log.read(name, 0, 1_000);
const code = (result: Result<unknown>): string => (result.ok ? "ok" : result.failure.code);
const reopened = (context: { directory: string; log: Log }, capacity = 1_000): EventLog =>
  fileEventLog({ directory: context.directory, capacity, log: context.log });

test("events are there again when the logs are opened anew, in pages and in order", async (context) => {
  const log = reopened(context);
  assert.equal(await log.append("a", 0, [bytes(1), bytes(), bytes(2, 3)]), { ok: true, value: 3 });
  assert.equal(await log.append("a", 3, [bytes(4)]), { ok: true, value: 4 });
  assert.equal(await log.append("b", 0, [bytes(9)]), { ok: true, value: 1 });
  const again = reopened(context);
  assert.equal(await again.read("a", 0, 2), { ok: true, value: [bytes(1), bytes()] });
  assert.equal(await again.read("a", 2, 9), { ok: true, value: [bytes(2, 3), bytes(4)] });
  assert.equal(await again.read("a", 4, 9), { ok: true, value: [] });
  assert.equal(await again.append("a", 4, [bytes(5)]), { ok: true, value: 5 });
  assert.equal(await all(again, "b"), { ok: true, value: [bytes(9)] });
  assert.equal(context.warnings, []);
});

test("of two writers with the same expectation one is refused and nothing of it is kept", async (context) => {
  const log = reopened(context);
  const results = await Promise.all([
    log.append("a", 0, [bytes(1)]),
    log.append("a", 0, [bytes(2)]),
  ]);
  assert.equal(results.map(code), ["ok", "wrong_sequence"]);
  assert.equal(await all(reopened(context)), { ok: true, value: [bytes(1)] });
});

test("wherever a crash cuts the last append, it is gone as a whole and the log goes on", async (context) => {
  const path = join(context.directory, "a.events");
  const log = reopened(context);
  await log.append("a", 0, [bytes(1)]);
  const { size } = await stat(path);
  await log.append("a", 1, [bytes(2, 2, 2), bytes(3)]);
  const whole = await readFile(path);
  for (let length = size + 1; length < whole.length; length += 1) {
    await writeFile(path, whole.subarray(0, length));
    const again = reopened(context);
    assert.equal(await all(again), { ok: true, value: [bytes(1)] }, `cut at ${length}`);
    assert.equal(await again.append("a", 1, [bytes(7)]), { ok: true, value: 2 });
    assert.equal(await all(reopened(context)), { ok: true, value: [bytes(1), bytes(7)] });
  }
  assert.is(context.warnings.length, whole.length - size - 1);
});

test("zeros that a crash left at the end are cut off", async (context) => {
  await reopened(context).append("a", 0, [bytes(1)]);
  await appendFile(join(context.directory, "a.events"), new Uint8Array(100));
  assert.equal(await all(reopened(context)), { ok: true, value: [bytes(1)] });
});

test("any flipped bit before the last batch makes the log unavailable, and cuts nothing", async (context) => {
  const path = join(context.directory, "a.events");
  const log = reopened(context);
  await log.append("a", 0, [bytes(1, 2)]);
  const { size } = await stat(path);
  await log.append("a", 1, [bytes(3)]);
  const whole = await readFile(path);
  for (let bit = 0; bit < size * 8; bit += 1) {
    const damaged = Buffer.from(whole);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await writeFile(path, damaged);
    const again = reopened(context);
    assert.is(code(await all(again)), "unavailable", `bit ${bit}`);
    assert.is(code(await again.append("a", 2, [bytes(4)])), "unavailable");
    assert.is((await stat(path)).size, whole.length);
  }
});

test("a file that lost its end, or grew, under way is not written to any more", async (context) => {
  const path = join(context.directory, "a.events");
  const log = reopened(context);
  await log.append("a", 0, [bytes(1, 2, 3)]);
  const whole = await readFile(path);
  await truncate(path, 4);
  for (let round = 0; round < 2; round += 1) {
    assert.is(code(await all(log)), "unavailable");
    assert.is(code(await log.append("a", 1, [bytes(4)])), "unavailable");
  }
  await writeFile(path, Buffer.concat([whole, whole]));
  assert.is(code(await log.append("a", 1, [bytes(4)])), "unavailable");
  assert.is((await stat(path)).size, 2 * whole.length);
});

const limits =
  spawnSync("prlimit", ["--version"]).status === 0 ? null : "needs prlimit (util-linux)";

testUnless(
  test,
  limits,
  "what a failed append left behind is cut off before the log is used again",
  async (context) => {
    const path = join(context.directory, "a.events");
    const log = reopened(context);
    await log.append("a", 0, [bytes(1)]);
    // As when the disk fills up while the batch is written. Node ignores the signal that comes with it.
    limitFileSize("100000");
    const failed = await log
      .append("a", 1, [new Uint8Array(200_000)])
      .finally(() => limitFileSize("unlimited"));
    assert.is(code(failed), "unavailable");
    assert.ok((await stat(path)).size > 50_000, "the failed append must have left something");
    assert.equal(await all(log), { ok: true, value: [bytes(1)] });
    assert.equal(await log.append("a", 1, [bytes(2)]), { ok: true, value: 2 });
    assert.equal(await all(reopened(context)), { ok: true, value: [bytes(1), bytes(2)] });
  },
);

test("a full log, a huge batch and a bad name are refused, and nothing is kept", async (context) => {
  const log = reopened(context, 2);
  assert.is(code(await log.append("a", 0, [bytes(1), bytes(2), bytes(3)])), "log_full");
  assert.is(code(await log.append("a", 0, [new Uint8Array(5_000_000)])), "unavailable");
  assert.is(code(await log.append("../a", 0, [bytes(1)])), "unavailable");
  assert.equal(await all(log), { ok: true, value: [] });
  assert.equal(await log.append("a", 0, []), { ok: true, value: 0 });
});

test("a folder that cannot be written is unavailable, and is used again when it can", async (context) => {
  const directory = join(context.directory, "logs");
  await writeFile(directory, "in the way");
  const log = fileEventLog({ directory, capacity: 10, log: context.log });
  assert.is(code(await log.append("a", 0, [bytes(1)])), "unavailable");
  await rm(directory);
  assert.equal(await log.append("a", 0, [bytes(1)]), { ok: true, value: 1 });
});

test.run();
