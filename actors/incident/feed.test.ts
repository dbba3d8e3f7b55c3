import { suite } from "uvu";
import * as assert from "uvu/assert";

import { silentLog } from "../../test/support/ports.ts";
import { manualClock } from "../kernel/manual-clock.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import { refuse } from "../kernel/result.ts";
import { durationNs } from "../kernel/units.ts";
import { IncidentFeed } from "./feed.ts";
import { finding } from "./findings.ts";

const test = suite("what is told to incidents");
const second = 1_000_000_000;

test("B1.5 while no incident answers, what is over is told ever more seldom, and what begins then at once", async () => {
  const clock = manualClock();
  const asked: string[] = [];
  const bus = {
    request: (subject: string) => {
      asked.push(subject.split(".").at(-1) ?? "");
      return Promise.resolve(refuse("no_responders", "nobody serves it", "ask again"));
    },
  } as unknown as Bus;
  const feed = new IncidentFeed({ bus, clock, log: silentLog, source: "a/a-1", session: 1 });
  const found = finding("disk", {
    affected: "a",
    subject: "a-1",
    title: "it is full",
    source: "a/a-1",
  });
  feed.tell("a", { finding: found, stands: false });
  for (let passed = 0; passed < 60; passed += 1) await clock.advance(durationNs(second));
  assert.ok(asked.length >= 5 && asked.length <= 15, `${asked.length} questions in a minute`);
  assert.ok(asked.every((verb) => verb === "clear"));

  asked.length = 0;
  feed.tell("a", { finding: found, stands: true });
  await clock.settle();
  assert.equal(asked, ["raise"], "it waits for no pause");
  for (let passed = 0; passed < 6; passed += 1) await clock.advance(durationNs(second));
  assert.ok(asked.length >= 18, `${asked.length} questions in the six seconds of a takeover`);
  feed.end();
  await clock.settle();
  assert.is(clock.pending, 0);
});

test.run();
