import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { accountId } from "../kernel/units.ts";
import { AccountLimits, type LimitsRequest } from "./account-limits.ts";
import { decodeLimits, MAXIMUM_REQUEST_BYTES } from "./codec.ts";

const test = suite("limits of accounts in a market");

const limits = {
  quantity: 10,
  notional: 0,
  collar: 5,
  open_orders: 3,
  position: 20,
  message_rate: { count: 100, windowMs: 1_000 },
  execution_rate: { count: 0, windowMs: 0 },
};
const request = (stopped: boolean, incarnation = 1): LimitsRequest => ({
  actor: "acc",
  incarnation,
  accounts: [{ account: accountId(7), stopped, limits }],
});
const names = (missing: ReturnType<AccountLimits["missing"]>): string[] =>
  missing.map(({ make }) => {
    const command = make(1);
    return command.kind === "set_limit"
      ? `${command.limit} ${command.value} ${command.windowMs}`
      : `${command.kind} ${command.kind === "kill" && command.engage}`;
  });

test("B5.3 a stop comes before everything else, and its end after the limits are in force", () => {
  const held = new AccountLimits();
  const stop = names(held.missing(request(true)));
  assert.is(stop[0], "kill true");
  assert.is(stop.length, 8);
  assert.is(names(held.missing(request(false))).at(-1), "kill false");
  assert.ok(stop.includes("message_rate 100 1000"));
  // The engine takes no rate without a window: the market would confirm nothing of the account for ever.
  assert.ok(stop.includes("execution_rate 0 1"));
});

test("what holds is not journalled again, and what did not come to hold is", () => {
  const held = new AccountLimits();
  for (const { done } of held.missing(request(false)).slice(0, 3)) done();
  assert.is(held.missing(request(false)).length, 5);
  for (const { done } of held.missing(request(false))) done();
  assert.equal(names(held.missing(request(false))), []);
  assert.equal(names(held.missing(request(true))), ["kill true"]);
});

test("B6.2 a sender of which a younger incarnation was heard is refused, others are not", () => {
  const held = new AccountLimits();
  assert.ok(held.admit(request(false, 3)));
  assert.not.ok(held.admit(request(false, 2)));
  assert.ok(held.admit(request(false, 3)));
  assert.ok(held.admit({ ...request(false, 1), actor: "other" }));
});

test("a request that is too large, damaged or names no account is refused", () => {
  const codeOf = (payload: Uint8Array): string => {
    const decoded = decodeLimits(payload);
    return decoded.ok ? "ok" : decoded.failure.code;
  };
  const { ApplyLimits } = wire.risk.v1;
  assert.is(codeOf(new Uint8Array(MAXIMUM_REQUEST_BYTES + 1)), "too_large");
  assert.is(codeOf(Uint8Array.from([0x1a, 0xff])), "malformed");
  assert.is(
    codeOf(ApplyLimits.encode({ accounts: [{ stopped: true }] }).finish()),
    "account_invalid",
  );
  const many = Array.from({ length: 1_025 }, () => ({ account: 1 }));
  assert.is(codeOf(ApplyLimits.encode({ accounts: many }).finish()), "too_large");
  assert.is(codeOf(ApplyLimits.encode({ accounts: [{ account: 7 }] }).finish()), "ok");
});

test.run();
