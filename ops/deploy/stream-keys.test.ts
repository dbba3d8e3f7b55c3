import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { keepStreamKeys, putBackStreamKeys } from "./stream-keys.ts";

const test = suite<{ store: string }>("keys of streams");
test.before.each((context) => {
  context.store = mkdtempSync(join(tmpdir(), "meridian-keys-"));
});
test.after.each(({ store }) => rmSync(store, { recursive: true, force: true }));

/** A stream's folder as nats-server has it. */
function stream(store: string, name: string, description: string, key: string): string {
  const folder = join(store, "jetstream", "ACCOUNT", "streams", name);
  mkdirSync(join(folder, "msgs"), { recursive: true });
  writeFileSync(join(folder, "meta.inf"), description);
  writeFileSync(join(folder, "meta.key"), key);
  writeFileSync(join(folder, "msgs", "index.db"), key);
  return folder;
}

test("B9.4 a key that a server replaced while it stopped is put back, with the index that goes by it", ({
  store,
}) => {
  const replaced = stream(store, "ONE", "encrypted by a", "a");
  const untouched = stream(store, "TWO", "encrypted by b", "b");
  keepStreamKeys(store);
  stream(store, "ONE", "encrypted by a", "another");
  assert.equal(putBackStreamKeys(store), ["ACCOUNT/ONE"]);
  assert.is(readFileSync(join(replaced, "meta.key"), "utf8"), "a");
  assert.not(existsSync(join(replaced, "msgs", "index.db")));
  assert.ok(existsSync(join(untouched, "msgs", "index.db")));
  stream(store, "ONE", "encrypted by a", "later");
  assert.equal(putBackStreamKeys(store), [], "what was kept is of one stop");
});

test("B9.4 a stream that was described anew since keeps its new key", ({ store }) => {
  stream(store, "ONE", "encrypted by a", "a");
  keepStreamKeys(store);
  const changed = stream(store, "ONE", "encrypted by c", "c");
  assert.equal(putBackStreamKeys(store), []);
  assert.is(readFileSync(join(changed, "meta.key"), "utf8"), "c");
});

test("B9.4 a disk without streams, and a damaged file of keys, stop no start", ({ store }) => {
  keepStreamKeys(join(store, "none"));
  assert.equal(putBackStreamKeys(join(store, "none")), []);
  stream(store, "ONE", "encrypted by a", "a");
  writeFileSync(join(store, "stream-keys.json"), "{");
  assert.equal(putBackStreamKeys(store), []);
  writeFileSync(join(store, "stream-keys.json"), '{"ACCOUNT/ONE":{"inf":1}}');
  assert.equal(putBackStreamKeys(store), []);
});

test.run();
