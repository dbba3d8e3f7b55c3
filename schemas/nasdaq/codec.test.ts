import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  decodeItch,
  decodeOuchInbound,
  decodeOuchOutbound,
  decodeSoupControl,
  encodeItch,
  encodeOuchInbound,
  encodeOuchOutbound,
  encodeSoupControl,
  sizeOf,
} from "./codec.ts";
import { type MessageLayout, groups } from "./layouts.ts";
import { decodeMold, decodeMoldRequest, encodeMold, encodeMoldRequest } from "./mold.ts";
import { SoupReader, encodeSoup } from "./soup.ts";

const test = suite("wire protocols");

test("A5.1 the fields of every message add up to the length the specification gives", () => {
  const wrong = Object.values(groups).flatMap((group) =>
    Object.entries(group as Readonly<Record<string, MessageLayout>>)
      .filter(([, layout]) => sizeOf(layout) !== layout.size)
      .map(([name]) => name),
  );
  assert.equal(wrong, []);
});

test("A5.1 an order with options comes back as it was sent", () => {
  const order = {
    kind: "enterOrder",
    userRef: 12,
    side: "B",
    quantity: 300,
    symbol: "ACME",
    price: 1_250_000n,
    timeInForce: "0",
    display: "Y",
    capacity: "P",
    intermarketSweep: "N",
    crossType: "N",
    clientOrderId: "first",
    options: { minimumQuantity: 100, pegOffset: -25, route: "AB", postOnly: "P" },
  } as const;
  const bytes = encodeOuchInbound(order);
  assert.is(bytes.length, 47 + 6 + 6 + 6 + 3);
  assert.equal(decodeOuchInbound(bytes), { ok: true, message: order });
});

test("A5.1 every kind of message comes back byte for byte, whatever its bytes", () => {
  const codecs = [
    [groups.itchMessages, decodeItch, encodeItch],
    [groups.ouchOutbound, decodeOuchOutbound, encodeOuchOutbound],
    [groups.ouchInbound, decodeOuchInbound, encodeOuchInbound],
  ] as const;
  let state = 20_260_101;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return 33 + ((state >>> 24) % 90);
  };
  for (const [group, decode, encode] of codecs) {
    for (const layout of Object.values(group as Readonly<Record<string, MessageLayout>>)) {
      const bytes = Uint8Array.from({ length: layout.size }, random);
      bytes[0] = layout.letter.charCodeAt(0);
      if (layout.appendage) bytes.fill(0, layout.size - 2);
      const decoded = decode(bytes);
      assert.ok(decoded.ok, layout.letter);
      if (decoded.ok) assert.equal(encode(decoded.message as never), bytes, layout.letter);
    }
  }
});

test("A5.1 bytes that are no message have a reason", () => {
  assert.equal(decodeItch(new Uint8Array()), { ok: false, failure: { code: "empty" } });
  assert.equal(decodeItch(Uint8Array.of(0x7a)), {
    ok: false,
    failure: { code: "type_unknown", type: 0x7a },
  });
  assert.equal(decodeOuchInbound(Uint8Array.of(0x58, 1)), {
    ok: false,
    failure: { code: "length_wrong", kind: "cancelOrder", expected: 9, received: 2 },
  });
  const order = new Uint8Array(47 + 3);
  order.set([0x4f]);
  order.set([0, 3, 2, 3, 0], 45);
  assert.equal(decodeOuchInbound(order), {
    ok: false,
    failure: { code: "option_malformed", kind: "enterOrder", at: 47 },
  });
});

test("a value that does not fit its field is the caller's fault", () => {
  const cancel = { kind: "cancelOrder", userRef: 2 ** 32, quantity: 0 } as const;
  assert.throws(() => encodeOuchInbound(cancel), /userRef: 4294967296 does not fit u32/);
});

test("A5.1 packets are cut out of a stream however it is cut into chunks", () => {
  const login = {
    kind: "loginRequest",
    username: "trader",
    password: "secret",
    session: "",
    sequence: "1",
  } as const;
  const stream = Buffer.concat([
    encodeSoup(login),
    encodeSoup({ kind: "clientHeartbeat" }),
    encodeSoup({ kind: "unsequencedData", data: Uint8Array.of(1, 2, 3) }),
  ]);
  for (let size = 1; size <= stream.length; size += 1) {
    const reader = new SoupReader();
    const kinds: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size));
      for (let read = reader.next(); read.state === "packet"; read = reader.next())
        kinds.push(read.packet.kind);
    }
    assert.equal(kinds, ["loginRequest", "clientHeartbeat", "unsequencedData"]);
  }
  assert.equal(decodeSoupControl(encodeSoupControl(login)), { ok: true, message: login });
});

test("A5.1 a stream that has lost its frame is refused with the reason", () => {
  const failure = (bytes: readonly number[], limit: number): unknown => {
    const reader = new SoupReader(limit);
    reader.push(Uint8Array.from(bytes));
    const read = reader.next();
    return read.state === "failed" ? read.failure : read.state;
  };
  assert.equal(failure([0, 0, 1], 10), { code: "length_zero" });
  assert.equal(failure([0, 11, 1], 10), { code: "length_too_large", length: 11, limit: 10 });
  assert.equal(failure([0, 1, 0x21], 10), {
    code: "packet_invalid",
    type: 0x21,
    reason: "type_unknown",
  });
  assert.is(failure([0, 2, 0x52], 10), "incomplete");
});

test("A5.1 packets of MoldUDP64 come back, and cut or lengthened ones are refused", () => {
  const packet = {
    kind: "messages",
    session: "MERIDIAN1",
    sequence: 41n,
    messages: [Uint8Array.of(1, 2), new Uint8Array()],
  } as const;
  const bytes = encodeMold(packet);
  assert.equal(decodeMold(bytes), { ok: true, value: packet });
  for (let length = 0; length < bytes.length; length += 1)
    assert.not.ok(decodeMold(bytes.subarray(0, length)).ok);
  assert.equal(decodeMold(Uint8Array.of(...bytes, 0)), {
    ok: false,
    failure: { code: "trailing_bytes", at: bytes.length },
  });
  const end = { kind: "endOfSession", session: "S", sequence: 9n } as const;
  assert.equal(decodeMold(encodeMold(end)), { ok: true, value: end });
  const request = { session: "S", sequence: 5n, count: 3 };
  assert.equal(decodeMoldRequest(encodeMoldRequest(request)), { ok: true, value: request });
});

test.run();
