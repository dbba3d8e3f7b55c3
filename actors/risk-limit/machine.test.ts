import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createActor } from "xstate";

import { riskLimitMachine } from "./machine.ts";

const test = suite("risk limit machine");

test("it restores, becomes active, and reads again when the log is uncertain", () => {
  const machine = createActor(riskLimitMachine).start();
  const states = [machine.getSnapshot().value];
  for (const type of ["caught_up", "log_uncertain", "caught_up"] as const) {
    machine.send({ type });
    states.push(machine.getSnapshot().value);
  }
  assert.equal(states, ["restoring", "active", "restoring", "active"]);
});

test("once fenced it stays so, whatever it reads", () => {
  for (const before of [[], ["caught_up"]] as const) {
    const machine = createActor(riskLimitMachine).start();
    for (const type of [...before, "fenced", "caught_up", "log_uncertain"] as const) {
      machine.send({ type });
    }
    assert.is(machine.getSnapshot().value, "fenced");
  }
});

test.run();
