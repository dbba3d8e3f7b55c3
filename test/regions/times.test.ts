import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ofUnsteady, timesOf } from "./times.ts";

const test = suite("recovery times of drills");
/** Answers at these times, each to a command that was sent 10 ms before. */
const answers = (...times: readonly number[]) => times.map((at) => ({ at, sentAt: at - 10 }));

test("B8.3 without an interruption recovery is the first answer to what was sent after the fault", () => {
  const acks = answers(90, 105, 140, 400, 700);
  assert.equal(timesOf(acks, 100, 600, 1_000), { recoveryMs: 40, silenceMs: 300 });
});

test("B8.3 an interruption that begins after the fault ends the recovery time only when it ends", () => {
  const acks = answers(90, 140, 400, 900, 5_900, 5_950, 6_000);
  assert.equal(timesOf(acks, 100, 5_000, 6_100), { recoveryMs: 5_800, silenceMs: 5_000 });
});

test("B8.3 a second interruption, as of a partition that heals, is seen in the longest silence", () => {
  const acks = answers(140, 2_140, 2_200, 9_200, 9_300);
  assert.equal(timesOf(acks, 100, 5_000, 9_400), { recoveryMs: 2_040, silenceMs: 7_000 });
});

test("B8.3 an interruption that only the end of the fault brings is counted from there", () => {
  const acks = answers(140, 900, 1_800, 2_100, 4_600);
  assert.equal(timesOf(acks, 100, 2_000, 4_700), { recoveryMs: 2_600, silenceMs: 2_500 });
});

test("B8.3 of a fault that comes and goes the longest interruption counts, not the first", () => {
  const acks = answers(140, 1_340, 1_400, 8_400, 9_300);
  const times = timesOf(acks, 100, 9_000, 9_400);
  assert.equal(ofUnsteady(times), { recoveryMs: 7_000, silenceMs: 7_000 });
  assert.is(ofUnsteady(timesOf([], 100, 9_000, 9_400)).recoveryMs, null);
});

test("B8.3 a market that never answers again has no recovery time", () => {
  assert.equal(timesOf(answers(90, 95), 100, 3_000, 5_000), { recoveryMs: null, silenceMs: 4_900 });
});

test.run();
