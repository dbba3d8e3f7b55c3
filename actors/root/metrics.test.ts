import { suite } from "uvu";
import * as assert from "uvu/assert";

import { labelBounds } from "../../schemas/metrics/definition.ts";
import type { ActorSystem, KernelCounters } from "../kernel/actor.ts";
import type { RegionReport } from "../region/messages.ts";
import { type Measured, Metrics } from "./metrics.ts";
import { Samples } from "./metrics/samples.ts";

const test = suite("metrics");

const report: RegionReport = {
  ready: true,
  natsState: "connected",
  reconnects: 0,
  startedUnixMs: 1_000,
  build: "1.2.3",
  engine: "portable",
  natsServer: "2.15.0",
  refusals: {},
  markets: [],
  standbys: [
    {
      definition: { market: "FOLLOWED" },
      standby: { owner: "eu/eu-1", epoch: 2, sequence: 9, lagRecords: 4, lagMs: 250, mode: null },
    },
  ],
} as unknown as RegionReport;

const kernel: KernelCounters = {
  starts: 9,
  restarts: 1,
  restartsByType: { market: 1 },
  failures: 2,
  escalations: 3,
  autoShutdowns: 5,
  delivered: 6,
  refusals: { busy: 7, not_found: 8 },
  parked: 10,
  lateErrors: 11,
};
const node = { state: "running", restarts: 0, lastFailure: "" };
const system = {
  counters: () => kernel,
  sizes: () => ({ nodes: 4, watched: 1, linked: 2, machines: 3 }),
  deadLetters: { counts: () => ({ poison: 4 }), pushedOut: 1 },
  tree: () => [
    { ...node, path: "/r", type: "supervisor", mailbox: 0 },
    { ...node, path: "/r/markets", type: "supervisor", mailbox: 0 },
    { ...node, path: "/r/markets/A", type: "market", mailbox: 3 },
    { ...node, path: "/r/markets/B", type: "market", mailbox: 5, state: "restarting" },
  ],
  countChildren: () => ({
    ok: true,
    value: { specs: 2, active: 1, supervisors: 0, workers: 2 },
  }),
} as unknown as ActorSystem;

const measured: Measured = {
  report,
  flow: new Map(),
  system,
  hosting: {
    hosted: null,
    leaseMarginNs: 1_500_000_000,
    risk: {
      limits: 3,
      stopped: 1,
      byKind: {
        open: { highest: 0.95, nearly: 2 },
        position: { highest: 0, nearly: 0 },
        loss: { highest: 1.5, nearly: 1 },
      },
    },
  },
  alerts: new Map(),
};

async function scrape(what: Measured, times = 1): Promise<readonly string[]> {
  const metrics = new Metrics();
  try {
    for (let time = 1; time < times; time += 1) await metrics.render(what);
    return (await metrics.render(what)).split("\n");
  } finally {
    metrics.close();
  }
}

test("what the kernel counts is shown, by code and type, and twice scraped it is the same", async () => {
  const lines = await scrape(measured, 2);
  for (const line of [
    "meridian_ready 1",
    'meridian_standby_lag_records{market="FOLLOWED"} 4',
    'meridian_standby_lag_seconds{market="FOLLOWED"} 0.25',
    'meridian_dead_letters_total{reason="poison"} 4',
    'meridian_dead_letters_total{reason="malformed"} 0',
    "meridian_dead_letters_pushed_out_total 1",
    'meridian_actor_restarts_total{type="market"} 1',
    "meridian_actor_failures_total 2",
    "meridian_supervisor_escalations_total 3",
    "meridian_supervisor_auto_shutdowns_total 5",
    "meridian_actor_messages_total 6",
    'meridian_actor_refusals_total{code="busy"} 7',
    'meridian_actor_refusals_total{code="not_found"} 8',
    "meridian_actor_messages_parked_total 10",
    "meridian_actor_late_errors_total 11",
    'meridian_actors{type="market"} 2',
    'meridian_actors_restarting{type="market"} 1',
    'meridian_mailbox_messages{type="market"} 8',
    'meridian_mailbox_longest_messages{type="market"} 5',
    'meridian_supervisor_children_running{supervisor="markets"} 1',
    "meridian_lease_margin_seconds 1.5",
    "meridian_scrapes_total 2",
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test("before the actors are started nothing is counted", async () => {
  const lines = await scrape({ ...measured, system: null, hosting: null });
  assert.ok(lines.includes("meridian_actor_failures_total 0"));
  assert.ok(lines.includes("meridian_lease_margin_seconds 0"));
});

test("a histogram is cumulative, and ends with what is above every bound", () => {
  const samples = new Samples();
  const buckets = { boundsNs: [1_000, 2_000_000], counts: [2, 3, 4], sumNs: 5e9 };
  samples.histogram("meridian_acknowledgement_seconds", buckets, { market: "A" });
  const shown = samples
    .of("meridian_acknowledgement_seconds")
    .map(({ metricName, labels, value }) => [metricName, labels["le"], value]);
  assert.equal(shown, [
    ["meridian_acknowledgement_seconds_bucket", 0.000001, 2],
    ["meridian_acknowledgement_seconds_bucket", 0.002, 5],
    ["meridian_acknowledgement_seconds_bucket", "+Inf", 9],
    ["meridian_acknowledgement_seconds_sum", undefined, 5],
    ["meridian_acknowledgement_seconds_count", undefined, 9],
  ]);
});

test("a label with more values than the table allows is left out and counted", () => {
  const samples = new Samples();
  for (let index = 0; index < labelBounds.market + 3; index += 1) {
    samples.set("meridian_market_open", 1, { market: `M${index}` });
  }
  assert.is(samples.of("meridian_market_open").length, labelBounds.market);
  assert.is(samples.leftOut, 3);
  samples.set("meridian_market_open", 0, { market: "M0" });
  assert.is(samples.leftOut, 3, "a value that is known already has its place");
});

test.run();
