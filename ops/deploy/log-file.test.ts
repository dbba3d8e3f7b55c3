import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LogFile, lastLogLines } from "./log-file.ts";

const test = suite<{ folder: string }>("log file", { folder: "" });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-log-"));
});
test.after.each((context) => {
  rmSync(context.folder, { recursive: true, force: true });
});

test("a log never takes more than twice its bound, and keeps the newest lines", ({ folder }) => {
  const path = join(folder, "deep", "server.log");
  const log = new LogFile(path, 100);
  for (let line = 0; line < 1_000; line += 1) log.write(Buffer.from(`line ${line}\n`));
  log.close();
  const files = readdirSync(join(folder, "deep")).sort();
  assert.equal(files, ["server.log", "server.log.1"]);
  for (const file of files) assert.ok(statSync(join(folder, "deep", file)).size <= 100);
  assert.equal(lastLogLines(path, 2), ["line 998", "line 999"]);
});

test("a log is continued by the next start", ({ folder }) => {
  const path = join(folder, "server.log");
  for (const text of ["one\n", "two\n"]) {
    const log = new LogFile(path, 100);
    log.write(Buffer.from(text));
    log.close();
  }
  assert.is(readFileSync(path, "utf8"), "one\ntwo\n");
});

test("a chunk larger than the bound is written whole", ({ folder }) => {
  const path = join(folder, "server.log");
  const log = new LogFile(path, 10);
  log.write(Buffer.from("x".repeat(50)));
  log.close();
  assert.is(statSync(path).size, 50);
});

test("the last lines of a missing log are none", ({ folder }) => {
  assert.equal(lastLogLines(join(folder, "absent"), 3), []);
});

test.run();
