import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { EngineCommand, EngineEvent } from "../kernel/ports/matching-engine.ts";
import { type AccountId, orderId, priceTicks, quantityLots } from "../kernel/units.ts";
import { Market } from "../../native/portable/market.ts";
import { seed } from "../../test/support/seed.ts";
import {
  backoff,
  decide,
  evolve,
  flowParameters,
  maximumOrders,
  seen,
  startOfFlow,
  targetOrders,
  undone,
} from "./decide.ts";
import type { FlowCommand, FlowOutcome, FlowState, StrategyStart } from "./messages.ts";

const test = suite("background flow");
const SEED = seed(77_003);

const start: StrategyStart = {
  region: "eu-central",
  market: "BTC-EUR",
  makerAccount: 900_001,
  takerAccount: 900_002,
  seed: 1,
  rate: 40,
  tick: 50,
  lot: 1,
  bandLow: 1_000_000,
  bandHigh: 20_000_000,
  maximumQuantity: 100_000,
};
const parameters = flowParameters(start);

function generator(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The twin as a market that answers like the front door does. */
class Venue {
  readonly market = new Market();
  trades = 0;
  resting = 0;
  bid = 0;
  ask = 0;
  #sequence = 0;

  constructor(orderCapacity = 1_024) {
    this.#apply({
      kind: "configure",
      session: 0,
      number: 0,
      account: 0,
      tag: 0,
      bandLow: priceTicks(start.bandLow / start.tick),
      bandHigh: priceTicks(start.bandHigh / start.tick),
      maximumQuantity: quantityLots(start.maximumQuantity),
      orderCapacity,
      mode: "matched",
    });
  }

  submit(command: FlowCommand): FlowOutcome {
    let refusal: string | null = null;
    let id = 0;
    let rest = command.type === "cancel" ? 0 : command.quantity;
    const fills: { makerOrderId: number; price: number; makerRemaining: number }[] = [];
    let touch: FlowOutcome["touch"] = null;
    for (const event of this.#apply(engineCommand(command))) {
      if (event.kind === "refused") {
        refusal = event.refusal;
        rest = 0;
      } else if (event.kind === "accepted") id = event.orderId;
      else if (event.kind === "canceled") rest = 0;
      else if (event.kind === "executed") {
        rest -= event.quantity;
        this.trades += 1;
        if (event.makerRemaining === 0) this.resting -= 1;
        fills.push({
          makerOrderId: event.makerOrderId,
          price: event.price * start.tick,
          makerRemaining: event.makerRemaining,
        });
      } else if (event.kind === "touch") {
        this.bid = event.bidPrice * start.tick;
        this.ask = event.askPrice * start.tick;
        touch = { bid: this.bid, ask: this.ask };
      }
    }
    if (command.type === "limit" && rest > 0) this.resting += 1;
    if (command.type === "cancel" && refusal === null) this.resting -= 1;
    const { number } = command;
    return {
      number,
      sequence: this.#sequence,
      refusal,
      orderId: id,
      remaining: rest,
      fills,
      touch,
    };
  }

  #apply(command: EngineCommand): readonly EngineEvent[] {
    this.#sequence += 1;
    return this.market.apply(command, this.#sequence);
  }
}

function engineCommand(command: FlowCommand): EngineCommand {
  const header = { session: 0, number: 0, tag: 0 } as const;
  if (command.type === "cancel") {
    const account = start.makerAccount as AccountId;
    return { ...header, kind: "cancel", account, orderId: orderId(command.order.orderId) };
  }
  const limit = command.type === "limit";
  return {
    ...header,
    kind: "place",
    account: (limit ? start.makerAccount : start.takerAccount) as AccountId,
    side: command.side,
    orderType: limit ? "limit" : "market",
    timeInForce: limit ? "day" : "ioc",
    price: limit ? priceTicks(command.price / start.tick) : 0,
    quantity: quantityLots(command.quantity),
  };
}

test("100,000 arrivals against the engine trade all the time in a book that stays in bounds", () => {
  const venue = new Venue();
  const uniform = generator(SEED);
  let state: FlowState = startOfFlow;
  const middles: number[] = [];
  let tradesBefore = 0;
  for (let step = 1; step <= 100_000; step += 1) {
    const decided = decide(parameters, state, uniform);
    const outcome = venue.submit(decided.command);
    state = evolve(decided.state, decided.command, outcome);
    const at = `SEED=${SEED} step=${step}`;
    assert.is(outcome.refusal, null, `${outcome.refusal} ${at}`);
    assert.is(state.live.length, venue.resting, `own view of the orders differs ${at}`);
    assert.ok(state.live.length <= maximumOrders, at);
    assert.equal([state.touch.bid, state.touch.ask], [venue.bid, venue.ask], at);
    if (step % 1_000 !== 0) continue;
    assert.ok(venue.trades - tradesBefore > 100, `${venue.trades - tradesBefore} trades ${at}`);
    tradesBefore = venue.trades;
    if (step < 2_000) continue;
    assert.ok(venue.bid > 0 && venue.ask > venue.bid, `bid ${venue.bid} ask ${venue.ask} ${at}`);
    assert.ok(state.live.length > targetOrders / 4, `${state.live.length} orders ${at}`);
    middles.push((venue.bid + venue.ask) / 2);
  }
  // The price moves, and comes back: it never strays further than a few leashes from its anchor.
  assert.ok(Math.max(...middles) - Math.min(...middles) > 20 * start.tick, `SEED=${SEED}`);
  for (const middle of middles) {
    assert.ok(Math.abs(middle - parameters.anchor) < 3 * parameters.leash, `SEED=${SEED}`);
  }
});

test("restarts that read the own orders back keep the book in bounds", () => {
  const venue = new Venue();
  const uniform = generator(SEED);
  let state: FlowState = startOfFlow;
  for (let life = 0; life < 20; life += 1) {
    const live = [
      ...venue.market.restingOrders("buy", 2_000),
      ...venue.market.restingOrders("sell", 2_000),
    ].map(({ orderId: id, side, price, remaining }) => ({
      orderId: id as number,
      side,
      price: price * start.tick,
      remaining: remaining as number,
    }));
    const touch = { bid: venue.bid, ask: venue.ask };
    state = seen({ ...startOfFlow, live }, touch, state.touchSequence, 0);
    for (let step = 0; step < 1_000; step += 1) {
      const decided = decide(parameters, state, uniform);
      state = evolve(decided.state, decided.command, venue.submit(decided.command));
    }
    assert.ok(venue.resting <= maximumOrders, `${venue.resting} orders SEED=${SEED}`);
    assert.ok(venue.resting >= targetOrders / 4, `${venue.resting} orders SEED=${SEED}`);
  }
});

test("the sequence of commands follows from the seed and the outcomes", () => {
  const run = (from: number): FlowCommand[] => {
    const venue = new Venue();
    const uniform = generator(from);
    let state = startOfFlow;
    return Array.from({ length: 500 }, () => {
      const decided = decide(parameters, state, uniform);
      state = evolve(decided.state, decided.command, venue.submit(decided.command));
      return decided.command;
    });
  };
  assert.equal(run(SEED), run(SEED));
  assert.not.equal(run(SEED), run(SEED + 1));
});

const order = { orderId: 7, side: "buy", price: 500, remaining: 9 } as const;
const nothing = { sequence: 9, refusal: null, orderId: 0, remaining: 0, fills: [], touch: null };
const withOrder: FlowState = { ...startOfFlow, live: [order] };

test("two cancels decided in a row name different orders", () => {
  const two = { ...startOfFlow, live: [order, { ...order, orderId: 8 }] };
  // A kind of 0 is always a cancel, an age of 0 always the oldest.
  const first = decide(parameters, { ...two, touch: { bid: 500, ask: 550 } }, () => 0);
  const second = decide(parameters, first.state, () => 0);
  assert.is(first.command.type === "cancel" && first.command.order.orderId, 7);
  assert.is(second.command.type === "cancel" && second.command.order.orderId, 8);
  assert.equal([first.command.number, second.command.number], [1, 2]);
});

test("an order whose cancel came too late is forgotten, one whose cancel was put off is kept", () => {
  const cancel: FlowCommand = { type: "cancel", number: 1, order };
  const gone = { ...nothing, number: 1, refusal: "order_unknown" };
  const later = { ...nothing, number: 1, refusal: "not_durable" };
  assert.equal(evolve(startOfFlow, cancel, gone).live, []);
  assert.equal(evolve(startOfFlow, cancel, later).live, [order]);
  assert.equal(undone(startOfFlow, [cancel]).live, [order]);
});

test("a fill by its own market order shortens or removes the order that was hit", () => {
  const market: FlowCommand = { type: "market", number: 2, side: "sell", quantity: 4 };
  const fill = (makerRemaining: number) => ({
    ...nothing,
    number: 2,
    fills: [{ makerOrderId: 7, price: 500, makerRemaining }],
  });
  assert.equal(evolve(withOrder, market, fill(5)).live, [{ ...order, remaining: 5 }]);
  assert.equal(evolve(withOrder, market, fill(0)).live, []);
  assert.is(evolve(withOrder, market, fill(0)).last, 500);
});

test("an older report of the touch does not replace a newer one", () => {
  const now = seen(startOfFlow, { bid: 1, ask: 2 }, 10, 0);
  assert.equal(seen(now, { bid: 5, ask: 6 }, 9, 0).touch, { bid: 1, ask: 2 });
  assert.equal(seen(now, { bid: 5, ask: 6 }, 11, 0).touch, { bid: 5, ask: 6 });
});

test("waiting after refusals doubles up to five seconds", () => {
  assert.equal([1, 2, 3, 50].map(backoff), [250e6, 500e6, 1_000e6, 5_000e6]);
});

test.run();
