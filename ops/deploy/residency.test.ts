import { suite } from "uvu";
import * as assert from "uvu/assert";
import { regionOf } from "../../test/support/regions.ts";
import { type StreamSite, describeFault, residencyFaults } from "./residency.ts";

const test = suite("residency");

const regions = [
  regionOf("north", {
    residency: { orders: ["north", "south"], positions: ["north"], events: ["north"] },
  }),
  regionOf("south"),
  regionOf("west"),
];
const serverRegion = (server: string): string | null =>
  ["north", "south", "west"].find((region) => server.startsWith(region)) ?? null;
const site = (name: string, servers: string[], changes: Partial<StreamSite> = {}): StreamSite => ({
  name,
  servers,
  tags: [],
  origins: [],
  ...changes,
});
const faults = (...sites: StreamSite[]): readonly string[] =>
  residencyFaults(sites, regions, serverRegion).map(
    ({ stream, dataClass, keptIn }) => `${stream} ${dataClass} ${keptIn}`,
  );

test("B9.2 replicas where they are allowed are no fault", () => {
  assert.equal(
    faults(
      site("ALOG_north", ["north-1", "north-2"]),
      site("EVT_north", ["north"]),
      site("ALOG_south", ["north", "south", "west"]),
      site("KV_LEASE", ["north", "south", "west"]),
    ),
    [],
  );
});

test("B9.2 each replica in a region that may not keep it is a fault of its own", () => {
  assert.equal(
    faults(site("ALOG_north", ["north", "south", "west"]), site("EVT_north", ["west"])),
    ["ALOG_north positions south", "ALOG_north positions west", "EVT_north events west"],
  );
});

test("B9.2 a mirror carries the class of what it copies, over any number of copies", () => {
  assert.equal(
    faults(
      site("ALOG_north", ["north"]),
      site("COPY", ["north"], { origins: ["ALOG_north"] }),
      site("COPY_OF_COPY", ["west"], { origins: ["COPY"] }),
      site("SUM", ["south"], { origins: ["EVT_south", "EVT_north"] }),
      site("EVT_south", ["south"]),
      site("EVT_north", ["north"]),
    ),
    ["COPY_OF_COPY positions west", "SUM events south"],
  );
});

test("B9.2 the journal of a market made at run time is known by its tags, an unknown stream is a fault", () => {
  assert.equal(
    faults(
      site("JRN_ring_09", ["south", "west"], { tags: ["group:ring", "keeps:north.orders"] }),
      site("NOTES", ["south"]),
    ),
    ["JRN_ring_09 orders west", "NOTES unknown south"],
  );
});

test("B9.2 an audit trail is of every region of its group, and may be kept where all of them allow it", () => {
  const ring = regions.map((region) => ({ ...region, groups: ["ring"] }));
  const found = residencyFaults([site("AUDIT_ring", ["south", "west"])], ring, serverRegion);
  assert.equal(
    found.map(({ stream, home, keptIn }) => `${stream} ${home} ${keptIn}`),
    ["AUDIT_ring north west"],
  );
  assert.equal(faults(site("AUDIT_north", ["north"])), [], "of a region without a group");
});

test("B9.2 a server that no region of the cluster has keeps nothing rightly", () => {
  assert.equal(faults(site("ALOG_south", ["stranger"])), ["ALOG_south positions "]);
});

test("a fault says what may be kept where", () => {
  const [fault] = residencyFaults([site("EVT_north", ["west-2"])], regions, serverRegion);
  assert.ok(fault !== undefined);
  if (fault === undefined) return;
  assert.is(
    describeFault(fault),
    "EVT_north on west-2: events of north may be kept in north, not in west",
  );
});

test.run();
