import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ensureEncryptionKeys, rotateEncryptionKeys } from "./encryption.ts";

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

test("a rotated key keeps the one before, and that one only", ({ file }) => {
  const first = ensureEncryptionKeys(file);
  const second = rotateEncryptionKeys(file);
  const third = rotateEncryptionKeys(file);
  assert.ok(first.ok && second.ok && third.ok);
  if (!first.ok || !second.ok || !third.ok) return;
  assert.is(second.value.previous, first.value.current);
  assert.is(third.value.previous, second.value.current);
  assert.is.not(third.value.current, second.value.current);
});

test("a damaged file is refused, and left as it is", ({ file }) => {
  writeFileSync(file, "{}");
  const keys = ensureEncryptionKeys(file);
  assert.is(!keys.ok && keys.failure.code, "encryption_key_invalid");
  assert.is(readFileSync(file, "utf8"), "{}");
});

test.run();
