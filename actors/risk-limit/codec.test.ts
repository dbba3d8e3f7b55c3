import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { refusals } from "../../schemas/refusals.ts";
import { quantityLots } from "../kernel/units.ts";
import {
  decodeEvent,
  decodeReply,
  decodeRequest,
  encodeEvent,
  encodeRefusal,
  encodeReply,
  encodeRequest,
  MAXIMUM_REQUEST_BYTES,
  requestMessages,
  requestRules,
  type RiskLimitVerb,
} from "./codec.ts";
import { noLimits } from "./limits.ts";
import type { Outcome, RiskLimitCommand, RiskLimitEvent } from "./messages.ts";

const test = suite("risk limit codec");

const limits = {
  ...noLimits,
  maximumOrderQuantity: quantityLots(10),
  maximumOpenQuantity: quantityLots(Number.MAX_SAFE_INTEGER),
  messageCount: 50,
  messageWindowMs: 1_000,
  maximumLoss: 7_000,
};
type Sent = Parameters<typeof encodeRequest>[0];
const holding = { from: "m-1", profit: -5, position: 9, accounts: [7, 4_000_000_000] };
const held = {
  from: "maker-1",
  epoch: 3,
  number: 12,
  quantity: quantityLots(7),
  markets: ["BTC-EUR", "ETH-EUR"],
};
const messages: Readonly<Record<RiskLimitVerb, Sent>> = {
  define: {
    type: "define",
    commandId: "c0",
    scope: "account",
    parent: "desk-1",
    account: 7,
    tradedOnly: true,
    requestedBy: "operator",
  },
  hold: { type: "hold", commandId: "c9", ...held, largest: quantityLots(3) },
  approve: { type: "approve", commandId: "c4", proposal: "c1", approvedBy: "approver" },
  stop: { type: "stop", commandId: "c5", reason: "too much", requestedBy: "operator" },
  resume: { type: "resume", commandId: "c6", requestedBy: "operator" },
  undo: { type: "undo", commandId: "c7", reservation: "c2", quantity: quantityLots(7) },
  report: { type: "report", commandId: "c8", ...holding },
  "set-limits": { type: "set_limits", commandId: "c1", limits, requestedBy: "operator" },
  reserve: { type: "reserve", commandId: "c2", quantity: quantityLots(7) },
  release: { type: "release", commandId: "c3", quantity: quantityLots(0) },
  describe: { type: "describe", reservation: "c2", wanted: limits },
};
const verbs = Object.keys(requestRules) as RiskLimitVerb[];
const codeOf = (verb: string, payload: Uint8Array): string => {
  const decoded = decodeRequest(verb, payload);
  return decoded.ok ? "ok" : decoded.failure.code;
};

test("every request comes back as it was", () => {
  for (const verb of verbs) {
    const decoded = decodeRequest(verb, encodeRequest(messages[verb]));
    assert.equal(decoded, { ok: true, value: messages[verb] });
  }
});

test("the rules name exactly the fields of the protobuf messages", () => {
  const fieldsOf = (message: { readonly prototype: object }): string[] =>
    Object.entries(message.prototype)
      .filter(([, value]) => typeof value !== "function")
      .map(([name]) => name)
      .sort();
  for (const verb of verbs) {
    const { shape } = requestRules[verb] as { readonly shape: object };
    assert.equal(Object.keys(shape).sort(), fieldsOf(requestMessages[verb]), verb);
  }
  assert.equal(Object.keys(noLimits).sort(), fieldsOf(wire.risk.v1.Limits));
});

test("an unknown verb, a large and a damaged request are refused", () => {
  assert.is(codeOf("explode", new Uint8Array()), "verb_unknown");
  assert.is(codeOf("toString", new Uint8Array()), "verb_unknown");
  assert.is(codeOf("reserve", new Uint8Array(MAXIMUM_REQUEST_BYTES + 1)), "too_large");
  for (const verb of verbs) {
    assert.is(codeOf(verb, Uint8Array.from([0x0a, 0xff, 0x01])), "malformed", verb);
  }
});

test("a missing id, missing limits and a quantity beyond 2^53 are refused with the field", () => {
  const reasons = [
    decodeRequest("reserve", wire.risk.v1.Reserve.encode({ quantity: 1 }).finish()),
    decodeRequest(
      "set-limits",
      wire.risk.v1.SetLimits.encode({ commandId: "a", requestedBy: "b" }).finish(),
    ),
    decodeRequest(
      "reserve",
      Uint8Array.from([0x0a, 1, 0x61, 0x10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
    ),
    decodeRequest(
      "reserve",
      encodeRequest({ ...messages.reserve, commandId: "x".repeat(129) } as RiskLimitCommand),
    ),
  ].map((decoded) => (decoded.ok ? "ok" : `${decoded.failure.code} ${decoded.failure.reason}`));
  assert.match(reasons[0] ?? "", /^malformed reserve: commandId: /);
  assert.match(reasons[1] ?? "", /^malformed set-limits: limits: /);
  assert.match(reasons[2] ?? "", /^malformed reserve: quantity: /);
  assert.match(reasons[3] ?? "", /^malformed reserve: commandId: /);
});

test("a name, an account, a rate and a scope that cannot be are refused with the field", () => {
  const wrong: readonly [RiskLimitVerb, object, RegExp][] = [
    ["define", { ...messages.define, parent: "a.b" }, /parent/],
    ["report", { ...messages.report, from: "*" }, /from/],
    ["report", { ...messages.report, accounts: [0] }, /accounts/],
    [
      "set-limits",
      { ...messages["set-limits"], limits: { ...limits, messageWindowMs: 0 } },
      /rate/,
    ],
    ["stop", { ...messages.stop, reason: "" }, /reason/],
  ];
  for (const [verb, fields, reason] of wrong) {
    const decoded = decodeRequest(verb, encodeRequest(fields as Sent));
    assert.is(decoded.ok ? "ok" : decoded.failure.code, "malformed", verb);
    assert.match(decoded.ok ? "" : decoded.failure.reason, reason);
  }
  const noScope = wire.risk.v1.Define.encode({ commandId: "a", requestedBy: "b" });
  assert.is(codeOf("define", noScope.finish()), "malformed");
});

test("random bytes never throw and never become a command without an id", () => {
  let state = 12_345;
  const byte = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 24;
  };
  for (let round = 0; round < 5_000; round += 1) {
    const payload = Uint8Array.from({ length: byte() % 24 }, byte);
    for (const verb of verbs) {
      const decoded = decodeRequest(verb, payload);
      if (decoded.ok && "commandId" in decoded.value) assert.ok(decoded.value.commandId !== "");
    }
  }
});

test("every event comes back as it was, and damage is an error", () => {
  const events: readonly RiskLimitEvent[] = [
    {
      type: "defined",
      commandId: "c0",
      scope: "strategy",
      parent: "",
      account: 0,
      tradedOnly: false,
      requestedBy: "o",
    },
    { type: "limits_proposed", commandId: "c1", limits, requestedBy: "operator" },
    { type: "limits_set", commandId: "c1", limits, requestedBy: "operator", approvedBy: "" },
    { type: "resume_proposed", commandId: "c1", requestedBy: "operator" },
    { type: "resumed", commandId: "c1", requestedBy: "operator", approvedBy: "approver" },
    { type: "stopped", commandId: "c1", reason: "why", requestedBy: "operator" },
    { type: "breached", commandId: "c1", limit: "maximum_loss", allowed: 5, reached: 6 },
    { type: "proposal_lapsed", proposal: "c1" },
    { type: "undone", commandId: "u", reservation: "c2", quantity: quantityLots(7) },
    { type: "reported", commandId: "c8", ...holding },
    { type: "held", commandId: "c9", ...held },
    { type: "reserved", commandId: "c2", quantity: quantityLots(7) },
    { type: "released", commandId: "c3", quantity: quantityLots(7) },
  ];
  for (const event of events) assert.equal(decodeEvent(encodeEvent(event)), event);
  assert.throws(() => decodeEvent(new Uint8Array()), /damaged/);
  assert.throws(() => decodeEvent(Uint8Array.from([0x12, 0x00])));
});

test("a reply says what stands, and a refusal its limit and what was requested", () => {
  const outcome: Outcome = {
    limits,
    reserved: quantityLots(3),
    scope: "account",
    parent: "desk-1",
    account: 7,
    proposal: "up",
    stopped: "by hand",
    profit: -12,
    position: 4,
    undone: true,
    held: quantityLots(2),
    revision: 5,
    markets: ["BTC-EUR"],
  };
  assert.equal(decodeReply(encodeReply({ type: "done", outcome, repeated: true })), {
    refusal: null,
    outcome,
    repeated: true,
    limit: 0,
    requested: 0,
  });
  const failure = {
    code: "limit_exceeded",
    reason: "why",
    next: "what next",
    limit: 10,
    requested: 11,
  } as const;
  assert.equal(decodeReply(encodeReply({ type: "refused", failure, outcome })), {
    refusal: { code: "limit_exceeded", reason: "why", next: "what next", region: "" },
    outcome,
    repeated: false,
    limit: 10,
    requested: 11,
  });
  const busy = decodeReply(encodeRefusal({ code: "busy", reason: "full", next: "wait" }));
  assert.is(busy.refusal?.code, "busy");
});

test("every code a client can get is listed", () => {
  for (const code of [
    "verb_unknown",
    "too_large",
    "malformed",
    "busy",
    "not_found",
    "timeout",
    "internal",
    "limit_exceeded",
    "not_reserved",
    "quantity_not_positive",
    "command_id_reused",
    "account_killed",
    "already_defined",
    "not_permitted",
    "log_full",
  ]) {
    assert.ok(Object.hasOwn(refusals, code), code);
  }
});

test.run();
