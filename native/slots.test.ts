import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { EngineCommand, EngineEvent } from "../actors/kernel/ports/matching-engine.ts";
import { accountId, orderId, priceTicks, quantityLots, sequence } from "../actors/kernel/units.ts";
import {
  decodeCommand,
  EventReader,
  encodeCommand,
  encodeEvent,
  layout,
  SLOT_BYTES,
} from "./slots.ts";

const test = suite("slots");
const header = {
  session: 2 ** 40 + 7,
  number: 2 ** 52 + 1,
  account: accountId(2 ** 32 - 1),
  tag: 2 ** 31 + 5,
};
const id = orderId(2 ** 24 * (2 ** 29 - 1) + 12);

const commands: readonly EngineCommand[] = [
  {
    kind: "place",
    ...header,
    side: "sell",
    orderType: "limit",
    timeInForce: "fok",
    price: priceTicks(2 ** 31 - 2),
    quantity: quantityLots(2 ** 31 - 1),
  },
  {
    kind: "place",
    ...header,
    side: "buy",
    orderType: "market",
    timeInForce: "ioc",
    price: 0,
    quantity: quantityLots(1),
  },
  { kind: "cancel", ...header, orderId: id },
  { kind: "reduce", ...header, orderId: id, quantity: quantityLots(3) },
  { kind: "replace", ...header, orderId: id, price: priceTicks(5), quantity: quantityLots(3) },
  {
    kind: "configure",
    ...header,
    account: 0,
    bandLow: priceTicks(1),
    bandHigh: priceTicks(99),
    maximumQuantity: quantityLots(1000),
    orderCapacity: 4096,
    mode: "replicated",
  },
  { kind: "set_state", ...header, state: "halted" },
];

const eventHeader = {
  sequence: sequence(2 ** 45 + 1),
  index: 2 ** 31 + 1,
  last: true,
  tag: 4_000_000_000,
};
const order = {
  orderId: id,
  account: accountId(7),
  side: "sell" as const,
  price: priceTicks(100),
  quantity: quantityLots(2 ** 31 - 1),
};
const events: readonly EngineEvent[] = [
  { kind: "accepted", ...eventHeader, ...order },
  {
    kind: "executed",
    ...eventHeader,
    ...order,
    makerOrderId: orderId(2 ** 50 + 3),
    makerAccount: accountId(2 ** 32 - 2),
    makerRemaining: quantityLots(9),
  },
  { kind: "canceled", ...eventHeader, ...order, reason: "no_liquidity" },
  { kind: "reduced", ...eventHeader, ...order, remaining: quantityLots(4) },
  {
    kind: "replaced",
    ...eventHeader,
    ...order,
    last: false,
    replacedOrderId: orderId(11),
    remaining: quantityLots(4),
  },
  { kind: "refused", ...eventHeader, orderId: 0, account: 0, refusal: "capacity_fixed" },
  {
    kind: "repeated",
    ...eventHeader,
    originalSequence: sequence(2 ** 33),
    orderId: id,
    refusal: null,
    executed: quantityLots(1),
    remaining: quantityLots(2),
  },
  {
    kind: "repeated",
    ...eventHeader,
    originalSequence: sequence(1),
    orderId: 0,
    refusal: "market_halted",
    executed: quantityLots(0),
    remaining: quantityLots(0),
  },
  { kind: "configured", ...eventHeader, bandLow: priceTicks(1), bandHigh: priceTicks(2 ** 31 - 2) },
  { kind: "state_set", ...eventHeader, state: "halted" },
  {
    kind: "touch",
    ...eventHeader,
    bidPrice: priceTicks(99),
    bidQuantity: quantityLots(2 ** 40),
    askPrice: 0,
    askQuantity: quantityLots(0),
  },
];

/** A view whose bytes before and after the slot must stay untouched. */
const guarded = (bytes: number): { view: DataView; offset: number; intact: () => boolean } => {
  const array = new Uint8Array(bytes + 128).fill(0xa5);
  return {
    view: new DataView(array.buffer),
    offset: 64,
    intact: () => array.every((byte, at) => (at >= 64 && at < 64 + bytes) || byte === 0xa5),
  };
};

for (const command of commands) {
  test(`a ${command.kind} command survives its slot, and the slot's neighbours stay untouched`, () => {
    const { view, offset, intact } = guarded(SLOT_BYTES);
    encodeCommand(view, offset, command);
    assert.equal(decodeCommand(view, offset), command);
    assert.ok(intact());
  });
}

for (const event of events) {
  test(`the event ${event.kind} survives its slot field by field`, () => {
    const { view, offset, intact } = guarded(SLOT_BYTES);
    encodeEvent(view, offset, event);
    assert.equal({ ...new EventReader().read(view, offset) }, event);
    assert.ok(intact());
  });
}

test("the reader gives the same object for every event of a kind", () => {
  const reader = new EventReader();
  const view = new DataView(new ArrayBuffer(SLOT_BYTES));
  for (const event of events) {
    encodeEvent(view, 0, event);
    assert.is(reader.read(view, 0), reader.read(view, 0));
  }
});

test("a negative price is written in two's complement and read back", () => {
  const view = new DataView(new ArrayBuffer(SLOT_BYTES));
  const command = { ...commands[0], price: -3 } as EngineCommand;
  encodeCommand(view, 0, command);
  assert.is(view.getBigInt64(layout.command.price, true), -3n);
  assert.equal(decodeCommand(view, 0), command);
});

test("a command slot with an unknown kind, code or a value in an unused field is unreadable", () => {
  const view = new DataView(new ArrayBuffer(SLOT_BYTES));
  const spoil = (command: EngineCommand | undefined, offset: number, value: number): void => {
    assert.ok(command);
    encodeCommand(view, 0, command);
    view.setUint8(offset, value);
    const decoded = decodeCommand(view, 0);
    assert.is(decoded.kind, "unreadable");
    assert.is(decoded.session, header.session);
    assert.is(decoded.tag, header.tag);
  };
  spoil(commands[0], layout.command.kind, 0);
  spoil(commands[0], layout.command.kind, 77);
  spoil(commands[0], layout.command.side, 2);
  spoil(commands[0], layout.command.order_type, 2);
  spoil(commands[0], layout.command.time_in_force, 3);
  spoil(commands[0], layout.command.reserved, 1);
  spoil(commands[2], layout.command.price + 7, 1);
  spoil(commands[6], layout.command.order_type, 2);
});

test("an event slot with an unknown kind is a fault, not an event", () => {
  const view = new DataView(new ArrayBuffer(SLOT_BYTES));
  view.setUint8(layout.event.kind, 11);
  assert.throws(() => new EventReader().read(view, 0), /event kind 11/);
});

test.run();
