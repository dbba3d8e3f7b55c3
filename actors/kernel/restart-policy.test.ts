import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { ExitReason } from "./exit.ts";
import { affected, countRestart, failuresInRow, restartDelay, restarts } from "./restart-policy.ts";
import { seededRandomness } from "./seeded-randomness.ts";
import { type DurationNs, durationNs } from "./units.ts";

const test = suite("restart policy");

test("who is restarted after which exit", () => {
  const failure = { name: "Error", message: "", stack: "", during: "receive" } as const;
  const reasons: readonly ExitReason[] = [
    { kind: "normal" },
    { kind: "shutdown" },
    { kind: "killed" },
    { kind: "failed", failure },
  ];
  const answers = (restart: "permanent" | "transient" | "temporary"): boolean[] =>
    reasons.map((reason) => restarts(restart, reason));
  assert.equal(answers("permanent"), [true, true, true, true]);
  assert.equal(answers("transient"), [false, false, true, true]);
  assert.equal(answers("temporary"), [false, false, false, false]);
});

test("which children restart together", () => {
  const order = (): string[] => ["a", "b", "c"];
  assert.equal(affected("one_for_one", order, "b"), ["b"]);
  assert.equal(affected("one_for_all", order, "b"), ["a", "b", "c"]);
  assert.equal(affected("rest_for_one", order, "b"), ["b", "c"]);
});

test("restarts older than the window no longer count, one exactly as old does", () => {
  const intensity = { maximumRestarts: 2, within: durationNs(100) };
  assert.equal(countRestart(intensity, [], 0), [0]);
  assert.equal(countRestart(intensity, [0], 50), [0, 50]);
  assert.is(countRestart(intensity, [0, 50], 100), null);
  assert.equal(countRestart(intensity, [0, 50], 101), [50, 101]);
  assert.is(countRestart({ ...intensity, maximumRestarts: 0 }, [], 0), null);
});

test("the delay doubles up to the maximum, however often", () => {
  const backoff = {
    initial: durationNs(10),
    maximum: durationNs(65),
    jitter: 0,
    resetAfter: durationNs(1_000),
  };
  const random = seededRandomness(1);
  const delays = [1, 2, 3, 4, 5, 5_000].map((inRow) => restartDelay(backoff, inRow, random));
  assert.equal(delays, [10, 20, 40, 65, 65, 65] as DurationNs[]);
  assert.is(failuresInRow(backoff, 4, 999), 5);
  assert.is(failuresInRow(backoff, 4, 1_000), 1);
});

test("jitter takes off at most its share and spreads over it", () => {
  const backoff = {
    initial: durationNs(1_000),
    maximum: durationNs(1_000),
    jitter: 0.5,
    resetAfter: durationNs(1),
  };
  const random = seededRandomness(2);
  const delays = Array.from({ length: 1_000 }, () => restartDelay(backoff, 1, random) as number);
  assert.ok(Math.min(...delays) >= 500 && Math.max(...delays) <= 1_000);
  assert.ok(Math.min(...delays) < 520 && Math.max(...delays) > 980);
});

test.run();
