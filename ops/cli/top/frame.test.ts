import { suite } from "uvu";
import * as assert from "uvu/assert";

import { pressed } from "../commands/top.ts";
import type { MarketView } from "../markets.ts";
import { frame, ratesOf, type TopSample, type TopState } from "./frame.ts";

const test = suite("the screen of top");

const latency = { count: 1, p50Ns: 1_500, p99Ns: 2_000_000, p999Ns: 0, maximumNs: 0 };
const market = {
  market: "ACME",
  home: "home",
  state: "open",
  mode: "durable",
  orders: 1_000,
  trades: 100,
  restingOrders: 1_234,
  bidPrice: 10_000,
  askPrice: 0,
  acknowledgement: latency,
  serviceTime: latency,
  definition: { priceDecimals: 2 },
} as unknown as MarketView;

function sampleAt(atMs: number, orders: number): TopSample {
  return {
    atMs,
    status: {
      regions: [
        { name: "home", ready: true, cell: "home-1", natsState: "connected", reason: null },
        {
          name: "away",
          ready: false,
          stale: true,
          ageMs: null,
          cell: null,
          natsState: null,
          reason: "no answer",
        },
      ] as unknown as TopSample["status"]["regions"],
      markets: [{ ...market, orders }],
      cluster: { streams: [], leases: [], standbys: [], actors: [], lastDrill: null },
    },
    trees: [
      { region: "home", totals: { nodes: 100_412, failed: 2, restarting: 1, recentRestarts: 12 } },
    ],
    troubled: [],
  };
}

const state: TopState = {
  sample: sampleAt(10_000, 3_000),
  before: sampleAt(8_000, 1_000),
  alerts: [{ atMs: 7_000, text: "ACME in home is slower", stands: true }],
  nowMs: 10_200,
  paused: false,
  help: false,
  panel: "all",
  user: "observer",
  fault: "",
};

test("rates are differences, and a market that was started anew counts from nothing", () => {
  const { sample, before } = state;
  assert.ok(sample !== null && before !== null);
  const [now] = sample.status.markets;
  assert.ok(now);
  assert.equal(ratesOf(now, sample, before), { orders: 1_000, trades: 0 });
  assert.equal(ratesOf({ ...now, orders: 10 }, sample, before), { orders: 0, trades: 0 });
  assert.is(ratesOf(now, sample, null), null);
});

test("everything is on one screen, with a shape for each condition", () => {
  const text = frame(state, 160, 60).join("\n");
  for (const part of [
    "● live · 0.2 s old · observer",
    /● home +home-1 +connected +100 412 +3 +12/,
    /■ away +- +- +- +- +- +never heard of: no answer/,
    /● ACME +home +open +durable +100\.00 +- +1 000 +0 +1 234 +1\.50 us +2\.00 ms/,
    "no actor has failed",
    "▲    3 s ago  ACME in home is slower",
  ]) {
    assert.match(text, part);
  }
});

test("what is old says so, and a fault is on top", () => {
  assert.match(frame({ ...state, nowMs: 20_000 }, 160, 60)[0] ?? "", "◌ stale · 10.0 s old");
  assert.match(
    frame({ ...state, fault: "connection lost" }, 160, 60)[1] ?? "",
    "■ connection lost",
  );
});

test("a small screen is never left", () => {
  for (const [width, height] of [
    [20, 5],
    [1, 1],
  ] as const) {
    const lines = frame(state, width, height);
    assert.ok(lines.length <= height);
    assert.ok(lines.every((line) => line.length <= width));
  }
});

test("keys choose a panel, pause and help", () => {
  const alone = frame(pressed(state, "m"), 160, 60).join("\n");
  assert.match(alone, "ACME");
  assert.not.match(alone, "REGION");
  assert.match(frame(pressed(state, "p"), 160, 60)[0] ?? "", "paused");
  assert.match(frame(pressed(state, "?"), 160, 60).join("\n"), "quit");
  assert.is(pressed(state, "x"), state);
});

test.run();
