import { setTimeout as sleep } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { loadNativeEngine } from "../../native/index.ts";
import { alertSubject } from "../../schemas/subjects.ts";
import { AlertingCell } from "../support/alerting-cell.ts";
import { cellMarket, cellRegion } from "../support/memory-cell.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { testUnless } from "../support/skip.ts";

/** The slice of `npm run soak -- detector` that every run of the tests makes. */

const test = suite("latency alerts over NATS");
const probe = loadNativeEngine();
if (probe.ok) await probe.value.stop();
const missing = missingNatsServer() ?? (probe.ok ? null : probe.failure.reason);
const TRIALS = 2;
const CLEAN_MS = 2_000;

testUnless(
  test,
  missing,
  "A7.2 three microseconds more are told on NATS within a second, and so is their end; before nothing is",
  async () => {
    const cell = await AlertingCell.start();
    try {
      cell.flow();
      await sleep(CLEAN_MS);
      assert.equal(cell.heard, [], `of ${cell.orders} orders at the usual speed`);
      for (let trial = 0; trial < TRIALS; trial += 1) {
        const from = cell.heard.length;
        cell.takeWorstLagMs();
        cell.plantDelay(3_000);
        const planted = performance.now();
        const raised = await cell.next(from, true, 10_000);
        // Whatever the machine kept this process itself from running is not the detector's.
        const limit = 1_000 + cell.takeWorstLagMs();
        assert.ok(raised.atMs - planted < limit, `${raised.atMs - planted} ms`);
        assert.is(raised.subject, alertSubject(cellRegion, "latency", cellMarket.market));
        const { region, market, p50Ns, usualP50Ns, raisedUnixMs } = raised.alert;
        assert.equal([region, market], [cellRegion, cellMarket.market]);
        assert.ok(p50Ns >= usualP50Ns + 1_500, `${p50Ns} ns, usually ${usualP50Ns}`);
        cell.plantDelay(0);
        const over = await cell.next(from, false, 20_000);
        assert.is(over.alert.raisedUnixMs, raisedUnixMs, "the end names its beginning");
        assert.is(cell.heard.length - from, 2, "each is told once");
      }
    } finally {
      await cell.stop();
    }
  },
);

test.run();
