import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../test/support/seed.ts";
import {
  type BookView,
  decideFlow,
  type FlowDecision,
  type ZeroIntelligenceParameters,
} from "./zero-intelligence.ts";

const test = suite("zero intelligence");
const SEED = seed(40_183);

function generator(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

const parameters: ZeroIntelligenceParameters = {
  tick: 50,
  lot: 10,
  bandLow: 1_000_010,
  bandHigh: 20_000_000,
  anchor: 6_000_000,
  leash: 100_000,
  meanDistanceTicks: 6,
  meanLots: 20,
  maximumLots: 200,
  limitWeight: 5,
  marketWeight: 1,
  cancelWeight: 4,
  targetOrders: 100,
  maximumOrders: 300,
};
const view: BookView = { bid: 5_999_950, ask: 6_000_050, last: 6_000_000, liveOrders: 100 };

function decisions(count: number, at: BookView, uniform: () => number): FlowDecision[] {
  return Array.from({ length: count }, () => decideFlow(parameters, at, uniform));
}

test("every price is on the tick, inside the bands and behind the opposite touch", () => {
  const uniform = generator(SEED);
  const views: BookView[] = [
    view,
    { ...view, bid: 1_000_050, ask: 1_000_100 },
    { ...view, bid: 19_999_950, ask: 20_000_000 },
    { ...view, bid: 0, ask: 0, last: 0 },
    { ...view, bid: 0 },
    { ...view, ask: 0 },
  ];
  let limits = 0;
  for (const at of views) {
    for (const decision of decisions(20_000, at, uniform)) {
      if (decision.type !== "limit") continue;
      limits += 1;
      assert.is(decision.price % 50, 0, `SEED=${SEED}`);
      assert.ok(decision.price >= 1_000_050 && decision.price <= 20_000_000, `SEED=${SEED}`);
      const atEdge = decision.price === 1_000_050 || decision.price === 20_000_000;
      if (decision.side === "buy" && at.ask !== 0) assert.ok(atEdge || decision.price < at.ask);
      if (decision.side === "sell" && at.bid !== 0) assert.ok(atEdge || decision.price > at.bid);
    }
  }
  assert.ok(limits > 30_000);
});

test("every quantity is a multiple of the lot within its bounds, at the mean asked for", () => {
  const quantities = decisions(60_000, view, generator(SEED)).flatMap((decision) =>
    decision.type === "cancel" ? [] : [decision.quantity],
  );
  let sum = 0;
  for (const quantity of quantities) {
    assert.is(quantity % 10, 0);
    assert.ok(quantity >= 10 && quantity <= 2_000);
    sum += quantity;
  }
  // A geometric of mean 20 has a deviation of about 19.5 lots.
  const error = (4.5 * 195) / Math.sqrt(quantities.length);
  assert.ok(Math.abs(sum / quantities.length - 200) < error, `${sum} SEED=${SEED}`);
});

test("kinds come in the proportion of their weights", () => {
  const counts = { limit: 0, market: 0, cancel: 0 };
  for (const decision of decisions(100_000, view, generator(SEED))) counts[decision.type] += 1;
  const near = (count: number, share: number): boolean =>
    Math.abs(count - 100_000 * share) < 4.5 * Math.sqrt(100_000 * share * (1 - share));
  assert.ok(near(counts.limit, 0.5), `SEED=${SEED}`);
  assert.ok(near(counts.market, 0.1), `SEED=${SEED}`);
  assert.ok(near(counts.cancel, 0.4), `SEED=${SEED}`);
});

test("at the bound of live orders only the oldest is canceled", () => {
  for (const decision of decisions(100, { ...view, liveOrders: 300 }, generator(SEED))) {
    assert.equal(decision, { type: "cancel", age: 0 });
  }
});

test("without live orders nothing is canceled, and each age is among the live ones", () => {
  const uniform = generator(SEED);
  for (const decision of decisions(5_000, { ...view, liveOrders: 0 }, uniform)) {
    assert.is.not(decision.type, "cancel");
  }
  const ages = new Set<number>();
  for (const decision of decisions(5_000, { ...view, liveOrders: 7 }, uniform)) {
    if (decision.type === "cancel") ages.add(decision.age);
  }
  assert.equal(
    [...ages].toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6],
  );
});

test("an empty side is filled and never hit", () => {
  const uniform = generator(SEED);
  for (const decision of decisions(2_000, { ...view, bid: 0 }, uniform)) {
    if (decision.type !== "cancel") assert.equal([decision.type, decision.side], ["limit", "buy"]);
  }
  for (const decision of decisions(2_000, { ...view, ask: 0 }, uniform)) {
    if (decision.type !== "cancel") assert.equal([decision.type, decision.side], ["limit", "sell"]);
  }
});

test("far from the anchor the flow leans back to it", () => {
  const uniform = generator(SEED);
  const above = { ...view, bid: 6_200_000, ask: 6_200_050 };
  for (const decision of decisions(2_000, above, uniform)) {
    if (decision.type !== "cancel") assert.is(decision.side, "sell");
  }
  const below = { ...view, bid: 5_800_000, ask: 5_800_050 };
  for (const decision of decisions(2_000, below, uniform)) {
    if (decision.type !== "cancel") assert.is(decision.side, "buy");
  }
});

test("the sequence of decisions follows from the seed", () => {
  assert.equal(decisions(50, view, generator(1)), decisions(50, view, generator(1)));
});

test.run();
