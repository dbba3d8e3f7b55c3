import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { EngineCommand, EngineEvent } from "../../actors/kernel/ports/matching-engine.ts";
import { unreachable } from "../../actors/kernel/result.ts";
import { accountId, orderId, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { accountTerm, addTerm, marketTerm, orderTerm } from "../../native/portable/digest.ts";
import { Market } from "../../native/portable/market.ts";
import { seed } from "../support/seed.ts";

/** What must hold after every command, told by the events alone: nothing of the engine is used to judge it. */

const test = suite("engine properties");

/** A step names an order by a number that is folded into the ids given so far. */
interface Step {
  readonly kind: "place" | "cancel" | "reduce" | "replace" | "halt" | "open";
  readonly account: number;
  readonly side: "buy" | "sell";
  readonly orderType: "limit" | "market";
  readonly timeInForce: "day" | "ioc" | "fok";
  readonly price: number;
  readonly quantity: number;
  readonly order: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constant("place" as const) },
    { weight: 3, arbitrary: fc.constantFrom("cancel" as const, "reduce" as const) },
    { weight: 4, arbitrary: fc.constant("replace" as const) },
    { weight: 1, arbitrary: fc.constantFrom("halt" as const, "open" as const, "open" as const) },
  ),
  account: fc.integer({ min: 1, max: 3 }),
  side: fc.constantFrom("buy" as const, "sell" as const),
  orderType: fc.oneof(
    { weight: 9, arbitrary: fc.constant("limit" as const) },
    { weight: 1, arbitrary: fc.constant("market" as const) },
  ),
  timeInForce: fc.oneof(
    { weight: 6, arbitrary: fc.constant("day" as const) },
    { weight: 2, arbitrary: fc.constantFrom("ioc" as const, "fok" as const) },
  ),
  price: fc.integer({ min: 95, max: 106 }),
  quantity: fc.integer({ min: 0, max: 12 }),
  order: fc.nat(1_000),
});
const steps = fc.array(step, { minLength: 1, maxLength: 120, size: "max" });

function holds<T>(arbitrary: fc.Arbitrary<T>, predicate: (value: T) => void): void {
  const details = fc.check(fc.property(arbitrary, predicate), {
    seed: seed(20_261),
    numRuns: 1_500,
  });
  if (!details.failed) return;
  const cause = details.errorInstance;
  const report = `SEED=${details.seed} ${String(cause)}\n${fc.defaultReportMessage(details)}`;
  throw new Error(report, { cause });
}

interface Resting {
  readonly orderId: number;
  readonly account: number;
  readonly side: "buy" | "sell";
  readonly price: number;
  readonly priority: number;
  remaining: number;
}

/** The book as the events tell it. */
class Told {
  readonly orders = new Map<number, Resting>();
  readonly positions = new Map<number, number>();
  entered = 0;
  left = 0;
  lastTrade = 0;
  halted = false;
  #taker: Resting | null = null;

  take(events: readonly EngineEvent[]): void {
    for (const event of events) this.#one(event);
    if (this.#taker !== null && this.#taker.remaining > 0) {
      this.orders.set(this.#taker.orderId, this.#taker);
    }
    this.#taker = null;
  }

  get resting(): number {
    return [...this.orders.values()].reduce((sum, { remaining }) => sum + remaining, 0);
  }

  digest(): bigint {
    const orders = [...this.orders.values()].map((order) =>
      orderTerm({ ...order, side: order.side === "buy" ? 0 : 1 }),
    );
    const accounts = [...this.positions].map(([account, position]) =>
      accountTerm({ account, position, messages: 0, executions: 0, limits: [], killed: false }),
    );
    const market = marketTerm({
      lastTrade: this.lastTrade,
      reference: 0,
      state: this.halted ? 1 : 0,
      inLimitState: false,
      random: 0x9e3779b97f4a7c15n,
    });
    return [...orders, ...accounts, market].reduce(addTerm, 0n);
  }

  /** The order that must trade first on a side, found by looking at all of them. */
  first(side: "buy" | "sell"): Resting | undefined {
    const better = (a: Resting, b: Resting): boolean =>
      a.price === b.price ? a.priority < b.priority : a.price > b.price === (side === "buy");
    return [...this.orders.values()]
      .filter((order) => order.side === side)
      .reduce<Resting | undefined>(
        (best, order) => (best === undefined || better(order, best) ? order : best),
        undefined,
      );
  }

  #one(event: EngineEvent): void {
    switch (event.kind) {
      case "replaced": {
        const old = this.orders.get(event.replacedOrderId);
        assert.is(old?.remaining, event.remaining);
        this.orders.delete(event.replacedOrderId);
        this.left += event.remaining;
        this.#enter(event);
        break;
      }
      case "accepted":
        this.#enter(event);
        break;
      case "executed":
        this.#execute(event);
        break;
      case "canceled": {
        const order =
          this.#taker?.orderId === event.orderId ? this.#taker : this.orders.get(event.orderId);
        assert.is(order?.remaining, event.quantity);
        if (order !== undefined) order.remaining = 0;
        this.orders.delete(event.orderId);
        this.left += event.quantity;
        break;
      }
      case "reduced": {
        const order = this.orders.get(event.orderId);
        if (order === undefined) throw new Error("an order that does not rest was reduced");
        order.remaining -= event.quantity;
        this.left += event.quantity;
        assert.is(order.remaining, event.remaining);
        assert.ok(order.remaining > 0);
        break;
      }
      case "state_set":
        this.halted = event.state === "halted";
        break;
      case "refused":
      case "repeated":
      case "configured":
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
      case "touch":
        break;
      default:
        unreachable(event);
    }
  }

  #enter(event: Extract<EngineEvent, { readonly kind: "accepted" | "replaced" }>): void {
    const { orderId: id, account, side, price, quantity, sequence } = event;
    assert.not(this.orders.has(id), "an id that rests was given again");
    this.entered += quantity;
    this.#taker = { orderId: id, account, side, price, priority: sequence, remaining: quantity };
  }

  #execute(event: Extract<EngineEvent, { readonly kind: "executed" }>): void {
    const taker = this.#taker;
    if (taker === null) throw new Error("an execution without an aggressor");
    const maker = this.first(taker.side === "buy" ? "sell" : "buy");
    if (maker === undefined) throw new Error("an execution against an empty side");
    assert.is(event.makerOrderId, maker.orderId, "the maker is first by price, then by time");
    assert.is(event.price, maker.price);
    assert.is(event.makerAccount, maker.account);
    const withinLimit =
      taker.side === "buy" ? event.price <= taker.price : event.price >= taker.price;
    assert.ok(taker.price === 0 || withinLimit, "a trade is never worse than the limit");
    assert.ok(event.quantity > 0);
    maker.remaining -= event.quantity;
    taker.remaining -= event.quantity;
    this.left += 2 * event.quantity;
    this.lastTrade = event.price;
    const bought: number = event.quantity * (taker.side === "buy" ? 1 : -1);
    this.positions.set(event.account, (this.positions.get(event.account) ?? 0) + bought);
    const sold = (this.positions.get(event.makerAccount) ?? 0) - bought;
    this.positions.set(event.makerAccount, sold);
    assert.is(event.makerRemaining, maker.remaining);
    assert.ok(maker.remaining === 0 || taker.remaining === 0, "a trade is as large as it can be");
    if (maker.remaining === 0) this.orders.delete(maker.orderId);
  }
}

/** A configured market that plays steps. */
class Play {
  readonly market = new Market();
  readonly #ids: number[] = [1];
  sequence = 0;

  constructor() {
    this.send({
      ...header(1),
      kind: "configure",
      bandLow: priceTicks(96),
      bandHigh: priceTicks(105),
      maximumQuantity: quantityLots(11),
      orderCapacity: 12,
      mode: "matched",
    });
  }

  send(command: EngineCommand): EngineEvent[] {
    this.sequence += 1;
    const events = this.market.apply(command, this.sequence);
    for (const event of events) {
      if (event.kind === "accepted" || event.kind === "replaced") this.#ids.push(event.orderId);
    }
    return events;
  }

  command(one: Step, session = 0, number = 0): EngineCommand {
    const common = { ...header(one.account), session, number };
    const named = orderId(
      this.#ids[this.#ids.length - 1 - (one.order % Math.min(20, this.#ids.length))] ?? 1,
    );
    const price = priceTicks(one.price);
    const quantity = quantityLots(one.quantity);
    switch (one.kind) {
      case "halt":
      case "open":
        return { ...common, kind: "set_state", state: one.kind === "open" ? "open" : "halted" };
      case "cancel":
        return { ...common, kind: "cancel", orderId: named };
      case "reduce":
        return { ...common, kind: "reduce", orderId: named, quantity };
      case "replace":
        return { ...common, kind: "replace", orderId: named, price, quantity };
      case "place": {
        const { side, orderType, timeInForce } = one;
        const limit = orderType === "market" ? 0 : price;
        return { ...common, kind: "place", side, orderType, timeInForce, price: limit, quantity };
      }
      default:
        return unreachable(one.kind);
    }
  }
}

const header = (account: number) => ({
  session: 0,
  number: 0,
  account: accountId(account),
  tag: 9,
});

test("executions are in price-time order, within the limit and as large as they can be", () => {
  let executions = 0;
  holds(steps, (all) => {
    const play = new Play();
    const told = new Told();
    for (const one of all) {
      const events = play.send(play.command(one));
      told.take(events);
      executions += events.filter(({ kind }) => kind === "executed").length;
    }
  });
  assert.ok(executions > 1_000, `${executions} executions`);
});

test("no command leaves the book crossed or its touch untold", () => {
  holds(steps, (all) => {
    const play = new Play();
    let [bidPrice, bidQuantity, askPrice, askQuantity] = [0, 0, 0, 0];
    for (const one of all) {
      for (const event of play.send(play.command(one))) {
        if (event.kind === "touch") ({ bidPrice, bidQuantity, askPrice, askQuantity } = event);
      }
      const bids = play.market.restingOrders("buy", 100);
      const asks = play.market.restingOrders("sell", 100);
      const [bid, ask] = [bids[0]?.price ?? 0, asks[0]?.price ?? 0];
      assert.ok(bid === 0 || ask === 0 || bid < ask, `bid ${bid}, offer ${ask}`);
      const at = (orders: typeof bids, price: number): number =>
        orders
          .filter((order) => order.price === price)
          .reduce((sum, order) => sum + order.remaining, 0);
      assert.equal(
        [bidPrice, bidQuantity, askPrice, askQuantity],
        [bid, at(bids, bid), ask, at(asks, ask)],
      );
    }
  });
});

test("quantity is conserved: what entered was executed, taken off or canceled, or rests", () => {
  holds(steps, (all) => {
    const play = new Play();
    const told = new Told();
    for (const one of all) {
      told.take(play.send(play.command(one)));
      assert.is(told.entered, told.left + told.resting);
      assert.is(told.orders.size, play.market.restingCount());
    }
  });
});

test("a book rebuilt from the events alone has the engine's digest and order", () => {
  holds(steps, (all) => {
    const play = new Play();
    const told = new Told();
    for (const one of all) {
      told.take(play.send(play.command(one)));
      assert.is(told.digest(), play.market.digest());
    }
    for (const side of ["buy", "sell"] as const) {
      for (const { orderId: id } of play.market.restingOrders(side, 100)) {
        assert.is(told.first(side)?.orderId, id);
        told.orders.delete(id);
      }
    }
    assert.is(told.orders.size, 0);
    assert.is(play.market.verify(), null);
  });
});

test("a refused command leaves the digest as it was and says nothing but the refusal", () => {
  let refusals = 0;
  holds(steps, (all) => {
    const play = new Play();
    for (const one of all) {
      const before = play.market.digest();
      const events = play.send(play.command(one));
      if (events[0]?.kind !== "refused") continue;
      refusals += 1;
      assert.is(events.length, 1);
      assert.is(play.market.digest(), before);
    }
  });
  assert.ok(refusals > 1_000, `${refusals} refusals`);
});

test("a resend, at any later time, gets the first outcome and changes nothing", () => {
  holds(fc.tuple(steps, fc.nat()), ([all, when]) => {
    const play = new Play();
    const sent: { readonly command: EngineCommand; readonly first: readonly EngineEvent[] }[] = [];
    for (const [index, one] of all.entries()) {
      const command = play.command(one, 1 + (one.account % 2), index + 1);
      sent.push({ command, first: play.send(command) });
      const again = sent[(when + index * 7) % sent.length];
      if (again === undefined) continue;
      const before = play.market.digest();
      const repeated = play.send(again.command);
      assert.is(play.market.digest(), before);
      assert.equal(repeated.length, 1);
      assert.equal(outcomeOf(repeated), outcomeOf(again.first));
    }
  });
});

test("the same commands give the same events and digest again", () => {
  holds(steps, (all) => {
    const [one, two] = [new Play(), new Play()];
    for (const each of all) {
      const command = one.command(each, each.account, one.sequence);
      assert.equal(one.send(command), two.send(command));
      assert.is(one.market.digest(), two.market.digest());
    }
  });
});

/** Refusal, order, executed and resting lots, and sequence of a command, from whichever events tell it. */
function outcomeOf(events: readonly EngineEvent[]): unknown {
  const outcome = {
    refusal: null as string | null,
    orderId: 0,
    executed: 0,
    resting: 0,
    sequence: 0,
  };
  for (const event of events) {
    if (event.kind === "repeated") {
      const { refusal, orderId: id, executed, remaining, originalSequence } = event;
      return { refusal, orderId: id, executed, resting: remaining, sequence: originalSequence };
    }
    outcome.sequence = event.sequence;
    switch (event.kind) {
      case "accepted":
      case "replaced":
        outcome.orderId = event.orderId;
        outcome.resting = event.quantity;
        break;
      case "executed":
        outcome.executed += event.quantity;
        outcome.resting -= event.quantity;
        break;
      case "canceled":
        outcome.orderId = event.orderId;
        outcome.resting = 0;
        break;
      case "reduced":
        outcome.orderId = event.orderId;
        outcome.resting = event.remaining;
        break;
      case "refused":
        outcome.refusal = event.refusal;
        break;
      case "configured":
      case "state_set":
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
      case "touch":
        break;
      default:
        unreachable(event);
    }
  }
  return outcome;
}

test.run();
