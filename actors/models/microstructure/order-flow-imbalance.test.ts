import { suite } from "uvu";
import * as assert from "uvu/assert";

import { certain } from "../numerics/failure.ts";
import { kyleLambda } from "./kyle-lambda.ts";
import { orderFlowImbalance, orderFlowImbalances } from "./order-flow-imbalance.ts";

const test = suite("order flow imbalance");

test("B5.6 on a book of constant depth D the mid moves by 1 / (2 D) ticks per lot of imbalance", () => {
  const depth = 25;
  const path = [0, 1, 2, 1, 1, 0, -1, 0, 1, 2, 3, 2];
  const quotes = {
    bidPrice: path.map((level) => 1000 + level),
    bidQuantity: path.map(() => depth),
    askPrice: path.map((level) => 1001 + level),
    askQuantity: path.map(() => depth),
  };
  const flows = certain(orderFlowImbalances(quotes));
  const moves = path.slice(1).map((level, at) => level - path[at]!);
  const { lambda, intercept } = certain(kyleLambda(moves, flows, 2));
  assert.ok(Math.abs(lambda - 1 / (2 * depth)) < 1e-15, String(lambda));
  assert.ok(Math.abs(intercept) < 1e-14);
});

test("B5.6 a queue eaten lot by lot costs 2 D lots of imbalance per tick, whatever the sizes", () => {
  const depth = 40;
  let [bid, bidQuantity, ask, askQuantity] = [1000, depth, 1001, depth];
  let flow = 0;
  const eaten = [7, 13, 20, 1, 39, 25, 15];
  for (const lots of eaten) {
    const before = [bid, bidQuantity, ask, askQuantity] as const;
    askQuantity -= lots;
    if (askQuantity === 0) [bid, bidQuantity, ask, askQuantity] = [bid + 1, depth, ask + 1, depth];
    flow += orderFlowImbalance(...before, bid, bidQuantity, ask, askQuantity);
  }
  assert.is(bid, 1003);
  assert.is(flow, (bid - 1000) * 2 * depth);
});

test("B5.6 seen in a mirror the imbalance changes its sign", () => {
  for (let step = 0; step < 200; step += 1) {
    const value = (salt: number, range: number): number =>
      ((step * 7919 + salt * 104729) % range) + 1;
    const [pb, qb, spread, qa] = [value(1, 5), value(2, 30), value(3, 3), value(4, 30)];
    const [pb2, qb2, spread2, qa2] = [value(5, 5), value(6, 30), value(7, 3), value(8, 30)];
    const flow = orderFlowImbalance(pb, qb, pb + spread, qa, pb2, qb2, pb2 + spread2, qa2);
    const mirror = orderFlowImbalance(-pb - spread, qa, -pb, qb, -pb2 - spread2, qa2, -pb2, qb2);
    assert.is(mirror + flow, 0);
  }
});

test("a series that is short, uneven or not finite is refused", () => {
  const one = { bidPrice: [1], bidQuantity: [1], askPrice: [2], askQuantity: [1] };
  const code = (quotes: typeof one): string => {
    const result = orderFlowImbalances(quotes);
    return result.ok ? "ok" : result.failure.code;
  };
  assert.is(code(one), "too_short");
  const two = { bidPrice: [1, 1], bidQuantity: [1, 1], askPrice: [2, 2], askQuantity: [1, 1] };
  assert.is(code(two), "ok");
  assert.is(code({ ...two, askPrice: [2] }), "wrong_shape");
  assert.is(code({ ...two, bidQuantity: [1, Number.NaN] }), "not_finite");
});

test.run();
