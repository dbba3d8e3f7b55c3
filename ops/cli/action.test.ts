import { suite } from "uvu";
import * as assert from "uvu/assert";

import { refusals } from "../../schemas/refusals.ts";
import { describeFailure, describeFault, exitCodeOf } from "./action.ts";

const test = suite("how a command ends");

test("a decision of the exchange exits 3, wrong usage 2, a failure on the way 1", () => {
  const codeOf = (code: string): number => exitCodeOf({ code, reason: "", next: "" });
  const undecided = ["timeout", "unavailable", "internal"];
  for (const code of undecided) assert.is(codeOf(code), 1, code);
  for (const code of Object.keys(refusals).filter((one) => !undecided.includes(one))) {
    assert.is(codeOf(code), 3, code);
  }
  assert.is(codeOf("usage"), 2);
  assert.is(codeOf("user_unknown"), 2);
  assert.is(codeOf("cluster_missing"), 1);
});

test("a failure says what, why and what to do next", () => {
  const failure = { code: "busy", reason: "a queue is full", next: "wait" };
  assert.is(describeFailure(failure), "meridian: busy: a queue is full\n  next: wait\n");
  assert.is(describeFailure({ ...failure, next: "" }), "meridian: busy: a queue is full\n");
});

test("a fault shows its stack only to who asks for it", () => {
  const fault = new Error("broken");
  assert.not.match(describeFault(fault, false), /\n\s+at /);
  assert.match(describeFault(fault, false), /--debug/);
  assert.match(describeFault(fault, true), /\n\s+at /);
  assert.match(describeFault("text", false), /text/);
});

test.run();
