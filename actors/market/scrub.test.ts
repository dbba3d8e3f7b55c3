import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  blockHash,
  chainStart,
  fenceHash,
  type Block,
  type ChainMessage,
  type Fence,
} from "../kernel/accepted-chain.ts";
import type { StoredMessage } from "../kernel/ports/bus.ts";
import { RECORD_BYTES } from "../kernel/ports/matching-engine.ts";
import { encodeChainMessage } from "./codec.ts";
import { isWhole, ReplicaFold } from "./scrub.ts";

const test = suite("scrub of a replica");
const market = "TEST";

function fence(epoch: number, previousHash: Uint8Array): Fence {
  const body = { market, epoch, previousHash, holder: "eu/a#1", log: "log" };
  return { type: "fence", ...body, hash: fenceHash(body) };
}

function block(epoch: number, first: number, count: number, previousHash: Uint8Array): Block {
  const records = new Uint8Array(count * RECORD_BYTES).fill(first);
  const body = { market, epoch, first, last: first + count - 1, previousHash, records };
  return { type: "block", ...body, hash: blockHash(body) };
}

/** A fence, three blocks, the fence of a next owner, and a block of that one. */
const written = ((): readonly ChainMessage[] => {
  const f1 = fence(1, chainStart(market).hash);
  const b1 = block(1, 1, 2, f1.hash);
  const b2 = block(1, 3, 1, b1.hash);
  const b3 = block(1, 4, 3, b2.hash);
  const f2 = fence(2, b3.hash);
  return [f1, b1, b2, b3, f2, block(2, 7, 1, f2.hash)];
})();
const stored: readonly StoredMessage[] = written.map((message, index) => ({
  streamSequence: 10 + index,
  payload: encodeChainMessage(message),
}));
const LAST = 7;

function scrubbed(messages: readonly StoredMessage[], accepted = LAST): ReplicaFold {
  const fold = new ReplicaFold(market);
  for (const message of messages) fold.take(message);
  fold.end(accepted);
  return fold;
}

test("B9.7 a replica that holds everything has no fault", () => {
  const fold = scrubbed(stored);
  assert.is(fold.fault, null);
  assert.equal([fold.position, fold.lastSequence], [15, LAST]);
});

test("B9.7 a message that a server leaves out is told of at the next one, or at the end", () => {
  for (let missing = 0; missing < stored.length; missing += 1) {
    const fold = scrubbed(stored.filter((_, index) => index !== missing));
    assert.ok(fold.fault !== null, `message ${missing} is missing, and nobody says so`);
    const isLast = missing === stored.length - 1;
    assert.is(fold.fault?.kind, isLast ? "short" : "missing");
    if (!isLast) assert.is(fold.fault?.streamSequence, 10 + missing + 1);
  }
});

test("B9.7 any bit of a message that is turned over is told of at that message or the next", () => {
  for (let index = 0; index < stored.length; index += 1) {
    const message = stored[index] as StoredMessage;
    for (let bit = 0; bit < message.payload.length * 8; bit += 7) {
      const payload = Uint8Array.from(message.payload);
      payload[bit >> 3] = (payload[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const fold = scrubbed(stored.map((each, at) => (at === index ? { ...each, payload } : each)));
      const name = `bit ${bit} of message ${index}`;
      assert.ok(fold.fault !== null, `${name} was turned over, and nobody says so`);
      assert.ok((fold.fault?.streamSequence ?? 0) <= message.streamSequence + 1, name);
    }
  }
});

test("B9.7 a replica that ends before what was accepted is short", () => {
  const fold = scrubbed(stored.slice(0, 3));
  assert.equal(fold.fault, { kind: "short", streamSequence: 12, lastSequence: 3 });
  assert.is(scrubbed(stored.slice(0, 3), 3).fault, null, "it holds what had been accepted");
});

test("B9.7 a stale block, a late copy and a fence that lost a race are dropped and no fault", () => {
  const [f1, b1, , b3] = written as [ChainMessage, ChainMessage, ChainMessage, ChainMessage];
  const late = [b1, b3, f1, block(1, 7, 2, b3.hash)].map((message, index) => ({
    streamSequence: 16 + index,
    payload: encodeChainMessage(message),
  }));
  const fold = scrubbed([...stored, ...late]);
  assert.is(fold.fault, null);
  assert.is(fold.lastSequence, LAST);
});

test("B9.7 a message is whole when its hash is of what it says", () => {
  const [f1, b1] = written as [Fence, Block];
  assert.equal([isWhole(f1), isWhole(b1)], [true, true]);
  assert.not(isWhole({ ...f1, holder: "us/b#1" }));
  assert.not(isWhole({ ...b1, last: b1.last + 1 }));
});

test.run();
