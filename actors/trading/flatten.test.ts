import { suite } from "uvu";
import * as assert from "uvu/assert";

import { timestampNs } from "../kernel/units.ts";
import { decideTrader, evolveTrader, initialTrader, type Planner } from "./decide.ts";
import type { Settlement } from "./ledger.ts";
import { emptyView } from "./market-view.ts";
import type { TraderMessage, TraderState } from "./messages.ts";

const test = suite("flattening");

const instrument = { lot: 10, maximumQuantity: 500 };
const view = { ...emptyView, bid: 99, ask: 101, sequence: 1 };
const quoting: Planner<null> = () => ({
  orders: [{ kind: "place", side: "buy", price: 98, quantity: 10, timeInForce: "day" }],
  memo: null,
});

type State = TraderState<null>;

function after(state: State, message: TraderMessage): State {
  const decision = decideTrader(quoting, state, message, instrument);
  return decision.type === "happened" ? decision.events.reduce(evolveTrader<null>, state) : state;
}

const plan = (state: State, seen = view, allowance: number | null = 1_000): State =>
  after(state, {
    type: "plan",
    commandId: "p",
    session: 7,
    view: seen,
    at: timestampNs(0n),
    allowance,
    barred: false,
  });
const steer = (state: State, verb: "flatten" | "pause" | "resume"): State =>
  after(state, { type: "steer", commandId: verb, verb });
const settle = (state: State, settlements: readonly Settlement[]): State =>
  after(state, { type: "settle", commandId: "s", settlements });
const traded = (executed: number, price: number): Settlement => ({
  refusal: null,
  orderId: 9,
  executed,
  value: String(executed * price),
  canceled: 0,
  remaining: 0,
});

/** It holds 1 235 units and has one quote in the book. */
const loaded: State = {
  ...initialTrader<null>(),
  ledger: {
    ...initialTrader<null>().ledger,
    session: 7,
    inventory: 1_235,
    live: [{ orderId: 4, side: "buy", price: 98, remaining: 10 }],
  },
};

test("B8.7 flattened, it cancels first, sells what it holds at the best bid in orders that the market takes, and pauses", () => {
  let state = plan(steer(loaded, "flatten"));
  assert.equal(state.ledger.pending?.orders, [{ kind: "cancel", orderId: 4 }]);
  state = settle(state, [{ ...traded(0, 0), canceled: 10 }]);
  const sent: number[] = [];
  for (let look = 0; look < 10 && state.phase === "flattening"; look += 1) {
    state = plan(state);
    const [order] = state.ledger.pending?.orders ?? [];
    if (order?.kind !== "place") continue;
    assert.equal([order.side, order.price, order.timeInForce], ["sell", 99, "ioc"]);
    sent.push(order.quantity);
    state = settle(state, [traded(order.quantity, 99)]);
  }
  assert.equal(sent, [500, 500, 230]);
  assert.equal([state.phase, state.ledger.inventory], ["paused", 5], "less than a lot stays");
  assert.equal(plan(state).ledger.pending, null, "paused, it quotes nothing");
});

test("B8.7 what is not traded at once is tried again at the price of then, and nothing is sent while there is none", () => {
  const short: State = { ...loaded, ledger: { ...loaded.ledger, live: [], inventory: -20 } };
  let state = plan(steer(short, "flatten"), { ...view, ask: 0 });
  assert.is(state.ledger.pending, null);
  state = settle(plan(state), [traded(10, 101)]);
  assert.equal([state.phase, state.ledger.inventory], ["flattening", -10]);
  state = plan(state, { ...view, ask: 103 });
  const [order] = state.ledger.pending?.orders ?? [];
  assert.equal(order, { kind: "place", side: "buy", price: 103, quantity: 10, timeInForce: "ioc" });
});

test("flattening ends by a pause or a resume, goes past no risk limit, and is refused to what has ended", () => {
  const flat = steer(loaded, "flatten");
  assert.is(steer(flat, "pause").phase, "paused");
  assert.is(steer(flat, "resume").phase, "running");
  assert.is(steer(steer(loaded, "pause"), "flatten").phase, "flattening");
  const alone: State = { ...flat, ledger: { ...flat.ledger, live: [] } };
  assert.is(plan(alone, view, null).ledger.pending, null, "its limit has said nothing yet");
  const ended: State = { ...loaded, phase: "stopped" };
  const message: TraderMessage = { type: "steer", commandId: "f", verb: "flatten" };
  const decision = decideTrader(quoting, ended, message, instrument);
  const reply = decision.type === "answered" ? decision.reply : null;
  assert.is(reply?.type === "refused" ? reply.failure.code : "", "actor_stopped");
});

test.run();
