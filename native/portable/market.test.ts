import { suite } from "uvu";
import * as assert from "uvu/assert";
import type {
  ConfigureCommand,
  EngineCommand,
  EngineEvent,
  PlaceCommand,
} from "../../actors/kernel/ports/matching-engine.ts";
import { accountId, orderId, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { LEVEL_LIMIT } from "./book.ts";
import { commandFields } from "./command-fields.ts";
import type { CommandFields } from "./command-fields.ts";
import { Market } from "./market.ts";

const test = suite("portable market");

const header = { session: 0, number: 0, account: accountId(7), tag: 5 };
const configure = (change: Partial<ConfigureCommand> = {}): ConfigureCommand => ({
  ...header,
  kind: "configure",
  account: 0,
  bandLow: priceTicks(1),
  bandHigh: priceTicks(2 ** 31 - 2),
  maximumQuantity: quantityLots(1_000),
  orderCapacity: 100,
  mode: "matched",
  ...change,
});
const place = (
  side: "buy" | "sell",
  price: number,
  quantity: number,
  change: Partial<PlaceCommand> = {},
): PlaceCommand => ({
  ...header,
  kind: "place",
  side,
  orderType: "limit",
  timeInForce: "day",
  price: priceTicks(price),
  quantity: quantityLots(quantity),
  ...change,
});
const market = (side: "buy" | "sell", quantity: number, timeInForce: "day" | "ioc" | "fok") =>
  place(side, 1, quantity, { orderType: "market", price: 0, timeInForce });

/** A market and the sequence of its last command; each step is checked as a whole. */
class Bench {
  readonly market = new Market();
  sequence = 0;
  /** Off where the book is so large that checking all of it after each command takes seconds. */
  verifies = true;

  constructor(change: Partial<ConfigureCommand> | null = {}) {
    if (change !== null) this.send(configure(change));
  }

  send(command: EngineCommand): EngineEvent[] {
    return this.sendFields(commandFields(command));
  }

  sendFields(fields: CommandFields): EngineEvent[] {
    this.sequence += 1;
    const events = this.market.applyFields(fields, this.sequence);
    if (this.verifies) assert.is(this.market.verify(), null);
    return events;
  }

  /** What came out, as short lines. */
  lines(command: EngineCommand): string[] {
    return this.send(command).map(line);
  }

  refusal(command: EngineCommand): string {
    return refusalOf(this.send(command));
  }
}

function refusalOf(events: readonly EngineEvent[]): string {
  const [event] = events;
  assert.is(events.length, 1);
  return event?.kind === "refused" ? event.refusal : `not refused: ${event?.kind}`;
}

function line(event: EngineEvent): string {
  switch (event.kind) {
    case "accepted":
      return `accepted ${slot(event.orderId)} ${event.side} ${event.quantity}@${event.price}`;
    case "executed":
      return `executed ${slot(event.orderId)} ${event.side} ${event.quantity}@${event.price} maker ${slot(event.makerOrderId)} of ${event.makerAccount} left ${event.makerRemaining}`;
    case "canceled":
      return `canceled ${slot(event.orderId)} ${event.quantity}@${event.price} ${event.reason}`;
    case "reduced":
      return `reduced ${slot(event.orderId)} by ${event.quantity} to ${event.remaining}`;
    case "replaced":
      return `replaced ${slot(event.replacedOrderId)} (${event.remaining}) by ${slot(event.orderId)} ${event.quantity}@${event.price}`;
    case "refused":
      return `refused ${event.refusal}`;
    case "repeated":
      return `repeated ${event.originalSequence} ${slot(event.orderId)} ${event.refusal ?? "ok"} ${event.executed} ${event.remaining}`;
    case "touch":
      return `touch ${event.bidQuantity}@${event.bidPrice} ${event.askQuantity}@${event.askPrice}`;
    case "configured":
      return `configured ${event.bandLow} ${event.bandHigh}`;
    case "state_set":
      return `state ${event.state}`;
    case "rested":
    case "triggered":
    case "activated":
    case "repriced":
    case "indicative":
    case "limit_state":
    case "breaker_set":
    case "mass_canceled":
    case "limit_set":
    case "killed":
    case "position_set":
    case "busted":
    case "corrected":
    case "ticked":
    case "seeded":
      return event.kind;
    default:
      return "";
  }
}
/** slot.generation of an id. */
const slot = (id: number): string => `${id % 2 ** 24}.${Math.floor(id / 2 ** 24)}`;
const id = (slotNumber: number, generation: number) => orderId(generation * 2 ** 24 + slotNumber);
const cancel = (order: number, account = 7): EngineCommand => ({
  ...header,
  kind: "cancel",
  orderId: orderId(order),
  account: accountId(account),
});
const reduce = (order: number, quantity: number, account = 7): EngineCommand => ({
  ...cancel(order, account),
  kind: "reduce",
  orderId: orderId(order),
  quantity: quantityLots(quantity),
});
const replace = (order: number, price: number, quantity: number): EngineCommand => ({
  ...header,
  kind: "replace",
  orderId: orderId(order),
  price: priceTicks(price),
  quantity: quantityLots(quantity),
});

test("a limit order rests, and a crossing one trades at the maker's price, oldest first", () => {
  const bench = new Bench();
  assert.equal(bench.lines(place("sell", 101, 5)), ["accepted 1.1 sell 5@101", "touch 0@0 5@101"]);
  bench.send(place("sell", 100, 3, { account: accountId(8) }));
  bench.send(place("sell", 100, 4, { account: accountId(9) }));
  assert.equal(bench.lines(place("buy", 101, 9)), [
    "accepted 4.1 buy 9@101",
    "executed 4.1 buy 3@100 maker 2.1 of 8 left 0",
    "executed 4.1 buy 4@100 maker 3.1 of 9 left 0",
    "executed 4.1 buy 2@101 maker 1.1 of 7 left 3",
    "touch 0@0 3@101",
  ]);
  assert.equal(bench.market.restingOrders("sell", 10), [
    { orderId: id(1, 1), account: 7, side: "sell", price: 101, remaining: 3 },
  ]);
  // Freed: makers 2 and 3 in trade order, the taker last; the next order takes the last freed.
  assert.equal(bench.lines(place("buy", 50, 1))[0], "accepted 4.2 buy 1@50");
  assert.equal(bench.lines(place("buy", 50, 1))[0], "accepted 3.2 buy 1@50");
});

test("every event carries the command's tag and sequence, and only the last one is marked", () => {
  const bench = new Bench();
  bench.send(place("sell", 100, 1));
  const events = bench.send(place("buy", 100, 2, { tag: 2 ** 32 - 1 }));
  assert.equal(
    events.map(({ tag, sequence, index, last }) => ({ tag, sequence, index, last })),
    [0, 1, 2].map((index) => ({ tag: 2 ** 32 - 1, sequence: 3, index, last: index === 2 })),
  );
});

test("an ioc order cancels its rest, and a fok order trades all or nothing", () => {
  const bench = new Bench();
  bench.send(place("sell", 100, 5));
  assert.equal(bench.lines(place("buy", 99, 2, { timeInForce: "ioc" })), [
    "accepted 2.1 buy 2@99",
    "canceled 2.1 2@99 ioc_rest",
  ]);
  assert.equal(bench.lines(place("buy", 100, 6, { timeInForce: "fok" })), [
    "accepted 2.2 buy 6@100",
    "canceled 2.2 6@100 fok_unfilled",
  ]);
  assert.equal(bench.lines(place("buy", 100, 5, { timeInForce: "fok" })), [
    "accepted 2.3 buy 5@100",
    "executed 2.3 buy 5@100 maker 1.1 of 7 left 0",
    "touch 0@0 0@0",
  ]);
});

test("a market order takes any price and never rests, day or not", () => {
  const bench = new Bench();
  bench.send(place("buy", 1, 2));
  bench.send(place("buy", 9, 2));
  assert.equal(bench.lines(market("sell", 3, "day")), [
    "accepted 3.1 sell 3@0",
    "executed 3.1 sell 2@9 maker 2.1 of 7 left 0",
    "executed 3.1 sell 1@1 maker 1.1 of 7 left 1",
    "touch 1@1 0@0",
  ]);
  assert.equal(bench.lines(market("sell", 2, "fok")).slice(1), ["canceled 3.2 2@0 fok_unfilled"]);
  assert.equal(bench.lines(market("buy", 2, "ioc")).slice(1), ["canceled 3.3 2@0 no_liquidity"]);
  assert.is(
    bench.refusal({ ...market("sell", 1, "ioc"), price: priceTicks(1) }),
    "command_invalid",
  );
});

test("cancel and reduce work while halted, and only for the owner", () => {
  const bench = new Bench();
  bench.send(place("buy", 10, 5));
  assert.equal(bench.lines({ ...header, kind: "set_state", state: "halted" }), ["state halted"]);
  assert.is(bench.refusal(place("buy", 10, 5)), "market_halted");
  assert.is(bench.refusal(replace(id(1, 1), 10, 5)), "market_halted");
  assert.is(bench.refusal(cancel(id(1, 1), 8)), "order_not_yours");
  assert.is(bench.refusal(cancel(id(2, 1))), "order_unknown");
  assert.is(bench.refusal(reduce(id(1, 1), 0)), "quantity_not_positive");
  assert.is(bench.refusal(reduce(id(1, 1), 0, 8)), "order_not_yours");
  assert.equal(bench.lines(reduce(id(1, 1), 2)), ["reduced 1.1 by 2 to 3", "touch 3@10 0@0"]);
  assert.equal(bench.lines(reduce(id(1, 1), 3)), [
    "canceled 1.1 3@10 reduced_to_zero",
    "touch 0@0 0@0",
  ]);
  assert.is(bench.refusal(cancel(id(1, 1))), "order_unknown");
});

test("a reduced order keeps its priority and a replaced one loses it", () => {
  const bench = new Bench();
  bench.send(place("buy", 10, 5));
  bench.send(place("buy", 10, 5));
  bench.send(reduce(id(1, 1), 1));
  const order = () => bench.market.restingOrders("buy", 9).map(({ orderId: of }) => slot(of));
  assert.equal(order(), ["1.1", "2.1"]);
  assert.equal(bench.lines(replace(id(1, 1), 10, 4)), ["replaced 1.1 (4) by 1.2 4@10"]);
  assert.equal(order(), ["2.1", "1.2"]);
  bench.send(place("sell", 12, 1));
  assert.equal(bench.lines(replace(id(2, 1), 12, 3)), [
    "replaced 2.1 (5) by 2.2 3@12",
    "executed 2.2 buy 1@12 maker 3.1 of 7 left 0",
    "touch 2@12 0@0",
  ]);
});

test("place is refused for the first check that fails, in the order of the rules", () => {
  const bench = new Bench({ bandLow: priceTicks(10), bandHigh: priceTicks(20) });
  const bad = { account: 0 as const, quantity: quantityLots(0) };
  assert.is(bench.refusal(place("buy", 9, 1, bad)), "account_invalid");
  assert.is(bench.refusal(place("buy", 9, 0)), "quantity_not_positive");
  assert.is(bench.refusal(place("buy", 9, 1_001)), "quantity_too_large");
  const negative = { ...commandFields(place("buy", 9, 1)), price: -5 };
  assert.is(refusalOf(bench.sendFields(negative)), "price_not_positive");
  assert.is(bench.refusal(place("buy", 9, 1)), "price_out_of_band");
  assert.is(bench.refusal(place("sell", 21, 1)), "price_out_of_band");
});

test("a field that a command does not use makes it invalid", () => {
  const bench = new Bench();
  const commands = [
    place("buy", 9, 1),
    cancel(id(1, 1)),
    reduce(id(1, 1), 1),
    replace(id(1, 1), 5, 1),
    configure(),
    { ...header, kind: "set_state", state: "open" } as const,
  ];
  const used: Record<string, readonly string[]> = {
    place: [
      "side",
      "orderType",
      "timeInForce",
      "price",
      "quantity",
      "minimum",
      "group",
      "discretion",
    ],
    cancel: ["orderId"],
    reduce: ["orderId", "quantity"],
    replace: ["orderId", "price", "quantity", "trigger"],
    configure: ["orderType", "orderId", "price", "trigger", "quantity"],
    set_state: ["orderType"],
  };
  for (const command of commands) {
    const fields = commandFields(command);
    for (const [name, value] of Object.entries(fields)) {
      if (["tag", "session", "number", "account", "kind"].includes(name)) continue;
      if (used[command.kind]?.includes(name)) continue;
      // An attribute of 2 is reprice alone, which means nothing without post_only.
      const other = name === "attributes" ? 2 : 1;
      const changed = { ...fields, [name]: typeof value === "bigint" ? 1n : other };
      const refused = refusalOf(bench.sendFields(changed));
      assert.is(refused, "command_invalid", `${command.kind} with ${name} set`);
    }
  }
  for (const change of [
    { kind: 0 },
    { kind: 16 },
    { side: 2 },
    { orderType: 8 },
    { timeInForce: 8 },
  ]) {
    const fields = { ...commandFields(place("buy", 9, 1)), ...change };
    assert.is(refusalOf(bench.sendFields(fields)), "command_invalid");
  }
  const mode = { ...commandFields(configure()), orderType: 3 };
  assert.is(refusalOf(bench.sendFields(mode)), "command_invalid");
});

test("before the first configure everything else is not_configured, and the capacity stays", () => {
  const bench = new Bench(null);
  assert.is(bench.refusal(place("buy", 9, 1)), "not_configured");
  assert.is(bench.refusal(configure({ orderCapacity: 2 ** 24 - 1 })), "command_invalid");
  assert.is(
    bench.refusal(configure({ bandLow: priceTicks(9), bandHigh: priceTicks(8) })),
    "command_invalid",
  );
  assert.equal(bench.lines(configure()), [`configured 1 ${2 ** 31 - 2}`]);
  bench.send(place("buy", 9, 1));
  assert.is(bench.refusal(configure({ orderCapacity: 101 })), "capacity_fixed");
  assert.equal(bench.lines(configure({ bandLow: priceTicks(50) })), [
    `configured 50 ${2 ** 31 - 2}`,
  ]);
  assert.is(bench.market.restingCount(), 1);
});

test("with the pool full an order may pass or be filled, but not rest", () => {
  const bench = new Bench({ orderCapacity: 2 });
  bench.send(place("sell", 100, 5));
  bench.send(place("sell", 100, 5));
  assert.is(bench.refusal(place("sell", 101, 1)), "order_pool_full");
  assert.is(bench.refusal(place("buy", 100, 11)), "order_pool_full");
  assert.equal(bench.lines(place("buy", 99, 1, { timeInForce: "ioc" })), [
    "accepted 3.1 buy 1@99",
    "canceled 3.1 1@99 ioc_rest",
  ]);
  assert.equal(bench.lines(place("buy", 100, 5)).slice(0, 2), [
    "accepted 3.2 buy 5@100",
    "executed 3.2 buy 5@100 maker 1.1 of 7 left 0",
  ]);
  assert.equal(bench.lines(place("buy", 99, 1))[0], "accepted 3.3 buy 1@99");
  assert.equal(bench.lines(replace(id(3, 3), 98, 2))[0], "replaced 3.3 (1) by 3.4 2@98");
});

test("with every level occupied an order may join one but not open another", () => {
  const bench = new Bench({ orderCapacity: 2 ** 17 });
  for (let level = 0; level < LEVEL_LIMIT; level += 1) {
    bench.market.apply(place("buy", LEVEL_LIMIT + 9 - level, 1), level + 2);
  }
  bench.sequence = LEVEL_LIMIT + 1;
  bench.verifies = false;
  const top = LEVEL_LIMIT + 9;
  assert.is(bench.refusal(place("buy", 9, 1)), "level_pool_full");
  assert.is(bench.send(place("buy", top, 1))[0]?.kind, "accepted");
  // The first level now holds two orders: moving one of them frees no level.
  assert.is(bench.refusal(replace(id(1, 1), 9, 1)), "level_pool_full");
  assert.is(bench.send(replace(id(2, 1), 9, 1))[0]?.kind, "replaced");
  assert.is(bench.send(place("sell", top, 2))[0]?.kind, "accepted");
  assert.is(bench.send(place("buy", 8, 1))[0]?.kind, "accepted");
  assert.is(bench.market.verify(), null);
});

test("a resend gets the first outcome, whatever else it says, and changes nothing", () => {
  const bench = new Bench();
  bench.send(place("sell", 100, 5));
  const first = place("buy", 100, 7, { session: 3, number: 10 });
  bench.send(first);
  const digest = bench.market.digest();
  assert.equal(bench.lines(first), ["repeated 3 2.1 ok 5 2"]);
  const other = { ...commandFields(first), kind: 99, discretion: 4 };
  assert.equal(bench.sendFields(other).map(line), ["repeated 3 2.1 ok 5 2"]);
  assert.is(bench.refusal({ ...first, number: 9 }), "number_stale");
  assert.is(bench.market.digest(), digest);
  assert.is(bench.refusal({ ...cancel(id(9, 9)), session: 3, number: 11 }), "order_unknown");
  assert.is.not(bench.market.digest(), digest);
  assert.equal(
    bench.lines({ ...cancel(id(9, 9)), session: 3, number: 11 }),
    ["repeated 6 0.0 order_unknown 0 0"].map((text) =>
      text.replace("6", String(bench.sequence - 1)),
    ),
  );
});

test("a number without a session, or a session without one, is invalid and not remembered", () => {
  const bench = new Bench();
  const digest = bench.market.digest();
  assert.is(bench.refusal({ ...place("buy", 1, 1), number: 1 }), "command_invalid");
  assert.is(bench.refusal({ ...place("buy", 1, 1), session: 1 }), "command_invalid");
  assert.is(bench.market.digest(), digest);
});

test("1,024 outcomes of a session and 256 sessions are remembered", () => {
  const bench = new Bench();
  const send = (session: number, number: number) =>
    line(bench.market.apply({ ...cancel(id(1, 1)), session, number }, ++bench.sequence)[0]!);
  for (let number = 1; number <= 1_025; number += 1) send(1, number * 2);
  assert.is(send(1, 2), "refused number_stale");
  assert.is(send(1, 4), "repeated 3 0.0 order_unknown 0 0");
  assert.is(send(1, 2_049), "refused number_stale");
  for (let session = 2; session <= 257; session += 1) send(session, 1);
  assert.is(send(257, 1), `repeated ${bench.sequence - 1} 0.0 order_unknown 0 0`);
  assert.is(send(1, 4), "refused order_unknown");
  assert.is(bench.market.verify(), null);
});

test("the digest is the sum that the rules define, term by term", () => {
  const bench = new Bench();
  const start = bench.market.digest();
  bench.send(place("sell", 100, 5, { session: 4, number: 9 }));
  const wrap = (value: bigint) => value % 2n ** 64n;
  const mix = (value: bigint) => wrap((wrap(value) ^ (wrap(value) >> 32n)) * 0x9e3779b97f4a7c15n);
  const order = mix(
    (2n ** 24n + 1n) * 0xc2b2ae3d27d4eb4fn +
      100n * 0x165667b19e3779f9n +
      5n * 0xd6e8feb86659fd93n +
      (7n * 2n + 1n) * 0xa0761d6478bd642fn +
      2n * 0xe7037ed1a0b428dbn,
  );
  const outcome = mix(
    4n * 0xc2b2ae3d27d4eb4fn +
      9n * 0x165667b19e3779f9n +
      2n * 0xd6e8feb86659fd93n +
      (2n ** 24n + 1n) * 0xa0761d6478bd642fn +
      5n * 0xe7037ed1a0b428dbn,
  );
  assert.is(bench.market.digest(), wrap(start + order + outcome));
});

test.run();
