import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { ActorRef, ActorSystem } from "../kernel/actor.ts";
import { actorSystem } from "../kernel/actor-system.ts";
import { supervisorSpec } from "../kernel/child-spec.ts";
import { deadLetterStore } from "../kernel/dead-letters.ts";
import { type ManualClock, manualClock } from "../kernel/manual-clock.ts";
import { memoryEventLog } from "../kernel/memory-event-log.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { EventLog } from "../kernel/ports/event-log.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse } from "../kernel/result.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { durationNs } from "../kernel/units.ts";
import { incidentActor } from "./actor.ts";
import { finding } from "./findings.ts";
import type { IncidentMessage, IncidentReply } from "./messages.ts";

const test = suite("incident actor");

const second = durationNs(1_000_000_000);
const minute = durationNs(60_000_000_000);

interface World {
  readonly clock: ManualClock;
  readonly system: ActorSystem;
  readonly told: string[];
  ask(message: IncidentMessage): Promise<IncidentReply>;
}

/** A pager that refuses its first `refusals` pages. */
async function world(events: EventLog, clock = manualClock(), refusals = 0): Promise<World> {
  const log: Log = { info() {}, warn() {}, error() {}, child: () => log };
  const told: string[] = [];
  let refused = 0;
  const definition = incidentActor({
    events,
    patience: { 1: 60_000, 2: 60_000, 3: 0 },
    bus: { publish: (subject: string) => void told.push(subject) } as unknown as Bus,
    pager: {
      page: (_view, level) => {
        refused += 1;
        if (refused <= refusals) return Promise.resolve(refuse("unavailable", "said 500"));
        told.push(`webhook L${level}`);
        return Promise.resolve(ok("said 202"));
      },
    },
  });
  const system = actorSystem({
    definitions: [definition],
    clock,
    log,
    randomness: seededRandomness(1),
    deadLetters: deadLetterStore(clock),
  });
  const start = { region: "eu", id: "x", incarnation: 1 };
  const started = await system.start(
    supervisorSpec("incidents", [
      { id: "x", type: "incident", start, restart: "permanent", shutdown: second },
    ]),
  );
  assert.ok(started.ok);
  await clock.settle();
  const found = system.find(definition, "/incidents/x");
  if (!found.ok) throw new Error(found.failure.reason);
  const actor: ActorRef<IncidentMessage, IncidentReply> = found.value;
  return {
    clock,
    system,
    told,
    async ask(message) {
      const asked = actor.ask(message, minute);
      await clock.settle();
      const reply = await asked;
      assert.ok(reply.ok, reply.ok ? "" : reply.failure.reason);
      await clock.settle();
      return reply.value;
    },
  };
}

const raise: IncidentMessage = {
  type: "raise",
  commandId: "r1",
  finding: finding("cell_down", { affected: "eu", subject: "c1", title: "t", source: "us/c2" }),
};
const pagesOf = ({ told }: World): readonly string[] =>
  told.filter((one) => one.startsWith("page.") || one.startsWith("webhook"));
const typesOf = async (at: World): Promise<readonly string[]> =>
  (await at.ask({ type: "describe" })).incident.timeline.map(({ type }) => type);

test("B1.5 B8.1 an unacknowledged page escalates after a minute of the virtual clock, to L2 and to L3", async () => {
  const at = await world(memoryEventLog());
  await at.ask(raise);
  assert.equal(pagesOf(at), ["page.eu.L1", "webhook L1"]);
  await at.clock.advance(durationNs(59_900_000_000));
  assert.is(pagesOf(at).length, 2, "not a moment before");
  await at.clock.advance(durationNs(200_000_000));
  assert.equal(pagesOf(at).slice(2), ["page.eu.L2", "webhook L2"]);
  await at.clock.advance(minute);
  assert.equal(pagesOf(at).slice(4), ["page.eu.L3", "webhook L3"]);
  await at.clock.advance(durationNs(10 * minute));
  assert.is(pagesOf(at).length, 6, "there is nobody above");
  const reply = await at.ask({ type: "describe" });
  assert.is(reply.incident.status, "escalated");
  await at.system.stop();
});

test("B1.5 an acknowledged page does not escalate, and the machine shows where it is", async () => {
  const at = await world(memoryEventLog());
  await at.ask(raise);
  await at.ask({ type: "acknowledge", commandId: "a", by: "ann", note: "" });
  await at.clock.advance(durationNs(10 * minute));
  assert.is(pagesOf(at).length, 2);
  assert.is(at.system.node("/incidents/x")?.stateNow, "active.acknowledged");
  await at.system.stop();
});

test("B1.5 a successor goes on with the timer of the one before: the page escalates when it was due", async () => {
  const events = memoryEventLog();
  const first = await world(events);
  await first.ask(raise);
  await first.clock.advance(durationNs(40 * second));
  await first.system.stop();
  const later = manualClock(first.clock.now());
  const after = await world(events, later);
  assert.is(after.system.node("/incidents/x")?.stateNow, "active.detected");
  assert.equal(pagesOf(after), [], "what was sent is not sent again");
  await later.advance(durationNs(19 * second));
  assert.equal(pagesOf(after), []);
  await later.advance(durationNs(2 * second));
  assert.equal(pagesOf(after), ["page.eu.L2", "webhook L2"]);
  await after.system.stop();
});

test("B1.5 a page that the webhook does not take is told on NATS, and the timeline says so", async () => {
  const at = await world(memoryEventLog(), manualClock(), 1);
  await at.ask(raise);
  assert.equal(pagesOf(at), ["page.eu.L1"]);
  assert.equal(await typesOf(at), ["detected", "paged", "page_failed"]);
  await at.clock.advance(minute);
  assert.ok(pagesOf(at).includes("webhook L2"), "the next level is tried anew");
  await at.system.stop();
});

test.run();
