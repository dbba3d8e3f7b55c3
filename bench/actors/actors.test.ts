import { suite } from "uvu";
import * as assert from "uvu/assert";

import { runProcess } from "../../test/stages/process.ts";
import { missingNatsServer } from "../../test/support/nats-cluster.ts";
import { testUnless } from "../../test/support/skip.ts";
import { libraries } from "./libraries.ts";
import { playedSchema } from "./subject.ts";

const test = suite("actor bench");
const limitMs = 120_000;

for (const library of libraries) {
  testUnless(
    test,
    await library.prepare(),
    `${library.name} does all that is measured, and says so`,
    async () => {
      const played = await library.play({ actors: 500, messages: 5_000, crashes: 20 });
      assert.equal([played.spawned, played.messages], [500, 5_000]);
      assert.ok(played.messagesPerSecond > 0 && played.spawnPassedUs > 0);
      assert.is(played.crashP50Us === null, library.name === "raw XState");
      assert.ok((played.crashP99Us ?? 0) >= (played.crashP50Us ?? 0));
    },
  );
}

test("what is printed is read whole, and a field that is missing is noticed", () => {
  assert.not.ok(playedSchema.safeParse({ spawned: 1 }).success);
});

testUnless(
  test,
  missingNatsServer(),
  "the quick form prints ours, the others, ratios and requests in one table",
  async () => {
    const words = ["bench/run.ts", "actors", "--quick"];
    const { exitCode, output } = await runProcess(process.execPath, words, limitMs);
    assert.is(exitCode, 0, output);
    for (const name of [
      "kernel: spawn, processor time",
      "kernel: heap an actor",
      "kernel: crash to restarted, p50",
      "raw XState: messages",
      "kernel over raw XState: a message, processor time",
      "request over NATS to an actor, p50",
      "actor over bare subscription, p50",
    ]) {
      assert.match(output, new RegExp(`^${name} {2,}[\\d.,]+ `, "m"));
    }
  },
);

test.run();
