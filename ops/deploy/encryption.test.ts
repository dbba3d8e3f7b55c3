import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  changedOver,
  ensureEncryptionKeys,
  keysOfServer,
  replacedKeys,
  withoutSpentKey,
} from "./encryption.ts";

const test = suite<{ file: string }>("encryption at rest", { file: "" });

test.before.each((context) => {
  context.file = join(mkdtempSync(join(tmpdir(), "meridian-keys-")), "encryption.json");
});
test.after.each((context) => {
  rmSync(join(context.file, ".."), { recursive: true, force: true });
});

test("a key is made once, and only its owner may read it", ({ file }) => {
  const first = ensureEncryptionKeys(file);
  assert.ok(first.ok);
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.equal(ensureEncryptionKeys(file), first);
});

test("a damaged file is refused, and left as it is", ({ file }) => {
  for (const text of ["{}", `{"current":"${"0".repeat(64)}","pending":["north"]}`]) {
    writeFileSync(file, text);
    const keys = ensureEncryptionKeys(file);
    assert.is(!keys.ok && keys.failure.code, "encryption_key_invalid");
    assert.is(readFileSync(file, "utf8"), text);
  }
});

test("B9.2 servers change to a new key one by one, and each is started with what it wrote with", ({
  file,
}) => {
  const first = ensureEncryptionKeys(file);
  if (!first.ok) throw new Error(first.failure.reason);
  const old = first.value.current;
  const begun = replacedKeys(first.value, ["north", "south"]);
  assert.is.not(begun.current, old);
  for (const server of ["north", "south"]) {
    assert.equal(keysOfServer(begun, server), { key: old, before: null });
  }
  const half = changedOver(begun, "north");
  assert.equal(keysOfServer(half, "north"), { key: begun.current, before: old });
  assert.equal(keysOfServer(half, "south"), { key: old, before: null });
  assert.equal(withoutSpentKey(half), half, "south needs the old one");
  assert.equal(replacedKeys(half, ["north", "south"]), half, "what was begun goes on");
  const whole = changedOver(half, "south");
  assert.equal(withoutSpentKey(whole), { current: begun.current, pending: [] });
  assert.equal(keysOfServer(withoutSpentKey(whole), "south"), {
    key: begun.current,
    before: null,
  });
  assert.is(replacedKeys(whole, ["north"]).previous, begun.current);
});

test.run();
