import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ensureEncryptionKey } from "./encryption.ts";

const test = suite<{ file: string }>("encryption at rest", { file: "" });

test.before.each((context) => {
  context.file = join(mkdtempSync(join(tmpdir(), "meridian-keys-")), "encryption.json");
});
test.after.each((context) => {
  rmSync(join(context.file, ".."), { recursive: true, force: true });
});

test("a key is made once, and only its owner may read it", ({ file }) => {
  const first = ensureEncryptionKey(file);
  assert.ok(first.ok);
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.equal(ensureEncryptionKey(file), first);
});

test("a damaged file is refused, and left as it is", ({ file }) => {
  writeFileSync(file, "{}");
  const keys = ensureEncryptionKey(file);
  assert.is(!keys.ok && keys.failure.code, "encryption_key_invalid");
  assert.is(readFileSync(file, "utf8"), "{}");
});

test.run();
