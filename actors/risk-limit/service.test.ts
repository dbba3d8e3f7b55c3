import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { ActorRef } from "../kernel/actor.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { quantityLots } from "../kernel/units.ts";
import { decodeReply, encodeRequest } from "./codec.ts";
import type { RiskLimitMessage, RiskLimitReply } from "./messages.ts";
import { answerRequest } from "./service.ts";

const test = suite("risk limit service");

const outcome = {
  limits: { maximumOrderQuantity: quantityLots(10), maximumOpenQuantity: quantityLots(25) },
  reserved: quantityLots(3),
};
const request = encodeRequest({ type: "reserve", commandId: "a", quantity: quantityLots(3) });

/** An account whose ask gives this. */
const account =
  (answer: Result<RiskLimitReply>, asked: RiskLimitMessage[] = []) =>
  (): Result<ActorRef<RiskLimitMessage, RiskLimitReply>> =>
    ok({
      path: "/risk/acme",
      send: () => ok(undefined),
      signal: () => ok(undefined),
      ask: async (message) => {
        asked.push(message);
        return answer;
      },
    });

test("a good request is asked of the account and its reply encoded", async () => {
  const asked: RiskLimitMessage[] = [];
  const done = ok({ type: "done", outcome, repeated: false } as const);
  const reply = decodeReply(await answerRequest(account(done, asked), "reserve", request));
  assert.equal(asked, [{ type: "reserve", commandId: "a", quantity: 3 }]);
  assert.equal([reply.refusal, reply.outcome], [null, outcome]);
});

test("a bad request, an unknown account and a busy one each get a typed refusal", async () => {
  const unused = (): never => {
    throw new Error("a bad request must not reach the account");
  };
  const codes = [
    await answerRequest(unused, "explode", request),
    await answerRequest(unused, "reserve", Uint8Array.from([0xff])),
    await answerRequest(() => refuse("not_found", "nothing there"), "reserve", request),
    await answerRequest(account(refuse("busy", "full")), "reserve", request),
  ].map((bytes) => decodeReply(bytes).refusal?.code);
  assert.equal(codes, ["verb_unknown", "malformed", "not_found", "busy"]);
});

test.run();
