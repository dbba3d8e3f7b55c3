import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createActor } from "xstate";

import { marketMachine, type MarketEvent } from "./machine.ts";

const test = suite("market lifecycle");

function walk(...events: readonly MarketEvent[]): {
  readonly state: unknown;
  readonly detail: string;
} {
  const actor = createActor(marketMachine).start();
  for (const event of events) actor.send(event);
  const { value, context } = actor.getSnapshot();
  return { state: value, detail: context.detail };
}

const recovering: MarketEvent = { type: "RECOVERING", detail: "reading" };
const fencing: MarketEvent = { type: "FENCING", detail: "claiming" };
const ready: MarketEvent = { type: "READY", state: "open" };

test("a market opens after recovery and fencing, and then needs no explanation", () => {
  assert.equal(walk(recovering), { state: "recovering", detail: "reading" });
  assert.equal(walk(recovering, fencing), { state: "fencing", detail: "claiming" });
  assert.equal(walk(recovering, fencing, ready), { state: "open", detail: "" });
});

test("a market whose journal says halted does not open", () => {
  const halted = walk(recovering, fencing, { type: "READY", state: "halted" });
  assert.equal(halted, { state: "halted", detail: "halted by an operator" });
});

test("nothing opens a market that was not fenced", () => {
  assert.is(walk(ready).state, "starting");
  assert.is(walk(recovering, ready).state, "recovering");
});

test("a moved journal sends fencing back to recovery", () => {
  assert.is(walk(recovering, fencing, recovering).state, "recovering");
});

test("a failed market keeps its reason and opens no more", () => {
  const failed: MarketEvent = { type: "FAILED", detail: "divergence" };
  const after = walk(recovering, failed, ready, { type: "RESUMED" });
  assert.equal(after, { state: "failed", detail: "divergence" });
});

test("halt and resume alternate, and stopping is for good", () => {
  const open = [recovering, fencing, ready];
  assert.is(walk(...open, { type: "HALTED" }).state, "halted");
  assert.is(walk(...open, { type: "HALTED" }, { type: "RESUMED" }).state, "open");
  assert.is(walk(...open, { type: "STOP" }, { type: "RESUMED" }).state, "stopping");
});

test.run();
