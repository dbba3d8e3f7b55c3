import { suite } from "uvu";
import * as assert from "uvu/assert";

import { timestampNs } from "../kernel/units.ts";
import { evolve, IncidentRules, type IncidentState, initialState, stepsKept } from "./decide.ts";
import { finding } from "./findings.ts";
import type { IncidentMessage } from "./messages.ts";

const test = suite("incident rules");

const rules = new IncidentRules({ id: "x", region: "eu-central" }, { 1: 60_000, 2: 30_000, 3: 0 });
const about = { affected: "eu-central", subject: "a", title: "t", source: "eu-central/c" };
const latched = finding("cell_down", about);
const passing = finding("market_slow", about);
const by = { commandId: "c", by: "ann", note: "" };
const ran = { commandId: "c", by: "ann", runbook: "RB-01", detail: "d", drill: false };

/** What comes of messages, a second apart. */
function after(...messages: readonly IncidentMessage[]): IncidentState {
  return messages.reduce((state, message, index) => {
    const now = timestampNs(BigInt(index + 1) * 1_000_000_000n);
    const decision = rules.decide(state, message, now);
    return decision.type === "happened" ? decision.events.reduce(evolve, state) : state;
  }, initialState);
}

const refusedIn = (state: IncidentState, message: IncidentMessage): string => {
  const decision = rules.decide(state, message, timestampNs(1n));
  return decision.type === "answered" && decision.reply.type === "refused"
    ? decision.reply.failure.code
    : "";
};

const raise = (found = latched): IncidentMessage => ({
  type: "raise",
  commandId: "r",
  finding: found,
});
const clear: IncidentMessage = { type: "clear", commandId: "c", source: "s", detail: "over" };

test("B1.5 the same finding again is the same occurrence, and nothing happens", () => {
  const once = after(raise());
  assert.equal(after(raise(), raise()), once);
  assert.is(once.occurrence, 1);
  assert.is(once.level, 1);
});

test("B1.5 a page that nobody acknowledges goes to the next level, and after the last to none", () => {
  const first = rules.decide(initialState, raise(), timestampNs(5_000_000_000n));
  assert.ok(first.type === "happened");
  assert.equal(first.timers, [{ set: "acknowledgement", due: timestampNs(65_000_000_000n) }]);
  const due: IncidentMessage = { type: "unacknowledged" };
  const third = after(raise(), due, due);
  assert.is(third.level, 3);
  assert.is(third.status, "escalated");
  assert.is(third.escalatesUnixMs, 0);
  assert.equal(after(raise(), due, due, due), third);
  assert.is(refusedIn(third, { type: "escalate", ...by }), "not_in_state");
});

test("B1.5 who acknowledges ends the escalation, and an acknowledged page does not escalate", () => {
  const acknowledged = after(raise(), { type: "acknowledge", ...by });
  assert.equal(
    after(raise(), { type: "acknowledge", ...by }, { type: "unacknowledged" }),
    acknowledged,
  );
  assert.is(acknowledged.acknowledgedBy, "ann");
  const decision = rules.decide(after(raise()), { type: "acknowledge", ...by }, timestampNs(1n));
  assert.ok(decision.type === "happened");
  assert.equal(decision.timers, [{ clear: "acknowledgement" }]);
});

test("B1.5 what is over by itself is resolved, except what a person has to look at", () => {
  assert.is(after(raise(passing), clear).status, "resolved");
  const dead = after(raise(), clear);
  assert.is(dead.status, "detected");
  assert.is(dead.stands, false);
  assert.is(after(raise(), clear, raise()).stands, true, "it stands again, in the same occurrence");
  assert.is(after(raise(), clear, raise()).occurrence, 1);
});

test("B1.5 running a runbook acknowledges, and mitigates only when it helped and was no drill", () => {
  const step: IncidentMessage = { type: "step", phase: "check", outcome: "failed", ...ran };
  assert.is(after(raise(), step).status, "acknowledged");
  const end = (outcome: string, drill: boolean): IncidentMessage => ({
    type: "mitigate",
    ...ran,
    outcome,
    drill,
  });
  assert.is(after(raise(), step, end("done", false)).status, "mitigated");
  assert.is(after(raise(), step, end("failed", false)).status, "acknowledged");
  assert.is(after(raise(), step, end("done", true)).status, "acknowledged");
});

test("B1.5 steps out of their order are refused, and say so", () => {
  assert.is(refusedIn(initialState, { type: "acknowledge", ...by }), "not_in_state");
  assert.is(refusedIn(after(raise()), { type: "review", ...by }), "not_in_state");
  const closed = after(raise(), { type: "resolve", ...by }, { type: "review", ...by });
  assert.is(closed.status, "reviewed");
  for (const type of ["acknowledge", "escalate", "resolve", "review"] as const) {
    assert.is(refusedIn(closed, { type, ...by }), "not_in_state", type);
  }
});

test("B1.5 after it was resolved the same finding is the next occurrence, with an empty timeline", () => {
  const next = after(raise(), { type: "resolve", ...by }, raise());
  assert.is(next.occurrence, 2);
  assert.equal(
    next.timeline.map(({ type }) => type),
    ["detected", "paged"],
  );
  assert.equal(
    next.former.map(({ occurrence, endedBy, status }) => [occurrence, endedBy, status]),
    [[1, "ann", "resolved"]],
  );
});

test("a ticket pages nobody, until somebody escalates it", () => {
  const ticket = after(raise(finding("dead_letters", about)));
  assert.is(ticket.level, 0);
  assert.is(ticket.unsent, null);
  const escalated = after(raise(finding("dead_letters", about)), { type: "escalate", ...by });
  assert.is(escalated.level, 1);
});

test("a timeline is bounded: how it began and the last steps are kept, the rest is counted", () => {
  const step: IncidentMessage = { type: "step", phase: "do", outcome: "done", ...ran };
  const long = after(raise(), ...Array.from({ length: 200 }, () => step));
  assert.is(long.timeline.length, stepsKept);
  assert.is(long.timeline[0]?.type, "detected");
  assert.is(long.stepsDropped, 200 + 3 - stepsKept);
});

test.run();
