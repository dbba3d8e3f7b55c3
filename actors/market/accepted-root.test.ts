import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { SystemFiles } from "../kernel/system-files.ts";
import { testDefinition } from "../../test/support/market-cell.ts";
import { loadRoot, storeRoot, type AcceptedRoot } from "./accepted-root.ts";
import { configureCommand, evolveReference, referenceStart } from "./decide.ts";

const test = suite<{ folder: string }>("accepted root");
const files = new SystemFiles();

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-root-"));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const root: AcceptedRoot = {
  log: "ab".repeat(16),
  streamSequence: 12,
  epoch: 3,
  lastSequence: 99,
  hash: new Uint8Array(32).fill(7),
  fenceLog: "ab".repeat(16),
  fenceHolder: "eu/a#1",
  reference: evolveReference(referenceStart, configureCommand(testDefinition, 0), 1),
  anchors: [
    { streamSequence: 11, hash: new Uint8Array(32).fill(8) },
    { streamSequence: 12, hash: new Uint8Array(32).fill(7) },
  ],
};

test("what is stored is loaded again", async ({ folder }) => {
  await storeRoot(files, folder, root);
  const loaded = await loadRoot(files, folder);
  assert.equal(loaded?.hash, root.hash);
  assert.equal(loaded?.reference, root.reference);
  assert.equal(loaded?.anchors, root.anchors);
  assert.equal([loaded?.streamSequence, loaded?.epoch, loaded?.lastSequence], [12, 3, 99]);
});

test("an absent, cut or altered file is no root", async ({ folder }) => {
  assert.is(await loadRoot(files, folder), null);
  await storeRoot(files, folder, root);
  const path = join(folder, "accepted.json");
  const text = readFileSync(path, "utf8");
  for (const bad of [
    text.slice(0, 40),
    "",
    "null",
    text.replace('"streamSequence":12', '"streamSequence":-1'),
    text.replace('"version":2', '"version":1'),
    text.replace('"streamSequence":11', '"streamSequence":null'),
    text.replace("0808", ""),
    text.replace(/"anchors":.*\]/, '"anchors":[]'),
    text.replace("0707", ""),
  ]) {
    writeFileSync(path, bad);
    assert.is(await loadRoot(files, folder), null, bad);
  }
});

test.run();
