import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ms } from "../../test/support/probe-actors.ts";
import { JournalledTimers } from "./journalled-timers.ts";
import { manualClock } from "./manual-clock.ts";
import { type TimestampNs, timestampNs } from "./units.ts";

const test = suite("journalled timers");

const second = 1_000_000_000n;

/** Timers over a monotonic clock, and a wall clock that a test can step. */
function world() {
  const clock = manualClock(0n);
  const wall = { step: 0n, room: true };
  const delivered: string[] = [];
  const timers = new JournalledTimers({
    clock: { ...clock, now: (): TimestampNs => timestampNs(clock.now() + wall.step) },
    after: (delay, callback) => clock.after(delay, callback),
    deliver(timer) {
      if (!wall.room) return false;
      delivered.push(`${timer.id}@${timer.due / second}`);
      return true;
    },
  });
  return { clock, wall, delivered, timers };
}

test("B7.8 nothing is delivered before the start, then what is due in order of due time, then of id", async () => {
  const { clock, delivered, timers } = world();
  await clock.advance(ms(10_000));
  for (const [id, due] of [
    ["later", 9n],
    ["b", 4n],
    ["a", 4n],
    ["first", 1n],
    ["future", 12n],
  ] as const) {
    timers.set(id, due * second);
  }
  await clock.advance(ms(1_000));
  assert.equal(delivered, []);
  timers.start();
  await clock.advance(ms(0));
  assert.equal(delivered, ["first@1", "a@4", "b@4", "later@9"]);
  await clock.advance(ms(1_000));
  assert.is(delivered.at(-1), "future@12");
});

test("B7.8 a wall clock that was set back delays what is due by it, and one set forward does not lose it", async () => {
  const { clock, wall, delivered, timers } = world();
  timers.start();
  wall.step = 100n * second;
  timers.set("a", 105n * second);
  wall.step = 97n * second;
  await clock.advance(ms(7_999));
  assert.equal(delivered, []);
  await clock.advance(ms(1));
  assert.equal(delivered, ["a@105"]);
});

test("B7.8 what is due in eighty days, longer than one wait, is delivered then and not before", async () => {
  const { clock, delivered, timers } = world();
  timers.start();
  const day = 86_400n;
  timers.set("a", 80n * day * second);
  for (let days = 1; days < 80; days += 1) await clock.advance(ms(86_400_000));
  assert.equal(delivered, []);
  await clock.advance(ms(86_400_000));
  assert.equal(delivered, [`a@${80n * day}`]);
});

test("B7.8 a timer that finds no room is delivered when there is some", async () => {
  const { clock, wall, delivered, timers } = world();
  timers.start();
  wall.room = false;
  timers.set("a", 1n * second);
  await clock.advance(ms(5_000));
  wall.room = true;
  await clock.advance(ms(100));
  assert.equal(delivered, ["a@1"]);
});

test("B7.8 a cleared timer is not delivered, and nothing is left of it", async () => {
  const { clock, delivered, timers } = world();
  timers.start();
  timers.set("a", 1n * second);
  timers.set("b", 1n * second);
  timers.set("b", 2n * second);
  timers.clear("a");
  assert.is(clock.pending, 1);
  await clock.advance(ms(3_000));
  assert.equal(delivered, ["b@2"]);
  timers.clearAll();
  assert.is(timers.size, 0);
  assert.is(clock.pending, 0);
});

test.run();
