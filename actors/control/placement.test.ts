import { suite } from "uvu";
import * as assert from "uvu/assert";

import { type CellView, hashOf, ownerOf, placeActor, rendezvous } from "./placement.ts";

const test = suite("placement of actors");

const cell = (name: string, change: Partial<CellView> = {}): CellView => ({
  cell: name,
  capacity: 100,
  running: 0,
  draining: false,
  shards: [],
  ...change,
});
const nobody: ReadonlySet<string> = new Set();
const keys = Array.from({ length: 20_000 }, (_, index) => `key-${index}`);

test("a name is chosen in proportion to its weight, within five standard deviations", () => {
  const candidates = [
    { name: "a", weight: 1 },
    { name: "b", weight: 2 },
    { name: "c", weight: 5 },
    { name: "empty", weight: 0 },
  ];
  const wins = new Map<string, number>();
  for (const key of keys) {
    const name = rendezvous(key, candidates)?.name ?? "";
    wins.set(name, (wins.get(name) ?? 0) + 1);
  }
  for (const { name, weight } of candidates) {
    const share = weight / 8;
    const deviation = Math.sqrt(keys.length * share * (1 - share));
    assert.ok(Math.abs((wins.get(name) ?? 0) - keys.length * share) <= 5 * deviation, name);
  }
});

test("the loss of one name moves its keys and no other", () => {
  const all = ["a", "b", "c", "d"].map((name) => ({ name, weight: 1 }));
  const left = all.filter(({ name }) => name !== "c");
  let moved = 0;
  for (const key of keys) {
    const before = rendezvous(key, all)?.name;
    const after = rendezvous(key, left)?.name;
    if (before === "c") moved += 1;
    else assert.is(after, before, key);
  }
  assert.ok(moved > keys.length / 5);
});

test("hashes of neighbouring names have nothing in common", () => {
  const hashes = new Set(keys.map(hashOf));
  assert.is(hashes.size, keys.length);
  for (const hash of hashes) assert.ok(Number.isSafeInteger(hash) && hash >= 0 && hash < 2 ** 53);
});

test("shards go to cells that do not drain, and to none when all do", () => {
  const cells = [cell("a", { draining: true }), cell("b"), cell("c", { capacity: 0 })];
  assert.is(ownerOf("act-eu-00", cells), "b");
  assert.is(ownerOf("act-eu-00", [cell("a", { draining: true })]), null);
});

test("B8.4 a new actor goes where there is room, beside none of its own kind, into a shard of that cell", () => {
  const cells = [
    cell("full", { running: 100, shards: [0, 1] }),
    cell("room", { running: 99, shards: [2, 3] }),
    cell("bare"),
    cell("leaving", { draining: true, shards: [4] }),
    cell("peer", { shards: [5] }),
  ];
  const place = placeActor("m1", cells, new Set(["peer"]));
  assert.is(place?.cell, "room");
  assert.ok(place?.shard === 2 || place?.shard === 3);
  assert.is(placeActor("m1", cells, new Set(["peer", "room"])), null);
  assert.is(placeActor("m1", [], nobody), null);
});

test("load weighs: the cell with more room gets more of the new actors", () => {
  const cells = [cell("busy", { running: 80, shards: [0] }), cell("idle", { shards: [1] })];
  const idle = keys.filter((key) => placeActor(key, cells, nobody)?.cell === "idle").length;
  assert.ok(Math.abs(idle / keys.length - 100 / 120) < 0.02, String(idle));
});

test.run();
