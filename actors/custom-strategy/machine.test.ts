import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createActor } from "xstate";

import { customStrategyMachine } from "./machine.ts";

const test = suite("custom strategy lifecycle");

test("a log that has to be read again leads back to where the custom strategy stood", () => {
  const actor = createActor(customStrategyMachine).start();
  const state = (): string => JSON.stringify(actor.getSnapshot().value);
  actor.send({ type: "caught_up" });
  assert.is(state(), '{"active":"looking"}');
  actor.send({ type: "work" });
  actor.send({ type: "log_uncertain" });
  assert.is(state(), '"restoring"');
  actor.send({ type: "caught_up" });
  assert.is(state(), '{"active":"working"}');
});

test("a fenced custom strategy does nothing more", () => {
  const actor = createActor(customStrategyMachine).start();
  actor.send({ type: "caught_up" });
  actor.send({ type: "fenced" });
  for (const type of ["work", "look", "end", "wind_down"] as const) actor.send({ type });
  assert.is(actor.getSnapshot().value, "fenced");
});

test.run();
