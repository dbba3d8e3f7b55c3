import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../test/support/seed.ts";
import { quantityLots, timestampNs } from "../kernel/units.ts";
import {
  askedBy,
  decide as decideAt,
  evolve,
  initialState,
  type RiskLimitDecision,
  type RiskLimitState,
} from "./decide.ts";
import { noLimits } from "./limits.ts";
import type { Limits, RiskLimitCommand, RiskLimitEvent, RiskLimitMessage } from "./messages.ts";

const test = suite("risk limit decisions");

const now = timestampNs(1_800_000_000_000_000_000n);
const decide = (state: RiskLimitState, message: RiskLimitMessage): RiskLimitDecision =>
  decideAt(state, message, now);
const limits = (order: number, open: number): Limits => ({
  ...noLimits,
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
const define = (
  commandId: string,
  scope: "desk" | "account" | "strategy",
  parent: string,
  account: number,
): RiskLimitCommand => ({
  type: "define",
  commandId,
  scope,
  parent,
  account,
  tradedOnly: false,
  requestedBy: "operator",
});
const approve = (commandId: string, proposal: string, approvedBy: string): RiskLimitCommand => ({
  type: "approve",
  commandId,
  proposal,
  approvedBy,
});
const stop = (commandId: string): RiskLimitCommand => ({
  type: "stop",
  commandId,
  reason: "by hand",
  requestedBy: "operator",
});
const report = (
  commandId: string,
  from: string,
  profit: number,
  position: number,
  accounts: readonly number[],
): RiskLimitCommand => ({ type: "report", commandId, from, profit, position, accounts });
function eventsOf(state: RiskLimitState, command: RiskLimitCommand): readonly RiskLimitEvent[] {
  const decision = decide(state, command);
  return decision.type === "happened" ? decision.events : [];
}
function after(...commands: readonly RiskLimitCommand[]): RiskLimitState {
  let state = initialState(limits(10, 25));
  for (const command of commands) {
    const [next, decision] = carryOut(state, command);
    assert.is(decision.type, "happened", refusal(decision)?.join(" "));
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
      outcome: {
        limits: limits(10, 25),
        reserved: quantityLots(4),
        scope: null,
        parent: "",
        account: 0,
        proposal: "",
        stopped: "",
        profit: 0,
        position: 0,
        undone: false,
        held: quantityLots(0),
        revision: 0,
        markets: [],
      },
      repeated: false,
    },
  });
});

test("commands that ask for different things are told apart, whoever sends them", () => {
  const commands: readonly RiskLimitCommand[] = [
    reserve("a", 4),
    reserve("a", 5),
    release("a", 4),
    setLimits("a", 4, 4),
    { ...setLimits("a", 4, 4), limits: { ...limits(4, 4), collar: 7 } } as RiskLimitCommand,
    define("a", "desk", "", 0),
    define("a", "account", "desk-1", 7),
    approve("a", "b", "approver"),
    stop("a"),
    { type: "resume", commandId: "a", requestedBy: "operator" },
    { type: "undo", commandId: "a", reservation: "b", quantity: quantityLots(4) },
    report("a", "m1", -5, 4, [7]),
  ];
  assert.is(new Set(commands.map(askedBy)).size, commands.length);
  for (const command of commands)
    assert.is(askedBy({ ...command, commandId: "z" }), askedBy(command));
});

test("a refused command may succeed later under the same id", () => {
  const full = after(reserve("a", 10), reserve("b", 10));
  assert.is(refusal(decide(full, reserve("c", 10)))?.[0], "limit_exceeded");
  const [freed] = carryOut(full, release("d", 10));
  assert.is(decide(freed, reserve("c", 10)).type, "happened");
});

test("B5.3 tighter limits hold at once, looser ones when somebody else has approved them", () => {
  const raised = after(setLimits("up", 10, 26));
  assert.is(raised.limits.maximumOpenQuantity, 25);
  assert.is(raised.proposal?.id, "up");
  assert.is(refusal(decide(raised, approve("x", "up", "operator")))?.[0], "not_permitted");
  assert.is(refusal(decide(raised, approve("x", "other", "approver")))?.[0], "not_found");
  const [approved] = carryOut(raised, approve("x", "up", "approver"));
  assert.is(approved.limits.maximumOpenQuantity, 26);
  assert.is(refusal(decide(approved, approve("y", "up", "approver")))?.[0], "not_found");
  assert.is(after(setLimits("down", 9, 25)).limits.maximumOrderQuantity, 9);
});

test("B5.3 each limit that is taken away or widened needs approval, and each that is narrowed does not", () => {
  const held: Limits = {
    ...limits(10, 25),
    maximumPosition: 50,
    maximumNotional: 1_000,
    collar: 5,
    maximumOpenOrders: 8,
    messageCount: 100,
    messageWindowMs: 1_000,
    executionCount: 40,
    executionWindowMs: 2_000,
    maximumLoss: 900,
  };
  const proposes = (changed: Partial<Limits>): boolean => {
    const command = { ...setLimits("s", 0, 0), limits: { ...held, ...changed } } as const;
    const [event] = eventsOf(initialState(held), command);
    return event?.type === "limits_proposed";
  };
  assert.not.ok(proposes({}));
  for (const name of Object.keys(held) as (keyof Limits)[]) {
    const window = name.endsWith("WindowMs");
    const wider = { [name]: window ? held[name] - 1 : held[name] + 1 };
    const narrower = { [name]: window ? held[name] + 1 : held[name] - 1 };
    assert.ok(proposes(wider), `${name} wider`);
    assert.not.ok(proposes(narrower), `${name} narrower`);
    const allowsNothing = name === "maximumOrderQuantity" || name === "maximumOpenQuantity";
    if (!window && !allowsNothing) assert.ok(proposes({ [name]: 0 }), `${name} taken away`);
  }
});

test("B5.3 a proposal that nobody approves lapses, by a timer that the journal keeps", () => {
  const decision = decide(initialState(limits(10, 25)), setLimits("up", 11, 25));
  if (decision.type !== "happened") throw new Error("it is proposed");
  assert.equal(decision.timers, [{ set: "proposal", due: now + 86_400_000_000_000n }]);
  const proposed = decision.events.reduce(evolve, initialState(limits(10, 25)));
  const [lapsed] = carryOut(proposed, { type: "proposal_due" } as never);
  assert.is(lapsed.proposal, null);
  assert.is(lapsed.limits.maximumOrderQuantity, 10);
});

test("B5.3 one person stops, two resume, and stopped means that nothing is reserved", () => {
  const stopped = after(reserve("a", 5), stop("s"));
  assert.is(refusal(decide(stopped, reserve("b", 1)))?.[0], "account_killed");
  assert.is(decide(stopped, release("c", 5)).type, "happened");
  const [asked] = carryOut(stopped, { type: "resume", commandId: "r", requestedBy: "operator" });
  assert.is(asked.stopped, "by hand");
  assert.is(refusal(decide(asked, approve("x", "r", "operator")))?.[0], "not_permitted");
  const [resumed] = carryOut(asked, approve("x", "r", "approver"));
  assert.is(decide(resumed, reserve("b", 1)).type, "happened");
});

test("B5.3 the report that takes a subtree beyond its loss or position stops it in the same step", () => {
  const held = { ...limits(10, 25), maximumLoss: 100, maximumPosition: 30 };
  const start = [report("a", "m1", -60, 10, [7]), report("b", "m2", -40, 20, [8])];
  const within = start.reduce((state, each) => carryOut(state, each)[0], initialState(held));
  assert.is(within.stopped, "");
  const loss = eventsOf(within, report("c", "m2", -41, 20, [8]));
  assert.equal(
    loss.map(({ type }) => type),
    ["reported", "breached"],
  );
  const [stopped] = carryOut(within, report("c", "m2", -41, 20, [8]));
  assert.is(stopped.stopped, "maximum_loss: 101 reached, 100 allowed");
  const [long] = carryOut(within, report("c", "m1", 0, 11, [7]));
  assert.is(long.stopped, "maximum_position: 31 reached, 30 allowed");
  assert.equal(
    eventsOf(stopped, report("d", "m1", -200, 10, [7])).map(({ type }) => type),
    ["reported"],
    "what is stopped is not stopped again",
  );
});

test("a definition holds for good, and says so to who defines it otherwise", () => {
  const state = after(define("d", "account", "desk-1", 7));
  assert.equal([state.scope, state.parent, state.account], ["account", "desk-1", 7]);
  assert.is(decide(state, define("e", "account", "desk-1", 7)).type, "answered");
  assert.is(refusal(decide(state, define("e", "account", "desk-1", 7))), null);
  assert.is(refusal(decide(state, define("f", "account", "desk-2", 7)))?.[0], "already_defined");
});

test("as many members report as one name takes, and one more is refused", () => {
  let state = initialState(limits(10, 25));
  for (let index = 0; index < 1_024; index += 1) {
    [state] = carryOut(state, report(`r${index}`, `m${index}`, 0, 0, []));
  }
  assert.equal(refusal(decide(state, report("x", "m1024", 0, 0, []))), [
    "limit_exceeded",
    1_024,
    1_025,
  ]);
  assert.is(decide(state, report("y", "m7", 1, 1, [])).type, "happened");
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

const hold = (number: number, quantity: number, largest = 0, epoch = 1): RiskLimitCommand => ({
  type: "hold",
  commandId: `h${epoch}-${number}-${quantity}-${largest}`,
  from: "maker",
  epoch,
  number,
  quantity: quantityLots(quantity),
  largest: quantityLots(largest),
  markets: ["BTC-EUR"],
});
const holdingOf = (state: RiskLimitState): number => state.holds["maker"]?.quantity ?? 0;

test("B5.3 what a member holds is absolute: the last counts, and one that comes late changes nothing", () => {
  const state = after(hold(1, 8, 8), hold(3, 5));
  assert.is(holdingOf(state), 5);
  const late = decide(state, hold(2, 20, 10));
  assert.is(late.type, "answered");
  assert.is(refusal(late), null);
  assert.is(decide(state, hold(3, 5)).type, "answered", "nothing is kept for what stands already");
  assert.is(holdingOf(after(hold(1, 8, 8), hold(3, 5), hold(1, 2, 0, 2))), 2);
  assert.is(refusal(decide(after(hold(1, 2, 0, 2)), hold(9, 1)))?.[0], "not_permitted");
});

test("B5.3 reservations and what is held share one limit; giving back is always taken", () => {
  const state = after(reserve("a", 10), hold(1, 10, 10));
  assert.equal(refusal(decide(state, hold(2, 16, 6))), ["limit_exceeded", 25, 6]);
  assert.equal(refusal(decide(state, reserve("b", 6))), ["limit_exceeded", 25, 6]);
  assert.equal(refusal(decide(state, hold(2, 14, 11))), ["limit_exceeded", 10, 11]);
  const stopped = after(
    reserve("a", 10),
    hold(1, 10, 10),
    { type: "stop", commandId: "s", reason: "enough", requestedBy: "operator" },
    hold(2, 4),
  );
  assert.is(holdingOf(stopped), 4);
  assert.is(refusal(decide(stopped, hold(2, 4, 1)))?.[0], "account_killed");
  assert.is(refusal(decide(stopped, hold(3, 5)))?.[0], "account_killed");
});

test("B5.3 no order follows one that is beyond a limit made tighter, until enough is given back", () => {
  const state = after(hold(1, 10, 10), setLimits("b", 10, 4));
  assert.equal(refusal(decide(state, hold(1, 10, 5))), ["limit_exceeded", 4, 0]);
  assert.is(refusal(decide(state, hold(2, 4, 1))), null);
});

test("B8.7 whether limits would hold at once or need a second person can be asked, and nothing is changed by it", () => {
  const held = { ...noLimits, maximumOrderQuantity: quantityLots(10), maximumPosition: 100 };
  const state = initialState(held);
  const needs = (wanted: typeof held): boolean => {
    const decision = decide(state, { type: "describe", wanted });
    if (decision.type !== "answered" || decision.reply.type !== "done")
      throw new Error("a question");
    assert.equal(decision.reply.outcome.limits, held);
    return decision.reply.outcome.approvalNeeded ?? false;
  };
  assert.not(needs(held));
  assert.not(needs({ ...held, maximumPosition: 50 }));
  assert.ok(needs({ ...held, maximumPosition: 101 }));
  assert.ok(needs({ ...held, maximumPosition: 0 }), "0 does not limit");
});

test.run();
