import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createActor } from "xstate";

import { regionMachine, servingOf } from "./machine.ts";

const test = suite("region machine");

type Event = Parameters<ReturnType<typeof createActor<typeof regionMachine>>["send"]>[0]["type"];

function after(...events: readonly Event[]): string {
  const machine = createActor(regionMachine).start();
  for (const type of events) machine.send({ type });
  return machine.getSnapshot().value;
}

test("requests are served only with the lease and with all markets started", () => {
  const serving = (...events: readonly Event[]): string => servingOf(after(...events));
  assert.is(serving(), "starting");
  assert.is(serving("loaded"), "starting", "markets mean nothing without the lease");
  assert.is(serving("lease"), "starting");
  assert.is(serving("lease", "loaded"), "yes");
});

test("a drain is for good, from whatever state", () => {
  for (const before of [[], ["lease"], ["lease", "loaded"]] as const) {
    assert.is(after(...before, "drain", "lease", "loaded"), "draining");
    assert.is(servingOf(after(...before, "drain")), "draining");
  }
  assert.is(servingOf(after("lease", "loaded", "stop")), "draining");
});

test.run();
