import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createActor } from "xstate";

import { strategyMachine } from "./machine.ts";

const test = suite("strategy machine");

type Event = Parameters<ReturnType<typeof createActor<typeof strategyMachine>>["send"]>[0]["type"];

function after(...events: readonly Event[]): unknown {
  const machine = createActor(strategyMachine).start();
  for (const type of events) machine.send({ type });
  return machine.getSnapshot().value;
}

test("it starts paused, looks at the book, runs, and backs off while the market says not now", () => {
  assert.is(after(), "paused");
  assert.is(after("resume"), "looking");
  assert.is(after("resume", "book"), "running");
  assert.is(after("resume", "book", "not_now"), "backing_off");
  assert.is(after("resume", "book", "not_now", "again"), "running");
});

test("a pause holds from any state until it is resumed", () => {
  for (const before of [
    [],
    ["resume"],
    ["resume", "book"],
    ["resume", "book", "not_now"],
  ] as const) {
    assert.is(after(...before, "pause"), "paused");
    assert.is(after(...before, "pause", "again", "book", "not_now"), "paused");
    assert.is(after(...before, "pause", "resume"), "looking");
  }
});

test.run();
