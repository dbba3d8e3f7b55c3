import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Bus, BusRequest } from "../kernel/ports/bus.ts";
import { durationNs } from "../kernel/units.ts";
import { countedAnswer, countedBus, ServiceCounts } from "./service-counts.ts";

const test = suite("counts of a cell's services");

/** A bus that keeps what is served on it, and a clock that is set by hand. */
function world() {
  let now = 0;
  const handlers = new Map<string, (request: BusRequest) => void>();
  const bus = {
    serve(subject: string, handler: (request: BusRequest) => void) {
      handlers.set(subject, handler);
      return { unsubscribe() {} };
    },
  } as unknown as Bus;
  const counts = new ServiceCounts({ monotonic: () => durationNs(now) });
  const ask = (pattern: string, subject: string): void =>
    handlers.get(pattern)?.({
      subject,
      payload: new Uint8Array(),
      user: "operator",
      respond() {},
    });
  return { bus: countedBus(bus, counts), counts, ask, pass: (ns: number) => (now += ns) };
}

const requestsOf = (counts: ServiceCounts, service: string): Readonly<Record<string, number>> => {
  const found = counts.read().find((one) => one.service === service)?.requests ?? new Map();
  return Object.fromEntries([...found].filter(([, count]) => count > 0));
};
const answersOf = (counts: ServiceCounts, service: string): number =>
  (counts.read().find((one) => one.service === service)?.answers.counts ?? []).reduce(
    (sum, count) => sum + count,
    0,
  );

test("B1.4 requests are counted by service and verb, and answers by how long they took", () => {
  const { bus, counts, ask, pass } = world();
  bus.serve("ops.home.>", (request) => {
    pass(3_000_000);
    request.respond(new Uint8Array());
  });
  bus.serve("act.home.risk-limit.>", () => {});
  ask("ops.home.>", "ops.home.status");
  ask("ops.home.>", "ops.home.status");
  ask("act.home.risk-limit.>", "act.home.risk-limit.desk.reserve");
  assert.equal(requestsOf(counts, "operations"), { status: 2 });
  assert.equal(requestsOf(counts, "risk_limit"), { reserve: 1 });
  assert.is(answersOf(counts, "operations"), 2);
  assert.is(answersOf(counts, "risk_limit"), 0, "it was not answered");
  const { answers } = counts.read().find(({ service }) => service === "operations") ?? {};
  assert.is(answers?.sumNs, 6_000_000);
});

test("B1.4 what senders choose becomes no label", () => {
  const { bus, counts, ask } = world();
  bus.serve("act.home.>", () => {});
  for (let index = 0; index < 1_000; index += 1) {
    ask("act.home.>", `act.home.risk-limit.desk.verb-${index}`);
    ask("act.home.>", `act.home.type-${index}.x.stop`);
  }
  assert.equal(requestsOf(counts, "risk_limit"), { other: 1_000 });
  assert.equal(requestsOf(counts, "actor"), { stop: 1_000 });
});

test("B1.4 orders pass without being looked at", () => {
  const { bus, counts, ask } = world();
  let passed = false;
  bus.serve("cmd.home.*.*", (request) => {
    passed = true;
    request.respond(new Uint8Array());
  });
  ask("cmd.home.*.*", "cmd.home.ACME.submit");
  assert.ok(passed);
  for (const { answers } of counts.read()) assert.ok(answers.counts.every((count) => count === 0));
});

test("B1.4 services that are not served by the bus are counted as well", async () => {
  const { counts, pass } = world();
  const answer = countedAnswer(
    "ctl.home.spawn",
    async () => {
      pass(1_000);
      return await Promise.resolve("done");
    },
    counts,
  );
  assert.is(await answer(new Uint8Array(), "operator"), "done");
  assert.equal(requestsOf(counts, "control"), { spawn: 1 });
  assert.is(answersOf(counts, "control"), 1);
});

test.run();
