import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MemoryBroker, MemoryBus } from "../bus/memory.ts";
import { manualClock } from "../kernel/manual-clock.ts";
import { forcedPlan, plannedPlan, refusalOf } from "./failover-plan.ts";
import type { FailoverRequest, MarketDefinition, MarketReport } from "./messages.ts";
import { absentReport } from "./report.ts";
import {
  Succession,
  type Asker,
  mayNotClaim,
  rankOf,
  returnNs,
  type Standing,
  turnNs,
} from "./succession.ts";
import { leaseTimes } from "./silence.ts";

const test = suite("succession");

const silence = leaseTimes.timeToLive + leaseTimes.margin;
const record = {
  shard: "atlas-00",
  epoch: 4,
  region: "eu",
  cell: "eu-1",
  incarnation: 2,
  since: 4,
};
const standing = (more: Partial<NonNullable<Standing["lease"]>>): Standing => ({
  record,
  recordStandsNs: 0,
  lease: { over: false, released: false, silentNs: 0, ...more },
});
const us: Asker = {
  region: "us",
  cell: "us-1",
  home: "eu",
  rank: 0,
  permitted: false,
  automatic: true,
  wasLast: false,
};
const claims = (known: Standing, asker: Partial<Asker> = {}): boolean =>
  mayNotClaim(known, { ...us, ...asker }) === null;

test("B9.7 a silent owner is replaced after the time to live and a margin, by one region after the other", () => {
  assert.not.ok(claims(standing({ silentNs: silence - 1 })));
  assert.ok(claims(standing({ silentNs: silence })));
  assert.not.ok(claims(standing({ silentNs: silence + turnNs - 1 }), { rank: 1 }));
  assert.ok(claims(standing({ silentNs: silence + turnNs }), { rank: 1 }));
  // Another cell of the owner's own region waits for nobody.
  assert.ok(claims(standing({ silentNs: silence }), { region: "eu", cell: "eu-2", rank: 5 }));
});

test("B9.7 a cell that stopped in good order is given time to come back, a fenced one is not", () => {
  assert.not.ok(claims(standing({ over: true, released: true, silentNs: returnNs - 1 })));
  assert.ok(claims(standing({ over: true, released: true, silentNs: returnNs })));
  assert.ok(claims(standing({ over: true })));
  const near = { region: "eu", cell: "eu-2" };
  assert.ok(claims(standing({ over: true, released: true }), near));
  assert.ok(claims(standing({ over: true, released: true }), { permitted: true }));
});

test("B9.7 a shard that was handed over is for its region, and for others when nobody there takes it", () => {
  const handed = (region: string, recordStandsNs: number): Standing => ({
    record: { ...record, cell: "", incarnation: 0, region },
    recordStandsNs,
    lease: null,
  });
  assert.ok(claims(handed("us", 0)));
  assert.not.ok(claims(handed("ap", silence)));
  assert.ok(claims(handed("ap", silence + turnNs)));
  assert.not.ok(claims(handed("ap", 10 * silence), { automatic: false }));
});

test("B9.7 without an owner on record the home comes first, and by hand means by hand", () => {
  const none: Standing = { record: null, recordStandsNs: 0, lease: null };
  assert.not.ok(claims(none));
  assert.ok(claims(none, { region: "eu", cell: "eu-1" }));
  assert.ok(claims(none, { wasLast: true }), "the journal names it as the last owner");
  assert.not.ok(claims({ ...none, record: "unreadable" }, { wasLast: true }));
  assert.not.ok(claims(standing({ silentNs: 10 * silence }), { automatic: false }));
  assert.ok(claims(standing({ silentNs: silence }), { automatic: false, permitted: true }));
  assert.ok(claims(standing({}), { region: "eu", cell: "eu-1", automatic: false }));
  assert.not.ok(claims(standing({}), { permitted: true }), "nobody is taken from who lives");
});

test("B9.7 every region comes to the same order, and the shards of a lost one spread over the others", () => {
  const group = ["eu", "us", "ap", "sg"];
  const first = new Map<string, number>();
  for (let shard = 0; shard < 64; shard += 1) {
    const others = group.filter((region) => region !== "eu");
    const ranks = others.map((region) => rankOf(`atlas-${shard}`, region, group, "eu"));
    assert.equal(
      [...ranks].sort((a, b) => a - b),
      [0, 1, 2],
    );
    const winner = others[ranks.indexOf(0)] ?? "";
    first.set(winner, (first.get(winner) ?? 0) + 1);
  }
  assert.is(first.size, 3);
  for (const count of first.values()) assert.ok(count > 10, [...first].join(" "));
});

const definition: MarketDefinition = {
  market: "BTC-EUR",
  home: "eu",
  group: "atlas",
  shard: 0,
  currency: "EUR",
  priceDecimals: 2,
  tick: 50,
  lot: 1,
  bandLow: 1_000,
  bandHigh: 2_000,
  maximumQuantity: 100,
  orderCapacity: 1_000,
  mode: "replicated",
  calendar: "always",
  makerFeeBpsE2: 0,
  takerFeeBpsE2: 0,
};
const request: FailoverRequest = {
  from: "eu",
  to: "us",
  dryRun: false,
  requestedBy: "ann",
  id: "f1",
  acceptLoss: false,
  homeOnly: false,
  reason: "",
};
const report = (more: Partial<MarketReport>): MarketReport => ({
  ...absentReport(definition, ""),
  ...more,
});

const open = [
  {
    definition,
    shard: "atlas-00",
    standing: null,
    report: report({ state: "open", committed: 9 }),
  },
];
const maker = { type: "market-maker", shard: "act-eu-03", epoch: 2 };
const actors = {
  regions: [
    { region: "eu", mayGo: true },
    { region: "uk", mayGo: false },
    { region: "us", mayGo: true },
  ],
  actors: [
    { ...maker, region: "eu", id: "maker", sequence: 12 },
    { ...maker, region: "uk", id: "resident", sequence: 5 },
    { ...maker, region: "us", id: "desk", sequence: 3 },
  ],
  leftOut: 0,
};

test("B9.4 a cell of a drained region claims nothing but what is its own, unless an operator says so", async () => {
  const clock = manualClock();
  const { keys: store } = new MemoryBus(new MemoryBroker(), clock);
  const succession = new Succession({
    keys: store,
    clock,
    region: "eu",
    cell: "eu-1",
    regionsOf: () => ["eu", "us"],
    automatic: true,
  });
  const candidate = { market: "BTC-EUR", shard: "atlas-00", home: "eu", blocked: null };
  assert.is((await succession.candidacy(candidate)).may, "claim");
  succession.close("eu is drained");
  const waits = await succession.candidacy(candidate);
  assert.is(waits.may === "wait" ? waits.reason : "", "eu is drained");
  succession.permit("atlas-00", false);
  assert.is((await succession.candidacy(candidate)).may, "claim");
  succession.close(null);
  assert.is((await succession.candidacy(candidate)).may, "claim");
  succession.stop();
});

test("B9.4 a drain is refused when something would have to stay, and nothing goes to a drained region", () => {
  const target = {
    cell: "us-1",
    ready: true,
    drain: "",
    markets: [],
    standbys: [{ market: "BTC-EUR", state: "standby", sequence: 7, lagRecords: 0, lagMs: 90 }],
  };
  const drain = { ...request, drain: true };
  const faults = (plan: ReturnType<typeof plannedPlan>): readonly string[] =>
    plan.checks.filter(({ level }) => level === "fault").map(({ what }) => what);
  assert.equal(
    faults(plannedPlan(drain, { markets: open, actors: null }, target, true, false)),
    [],
  );
  assert.equal(
    faults(plannedPlan(drain, { markets: [], actors: null }, target, true, false)),
    [],
    "a region that serves nothing can be drained",
  );
  const stuck = open.map((one) => ({
    ...one,
    report: { ...one.report, state: "failed" as const },
  }));
  const [why = ""] = faults(
    plannedPlan(drain, { markets: stuck, actors: null }, target, true, false),
  );
  assert.match(why, /stays: it is failed/);
  const kept = { regions: [{ region: request.from, mayGo: false }], actors: [], leftOut: 0 };
  const [actor = ""] = faults(
    plannedPlan(drain, { markets: open, actors: kept }, target, true, false),
  );
  assert.match(actor, /stay: no cell of/);
  const closed = { ...target, drain: "drained" };
  const [no = ""] = faults(
    plannedPlan(request, { markets: open, actors: null }, closed, true, false),
  );
  assert.match(no, /is drained: npx meridian region undrain/);
});

test("B9.4 a planned move loses nothing; it is refused when the taker does not follow", () => {
  const found = { markets: open, actors };
  const target = (state: string) => ({
    cell: "us-1",
    ready: true,
    drain: "",
    markets: [],
    standbys: [{ market: "BTC-EUR", state, sequence: 7, lagRecords: 0, lagMs: 90 }],
  });
  const good = plannedPlan(request, found, target("standby"), true, false);
  assert.equal(
    good.markets.map(({ loss, lagRecords }) => [loss, lagRecords]),
    [["none", 2]],
  );
  assert.is(refusalOf(good, request), null);
  for (const bad of [
    plannedPlan(request, found, target("failed"), true, false),
    plannedPlan(request, found, null, true, false),
    plannedPlan(request, found, target("standby"), false, false),
    plannedPlan(request, { markets: [], actors: null }, target("standby"), true, false),
  ]) {
    assert.is(refusalOf(bad, request)?.code, "failover_refused");
  }
});

test("B9.4 actors move with their region's seat, by their last numbers; those that residency keeps stay", () => {
  const target = {
    cell: "us-1",
    ready: true,
    drain: "",
    markets: [],
    standbys: [{ market: "BTC-EUR", state: "standby", sequence: 7, lagRecords: 0, lagMs: 90 }],
  };
  const plan = plannedPlan(request, { markets: open, actors }, target, true, false);
  assert.equal(plan.seats, ["eu", "us"]);
  assert.equal(
    plan.actors.map(({ region, id, sequence }) => [region, id, sequence]),
    [
      ["eu", "maker", 12],
      ["us", "desk", 3],
    ],
  );
  assert.is(refusalOf(plan, request), null);
  assert.match(
    plan.checks.find(({ level }) => level === "warning")?.what ?? "",
    /stay: no cell of us may run the strategies and risk limits of uk/,
  );
  const back = plannedPlan(
    { ...request, homeOnly: true },
    { markets: open, actors },
    target,
    true,
    false,
  );
  assert.equal(back.seats, ["us"]);
  assert.equal(back.markets, [], "the market's home is not us");
  assert.is(refusalOf(back, request), null, "its actors go home all the same");
});

test("B9.3 what a silent region can lose is said by mode, and has to be accepted", () => {
  for (const [mode, refused] of [
    ["replicated", false],
    ["durable", true],
    ["matched", true],
  ] as const) {
    const standby = { owner: "eu/eu-1", epoch: 4, sequence: 7, lagRecords: 0, lagMs: 1, mode };
    const known = { definition, shard: "atlas-00", report: report({ state: "standby", standby }) };
    const silent = [{ ...known, standing: standing({ silentNs: silence }) }];
    const plan = forcedPlan(request, { markets: silent, actors: null }, false);
    assert.is(refusalOf(plan, request) !== null, refused, mode);
    assert.is(refusalOf(plan, { ...request, acceptLoss: true }), null);
    const alive = forcedPlan(
      request,
      { markets: [{ ...known, standing: standing({}) }], actors: null },
      false,
    );
    assert.match(refusalOf(alive, { ...request, acceptLoss: true })?.reason ?? "", /eu is alive/);
  }
});

test.run();
