import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createActor } from "xstate";

import { marketMakerMachine } from "./machine.ts";

const test = suite("market maker lifecycle");

test("a log that has to be read again leads back to where the market maker stood", () => {
  const actor = createActor(marketMakerMachine).start();
  const state = (): string => JSON.stringify(actor.getSnapshot().value);
  actor.send({ type: "caught_up" });
  assert.is(state(), '{"active":"looking"}');
  actor.send({ type: "work" });
  actor.send({ type: "log_uncertain" });
  assert.is(state(), '"restoring"');
  actor.send({ type: "caught_up" });
  assert.is(state(), '{"active":"working"}');
});

test("a fenced market maker does nothing more", () => {
  const actor = createActor(marketMakerMachine).start();
  actor.send({ type: "caught_up" });
  actor.send({ type: "fenced" });
  for (const type of ["work", "look", "end", "wind_down"] as const) actor.send({ type });
  assert.is(actor.getSnapshot().value, "fenced");
});

test.run();
