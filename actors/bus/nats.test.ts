import { suite } from "uvu";
import * as assert from "uvu/assert";

import { connectionOptions } from "./nats.ts";
import { fateOf } from "./publish-ack.ts";

const test = suite("nats bus");

const ack = (sequence: number, duplicate = false): Parameters<typeof fateOf>[0] => ({
  sequence,
  duplicate,
  error: null,
});
const error = (code: number): Parameters<typeof fateOf>[0] => ({
  sequence: 0,
  duplicate: false,
  error: { code, text: "said the server" },
});

test("only an ack with a sequence above 0 that is no duplicate is stored", () => {
  assert.equal(fateOf(ack(7)), { fate: "stored", streamSequence: 7 });
  assert.is(fateOf(ack(0)).fate, "undecided");
  assert.is(fateOf(ack(7, true)).fate, "undecided");
});

test("only 10071 is a wrong tail; every other error leaves the fate open", () => {
  assert.equal(fateOf(error(10_071)), { fate: "wrong_tail" });
  for (const code of [503, 10_164, 10_158, 10_077, 10_008, 10_060, 0]) {
    assert.is(fateOf(error(code)).fate, "undecided", String(code));
  }
});

test("a connection is kept for ever, tries its own server first and has a private inbox", () => {
  const options = connectionOptions({
    servers: ["nats://127.0.0.1:1", "nats://127.0.0.1:2"],
    user: "cell-eu-central",
    seed: new Uint8Array(0),
    authority: null,
  });
  assert.is(options.maxReconnectAttempts, -1);
  assert.ok(options.noRandomize);
  assert.is(options.inboxPrefix, "_INBOX_cell-eu-central");
  assert.is(options.tls, undefined);
});

test.run();
