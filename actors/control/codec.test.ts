import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { controlVerbs } from "../../schemas/subjects.ts";
import { seed } from "../../test/support/seed.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import {
  decodeListed,
  decodeRecord,
  decodeRequest,
  encodeAnswer,
  encodeRecord,
  encodeRefusal,
  MAXIMUM_REQUEST_BYTES,
  requestMessages,
  requestRules,
} from "./codec.ts";
import type { ActorRecord, ActorStatus } from "./messages.ts";

const test = suite("control codec");
const { control, strategy } = wire;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const codeOf = (verb: (typeof controlVerbs)[number], payload: Uint8Array): string => {
  const { request } = decodeRequest(verb, payload);
  return request.ok ? "ok" : request.failure.code;
};

test("the rules name exactly the fields of the protobuf messages", () => {
  for (const verb of controlVerbs) {
    const fields = Object.entries(requestMessages[verb].prototype as object)
      .filter(([, fallback]) => typeof fallback !== "function")
      .map(([name]) => name)
      .sort();
    assert.equal(Object.keys(requestRules[verb].shape).sort(), fields, verb);
  }
});

test("B8.4 a request is the same in protobuf and in JSON", () => {
  const spawn = { key: "m1", type: "twap", parameters: { side: "buy" }, requestedBy: "op" };
  const inJson = decodeRequest("spawn", utf8(JSON.stringify(spawn)));
  const inProtobuf = decodeRequest("spawn", control.v1.SpawnRequest.encode(spawn).finish());
  assert.equal([inJson.encoding, inProtobuf.encoding], ["json", "protobuf"]);
  assert.equal(inJson.request, inProtobuf.request);
  assert.ok(inJson.request.ok);
  const { request } = decodeRequest("list", utf8(" {}".trim()));
  assert.ok(request.ok && request.value.verb === "list" && request.value.limit === 0);
});

test("what is damaged, unknown, too large or no request is refused, with the field", () => {
  assert.is(codeOf("describe", utf8("{")), "malformed");
  assert.is(codeOf("describe", utf8("{}")), "malformed");
  assert.is(codeOf("describe", utf8('{"id":"a","more":1}')), "malformed");
  assert.is(codeOf("describe", utf8('{"id":"a.b"}')), "malformed");
  assert.is(codeOf("describe", utf8('{"id":7}')), "malformed");
  assert.is(codeOf("describe", Uint8Array.of(0x7b, 0xff)), "malformed");
  assert.is(codeOf("describe", Uint8Array.of(0x0a, 0x7f)), "malformed");
  assert.is(codeOf("spawn", new Uint8Array(MAXIMUM_REQUEST_BYTES + 1)), "too_large");
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`p${index}`, "1"]));
  const spawn = { key: "k", type: "t", parameters: many };
  assert.is(codeOf("spawn", utf8(JSON.stringify(spawn))), "malformed");
  const { request } = decodeRequest("send", utf8('{"id":"a","commandId":"c","verb":"explode"}'));
  assert.match(request.ok ? "" : request.failure.reason, /verb/);
});

test("B7.8 whatever bytes come, they are a request or a refusal", () => {
  const first = seed(40_404);
  const random = seededRandomness(first);
  const valid = controlVerbs.map((verb) =>
    utf8(JSON.stringify({ id: "a", key: "k", type: "twap", verb, commandId: "c" })),
  );
  for (let round = 0; round < 20_000; round += 1) {
    const verb = controlVerbs[random.below(controlVerbs.length)] ?? "list";
    const base = valid[random.below(valid.length)] ?? new Uint8Array();
    const payload =
      random.below(2) === 0
        ? Uint8Array.from({ length: random.below(80) }, () => random.below(256))
        : Uint8Array.from(base, (byte) => (random.below(12) === 0 ? random.below(256) : byte));
    const { request, encoding } = decodeRequest(verb, payload);
    if (!request.ok) encodeRefusal(request.failure, encoding);
  }
});

const record: ActorRecord = {
  id: "m1",
  type: "avellaneda-stoikov",
  parameters: { market: "TEST", gamma: "0.1" },
  requestedBy: "op",
  antiAffinity: "makers",
  shard: 15,
  stoppedBecause: "",
  stopped: true,
  epoch: 2 ** 40,
};

test("a record comes back as it was; bytes that are none are no record", () => {
  assert.equal(decodeRecord(encodeRecord(record)), record);
  const givenUp = { ...record, stopped: true, stoppedBecause: "strategy_given_up: torn" };
  assert.equal(decodeRecord(encodeRecord(givenUp)), givenUp);
  assert.is(decodeRecord(new Uint8Array()), null);
  assert.is(decodeRecord(Uint8Array.of(0x0a, 0xff)), null);
  assert.is(decodeRecord(encodeRecord({ ...record, shard: 16 })), null);
});

test("an answer has the actor's report in either encoding, and another cell reads it back", () => {
  const report = strategy.v1.StrategyReport.encode({ state: "working", inventory: -5 }).finish();
  const status: ActorStatus = {
    record: { ...record, stopped: false, epoch: 7 },
    state: "working",
    detail: "",
    cell: "eu-central-1",
    incarnation: 7,
    report,
    group: "strategies",
  };
  const answer = { type: "actor", status, repeated: false } as const;
  const json = JSON.parse(new TextDecoder().decode(encodeAnswer(answer, "eu-central", "json"))) as {
    readonly actor: { readonly strategy: { readonly inventory: number } };
  };
  assert.is(json.actor.strategy.inventory, -5);
  const decoded = control.v1.ActorReply.decode(encodeAnswer(answer, "eu-central", "protobuf"));
  assert.is(decoded.actor?.strategy?.inventory, -5);
  const list = { type: "list", actors: [status], more: false } as const;
  const [listed] = decodeListed(encodeAnswer(list, "eu-central", "protobuf"));
  assert.equal({ ...listed, report: undefined }, { ...status, report: undefined });
});

test.run();
