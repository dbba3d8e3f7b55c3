import { AsyncLocalStorage } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { manualClock } from "./manual-clock.ts";
import { systemClock } from "./system-clock.ts";
import { type DurationNs, durationNs } from "./units.ts";

const test = suite("clocks");

test("manual timers run in order of due time, then of arming, and see the time they were due", async () => {
  const clock = manualClock(5_000n);
  const ran: string[] = [];
  const arm = (name: string, delay: number): void => {
    clock.after(durationNs(delay), () => ran.push(`${name}@${clock.monotonic()}`));
  };
  arm("c", 30);
  arm("a", 10);
  arm("b", 10);
  clock.after(durationNs(10), () => arm("nested", 5));
  assert.is(await clock.advance(durationNs(20)), 4);
  assert.equal(ran, ["a@10", "b@10", "nested@15"]);
  assert.is(clock.monotonic(), 20);
  assert.is(clock.now(), 5_020n);
  assert.is(clock.pending, 1);
});

test("a cancelled manual timer does not run, also when cancelled twice", async () => {
  const clock = manualClock();
  const cancel = clock.after(durationNs(1), () => assert.unreachable());
  cancel();
  cancel();
  assert.is(clock.pending, 0);
  assert.is(await clock.advance(durationNs(10)), 0);
});

test("cancelled manual timers take no room until they would have been due", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const clock = manualClock();
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 100_000; count += 1) clock.after(durationNs(1e15), () => {})();
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  assert.is(clock.pending, 0);
  assert.ok(grown < 2_000_000, `${grown} bytes are kept`);
});

test("many manual timers come out sorted", async () => {
  const clock = manualClock();
  const seen: number[] = [];
  for (let index = 0; index < 2_000; index += 1) {
    clock.after(durationNs((index * 7_919) % 1_009), () => seen.push(clock.monotonic()));
  }
  await clock.advance(durationNs(1_009));
  assert.is(seen.length, 2_000);
  assert.equal(
    seen,
    [...seen].sort((left, right) => left - right),
  );
});

test("a promise that a manual timer settles is followed before the next timer runs", async () => {
  const clock = manualClock();
  const order: string[] = [];
  void new Promise<void>((resolve) => clock.after(durationNs(1), resolve))
    .then(() => undefined)
    .then(() => order.push("followed"));
  clock.after(durationNs(2), () => order.push("second timer"));
  await clock.advance(durationNs(2));
  assert.equal(order, ["followed", "second timer"]);
});

test("a timer runs in the asynchronous context of whoever armed it", async () => {
  const storage = new AsyncLocalStorage<string>();
  const clock = manualClock();
  let seen: string | undefined;
  storage.run("owner", () =>
    clock.after(durationNs(1), () => {
      seen = storage.getStore();
    }),
  );
  await clock.advance(durationNs(1));
  assert.is(seen, "owner");
});

test("the system clock never fires early, and counts on", async () => {
  const clock = systemClock();
  for (const delay of [0, 300_000, 1_000_000, 2_500_000]) {
    const before = clock.monotonic();
    await new Promise<void>((resolve) => clock.after(delay as DurationNs, resolve));
    assert.ok(clock.monotonic() - before >= delay);
  }
});

test("the system clock's wall time stays with the system's", () => {
  const clock = systemClock();
  const before = BigInt(Date.now()) * 1_000_000n;
  const now = clock.now();
  const after = BigInt(Date.now()) * 1_000_000n;
  assert.ok(now >= before - 2_000_000n && now <= after + 3_000_000n);
  assert.ok(clock.now() >= now);
});

test("a delay beyond what setTimeout takes does not fire at once", async () => {
  const clock = systemClock();
  const cancel = clock.after(durationNs(30 * 24 * 3_600 * 1e9), () => assert.unreachable());
  await new Promise((resolve) => setTimeout(resolve, 20));
  cancel();
});

test.run();
