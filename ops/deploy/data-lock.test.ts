import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { leftovers, liveLauncher, lockData, unlockData } from "./data-lock.ts";

const test = suite<{ folder: string }>("data lock", { folder: "" });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-lock-"));
});
test.after.each((context) => {
  rmSync(context.folder, { recursive: true, force: true });
});

const file = (folder: string): string => join(folder, "launcher.json");

test("a live launcher keeps the folder and is named", ({ folder }) => {
  assert.equal(lockData(folder), { ok: true, value: { stale: false } });
  assert.is(statSync(file(folder)).mode & 0o777, 0o600);
  const second = lockData(folder);
  assert.is(!second.ok && second.failure.code, "already_running");
  assert.match(second.ok ? "" : second.failure.reason, `process ${process.pid}`);
  assert.is(liveLauncher(folder), process.pid);
  unlockData(folder);
  assert.not.ok(existsSync(file(folder)));
  assert.is(liveLauncher(folder), null);
});

test("a lock whose process number now belongs to another process does not count", ({ folder }) => {
  assert.ok(lockData(folder).ok);
  const lock = JSON.parse(readFileSync(file(folder), "utf8")) as { readonly pid: number };
  writeFileSync(file(folder), JSON.stringify({ ...lock, started: "1" }));
  assert.is(liveLauncher(folder), null);
  assert.equal(lockData(folder), { ok: true, value: { stale: true } });
});

test("a lock that is no lock does not count", ({ folder }) => {
  writeFileSync(file(folder), "garbage");
  assert.equal(lockData(folder), { ok: true, value: { stale: true } });
});

test("another process's lock is left alone", ({ folder }) => {
  writeFileSync(file(folder), JSON.stringify({ pid: 1, started: "1" }));
  unlockData(folder);
  assert.ok(existsSync(file(folder)));
});

test("a folder that cannot be written is refused", ({ folder }) => {
  writeFileSync(join(folder, "plain"), "");
  for (const path of [join(folder, "plain", "data"), join(folder, "plain")]) {
    const refused = lockData(path);
    assert.is(!refused.ok && refused.failure.code, "data_folder_unusable");
    assert.ok(statSync(join(folder, "plain")).isFile());
  }
});

test("only processes configured from this folder count as left behind", async ({ folder }) => {
  const start = (data: string): ReturnType<typeof spawn> => {
    mkdirSync(join(data, "nats"), { recursive: true });
    return spawn(
      process.execPath,
      ["-e", "setInterval(() => {}, 1000)", "--", "--config", join(data, "nats", "x.conf")],
      { stdio: "ignore" },
    );
  };
  const ours = start(folder);
  const others = start(`${folder}-other`);
  const reader = spawn(
    process.execPath,
    ["-e", "setInterval(() => {}, 1000)", "--", join(folder, "nats", "x.conf")],
    { stdio: "ignore" },
  );
  try {
    await Promise.all([ours, others, reader].map((child) => once(child, "spawn")));
    assert.equal(leftovers(folder), [ours.pid]);
  } finally {
    for (const child of [ours, others, reader]) child.kill("SIGKILL");
    rmSync(`${folder}-other`, { recursive: true, force: true });
  }
});

test.run();
