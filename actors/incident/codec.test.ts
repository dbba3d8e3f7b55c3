import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import {
  decodeRequest,
  eventCodec,
  maximumRequestBytes,
  requestMessages,
  requestRules,
  stateCodec,
  withUser,
} from "./codec.ts";
import { initialState } from "./decide.ts";
import { fromAlert } from "./alert-codec.ts";
import { finding, idOf } from "./findings.ts";

const test = suite("incident codec");
const { ActRequest, RaiseRequest } = wire.incident.v1;
/** Of every message, by its prototype. */
const inherited = new Set(["toJSON", "$unknowns"]);
const found = finding("cell_down", {
  affected: "eu-central",
  subject: "eu-central-1",
  title: "t",
  source: "us-east/us-east-1",
});

test("B8.4 the rules of each request name the fields that its message has", () => {
  for (const [verb, rules] of Object.entries(requestRules)) {
    const message = requestMessages[verb as keyof typeof requestMessages];
    const known: string[] = [];
    for (const name in message.decode(new Uint8Array())) {
      if (!inherited.has(name)) known.push(name);
    }
    assert.equal(Object.keys(rules.shape).toSorted(), known.toSorted(), verb);
  }
});

test("who acts is the user whose inbox it is, whatever the request says", () => {
  const forged = ActRequest.encode({ commandId: "c", requestedBy: "ann", user: "root" }).finish();
  const read = decodeRequest("acknowledge", withUser("acknowledge", forged, "operator"));
  assert.ok(read.ok && read.value.type === "acknowledge");
  assert.is(read.value.by, "operator");
  const nobody = decodeRequest("acknowledge", withUser("acknowledge", forged, ""));
  assert.ok(nobody.ok && nobody.value.type === "acknowledge");
  assert.is(nobody.value.by, "ann", "what a program says of itself, where nobody is known");
});

test("bytes that are no request are refused with what is wrong", () => {
  const code = (verb: string, payload: Uint8Array): string => {
    const read = decodeRequest(verb, payload);
    return read.ok ? "" : read.failure.code;
  };
  assert.is(code("explode", new Uint8Array()), "verb_unknown");
  assert.is(code("acknowledge", new Uint8Array([255, 255])), "malformed");
  assert.is(code("acknowledge", new Uint8Array()), "malformed");
  assert.is(code("raise", new Uint8Array(maximumRequestBytes + 1)), "too_large");
  const wrong = RaiseRequest.encode({ commandId: "c", finding: { ...found, runbook: "none" } });
  assert.is(code("raise", wrong.finish()), "malformed");
});

test("events and states are read as they were written, and damage is noticed", () => {
  const event = { type: "detected", atUnixMs: 5, finding: found } as const;
  const read = eventCodec.decode(eventCodec.encode(event), 1);
  assert.equal(eventCodec.parse(read), event);
  assert.throws(() => eventCodec.parse({ type: "detected", atUnixMs: -1, finding: found }));
  const state = { ...initialState, finding: found, status: "detected", unsent: 1 };
  assert.equal(stateCodec.parse(JSON.parse(JSON.stringify(state))), state);
  assert.throws(() => stateCodec.parse({ ...state, status: "gone" }));
});

test("the same finding has the same id, another one another, and every id is a token", () => {
  assert.is(idOf(found), "cell_down-eu-central-eu-central-1");
  const odd = idOf({ ...found, subject: "a.b c" });
  assert.is.not(odd, idOf({ ...found, subject: "a-b-c" }));
  for (const subject of ["x".repeat(200), "a.b c", "", "日本"]) {
    assert.match(idOf({ ...found, subject }), /^[A-Za-z0-9_-]{1,64}$/);
  }
});

test("bytes at an alert's subject that mean nothing are no finding", () => {
  assert.is(fromAlert("alert.eu-central.latency.X", new Uint8Array([255])), null);
  assert.is(fromAlert("alert.eu-central.weather.X", new Uint8Array()), null);
});

test.run();
