import { suite } from "uvu";
import * as assert from "uvu/assert";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import {
  attributes,
  commandKinds,
  eventKinds,
  marketStates,
  orderTypes,
  selfTradeModeOf,
} from "../../native/portable/codes.ts";
import type { EventCells } from "../../native/portable/events.ts";
import { Market } from "../../native/portable/market.ts";
import type { CommandFields } from "../../native/command-slots.ts";
import { CommandStream } from "../differential/command-stream.ts";
import { label } from "../differential/comparison.ts";
import { profiles } from "../differential/profiles.ts";
import type { Profile } from "../differential/profiles.ts";
import { seed } from "../support/seed.ts";

/**
 * What must hold whatever the orders are, told by commands and events alone: the twin's insides are
 * not used to judge it.
 */

const test = suite("engine properties of every kind");

const COMMANDS = 3_000;
const first = seed(7_001);

/** What is known of an order from its command and its events. */
interface Known {
  readonly account: number;
  readonly side: number;
  readonly attributes: number;
  readonly orderType: number;
  readonly discretion: number;
  readonly minimum: number;
  lots: number;
}

const UNCROSS = 1;
const DARK = 2;
const has = (order: Known, bit: number): boolean => (order.attributes & bit) !== 0;

/** A market, the orders that its events tell of, and who holds what. */
class Watched {
  readonly market = new Market();
  readonly open = new Map<number, Known>();
  readonly given = new Set<number>();
  readonly positions = new Map<number, number>();
  entered = 0;
  left = 0;
  executions = 0;
  state: number = marketStates.open;

  take(event: EventCells, command: CommandFields): void {
    switch (event.kind) {
      case eventKinds.accepted:
        this.#enter(event, command);
        break;
      case eventKinds.replaced: {
        const old = this.#known(event.otherOrderId);
        assert.is(old.lots, event.remaining, "the replaced order has other lots");
        this.left += old.lots;
        this.open.delete(event.otherOrderId);
        this.#enter(event, { ...command, ...old });
        break;
      }
      case eventKinds.executed:
        this.executions += 1;
        this.#execute(event);
        break;
      case eventKinds.canceled: {
        const order = this.#known(event.orderId);
        assert.is(order.lots, event.quantity, "other lots are canceled than are open");
        this.#takeOff(event.orderId, event.quantity);
        break;
      }
      case eventKinds.reduced:
        this.#takeOff(event.orderId, event.quantity);
        assert.is(this.#known(event.orderId).lots, event.remaining);
        break;
      case eventKinds.state_set:
        this.state = event.code;
        break;
      case eventKinds.position_set:
        this.positions.set(event.account, event.side === 0 ? event.orderId : -event.orderId);
        break;
      case eventKinds.busted:
        this.#move(event.account, event.otherPrice, -event.quantity);
        break;
      case eventKinds.corrected:
        this.#move(event.account, event.otherPrice, event.quantity - event.otherOrderId);
        break;
      case eventKinds.rested:
        assert.not(has(this.#known(event.orderId), attributes.hidden), "a hidden order is shown");
        break;
      default:
        break;
    }
  }

  #enter({ orderId, account, side, quantity }: EventCells, command: Omit<Known, "lots">): void {
    assert.not(this.given.has(orderId), `the id ${orderId} is given again`);
    this.given.add(orderId);
    const { attributes: bits, orderType, discretion, minimum } = command;
    const terms = { attributes: bits, orderType, discretion, minimum };
    this.open.set(orderId, { account, side, ...terms, lots: quantity });
    this.entered += quantity;
  }

  #execute(event: EventCells): void {
    const aggressor = this.#known(event.orderId);
    const maker = this.#known(event.otherOrderId);
    assert.not.equal(aggressor.side, maker.side);
    assert.is(maker.account, event.otherPrice);
    const mode = selfTradeModeOf(aggressor.attributes);
    const own = aggressor.account === maker.account;
    assert.not(own && mode !== 0 && (event.code & UNCROSS) === 0, "an account trades with itself");
    if (has(maker, attributes.hidden)) {
      assert.ok((event.code & DARK) !== 0 && event.remaining === 0, "a hidden maker is shown");
    }
    for (const order of [aggressor, maker]) {
      if (!has(order, attributes.reduce_only) || own) continue;
      const position = this.positions.get(order.account) ?? 0;
      const reducible = order.side === 0 ? -position : position;
      assert.ok(event.quantity <= reducible, "a reduce-only order trades beyond its position");
    }
    const [buyer, seller] =
      aggressor.side === 0
        ? [aggressor.account, maker.account]
        : [maker.account, aggressor.account];
    this.#move(buyer, seller, event.quantity);
    this.#takeOff(event.orderId, event.quantity);
    this.#takeOff(event.otherOrderId, event.quantity);
  }

  #move(buyer: number, seller: number, lots: number): void {
    this.positions.set(buyer, (this.positions.get(buyer) ?? 0) + lots);
    this.positions.set(seller, (this.positions.get(seller) ?? 0) - lots);
  }

  #takeOff(orderId: number, lots: number): void {
    const order = this.#known(orderId);
    assert.ok(lots > 0 && lots <= order.lots, `order ${orderId} loses ${lots} of ${order.lots}`);
    order.lots -= lots;
    this.left += lots;
    if (order.lots === 0) this.open.delete(orderId);
  }

  #known(orderId: number): Known {
    const order = this.open.get(orderId);
    if (order === undefined) throw new Error(`an event about ${orderId}, which is not open`);
    return order;
  }
}

interface Step {
  readonly watched: Watched;
  readonly command: CommandFields;
  readonly events: readonly EventCells[];
}

/** Plays every profile; `before` and `after` judge each command. Returns all that was watched. */
function play(judge: {
  readonly before?: (watched: Watched) => void;
  readonly after?: (step: Step) => void;
}): Watched[] {
  return profiles.map((profile: Profile, index) => {
    const stream = new CommandStream(profile, seededRandomness(first + index));
    const watched = new Watched();
    for (let step = 1; step <= COMMANDS; step += 1) {
      const command = stream.next();
      try {
        judge.before?.(watched);
        const events = watched.market.applyRaw(command, step, stream.time);
        for (const event of events) watched.take(event, command);
        judge.after?.({ watched, command, events });
        stream.observe(events);
      } catch (cause) {
        throw new Error(`${label(profile, first + index)} step=${step} ${String(cause)}`, {
          cause,
        });
      }
    }
    return watched;
  });
}

test("no lot is lost or made: what entered was executed, taken off or canceled, or is open", () => {
  const all = play({
    after: ({ watched }) => {
      const open = [...watched.open.values()].reduce((sum, { lots }) => sum + lots, 0);
      assert.is(watched.entered, watched.left + open);
    },
  });
  assert.ok(all.reduce((sum, { executions }) => sum + executions, 0) > 20_000);
});

test("no order is lost or doubled: the events tell of exactly the orders that are open", () => {
  play({ after: ({ watched }) => assert.is(watched.open.size, watched.market.restingCount()) });
});

test("the lit book of an open market is never crossed, and the touch tells what it shows", () => {
  let [bid, ask] = [0, 0];
  play({
    before: (watched) => {
      if (watched.given.size === 0) [bid, ask] = [0, 0];
    },
    after: ({ watched, events }) => {
      for (const event of events) {
        if (event.kind === eventKinds.touch) [bid, ask] = [event.price, event.otherPrice];
      }
      const best = (side: "buy" | "sell"): number =>
        watched.market.restingOrders(side, 1_000).find(({ price }) => price > 0)?.price ?? 0;
      assert.equal([bid, ask], [best("buy"), best("sell")]);
      const crossed = bid !== 0 && ask !== 0 && bid >= ask;
      assert.not(crossed && watched.state === marketStates.open, `bid ${bid}, offer ${ask}`);
    },
  });
});

test("hidden orders and pegs are in no picture of the lit book", () => {
  let dark = 0;
  play({
    after: ({ watched }) => {
      for (const side of ["buy", "sell"] as const) {
        for (const { orderId } of watched.market.restingOrders(side, 50)) {
          const order = watched.open.get(orderId);
          const isDark =
            order === undefined ||
            has(order, attributes.hidden) ||
            order.orderType >= orderTypes.pegged_primary;
          assert.not(isDark, `order ${orderId} is shown`);
        }
      }
      for (const order of watched.open.values()) if (has(order, attributes.hidden)) dark += 1;
    },
  });
  assert.ok(dark > 1_000);
});

test("the first trade of a plain aggressor is with the best and oldest lit order, or a dark one that is better", () => {
  let heads = { buy: 0, sell: 0 };
  let prices = { buy: 0, sell: 0 };
  let judged = 0;
  let had = false;
  const head = (watched: Watched, side: "buy" | "sell") => watched.market.restingOrders(side, 1)[0];
  play({
    before: (watched) => {
      had = watched.market.hasWork();
      const [buy, sell] = [head(watched, "buy"), head(watched, "sell")];
      heads = { buy: buy?.orderId ?? 0, sell: sell?.orderId ?? 0 };
      prices = { buy: buy?.price ?? 0, sell: sell?.price ?? 0 };
    },
    after: ({ watched, command, events }) => {
      const [entered, trade] = events;
      if (had || entered?.kind !== eventKinds.accepted || trade?.kind !== eventKinds.executed)
        return;
      if (command.kind !== commandKinds.place || trade.orderId !== entered.orderId) return;
      if (selfTradeModeOf(command.attributes) !== 0) return;
      // A peg trades at a price of its own, which no event tells.
      if (command.orderType >= orderTypes.pegged_primary) return;
      const side = command.side === 0 ? "sell" : "buy";
      const best = prices[side];
      const better = side === "sell" ? trade.price < best : trade.price > best;
      if ((trade.code & DARK) !== 0)
        assert.ok(best === 0 || better, "a dark order before a lit one");
      else if (trade.price === best) assert.is(trade.otherOrderId, heads[side], "not the oldest");
      else {
        // The discretion step, in which the resting order comes to the aggressor's price.
        assert.is(trade.price, command.price, "not the best price");
        const reached = side === "sell" ? best > command.price : best < command.price;
        assert.ok(best === 0 || reached, "not the best price");
      }
      assert.ok(watched.executions > 0);
      judged += 1;
    },
  });
  assert.ok(judged > 3_000, `${judged} trades judged`);
});

test.run();
