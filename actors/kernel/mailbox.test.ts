import { suite } from "uvu";
import * as assert from "uvu/assert";

import { deadLetterStore } from "./dead-letters.ts";
import { type Envelope, Mailbox } from "./mailbox.ts";
import { manualClock } from "./manual-clock.ts";

const test = suite("mailbox and dead letters");

const envelope = (message: unknown, signal = false): Envelope => ({
  message,
  attempts: 0,
  answer: null,
  signal,
});

test("a mailbox gives back in order what it took, up to its capacity", () => {
  const mailbox = new Mailbox(2, 4);
  assert.ok(mailbox.offer(envelope(1)));
  assert.ok(mailbox.offer(envelope(2)));
  assert.not.ok(mailbox.offer(envelope(3)));
  assert.is(mailbox.peek()?.message, 1);
  assert.is(mailbox.take()?.message, 1);
  assert.ok(mailbox.offer(envelope(4)));
  assert.equal(
    mailbox.clear().map(({ message }) => message),
    [2, 4],
  );
  assert.is(mailbox.take(), null);
});

test("other obligations of the actor take room", () => {
  const mailbox = new Mailbox(2, 4);
  assert.not.ok(mailbox.offer(envelope(1), 2));
  assert.ok(mailbox.offer(envelope(1), 1));
});

test("a long life of interleaved offers and takes keeps the order", () => {
  const mailbox = new Mailbox(100, 4);
  let offered = 0;
  let taken = 0;
  for (let round = 0; round < 10_000; round += 1) {
    const burst = (round * 31) % 7;
    for (let count = 0; count < burst; count += 1) {
      if (mailbox.offer(envelope(offered))) offered += 1;
    }
    for (let count = 0; count < (round * 17) % 7; count += 1) {
      const next = mailbox.take();
      if (next === null) break;
      assert.is(next.message, taken);
      taken += 1;
    }
    assert.is(mailbox.size, offered - taken);
  }
  assert.ok(taken > 10_000);
});

test("dead letters are numbered, counted and bounded; the oldest makes room", () => {
  const store = deadLetterStore(manualClock(1_000n), 2);
  for (const message of ["one", "two", "three"]) store.add("/a", "not_found", message);
  assert.equal(
    store.list().map(({ number, message }) => `${number} ${message}`),
    ['2 "two"', '3 "three"'],
  );
  assert.is(store.total, 3);
  assert.is(store.pushedOut, 1);
  assert.equal(store.counts(), { not_found: 3 });
  assert.is(store.list()[0]?.at, "1000");
});

test("any message becomes a short text", () => {
  const store = deadLetterStore(manualClock());
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  for (const message of [
    undefined,
    circular,
    7n,
    { wide: 8n },
    new Uint8Array(10_000),
    "x".repeat(5_000),
  ]) {
    store.add("/a", "malformed", message, "f".repeat(5_000));
  }
  const texts = store.list().map(({ message }) => message);
  assert.equal(texts.slice(0, 4), ["undefined", "unprintable object", '"7"', '{"wide":"8"}']);
  assert.match(texts[4] ?? "", /^10000 bytes 00/);
  assert.ok(
    store
      .list()
      .every(({ message, failure }) => message.length <= 1_024 && failure.length <= 1_024),
  );
});

test.run();
