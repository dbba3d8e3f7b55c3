import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OrderIds } from "./order-ids.ts";

const test = suite("order ids");

const id = (slot: number, generation: number): number => generation * 2 ** 24 + slot;

test("a slot is taken from the most recently freed first, else the lowest never used", () => {
  const ids = new OrderIds();
  assert.equal([ids.take(), ids.take(), ids.take()], [id(1, 1), id(2, 1), id(3, 1)]);
  ids.free(id(1, 1));
  ids.free(id(3, 1));
  assert.equal([ids.take(), ids.take(), ids.take()], [id(3, 2), id(1, 2), id(4, 1)]);
});

test("a slot that reached its last generation is not used again", () => {
  const ids = new OrderIds();
  ids.take();
  ids.free(id(1, 2 ** 29 - 1));
  assert.is(ids.take(), id(2, 1));
  assert.ok(Number.isSafeInteger(id(2 ** 24 - 1, 2 ** 29 - 1)));
});

test("ids are exhausted when every slot is taken, unless one can be freed", () => {
  const ids = new OrderIds();
  for (let slot = 1; slot < 2 ** 24; slot += 1) {
    if (ids.exhausted) throw new Error(`exhausted before slot ${slot}`);
    ids.take();
  }
  assert.ok(ids.exhausted);
  assert.not(ids.exhaustedAfterFreeing(id(7, 5)));
  assert.ok(ids.exhaustedAfterFreeing(id(7, 2 ** 29 - 1)));
  ids.free(id(9, 1));
  assert.not(ids.exhausted);
  assert.is(ids.take(), id(9, 2));
});

test.run();
