import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { repository } from "../../test/support/shared-data.ts";
import { readRegions } from "./regions.ts";

const test = suite<{ folder: string }>("regions", { folder: "" });

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "meridian-regions-"));
});
test.after.each((context) => {
  rmSync(context.folder, { recursive: true, force: true });
});

function declare(folder: string, name: string, text: string): void {
  mkdirSync(join(folder, name, "markets"), { recursive: true });
  writeFileSync(join(folder, name, "region.toml"), text);
}

const reason = (folder: string): string => {
  const regions = readRegions(folder);
  return regions.ok ? "" : `${regions.failure.code}: ${regions.failure.reason}`;
};

test("the regions we ship are valid, and hold three markets", () => {
  const regions = readRegions(join(repository, "regions"));
  assert.ok(regions.ok, regions.ok ? "" : regions.failure.reason);
  if (!regions.ok) return;
  assert.equal(
    regions.value.map((region) => region.name),
    ["ap-southeast", "eu-central", "uk-south", "us-east"],
  );
  assert.equal(
    regions.value.flatMap((region) => Object.keys(region.markets)),
    ["BTC-EUR", "BTC-GBP", "BTC-USD"],
  );
});

test("broken TOML is refused with file and line", ({ folder }) => {
  declare(folder, "north", 'title = "North"\ngroups = [');
  assert.match(reason(folder), /north\/region\.toml: line 2/);
});

test("a misspelt setting is refused by name", ({ folder }) => {
  declare(folder, "north", 'title = "North"\ngroups = []\ncolour = "red"');
  assert.match(reason(folder), /colour/);
});

test("a market file that lacks a field is refused", ({ folder }) => {
  declare(folder, "north", 'title = "North"\ngroups = []');
  writeFileSync(join(folder, "north", "markets", "X.toml"), 'group = "g"');
  assert.match(reason(folder), /X\.toml: shard/);
});

test("a folder name that is no subject token is refused", ({ folder }) => {
  declare(folder, "north.east", 'title = "x"\ngroups = []');
  assert.match(reason(folder), /\[A-Za-z0-9_-\]/);
});

test("a copied folder whose file names another region, and a name of ours, are refused", ({
  folder,
}) => {
  declare(folder, "north", 'name = "south"\ntitle = "North"\ngroups = []');
  assert.match(reason(folder), /north\/region\.toml: name: it says south, and its folder is north/);
  rmSync(join(folder, "north"), { recursive: true });
  declare(folder, "glb", 'title = "Globe"\ngroups = []');
  assert.match(reason(folder), /glb is a name of ours/);
});

test("an unknown class of data and a wrong number of servers are refused", ({ folder }) => {
  declare(folder, "north", 'title = "N"\ngroups = []\n[residency]\nsecrets = ["north"]');
  assert.match(reason(folder), /secrets/);
  declare(folder, "north", 'title = "N"\ngroups = []\n[servers]\ncount = 2');
  assert.match(reason(folder), /servers\.count/);
});

test("an empty and an absent folder are refused", ({ folder }) => {
  assert.match(reason(folder), "regions_invalid");
  assert.match(reason(join(folder, "absent")), "does not exist");
});

test.run();
