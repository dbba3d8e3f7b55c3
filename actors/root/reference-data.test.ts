import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { repository } from "../../test/support/shared-data.ts";
import { readReferenceData } from "./reference-data.ts";

const test = suite("reference data");
const regions = ["eu-central", "us-east", "ap-southeast"];
let folder = "";

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "meridian-regions-"));
  cpSync(join(repository, "regions"), folder, { recursive: true });
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

const marketFile = (): string => join(folder, "eu-central", "markets", "BTC-EUR.toml");

function changed(from: string | RegExp, to: string): string {
  writeFileSync(marketFile(), readFileSync(marketFile(), "utf8").replace(from, to));
  const read = readReferenceData(folder, regions);
  return read.ok ? "" : read.failure.reason;
}

test("the data of the repository is usable", () => {
  const read = readReferenceData(join(repository, "regions"), regions);
  if (!read.ok) throw new Error(read.failure.reason);
  assert.equal(
    read.value.markets.map(({ market, home }) => [market, home]),
    [
      ["BTC-EUR", "eu-central"],
      ["BTC-USD", "us-east"],
    ],
  );
  assert.equal(read.value.groups["ap-southeast"], ["atlas"]);
});

test("a fault names the file, the key and the reason", () => {
  assert.match(changed(/^tick = .*$/m, "tick = 0"), /BTC-EUR\.toml: tick: /);
  assert.match(changed(/^tick = .*$/m, "tick = 50\ntik = 1"), /BTC-EUR\.toml: .*tik/);
});

test("text that is no TOML is refused with its place", () => {
  assert.match(changed(/^tick = .*$/m, "tick = = 1"), /BTC-EUR\.toml: /);
});

test("two files with one market name, or one shard in two homes, are refused", () => {
  cpSync(marketFile(), join(folder, "us-east", "markets", "BTC-EUR.toml"));
  const named = readReferenceData(folder, regions);
  assert.match(named.ok ? "" : named.failure.reason, /defined in eu-central as well/);
  rmSync(join(folder, "us-east", "markets", "BTC-EUR.toml"));
  cpSync(marketFile(), join(folder, "us-east", "markets", "ETH-EUR.toml"));
  const sharing = readReferenceData(folder, regions);
  assert.match(sharing.ok ? "" : sharing.failure.reason, /its home in eu-central/);
});

test("a group the region takes no part in is refused", () => {
  assert.match(changed(/^group = .*$/m, 'group = "orion"'), /takes part in atlas, channel only/);
});

test("a missing region is refused by the name of its file", () => {
  const read = readReferenceData(folder, [...regions, "mars"]);
  assert.match(read.ok ? "" : read.failure.reason, /mars\/region\.toml/);
});

test.run();
