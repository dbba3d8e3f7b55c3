import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createActor } from "xstate";

import { quantityLots } from "../kernel/units.ts";
import { riskLimitMachine } from "./machine.ts";

const test = suite("risk limit machine");

const limits = { maximumOrderQuantity: quantityLots(10), maximumOpenQuantity: quantityLots(25) };
const reserved = (commandId: string, quantity: number) =>
  ({ type: "reserved", commandId, quantity: quantityLots(quantity) }) as const;

test("it restores event by event, becomes active, and reads again when the log is uncertain", () => {
  const machine = createActor(riskLimitMachine, { input: { limits } }).start();
  const stands = (): unknown[] => {
    const { value, context } = machine.getSnapshot();
    return [value, context.account.reserved, context.sequence];
  };
  assert.equal(stands(), ["restoring", 0, 0]);
  machine.send({ type: "recorded", events: [reserved("a", 1), reserved("b", 2)], sequence: 2 });
  assert.equal(stands(), ["restoring", 3, 2]);
  machine.send({ type: "caught_up" });
  machine.send({ type: "recorded", events: [reserved("c", 4)], sequence: 3 });
  assert.equal(stands(), ["active", 7, 3]);
  machine.send({ type: "log_uncertain" });
  assert.equal(stands(), ["restoring", 7, 3]);
});

test("its context is plain JSON, so that a snapshot can be stored", () => {
  const machine = createActor(riskLimitMachine, { input: { limits } }).start();
  machine.send({ type: "recorded", events: [reserved("a", 1)], sequence: 1 });
  const { context } = machine.getSnapshot();
  assert.equal(JSON.parse(JSON.stringify(context)), context);
});

test.run();
