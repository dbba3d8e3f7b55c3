import fastify, { type InjectOptions } from "fastify";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Told } from "../incident/findings.ts";
import { manualClock } from "../kernel/manual-clock.ts";
import { durationNs } from "../kernel/units.ts";
import type { LeaseRecord } from "../region/codec.ts";
import { SilenceWatch } from "../region/silence.ts";
import { alertsOf, serveAlertmanager } from "./alertmanager.ts";
import { type CellSample, CellWatch } from "./cell-watch.ts";
import { LeaseWatch } from "./lease-watch.ts";

const test = suite("what a cell makes incidents of");

const lease = (region: string, change: Partial<LeaseRecord> = {}): LeaseRecord => ({
  region,
  cell: `${region}-1`,
  node: "n",
  incarnation: 1,
  renewal: 1,
  nonce: new Uint8Array(),
  fenced: false,
  released: false,
  actors: null,
  ...change,
});

interface Heard {
  readonly keeper: string;
  readonly told: Told;
}

/** A watch that is shown leases every half second; those named in `renewed` have been renewed since. */
function watching(region: string) {
  const heard: Heard[] = [];
  const watch = new LeaseWatch({
    region,
    cell: `${region}-1`,
    tell: (keeper, told) => heard.push({ keeper, told }),
  });
  let now = 0;
  let renewals = 0;
  const revisions = new Map<string, number>();
  const silences = new Map<string, SilenceWatch>();
  return {
    said: () =>
      heard
        .splice(0)
        .map(
          ({ keeper, told }) =>
            `${told.finding.kind} ${told.finding.affected} ${told.stands} at ${keeper}`,
        ),
    look(leases: readonly LeaseRecord[], renewed: readonly string[]): void {
      renewals += 1;
      now += 500_000_000;
      const at = durationNs(now);
      const entries = leases.map((one) => {
        const key = `${one.region}/${one.cell}`;
        if (renewed.includes(one.region)) revisions.set(key, renewals);
        const revision = revisions.get(key) ?? 0;
        const silence = silences.get(key) ?? new SilenceWatch();
        silences.set(key, silence);
        silence.read(revision, at, at);
        return { record: one, revision, silentNs: silence.silentFor };
      });
      watch.read({ ended: at, leases: entries });
    },
    fails(seconds: number): void {
      now += seconds * 1_000_000_000;
      for (const silence of silences.values()) silence.failed();
    },
  };
}

const all = [lease("a"), lease("b"), lease("c")];
const everywhere = (line: string): readonly string[] => all.map(() => line);

test("B1.5 a cell whose lease falls silent is told once, at a region that has another cell, and when it is back", () => {
  const [one, other] = [watching("a"), watching("b")];
  for (const at of [one, other]) {
    at.look(all, ["a", "b", "c"]);
    assert.equal(
      at.said().filter((line) => line.includes("true")),
      [],
      "cells that live are nobody's news",
    );
    for (let looks = 0; looks < 4; looks += 1) at.look(all, ["a", "b"]);
    assert.equal(at.said(), [], "two seconds are within the lease");
    for (let looks = 0; looks < 3; looks += 1) at.look(all, ["a", "b"]);
  }
  const said = one.said();
  assert.is(said.length, 1);
  assert.match(said[0] ?? "", /^cell_down c true at [ab]$/);
  assert.equal(other.said(), said, "all choose the same region");
  one.look([lease("a"), lease("b"), lease("c", { incarnation: 2 })], ["a", "b", "c"]);
  assert.equal(
    one.said(),
    ["a", "b", "c"].map((keeper) => `cell_down c false at ${keeper}`),
    "the end is told wherever it may be kept",
  );
});

test("B1.5 a cell that has another incarnation without having given its lease back has died, one that has was stopped", () => {
  const at = watching("a");
  at.look(all, ["a", "b", "c"]);
  at.said();
  at.look([lease("a"), lease("b", { incarnation: 2 }), lease("c")], ["a", "b", "c"]);
  assert.equal(
    at.said().map((line) => line.replace(/ at .*/, "")),
    ["cell_down b true", ...everywhere("cell_down b false")],
  );
  const given = lease("c", { fenced: true, released: true });
  at.look([lease("a"), lease("b", { incarnation: 2 }), given], ["a", "b", "c"]);
  at.look(
    [lease("a"), lease("b", { incarnation: 2 }), lease("c", { incarnation: 2 })],
    ["a", "b", "c"],
  );
  assert.equal(
    at.said().map((line) => line.replace(/ at .*/, "")),
    everywhere("cell_down c false"),
  );
});

test("B1.5 a region whose only cell is gone for ten seconds is down, and so told", () => {
  const at = watching("a");
  at.look(all, ["a", "b", "c"]);
  at.said();
  for (let looks = 0; looks < 40; looks += 1) at.look(all, ["a", "b"]);
  const said = at.said();
  assert.equal(
    said.map((line) => line.replace(/ at .*/, "")),
    ["cell_down c true", "region_down c true"],
  );
  at.look(all, ["a", "b", "c"]);
  assert.equal(
    at.said().filter((line) => line.startsWith("region_down")),
    ["a", "b", "c"].map((keeper) => `region_down c false at ${keeper}`),
  );
});

test("B1.5 a cell that begins to look says which regions live: whoever saw one die may have died since", () => {
  const at = watching("a");
  at.look(all, ["a", "b", "c"]);
  assert.equal(
    at.said().filter((line) => line.startsWith("region_down")),
    ["b", "c"].flatMap((region) =>
      everywhere("").map((_, keeper) => `region_down ${region} false at ${"abc"[keeper]}`),
    ),
  );
  at.look(all, ["a", "b", "c"]);
  assert.equal(at.said(), [], "once");
});

test("B1.5 while leases cannot be read nobody is silent", () => {
  const at = watching("a");
  at.look(all, ["a", "b", "c"]);
  at.said();
  for (let times = 0; times < 10; times += 1) at.fails(3);
  at.look(all, []);
  assert.equal(at.said(), []);
});

const usual: CellSample = {
  escalations: 0,
  deadLetters: 0,
  failing: [],
  leaseMarginNs: 1_500_000_000,
  markets: [{ market: "ACME", state: "open", detail: "" }],
  diskFree: 0.5,
  certificateEndsUnixMs: null,
};

function ofCell() {
  const heard: Told[] = [];
  const clock = manualClock();
  const watch = new CellWatch({
    region: "a",
    cell: "a-1",
    clock,
    sample: () => Promise.resolve(usual),
    tell: (_region, told) => heard.push(told),
  });
  watch.look(usual);
  heard.length = 0;
  const said = (): readonly string[] =>
    heard.splice(0).map(({ finding, stands }) => `${finding.kind} ${stands}`);
  return { watch, said, clock };
}

test("B1.5 what is wrong with a cell is told when it begins, and when it is over", () => {
  const { watch, said, clock } = ofCell();
  const soon = Number(clock.now() / 1_000_000n) + 3 * 86_400_000;
  const cases: readonly (readonly [string, Partial<CellSample>, number])[] = [
    ["disk", { diskFree: 0.01 }, 1],
    ["lease", { leaseMarginNs: 100_000_000 }, 3],
    ["supervisor", { escalations: 1 }, 1],
    ["certificate", { certificateEndsUnixMs: soon }, 1],
    ["market_failed", { markets: [{ market: "ACME", state: "failed", detail: "x" }] }, 1],
    ["market_failed", { markets: [{ market: "ACME", state: "stopped", detail: "x" }] }, 10],
  ];
  for (const [kind, change, looks] of cases) {
    for (let times = 1; times < looks; times += 1) watch.look({ ...usual, ...change });
    assert.equal(said(), [], `${kind} before its time`);
    watch.look({ ...usual, ...change });
    assert.equal(said(), [`${kind} true`]);
    watch.look({ ...usual, escalations: change.escalations ?? 0 });
    assert.equal(said(), [`${kind} false`]);
    watch.look(usual);
    said();
  }
});

test("B1.5 more than ten dead letters in a minute are a ticket, spread over an hour they are nothing", () => {
  const { watch, said } = ofCell();
  for (let minute = 1; minute <= 60; minute += 1) {
    for (let second = 0; second < 60; second += 1) watch.look({ ...usual, deadLetters: minute });
  }
  assert.equal(said(), []);
  watch.look({ ...usual, deadLetters: 75 });
  assert.equal(said(), ["dead_letters true"]);
});

test("what a process before this one has told is over, unless it is found again", () => {
  const heard: string[] = [];
  const watch = new CellWatch({
    region: "a",
    cell: "a-1",
    clock: manualClock(),
    sample: () => Promise.resolve(usual),
    tell: (_region, { finding, stands }) => heard.push(`${finding.kind} ${stands}`),
  });
  watch.look({ ...usual, diskFree: 0.01 });
  assert.ok(heard.includes("disk true"));
  assert.ok(heard.includes("lease false") && heard.includes("market_failed false"));
  assert.not.ok(heard.includes("disk false"));
});

test("B1.5 a notification of Alertmanager becomes findings with their runbooks, and anything else a reason", () => {
  const body = {
    version: "4",
    receiver: "meridian",
    alerts: [
      {
        status: "firing",
        labels: { alertname: "JournalFailed", severity: "page", runbook: "RB-04", market: "ACME" },
        annotations: { summary: "The log cannot be written." },
        startsAt: "2026-01-01T00:00:00Z",
      },
      { status: "resolved", labels: { alertname: "CommitsSlow", severity: "ticket" } },
    ],
  };
  const found = alertsOf("a", body);
  if (typeof found === "string") throw new Error(found);
  assert.equal(
    found.map(({ stands, finding }) => [
      stands,
      finding.subject,
      finding.severity,
      finding.runbook,
      finding.affected,
    ]),
    [
      [true, "JournalFailed-ACME", "page", "RB-04", "a"],
      [false, "CommitsSlow", "ticket", "RB-12", "a"],
    ],
  );
  for (const wrong of [null, {}, { ...body, version: "3" }, { version: "4", alerts: [{}] }]) {
    assert.type(alertsOf("a", wrong), "string");
  }
});

test("alerts are taken from this machine, or with the token where there is one", async () => {
  const notification = { version: "4", alerts: [{ status: "firing", labels: { alertname: "X" } }] };
  const post = async (token: string | null, request: InjectOptions): Promise<number> => {
    const app = fastify();
    serveAlertmanager(app, { region: "a", token, found: () => () => {} });
    const sent = { method: "POST", url: "/alerts", payload: notification, ...request } as const;
    const { statusCode } = await app.inject(sent);
    await app.close();
    return statusCode;
  };
  assert.is(await post(null, { headers: { host: "localhost" } }), 202);
  assert.is(await post(null, { remoteAddress: "10.0.0.9" }), 403);
  assert.is(await post(null, { headers: { host: "example.org" } }), 403);
  assert.is(await post("secret", { headers: { authorization: "Bearer wrong!" } }), 403);
  const bearer = { authorization: "Bearer secret" };
  assert.is(await post("secret", { headers: bearer, remoteAddress: "10.0.0.9" }), 202);
  assert.is(await post(null, { headers: { host: "localhost" }, payload: {} }), 400);
});

test.run();
