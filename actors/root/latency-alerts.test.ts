import { suite } from "uvu";
import * as assert from "uvu/assert";

import { silentLog } from "../../test/support/ports.ts";
import { wire } from "../../schemas/messages.ts";
import { manualClock } from "../kernel/manual-clock.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { LatencyAlert } from "../kernel/ports/matching-engine.ts";
import { durationNs } from "../kernel/units.ts";
import { LatencyAlerts, messagesPerSecond } from "./latency-alerts.ts";

const test = suite("latency alerts");

function publisher() {
  const clock = manualClock();
  const sent: { readonly subject: string; readonly alert: wire.control.v1.LatencyAlert }[] = [];
  const nats = { connected: true };
  const bus = {
    publish(subject: string, payload: Uint8Array) {
      sent.push({ subject, alert: wire.control.v1.LatencyAlert.decode(payload) });
    },
    state: () => ({ ...nats, reconnects: 0, server: "", dropped: 0 }),
  } as unknown as Bus;
  const alerts = new LatencyAlerts({ region: "eu", cell: "a" }, { bus, clock, log: silentLog });
  const taken = (): readonly string[] =>
    sent
      .splice(0)
      .map(
        ({ alert: { market, stands, cause, repeated } }) =>
          `${market} ${stands ? "slow" : "over"} ${cause}${repeated ? " again" : ""}`,
      );
  const seconds = (count: number): Promise<number> => clock.advance(durationNs(count * 1e9));
  return { clock, nats, sent, alerts, taken, seconds };
}
const alert = (market: string, stands: boolean, change: Partial<LatencyAlert> = {}) => ({
  market,
  stands,
  p50: 3_300,
  usual: 250,
  cause: "unknown" as const,
  ...change,
});

test("A7.2 an alert is sent at once on the market's own subject, with what it was about", () => {
  const { alerts, sent } = publisher();
  alerts.note(alert("ALPHA", true, { cause: "page_faults" }));
  assert.is(sent.length, 1);
  assert.is(sent[0]?.subject, "alert.eu.latency.ALPHA");
  assert.equal(Object.fromEntries(Object.entries(sent[0]?.alert ?? {})), {
    region: "eu",
    cell: "a",
    market: "ALPHA",
    stands: true,
    raisedUnixMs: 1_700_000_000_000,
    p50Ns: 3_300,
    usualP50Ns: 250,
    cause: "page_faults",
  });
});

test("A7.2 the same state is sent once, then every ten seconds while it stands, and no timer stays", async () => {
  const { alerts, clock, taken, seconds } = publisher();
  alerts.note(alert("ALPHA", true, { cause: "disk" }));
  alerts.note(alert("ALPHA", true, { cause: "steal" }));
  assert.equal(taken(), ["ALPHA slow disk"]);
  await seconds(9);
  assert.equal(taken(), []);
  await seconds(1);
  assert.equal(taken(), ["ALPHA slow disk again"]);
  alerts.note(alert("ALPHA", false));
  alerts.note(alert("ALPHA", false));
  assert.equal(taken(), ["ALPHA over disk"]);
  await seconds(60);
  assert.equal(taken(), []);
  assert.is(clock.pending, 0);
  assert.equal([...alerts.counts()], [["ALPHA", { stands: false, raised: { disk: 1 } }]]);
});

test("A7.2 many alerts at once are sent at a bounded rate, each of them in the end", async () => {
  const { alerts, taken, seconds } = publisher();
  const markets = Array.from({ length: messagesPerSecond * 2 + 5 }, (_, index) => `M${index}`);
  for (const market of markets) alerts.note(alert(market, true));
  const first = taken();
  assert.is(first.length, messagesPerSecond);
  await seconds(1);
  const second = taken();
  assert.is(second.length, messagesPerSecond);
  await seconds(1);
  const all = [...first, ...second, ...taken()];
  assert.equal(all.sort(), markets.map((market) => `${market} slow unknown`).sort());
});

test("A7.2 while NATS is away only the last state of a market is kept, and sent when it is back", async () => {
  const { alerts, nats, taken, seconds } = publisher();
  nats.connected = false;
  alerts.note(alert("ALPHA", true));
  alerts.note(alert("BETA", true));
  for (let flap = 0; flap < 1_000; flap += 1) {
    alerts.note(alert("ALPHA", false));
    alerts.note(alert("ALPHA", true));
  }
  alerts.note(alert("BETA", false));
  await seconds(30);
  assert.equal(taken(), []);
  assert.is(alerts.superseded, 2_001);
  nats.connected = true;
  await seconds(1);
  assert.equal(taken(), ["ALPHA slow unknown", "BETA over unknown"]);
});

test("A7.2 after the stop nothing is sent by itself", async () => {
  const { alerts, clock, taken, seconds } = publisher();
  alerts.note(alert("ALPHA", true));
  alerts.stop();
  taken();
  await seconds(60);
  assert.equal(taken(), []);
  assert.is(clock.pending, 0);
});

test.run();
