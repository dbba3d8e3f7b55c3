import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createActor } from "xstate";

import { incidentMachine, pathBetween } from "./machine.ts";
import { statuses } from "./messages.ts";

const test = suite("incident lifecycle");

test("B8.1 an incident is detected, escalated, acknowledged, mitigated, resolved and reviewed", () => {
  const actor = createActor(incidentMachine).start();
  actor.send({ type: "caught_up" });
  const seen: unknown[] = [];
  for (const type of [
    "detected",
    "escalated",
    "acknowledged",
    "mitigated",
    "resolved",
    "reviewed",
    "detected",
  ] as const) {
    actor.send({ type });
    seen.push((actor.getSnapshot().value as { readonly active: string }).active);
  }
  assert.equal(seen, [
    "detected",
    "escalated",
    "acknowledged",
    "mitigated",
    "resolved",
    "reviewed",
    "detected",
  ]);
});

test("every status is reached from the first, by happenings that the machine takes", () => {
  for (const status of statuses) {
    const actor = createActor(incidentMachine).start();
    actor.send({ type: "caught_up" });
    for (const type of pathBetween("quiet", status)) actor.send({ type });
    assert.equal(actor.getSnapshot().value, { active: status });
  }
});

test.run();
