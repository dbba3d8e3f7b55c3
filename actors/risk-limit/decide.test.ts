import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../test/support/seed.ts";
import { quantityLots } from "../kernel/units.ts";
import {
  askedBy,
  commandOf,
  decide,
  evolve,
  initialState,
  type RiskLimitDecision,
  type RiskLimitState,
} from "./decide.ts";
import type { Limits, RiskLimitCommand, RiskLimitEvent } from "./messages.ts";

const test = suite("risk limit decisions");

const limits = (order: number, open: number): Limits => ({
  maximumOrderQuantity: quantityLots(order),
  maximumOpenQuantity: quantityLots(open),
});
const reserve = (commandId: string, quantity: number): RiskLimitCommand => ({
  type: "reserve",
  commandId,
  quantity: quantityLots(quantity),
});
const release = (commandId: string, quantity: number): RiskLimitCommand => ({
  type: "release",
  commandId,
  quantity: quantityLots(quantity),
});
const setLimits = (commandId: string, order: number, open: number): RiskLimitCommand => ({
  type: "set_limits",
  commandId,
  limits: limits(order, open),
  requestedBy: "operator",
});

function carryOut(
  state: RiskLimitState,
  command: RiskLimitCommand,
): readonly [RiskLimitState, RiskLimitDecision] {
  const decision = decide(state, command);
  return [decision.type === "happened" ? decision.events.reduce(evolve, state) : state, decision];
}
function carryOutEvents(
  state: RiskLimitState,
  command: RiskLimitCommand,
): readonly RiskLimitEvent[] {
  const decision = decide(state, command);
  return decision.type === "happened" ? decision.events : [];
}
function after(...commands: readonly RiskLimitCommand[]): RiskLimitState {
  let state = initialState(limits(10, 25));
  for (const command of commands) {
    const [next, decision] = carryOut(state, command);
    assert.is(decision.type, "happened", JSON.stringify(decision));
    state = next;
  }
  return state;
}
function refusal(decision: RiskLimitDecision): readonly [string, number, number] | null {
  if (decision.type !== "answered" || decision.reply.type !== "refused") return null;
  const { failure } = decision.reply;
  return [failure.code, failure.limit, failure.requested];
}

test("reservations add up and releases take away", () => {
  assert.is(after(reserve("a", 10), reserve("b", 5), release("c", 12)).reserved, 3);
});

test("an order above the order limit is refused with the limit and what was requested", () => {
  assert.equal(refusal(decide(after(), reserve("a", 11))), ["limit_exceeded", 10, 11]);
  assert.is(decide(after(), reserve("a", 10)).type, "happened");
});

test("reservations never exceed the open limit, and may reach it exactly", () => {
  const state = after(reserve("a", 10), reserve("b", 10));
  assert.equal(refusal(decide(state, reserve("c", 6))), ["limit_exceeded", 25, 6]);
  assert.is(decide(state, reserve("c", 5)).type, "happened");
});

test("more than is reserved cannot be released", () => {
  assert.equal(refusal(decide(after(reserve("a", 3)), release("b", 4))), ["not_reserved", 3, 4]);
});

test("a quantity of zero is refused", () => {
  assert.is(refusal(decide(after(), reserve("a", 0)))?.[0], "quantity_not_positive");
  assert.is(refusal(decide(after(), release("a", 0)))?.[0], "quantity_not_positive");
});

test("limits below what is reserved are taken, and hold from then on", () => {
  const state = after(reserve("a", 10), setLimits("b", 10, 4));
  assert.is(state.reserved, 10);
  assert.equal(refusal(decide(state, reserve("c", 1))), ["limit_exceeded", 4, 1]);
  assert.is(
    decide(after(reserve("a", 10), setLimits("b", 10, 4), release("c", 7)), reserve("d", 1)).type,
    "happened",
  );
});

test("a question is answered with what stands and brings no event", () => {
  const state = after(reserve("a", 4));
  assert.equal(decide(state, { type: "describe" }), {
    type: "answered",
    reply: {
      type: "done",
      outcome: { limits: limits(10, 25), reserved: quantityLots(4) },
      repeated: false,
    },
  });
});

test("what a command asked for is found again in its event, and differs from other commands", () => {
  const commands = [reserve("a", 4), reserve("a", 5), release("a", 4), setLimits("a", 4, 4)];
  for (const command of commands) {
    const [event] = carryOutEvents(after(reserve("z", 5)), command);
    assert.is(askedBy(commandOf(event as RiskLimitEvent)), askedBy(command));
  }
  assert.is(new Set(commands.map(askedBy)).size, commands.length);
});

test("a refused command may succeed later under the same id", () => {
  const full = after(reserve("a", 10), reserve("b", 10));
  assert.is(refusal(decide(full, reserve("c", 10)))?.[0], "limit_exceeded");
  const [freed] = carryOut(full, release("d", 10));
  assert.is(decide(freed, reserve("c", 10)).type, "happened");
});

test("for any commands: the state is the fold of its events and within its limits", () => {
  const start = seed(20_261_122);
  const command = fc.oneof(
    fc.tuple(fc.constantFrom(reserve, release), fc.nat(60), fc.nat(12)),
    fc.tuple(
      fc.constant((id: string, size: number) => setLimits(id, size, size * 3)),
      fc.nat(60),
      fc.nat(12),
    ),
  );
  const property = fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
    let state = initialState(limits(10, 25));
    const events: RiskLimitEvent[] = [];
    let reserved = 0;
    for (const [make, id, size] of commands) {
      const asked = make(`id${id}`, size);
      const decision = decide(state, asked);
      if (decision.type !== "happened") continue;
      const before = state;
      state = decision.events.reduce(evolve, state);
      events.push(...decision.events);
      if (asked.type === "reserve") reserved += asked.quantity;
      if (asked.type === "release") reserved -= asked.quantity;
      if (asked.type === "reserve") {
        assert.ok(state.reserved <= before.limits.maximumOpenQuantity);
        assert.ok(asked.quantity <= before.limits.maximumOrderQuantity);
      }
      assert.is(state.reserved, reserved);
      assert.ok(reserved >= 0);
    }
    assert.equal(events.reduce(evolve, initialState(limits(10, 25))), state);
    assert.equal(JSON.parse(JSON.stringify(state)), state, "the state is plain JSON");
  });
  try {
    fc.assert(property, { seed: start, numRuns: 500 });
  } catch (error) {
    console.log(`SEED=${start}  replay: MERIDIAN_SEED=${start} node ${import.meta.filename}`);
    throw error;
  }
});

test.run();
