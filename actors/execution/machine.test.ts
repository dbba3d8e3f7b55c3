import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createActor } from "xstate";

import { executionMachine } from "./machine.ts";

const test = suite("execution lifecycle");

test("an execution looks, works, rests, winds down and ends", () => {
  const actor = createActor(executionMachine).start();
  actor.send({ type: "caught_up" });
  const seen: unknown[] = [];
  for (const type of ["work", "back_off", "rest", "look", "wind_down", "end"] as const) {
    actor.send({ type });
    seen.push((actor.getSnapshot().value as { readonly active: string }).active);
  }
  assert.equal(seen, ["working", "backing_off", "paused", "looking", "stopping", "ended"]);
});

test.run();
