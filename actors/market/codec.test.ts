import { suite } from "uvu";
import * as assert from "uvu/assert";

import { blockHash, fenceHash, type Block, type Fence } from "../kernel/accepted-chain.ts";
import { RECORD_BYTES } from "../kernel/ports/matching-engine.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { wire } from "../../schemas/messages.ts";
import { refusals } from "../../schemas/refusals.ts";
import { testDefinition } from "../../test/support/market-cell.ts";
import { seed } from "../../test/support/seed.ts";
import {
  decodeBookRequest,
  decodeChainMessage,
  decodeSubmit,
  encodeChainMessage,
  nextStep,
} from "./codec.ts";

const test = suite("market codec");

const { SIDE_BUY: side } = wire.market.v1.Side;
const { ORDER_TYPE_LIMIT: limit, ORDER_TYPE_MARKET: market } = wire.market.v1.OrderType;
const { TIME_IN_FORCE_IOC: ioc } = wire.market.v1.TimeInForce;

function decodeOne(command: wire.market.v1.ICommand, session = 1): unknown {
  const payload = wire.market.v1.SubmitRequest.encode({ session, commands: [command] }).finish();
  const decoded = decodeSubmit(payload, testDefinition, 2 ** 32 - 1);
  if (!decoded.ok) return decoded.failure.code;
  const [one] = decoded.value.commands;
  return one?.refused?.code ?? one?.command;
}
const place = (fields: wire.market.v1.IPlace): wire.market.v1.ICommand => ({
  number: 4,
  account: 2,
  place: { side, orderType: limit, timeInForce: ioc, price: 50, quantity: 20, ...fields },
});

test("units become ticks and lots, the command keeps session, number and account", () => {
  assert.equal(decodeOne(place({})), {
    kind: "place",
    session: 1,
    number: 4,
    account: 2,
    tag: 2 ** 32 - 1,
    side: "buy",
    orderType: "limit",
    timeInForce: "ioc",
    price: 10,
    quantity: 2,
  });
  const replace = { orderId: 9, price: 5, quantity: 10 };
  assert.equal(decodeOne({ number: 4, account: 2, replace }, 0), {
    kind: "replace",
    session: 0,
    number: 0,
    account: 2,
    tag: 2 ** 32 - 1,
    orderId: 9,
    price: 1,
    quantity: 1,
  });
});

test("a command that cannot be right is refused with its own code", () => {
  const cases: readonly (readonly [wire.market.v1.ICommand, string])[] = [
    [place({ price: 51 }), "price_off_tick"],
    [place({ price: 0 }), "price_not_positive"],
    [place({ price: -50 }), "price_not_positive"],
    [place({ price: Number.MAX_SAFE_INTEGER }), "price_out_of_band"],
    [place({ quantity: 25 }), "quantity_off_lot"],
    [place({ quantity: 0 }), "quantity_not_positive"],
    [place({ quantity: 2 ** 64 - 2048 }), "quantity_not_positive"],
    [place({ quantity: Number.MAX_SAFE_INTEGER }), "quantity_too_large"],
    [place({ side: 9 as never }), "command_invalid"],
    [place({ orderType: market }), "command_invalid"],
    [{ number: 1, account: 1 }, "command_invalid"],
    [{ number: 1, account: 1, cancel: { orderId: 0 } }, "order_unknown"],
    [{ number: 1, account: 1, reduce: { orderId: 2 ** 60, quantity: 10 } }, "order_unknown"],
    [{ number: 1, account: 1, reduce: { orderId: 7, quantity: 15 } }, "quantity_off_lot"],
    [{ number: 2 ** 60, account: 1, cancel: { orderId: 1 } }, "command_invalid"],
  ];
  for (const [command, code] of cases) assert.is(decodeOne(command), code, JSON.stringify(command));
});

test("tags of a batch rise from the first, modulo 2^32", () => {
  const commands = [place({}), place({}), place({})];
  const payload = wire.market.v1.SubmitRequest.encode({ session: 1, commands }).finish();
  const decoded = decodeSubmit(payload, testDefinition, 2 ** 32 - 2);
  assert.ok(decoded.ok);
  assert.equal(decoded.ok && decoded.value.commands.map(({ command }) => command?.tag), [
    2 ** 32 - 2,
    2 ** 32 - 1,
    0,
  ]);
});

test("random bytes never throw and never become a command without being one", () => {
  const fixed = seed(20261122);
  const random = seededRandomness(fixed);
  const valid = wire.market.v1.SubmitRequest.encode({ session: 1, commands: [place({})] }).finish();
  for (let round = 0; round < 20_000; round += 1) {
    const bytes =
      round % 2 === 0
        ? Uint8Array.from({ length: random.below(200) }, () => random.below(256))
        : valid.map((byte) => (random.below(20) === 0 ? random.below(256) : byte));
    try {
      const decoded = decodeSubmit(bytes, testDefinition, 0);
      if (!decoded.ok) assert.ok(decoded.failure.code in refusals);
      decodeBookRequest(bytes);
      decodeChainMessage(bytes);
    } catch (error) {
      throw new Error(`SEED=${fixed} round=${round}`, { cause: error });
    }
  }
});

test("journal messages survive the wire, and the same message gives the same bytes", () => {
  const body = {
    market: "TEST",
    epoch: 3,
    first: 5,
    last: 6,
    previousHash: new Uint8Array(32).fill(1),
    records: new Uint8Array(2 * RECORD_BYTES).fill(9),
  };
  const block: Block = { type: "block", ...body, hash: blockHash(body) };
  const held = {
    market: "TEST",
    epoch: 4,
    previousHash: block.hash,
    holder: "eu/a#2",
    log: "ab".repeat(16),
  };
  const fence: Fence = { type: "fence", ...held, hash: fenceHash(held) };
  for (const message of [block, fence]) {
    const bytes = encodeChainMessage(message);
    const decoded = decodeChainMessage(bytes);
    if (decoded === null) throw new Error("unreadable");
    assert.is(Buffer.compare(encodeChainMessage(decoded), bytes), 0);
    assert.is(decoded.type, message.type);
    assert.is(Buffer.compare(decoded.hash, message.hash), 0);
  }
  assert.is(decodeChainMessage(encodeChainMessage({ ...block, hash: new Uint8Array(3) })), null);
});

test("every refusal that a client can act on says what to do next", () => {
  for (const code of ["ring_full", "not_durable", "busy", "market_stopped", "price_off_tick"]) {
    assert.ok(nextStep(code).length > 0, code);
  }
});

test.run();
