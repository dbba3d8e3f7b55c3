import { suite } from "uvu";
import * as assert from "uvu/assert";

import { isPicked, orderTraceIds, pickedOf } from "./order-trace.ts";

const test = suite("traces of orders without a context");

test("B1.4 everybody who knows market and sequence makes the same ids, and another order others", () => {
  const ids = orderTraceIds("BTC-EUR", 42);
  // Written down once: clients that are built apart must find the same.
  assert.equal(ids, {
    traceId: "c9be8f66df0e220577b9b11a46e5e25c",
    clientSpanId: "525444e57edb1f55",
    cellSpanId: "2d1ccf6b9b8e59d8",
  });
  assert.match(ids.traceId, /^[0-9a-f]{32}$/);
  const others = [orderTraceIds("BTC-EUR", 43), orderTraceIds("ETH-EUR", 42)];
  for (const other of others) {
    assert.is.not(other.traceId, ids.traceId);
    assert.is.not(other.cellSpanId, ids.cellSpanId);
  }
  const many = new Set<string>();
  for (let sequence = 1; sequence <= 5_000; sequence += 1) {
    many.add(orderTraceIds("BTC-EUR", sequence).traceId);
  }
  assert.is(many.size, 5_000);
});

test("B1.4 a part of the commands is picked by sequence alone, as native order entry picks them", () => {
  const sequences = Array.from({ length: 64 }, (_, index) => index + 1);
  // The same sequences as in native/edge/order_stamps_test.cpp.
  assert.equal(
    sequences.filter((sequence) => isPicked(sequence, pickedOf(1 / 16))),
    [13, 34, 47],
  );
  assert.not.ok(isPicked(1, pickedOf(0)));
  assert.ok(sequences.every((sequence) => isPicked(sequence, pickedOf(1))));
  assert.is(isPicked(2 ** 40 + 5, pickedOf(0.5)), isPicked(5, pickedOf(0.5)));
  const hundredth = pickedOf(0.01);
  let picked = 0;
  for (let sequence = 1; sequence <= 100_000; sequence += 1) {
    if (isPicked(sequence, hundredth)) picked += 1;
  }
  assert.ok(picked > 900 && picked < 1_100, `${picked} of 100,000`);
});

test.run();
