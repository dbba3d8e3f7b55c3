import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Overview } from "../../deploy/launcher.ts";
import { regionOf } from "../../../test/support/regions.ts";
import { banner, totalsTable } from "./up.ts";

const test = suite("meridian up");

/** What a launcher returns for so many regions, as far as the banner reads it. */
function overviewOf(
  count: number,
  moved: Overview["moved"],
  change: Partial<Overview> = {},
): Overview {
  const names = Array.from({ length: count }, (_unused, index) => `region-${index}`);
  return {
    plan: {
      topology: "compact",
      profile: "demo",
      dataDirectory: "/data",
      regions: [],
      servers: [],
      encryptionKey: "",
      certificates: { authorityFile: "", servers: {} },
      users: [],
    },
    regions: names.map((name) => regionOf(name)),
    moved,
    serverVersion: "2.11.11",
    strongestMode: "durable",
    engine: "auto",
    engines: ["portable"],
    bringUp: { prepared: 0.2, servers: 2.1, cells: 6.1 },
    cluster: {
      version: 1,
      profile: "demo",
      topology: "compact",
      launcherPid: 1,
      startedAt: "",
      caFile: "",
      regions: names.map((name, index) => ({
        name,
        servers: [],
        nats: `tls://127.0.0.1:${4222 + index}`,
        http: `http://127.0.0.1:${8600 + index}`,
        residency: {},
        websocket: `ws://127.0.0.1:${9222 + index}`,
        natsPid: 1,
        cellPid: 1,
      })),
      users: {},
    },
    ...change,
  };
}

test("the banner has at most 15 lines, with URLs, log-ins, the engine and the demo profile", () => {
  const moved = [{ region: "region-0", kind: "http", wanted: 8600, used: 8603 }] as const;
  for (const regions of [1, 3, 40]) {
    const lines = banner(overviewOf(regions, moved), { value: "/data", origin: "default" }, 6.1);
    assert.ok(lines.length <= 15, `${lines.length} lines`);
    const text = lines.join("\n");
    for (const expected of [
      "http://127.0.0.1:8600/readyz",
      "http://127.0.0.1:8600/status",
      "http://127.0.0.1:8600/console/",
      "login observer",
      "login operator",
      "login approver",
      "DEMO PROFILE",
      "portable engine",
      "no native engine on this machine",
      "markets are durable at most",
      "http 8600 → 8603 (region-0)",
      "Ctrl-C",
    ]) {
      assert.match(text, expected);
    }
  }
});

test("nothing is said of limitations that are not there, or were asked for", () => {
  const folder = { value: "/data", origin: "default" };
  for (const change of [{ engines: ["native"] }, { engine: "portable" }] as const) {
    const overview = overviewOf(3, [], { ...change, strongestMode: "replicated" });
    assert.is(banner(overview, folder, 6.1).length, 1 + 1 + 3 + 8);
  }
});

test("the commands that are suggested find a cluster that is not in the default folder", () => {
  const suggested = (value: string, origin: string): readonly string[] =>
    banner(overviewOf(1, []), { value, origin }, 6.1).filter((line) => line.includes("npx"));
  for (const line of suggested("/data", "default")) assert.not.match(line, "--data");
  assert.is(suggested("/srv/x", "$MERIDIAN_DATA").length, 8);
  for (const line of suggested("/srv/x", "$MERIDIAN_DATA")) assert.match(line, " --data /srv/x");
  for (const line of suggested("/a b's", "--data")) assert.match(line, " --data '/a b'\\''s'");
});

test("the totals add up, and latency is never added", () => {
  const latency = { count: 10, p50Ns: 1_500_000, p99Ns: 12_000_000, p999Ns: 900_000 };
  const idle = { count: 0, p50Ns: 0, p99Ns: 0, p999Ns: 0 };
  const markets = [
    { market: "A", orders: 5, trades: 3, refusals: 1, latency },
    { market: "B", orders: 7, trades: 0, refusals: 2, latency: idle },
  ];
  const rows = totalsTable(markets, 0).split("\n");
  assert.match(rows[1] ?? "", /^A +5 +3 +1 +1\.5 ms +12\.0 ms +900 µs$/);
  assert.match(rows[2] ?? "", /^B +7 +0 +2 +- +- +-$/);
  assert.match(rows[3] ?? "", /^all +12 +3 +3$/);
  const more = totalsTable(markets, 40).split("\n");
  assert.match(more[3] ?? "", /^outside +40$/);
  assert.match(more[4] ?? "", /^all +12 +3 +43$/);
});

test.run();
