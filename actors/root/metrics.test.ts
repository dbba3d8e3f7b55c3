import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { RegionReport } from "../region/messages.ts";
import { Metrics } from "./metrics.ts";

const test = suite("metrics");

const report: RegionReport = {
  ready: true,
  natsState: "connected",
  reconnects: 0,
  deadLetters: 4,
  startedUnixMs: 1_000,
  refusals: {},
  markets: [],
} as unknown as RegionReport;

test("what the kernel counts is shown, a refusal by its code, and twice scraped it is the same", async () => {
  const metrics = new Metrics();
  const kernel = {
    starts: 9,
    restarts: 1,
    failures: 2,
    escalations: 3,
    autoShutdowns: 5,
    delivered: 6,
    refusals: { busy: 7, not_found: 8 },
    parked: 10,
    lateErrors: 11,
  };
  const alerts = new Map([["TEST", { stands: true, raised: { disk: 2, unknown: 1 } }]]);
  const measured = { report, flow: new Map(), kernel, alerts };
  await metrics.render(measured);
  const text = await metrics.render(measured);
  for (const line of [
    "meridian_dead_letters_total 4",
    "meridian_actor_restarts_total 1",
    "meridian_actor_failures_total 2",
    "meridian_supervisor_escalations_total 3",
    "meridian_supervisor_auto_shutdowns_total 5",
    "meridian_actor_messages_total 6",
    'meridian_actor_refusals_total{code="busy"} 7',
    'meridian_actor_refusals_total{code="not_found"} 8',
    "meridian_actor_messages_parked_total 10",
    "meridian_actor_late_errors_total 11",
    'meridian_latency_alert{market="TEST"} 1',
    'meridian_latency_alerts_total{market="TEST",cause="disk"} 2',
  ]) {
    assert.ok(text.split("\n").includes(line), line);
  }
});

test("before the actors are started nothing is counted", async () => {
  const text = await new Metrics().render({
    report,
    flow: new Map(),
    kernel: null,
    alerts: new Map(),
  });
  assert.match(text, /^meridian_actor_restarts_total 0$/m);
});

test.run();
