import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { EngineCommand, EngineEvent } from "../actors/kernel/ports/matching-engine.ts";
import { accountId, orderId, priceTicks, quantityLots, sequence } from "../actors/kernel/units.ts";
import {
  decodeCommand,
  encodeCommand,
  readCommandFields,
  writeCommandFields,
} from "./command-slots.ts";
import { EventReader, encodeEvent, readEventFields, writeEventFields } from "./event-slots.ts";
import { layout, SLOT_BYTES } from "./slots.ts";

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
  {
    kind: "place",
    ...header,
    side: "buy",
    orderType: "trailing_stop",
    timeInForce: "gtd",
    price: 0,
    quantity: quantityLots(2),
    trigger: 9_999,
    expirySeconds: 2 ** 32 - 1,
    group: 255,
    linkedOrderId: id,
    attributes: {
      reduceOnly: true,
      trailBps: true,
      selfTradePrevention: "decrement",
      link: "child",
    },
  },
  {
    kind: "place",
    ...header,
    side: "sell",
    orderType: "limit",
    timeInForce: "good_for_auction",
    price: priceTicks(7),
    quantity: quantityLots(2 ** 31 - 1),
    display: quantityLots(2 ** 30),
    minimum: quantityLots(3),
    discretion: 254,
    attributes: {
      postOnly: true,
      reprice: true,
      hidden: true,
      allOrNone: true,
      randomRefresh: true,
      selfTradePrevention: "newest",
      link: "oco",
    },
  },
  {
    kind: "replace",
    ...header,
    orderId: id,
    price: 0,
    quantity: quantityLots(3),
    trigger: 2 ** 31 - 2,
  },
  { kind: "set_state", ...header, state: "closing_auction" },
  {
    kind: "set_breaker",
    ...header,
    mode: "interrupt",
    reference: priceTicks(100),
    width: 2 ** 32 - 1,
    limitStateSeconds: 15,
  },
  { kind: "mass_cancel", ...header, side: null, prices: null, group: null },
  { kind: "mass_cancel", ...header, side: "sell", prices: { low: -5, high: 9 }, group: 200 },
  { kind: "set_limit", ...header, limit: "message_rate", value: 2 ** 53 - 1, windowMs: 1_000 },
  { kind: "kill", ...header, engage: true },
  { kind: "kill", ...header, engage: false },
  { kind: "set_position", ...header, position: -(2 ** 40) },
  { kind: "set_position", ...header, position: 2 ** 40 },
  { kind: "bust", ...header, tradeSequence: sequence(2 ** 40 + 1), tradeIndex: 2 ** 32 - 1 },
  {
    kind: "correct",
    ...header,
    tradeSequence: sequence(3),
    tradeIndex: 2,
    price: priceTicks(8),
    quantity: quantityLots(2 ** 31),
  },
  { kind: "tick", ...header },
  { kind: "seed", ...header, seed: 2 ** 53 - 1 },
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
const trade = {
  tradeSequence: sequence(2 ** 44 + 3),
  tradeIndex: 2 ** 32 - 1,
  buyer: accountId(2 ** 32 - 1),
  seller: accountId(2 ** 32 - 2),
  price: priceTicks(12),
  quantity: quantityLots(13),
};
const events: readonly EngineEvent[] = [
  {
    kind: "accepted",
    ...eventHeader,
    ...order,
    orderType: "pegged_mid",
    linkedOrderId: orderId(2 ** 52 + 9),
    trigger: 2 ** 31 - 1,
  },
  {
    kind: "executed",
    ...eventHeader,
    ...order,
    atUncross: false,
    makerWasDark: true,
    makerOrderId: orderId(2 ** 50 + 3),
    makerAccount: accountId(2 ** 32 - 2),
    makerRemaining: quantityLots(9),
  },
  { kind: "canceled", ...eventHeader, ...order, reason: "no_liquidity" },
  {
    kind: "reduced",
    ...eventHeader,
    ...order,
    reason: "linked",
    remaining: quantityLots(4),
  },
  {
    kind: "replaced",
    ...eventHeader,
    ...order,
    last: false,
    orderType: "stop_limit",
    trigger: 17,
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
  { kind: "rested", ...eventHeader, ...order },
  { kind: "triggered", ...eventHeader, ...order, stopPrice: 2 ** 31 - 2 },
  { kind: "activated", ...eventHeader, ...order, parentOrderId: orderId(2 ** 50 + 1) },
  { kind: "repriced", ...eventHeader, ...order, oldPrice: priceTicks(3) },
  {
    kind: "indicative",
    ...eventHeader,
    price: priceTicks(77),
    volume: quantityLots(2 ** 41),
    surplusSide: "sell",
    surplus: quantityLots(2 ** 42),
  },
  { kind: "limit_state", ...eventHeader, begins: true, side: "sell", price: priceTicks(5) },
  { kind: "breaker_set", ...eventHeader, mode: "limit_state", reference: 0, width: 2 ** 32 - 1 },
  {
    kind: "mass_canceled",
    ...eventHeader,
    account: accountId(9),
    side: "sell",
    byPrice: true,
    byGroup: true,
  },
  {
    kind: "mass_canceled",
    ...eventHeader,
    account: accountId(9),
    side: null,
    byPrice: false,
    byGroup: false,
  },
  {
    kind: "limit_set",
    ...eventHeader,
    account: accountId(9),
    limit: "execution_rate",
    value: 2 ** 53 - 1,
    windowMs: 2 ** 32 - 1,
  },
  { kind: "killed", ...eventHeader, account: accountId(9), engaged: true },
  { kind: "killed", ...eventHeader, account: accountId(9), engaged: false },
  { kind: "position_set", ...eventHeader, account: accountId(9), position: -(2 ** 40) },
  { kind: "busted", ...eventHeader, ...trade },
  { kind: "corrected", ...eventHeader, ...trade, quantityBefore: quantityLots(2 ** 31 - 1) },
  { kind: "ticked", ...eventHeader },
  { kind: "seeded", ...eventHeader },
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
  assert.is(view.getInt32(layout.command.price, true), -3);
  assert.equal(decodeCommand(view, 0), command);
});

test("a value that does not fit its field becomes the nearest one, so that it is refused for what it is", () => {
  const view = new DataView(new ArrayBuffer(SLOT_BYTES));
  const written = (price: number, quantity: number): readonly number[] => {
    encodeCommand(view, 0, { ...commands[0], price, quantity } as EngineCommand);
    const fields = readCommandFields(view, 0);
    return [fields.price, fields.quantity];
  };
  assert.equal(written(2 ** 40, 2 ** 40), [2 ** 31 - 1, 2 ** 32 - 1]);
  assert.equal(written(-(2 ** 40), -1), [-(2 ** 31), 0]);
});

test("any 64 bytes are fields of a command and of an event, and these fields the same bytes", () => {
  const bytes = Uint8Array.from({ length: SLOT_BYTES }, (_, at) => (at * 151 + 201) % 256);
  const view = new DataView(new ArrayBuffer(2 * SLOT_BYTES));
  writeCommandFields(view, 0, readCommandFields(new DataView(bytes.buffer), 0));
  writeEventFields(view, SLOT_BYTES, readEventFields(new DataView(bytes.buffer), 0));
  assert.equal(new Uint8Array(view.buffer, 0, SLOT_BYTES), bytes);
  assert.equal(new Uint8Array(view.buffer, SLOT_BYTES), bytes);
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
  spoil(commands[0], layout.command.order_type, 8);
  spoil(commands[0], layout.command.time_in_force, 8);
  spoil(commands[0], layout.command.attributes + 1, 0x10);
  spoil(commands[2], layout.command.price + 3, 1);
  spoil(commands[2], layout.command.group, 1);
  spoil(commands[6], layout.command.order_type, 7);
});

test("an event slot with an unknown kind is a fault, not an event", () => {
  const view = new DataView(new ArrayBuffer(SLOT_BYTES));
  view.setUint8(layout.event.kind, 26);
  assert.throws(() => new EventReader().read(view, 0), /event kind 26/);
});

test.run();
