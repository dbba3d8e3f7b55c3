import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { regionOf } from "../../test/support/regions.ts";
import { repository } from "../../test/support/shared-data.ts";
import type { MarketFile } from "../../schemas/configuration.ts";
import { membersToStart } from "./cluster-record.ts";
import { checkChoice, checkRegions } from "./contradictions.ts";
import { type Region, readRegions } from "./regions.ts";

const test = suite("contradictions");

const market = (group: string, shard = 0): MarketFile => ({
  group,
  shard,
  currency: "EUR",
  price_decimals: 2,
  tick: 1,
  lot: 1,
  bands: { low: 1, high: 100 },
  maximum_quantity: 100,
  order_capacity: 100,
  mode: "replicated",
  calendar: "always",
  fees: { maker_bps_e2: 0, taker_bps_e2: 0 },
});

/** Three regions of one group, each with the changes given. */
const three = (changes: Readonly<Record<string, Partial<Region>>> = {}): readonly Region[] =>
  ["north", "south", "west"].map((name) => regionOf(name, { groups: ["ring"], ...changes[name] }));

/** Checks that the regions are refused: which file, what, and the next step. */
function refused(regions: readonly Region[], file: string, what: RegExp, next: RegExp): void {
  const checked = checkRegions(regions);
  assert.not.ok(checked.ok, "these regions contradict each other");
  if (checked.ok) return;
  assert.is(checked.failure.code, "regions_contradict");
  assert.ok(checked.failure.reason.startsWith(`regions/${file}: `), checked.failure.reason);
  assert.match(checked.failure.reason, what);
  assert.match(checked.failure.next, next);
}

test("B9.2 the regions we ship do not contradict each other", () => {
  const regions = readRegions(join(repository, "regions"));
  assert.ok(regions.ok);
  if (!regions.ok) return;
  assert.equal(checkRegions(regions.value), { ok: true, value: undefined });
  const members = membersToStart({ topology: null, regions: null }, null, regions.value);
  assert.equal(members.ok && members.value, {
    topology: "compact",
    regions: ["ap-southeast", "eu-central", "us-east"],
  });
});

test("B9.2 a group that keeps journals where residency forbids it is refused", () => {
  const restricted = {
    markets: { ACME: market("ring") },
    residency: { orders: ["north", "west"] },
  };
  refused(
    three({ north: restricted }),
    "north/markets/ACME.toml",
    /ring keeps the journal in south, and regions\/north\/region\.toml does not allow that for orders/,
    /add south to residency\.orders/,
  );
});

test("B9.2 residency that names no region, or not the home, is refused", () => {
  refused(
    three({ north: { residency: { events: ["north", "mars"] } } }),
    "north/region.toml",
    /residency\.events: there is no region mars/,
    /declare that region/,
  );
  refused(
    three({ north: { residency: { positions: ["south"] } } }),
    "north/region.toml",
    /north itself may not keep/,
    /add north/,
  );
});

test("a market with two homes is refused", () => {
  const home = { markets: { ACME: market("ring") } };
  refused(
    three({ north: home, west: home }),
    "north/markets/ACME.toml",
    /ACME has a second home: regions\/west\/markets\/ACME\.toml/,
    /remove one of the two/,
  );
});

test("a shard with two homes is refused", () => {
  refused(
    three({
      north: { markets: { ACME: market("ring", 3) } },
      west: { markets: { BOLT: market("ring", 3) } },
    }),
    "north/markets/ACME.toml",
    /ring\/3 has its home in west by BOLT/,
    /choose a shard/,
  );
});

test("a duplicate port is refused, also between kinds", () => {
  refused(
    three({ north: { ports: { nats: 4_300 } }, west: { ports: { http: 4_300 } } }),
    "west/region.toml",
    /ports\.http: 4300 is ports\.nats of north already/,
    /another port/,
  );
});

test("an unknown neighbour, and one that does not agree, are refused", () => {
  refused(
    three({ north: { neighbours: ["mars"] } }),
    "north/region.toml",
    /there is no region mars/,
    /correct the name/,
  );
  refused(
    three({ north: { neighbours: ["south"] } }),
    "north/region.toml",
    /south does not name north in turn/,
    /add north to neighbours in regions\/south\/region\.toml/,
  );
  refused(
    three({ north: { neighbours: ["north"] } }),
    "north/region.toml",
    /not its own neighbour/,
    /remove north/,
  );
});

test("a group of two or four regions is refused", () => {
  refused(three().slice(1), "south/region.toml", /ring has 2 regions/, /exactly 3 regions/);
  refused(
    [...three(), regionOf("east", { groups: ["ring"] })],
    "north/region.toml",
    /ring has 4 regions/,
    /exactly 3/,
  );
});

test("an unknown group, and one of other regions, are refused", () => {
  refused(
    three({ north: { markets: { ACME: market("orion") } } }),
    "north/markets/ACME.toml",
    /no region takes part in orion/,
    /another group here/,
  );
  refused(
    [...three(), regionOf("east", { markets: { ACME: market("ring") } })],
    "east/markets/ACME.toml",
    /east takes part in no group, not in ring/,
    /add ring to regions\/east/,
  );
});

test("B9.2 an unknown regulatory profile, and one of another jurisdiction, are refused", () => {
  refused(
    three({ north: { profile: "wild-west" } }),
    "north/region.toml",
    /there is no wild-west/,
    /one of none, eu-mifir/,
  );
  refused(
    three({ north: { profile: "uk-mifir", jurisdiction: "eu" } }),
    "north/region.toml",
    /uk-mifir is of uk, the region's jurisdiction is eu/,
    /profile of the region's jurisdiction/,
  );
});

test("B9.2 a profile that conflicts with the residency is refused", () => {
  const british = { profile: "uk-mifir", jurisdiction: "uk" };
  refused(
    three({ north: { ...british, residency: { events: ["north"] } } }),
    "north/region.toml",
    /residency\.positions: any region is allowed, and profile uk-mifir keeps positions in uk/,
    /list the regions/,
  );
  refused(
    three({
      north: { ...british, residency: { events: ["north"], positions: ["north", "west"] } },
    }),
    "north/region.toml",
    /west is allowed, and profile uk-mifir keeps positions in uk/,
    /remove west/,
  );
});

test("a choice of regions that leaves a market without its journal's regions is refused", () => {
  const regions = three({ north: { markets: { ACME: market("ring") } } });
  const incomplete = checkChoice(regions, ["north", "west"]);
  assert.is(!incomplete.ok && incomplete.failure.code, "group_incomplete");
  assert.match(incomplete.ok ? "" : incomplete.failure.reason, /south would not be started/);
  assert.match(incomplete.ok ? "" : incomplete.failure.next, "start north,west,south");
  const unknown = checkChoice(regions, ["mars"]);
  assert.is(!unknown.ok && unknown.failure.code, "region_unknown");
  assert.ok(checkChoice(regions, ["north", "south", "west"]).ok);
});

test("a data folder keeps its topology and its regions, and takes further ones behind them", () => {
  const recorded = { topology: "compact", regions: ["west", "north"] } as const;
  const start = (topology: "compact" | "supercluster" | null, regions: string[] | null) =>
    membersToStart({ topology, regions }, { ...recorded, regions: [...recorded.regions] }, three());
  const differs = start("supercluster", null);
  assert.is(!differs.ok && differs.failure.code, "topology_differs");
  const left = start(null, ["north", "south"]);
  assert.is(!left.ok && left.failure.code, "region_missing");
  assert.match(left.ok ? "" : left.failure.next, "meridian region remove west");
  const more = start(null, ["north", "south", "west"]);
  assert.equal(more.ok && more.value.regions, ["west", "north", "south"]);
  const same = start(null, null);
  assert.equal(same.ok && same.value.regions, ["west", "north"]);
});

test.run();
