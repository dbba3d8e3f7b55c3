import { suite } from "uvu";
import * as assert from "uvu/assert";

import { SerialQueue } from "./serial-queue.ts";

const test = suite("serial queue");

test("what needs no waiting is done at once, also from within an operation after it", () => {
  const queue = new SerialQueue();
  const did: string[] = [];
  queue.enqueue(() => {
    queue.enqueue(() => void did.push("inner"));
    did.push("outer");
  });
  assert.equal(did, ["outer", "inner"]);
});

test("an operation waits for the promise of the one before", async () => {
  const queue = new SerialQueue();
  const did: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  queue.enqueue(() => promise);
  queue.enqueue(() => void did.push("second"));
  assert.equal(did, []);
  resolve();
  await promise;
  await new Promise((done) => setImmediate(done));
  assert.equal(did, ["second"]);
});

test("a held queue begins nothing until it is released", () => {
  const queue = new SerialQueue();
  const did: string[] = [];
  queue.hold();
  queue.enqueue(() => void did.push("first"));
  assert.equal(did, []);
  queue.release();
  assert.equal(did, ["first"]);
});

test("what is taken out is not begun", () => {
  const queue = new SerialQueue();
  let began = false;
  queue.hold();
  queue.enqueue(() => {
    began = true;
  });
  assert.is(queue.takeWaiting().length, 1);
  queue.release();
  assert.not.ok(began);
});

test.run();
