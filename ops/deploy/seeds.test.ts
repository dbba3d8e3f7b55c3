import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { guestSlots, people, usersOf } from "./roles.ts";
import { ensureSeeds } from "./seeds.ts";

const test = suite<{ folder: string }>("seeds", { folder: "" });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-seeds-"));
});
test.after.each((context) => {
  rmSync(context.folder, { recursive: true, force: true });
});

test("users get keys once, readable by their owner only", ({ folder }) => {
  const first = ensureSeeds(folder, people);
  assert.equal(ensureSeeds(folder, people), first);
  assert.is(new Set(first.map((each) => each.publicKey)).size, people.length);
  for (const each of first) {
    assert.match(each.publicKey, /^U[A-Z2-7]{55}$/);
    assert.match(readFileSync(each.seedFile, "utf8"), /^SU[A-Z2-7]{56}\n$/);
    assert.is(statSync(each.seedFile).mode & 0o777, 0o600);
  }
});

test("a damaged seed is replaced, the others stay", ({ folder }) => {
  const [observer, operator] = ensureSeeds(folder, people);
  writeFileSync(observer?.seedFile ?? "", "garbage");
  const again = ensureSeeds(folder, people);
  assert.is.not(again[0]?.publicKey, observer?.publicKey);
  assert.is(again[1]?.publicKey, operator?.publicKey);
});

test("each region adds a cell, its reporter and its guests to people and the two users of the launcher", () => {
  const names = usersOf(["north", "south"]).map((user) => user.name);
  assert.is(new Set(names).size, names.length);
  assert.is(names.length, people.length + 2 + 2 * (2 + guestSlots.length));
});

test.run();
