import { suite } from "uvu";
import * as assert from "uvu/assert";

import { eventCodec, parameterRules, povParameters, twapParameters } from "./codec.ts";
import type { ExecutionEvent } from "./messages.ts";

const test = suite("execution codec");

test("parameters become schedules; what belongs to the other schedule is refused", () => {
  const twap = parameterRules.twap.parse({ side: "buy", quantity: "100", duration: "60" });
  assert.equal(twapParameters(twap).schedule, { kind: "twap", durationSeconds: 60, slices: 60 });
  const pov = parameterRules.pov.parse({ side: "sell", quantity: "100", share: "1000" });
  assert.equal(povParameters(pov).schedule, {
    kind: "pov",
    share: 1_000,
    band: 1,
    maximumChild: 100,
  });
  const wrong = { side: "sell", quantity: "100", share: "1000", duration: "60" };
  assert.not.ok(parameterRules.pov.safeParse(wrong).success);
  assert.not.ok(parameterRules.twap.safeParse({ side: "hold", quantity: "1" }).success);
});

test("what the plan remembers comes back with the event", () => {
  const event: ExecutionEvent = {
    type: "planned",
    session: 3,
    orders: [],
    memo: { startedAt: "1700000000000000000", volume: 5, counted: 9 },
  };
  assert.equal(eventCodec.parse(eventCodec.decode(eventCodec.encode(event), 1)), event);
});

test.run();
