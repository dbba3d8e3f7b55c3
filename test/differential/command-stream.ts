import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import {
  attributes,
  commandKinds,
  eventKinds,
  limitKinds,
  linkKinds,
  MAX_PRICE,
  orderTypes,
  timesInForce,
} from "../../native/portable/codes.ts";
import { emptyFields } from "../../native/portable/command-fields.ts";
import type { CommandFields } from "../../native/portable/command-fields.ts";
import type { EventCells } from "../../native/portable/events.ts";
import { unreachable } from "../../actors/kernel/result.ts";
import type { CommandWeights, OrderWeights, Profile } from "./profiles.ts";

/** A session's numbers are resent from this far back at most. */
const RESEND_DISTANCE = 1_500;
/** Trades that busts and corrections draw from. */
const TRADES_KEPT = 40;
/** Mass cancels in a burst; more than sweeps can wait. */
const BURST = 60;
const START_SECONDS = 1_700_000_000n;
const NANOSECONDS = 1_000_000_000n;
const SELF_TRADE_UNIT = 64;
const LINK_UNIT = 512;

/** Values at which arithmetic of some width goes wrong. */
const awkward = [
  0n,
  1n,
  2n,
  3n,
  2n ** 8n - 1n,
  2n ** 16n - 1n,
  2n ** 24n - 2n,
  2n ** 24n - 1n,
  2n ** 24n,
  2n ** 29n - 1n,
  2n ** 31n - 2n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 40n,
  2n ** 40n + 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** Bits of each number field; those that are absent are bigints of 64. */
const bits: Partial<Record<keyof CommandFields, number>> = {
  kind: 8,
  side: 8,
  orderType: 8,
  timeInForce: 8,
  discretion: 8,
  group: 8,
  attributes: 16,
};

interface Live {
  readonly orderId: number;
  readonly account: number;
  lots: number;
}
interface Session {
  readonly id: bigint;
  number: bigint;
  /** Commands by number, to be sent again as they were. */
  readonly sent: CommandFields[];
}
interface Trade {
  readonly sequence: number;
  readonly index: number;
  readonly price: number;
  readonly quantity: number;
}

/**
 * An endless stream of commands by a profile. It learns from the events which orders are open, so
 * that most cancels, reductions and replacements hit one; it judges nothing.
 */
export class CommandStream {
  readonly #profile: Profile;
  readonly #random: Randomness;
  readonly #capacity: number;
  readonly #live: Live[] = [];
  readonly #places = new Map<number, number>();
  readonly #sessions: Session[] = [];
  readonly #trades: Trade[] = [];
  #time = START_SECONDS * NANOSECONDS;
  #count = 0;
  #away = 0;

  constructor(profile: Profile, random: Randomness) {
    this.#profile = profile;
    this.#random = random;
    this.#capacity = this.#pick(profile.capacities);
    for (let index = 0; index < profile.sessions; index += 1) {
      const wide = this.#one(4) ? 2n ** 64n - 1n - BigInt(index) : BigInt(index + 1);
      this.#sessions.push({ id: wide, number: 0n, sent: [] });
    }
  }

  /** Nanoseconds at which the command that `next` gave last is sequenced; never falls. */
  get time(): bigint {
    return this.#time;
  }

  /** The next command. */
  next(): CommandFields {
    this.#count += 1;
    this.#time += BigInt(this.#one(60) ? this.#below(4e9) : this.#below(2_000_000));
    if (this.#count === 3) return this.#configure(true);
    const command = this.#mutated(this.#fresh());
    return this.#inSession(command);
  }

  /** Takes note of what a command did. */
  observe(events: readonly EventCells[]): void {
    for (const [index, event] of events.entries()) {
      switch (event.kind) {
        case eventKinds.replaced:
          this.#remove(event.otherOrderId);
          this.#add(event);
          break;
        case eventKinds.accepted:
          this.#add(event);
          break;
        case eventKinds.executed:
          this.#takeOff(event.orderId, event.quantity);
          this.#takeOff(event.otherOrderId, event.quantity);
          this.#note({
            sequence: this.#count,
            index,
            price: event.price,
            quantity: event.quantity,
          });
          break;
        case eventKinds.canceled:
          this.#remove(event.orderId);
          break;
        case eventKinds.reduced:
          this.#takeOff(event.orderId, event.quantity);
          break;
        default:
          break;
      }
    }
  }

  #fresh(): CommandFields {
    const { burstEvery } = this.#profile;
    const bursts = burstEvery > 0 && this.#count % burstEvery > burstEvery - BURST;
    if (bursts && !this.#one(5)) {
      return fields(commandKinds.mass_cancel, { account: this.#account() });
    }
    const kind = this.#weighted<keyof CommandWeights>(this.#profile.weights);
    switch (kind) {
      case "place":
        return this.#place();
      case "cancel":
        return this.#onOrder(commandKinds.cancel, {});
      case "reduce":
        return this.#onOrder(commandKinds.reduce, { quantity: this.#quantity() });
      case "replace":
        return this.#replace();
      case "configure":
        return this.#configure(this.#below(3) > 0);
      case "setState":
        return fields(commandKinds.set_state, { orderType: this.#state() });
      case "setBreaker":
        return fields(commandKinds.set_breaker, {
          orderType: this.#pick(this.#profile.breakers),
          price: this.#one(3) ? 0 : this.#somePrice(),
          quantity: 1 + this.#below(this.#profile.spread + 2),
          expiry: this.#one(3) ? 0 : 1 + this.#below(4),
        });
      case "massCancel":
        return this.#massCancel();
      case "setLimit":
        return this.#setLimit();
      case "kill":
        return fields(commandKinds.kill, {
          account: this.#account(),
          orderType: this.#one(5) ? 0 : 1,
        });
      case "setPosition":
        return fields(commandKinds.set_position, {
          account: this.#account(),
          side: this.#below(2),
          orderId: BigInt(this.#below(Math.min(2 ** 32, 4 * this.#profile.quantity))),
        });
      case "bust":
        return fields(commandKinds.bust, this.#tradeNamed());
      case "correct": {
        const { price, quantity, ...named } = { ...this.#trade(), ...this.#tradeNamed() };
        return fields(commandKinds.correct, {
          ...named,
          quantity,
          price: this.#one(10) ? 0 : Math.min(MAX_PRICE, price + this.#below(3)),
          display: this.#below(this.#trade().quantity + 2),
        });
      }
      case "tick":
        return fields(commandKinds.tick, {});
      case "seed":
        return fields(commandKinds.seed, { orderId: this.#word() });
      case "garbage":
        return this.#garbage();
      default:
        return unreachable(kind);
    }
  }

  #place(): CommandFields {
    const { sweepEvery, opensLevels } = this.#profile;
    const side = opensLevels && !this.#one(16) ? 0 : this.#below(2);
    if (sweepEvery > 0 && this.#one(sweepEvery)) return this.#sweep(side);
    const kind = this.#weighted<keyof OrderWeights>(this.#profile.orders);
    const order = this.#order(kind, side);
    return this.#linked(fields(commandKinds.place, order));
  }

  /** An order through any price. */
  #sweep(side: number): CommandFields {
    const isMarket = this.#below(2);
    return fields(commandKinds.place, {
      side,
      account: this.#account(),
      orderType: isMarket,
      timeInForce: this.#below(3),
      price: isMarket === 1 ? 0 : side === 0 ? MAX_PRICE : 1,
      quantity: Math.min(2 ** 32 - 1, this.#quantity() * 1_000),
    });
  }

  #order(kind: keyof OrderWeights, side: number): Partial<CommandFields> {
    const quantity = this.#quantity();
    const price = this.#nextPrice(side);
    const common = {
      ...this.#terms(),
      side,
      quantity,
      account: this.#one(200) ? 0 : this.#account(),
    };
    const resting = { ...common, price, ...this.#stays() };
    switch (kind) {
      case "plain":
        return { ...common, price, ...this.#timeInForce() };
      case "iceberg": {
        const random = this.#one(2) ? attributes.random_refresh : 0;
        const least = this.#one(50) ? 1 : Math.max(1, Math.floor(quantity / 100));
        const display = least + this.#below(Math.max(1, Math.min(quantity - 1, 8)));
        return { ...resting, display, attributes: common.attributes | random };
      }
      case "hidden":
        return {
          ...common,
          price,
          ...this.#timeInForce(),
          attributes: common.attributes | attributes.hidden,
        };
      case "postOnly": {
        const reprice = this.#one(2) ? attributes.reprice : 0;
        return { ...resting, attributes: common.attributes | attributes.post_only | reprice };
      }
      case "minimum":
      case "allOrNone":
        return this.#conditional(kind, { ...resting, quantity });
      case "discretionary":
        return { ...resting, discretion: 1 + this.#below(4) };
      case "market": {
        const trigger = this.#one(3) ? 1 + this.#below(4) : 0;
        const { timeInForce } = this.#timeInForce();
        const stays = timeInForce === timesInForce.gtc || timeInForce === timesInForce.gtd;
        return {
          ...common,
          orderType: orderTypes.market,
          trigger,
          timeInForce: stays ? timesInForce.ioc : timeInForce,
          minimum:
            timeInForce === timesInForce.ioc && this.#one(4)
              ? 1 + this.#below(Math.max(1, quantity))
              : 0,
        };
      }
      case "stop":
        return { ...resting, orderType: orderTypes.stop, price: 0, trigger: this.#somePrice() };
      case "stopLimit":
        return {
          ...resting,
          orderType: orderTypes.stop_limit,
          trigger: this.#somePrice(),
          display: this.#one(5) && quantity > 3 ? 2 : 0,
          attributes: common.attributes,
        };
      case "trailing": {
        const inBps = this.#one(2);
        return {
          ...resting,
          orderType: orderTypes.trailing_stop,
          price: 0,
          trigger: 1 + this.#below(inBps ? 90 : 5),
          attributes: common.attributes | (inBps ? attributes.trail_bps : 0),
        };
      }
      case "pegged":
        return {
          ...resting,
          orderType: orderTypes.pegged_primary + this.#below(3),
          price: this.#one(2) ? 0 : price,
          trigger: this.#one(3) ? 0 : 1 + this.#below(4),
        };
      case "anything":
        return {
          ...resting,
          orderType: this.#below(8),
          timeInForce: this.#below(8),
          trigger: this.#one(2) ? 0 : this.#below(4),
          attributes: this.#below(2 ** 12),
          display: this.#one(2) ? 0 : this.#below(10),
          minimum: this.#one(2) ? 0 : this.#below(10),
          discretion: this.#one(2) ? 0 : this.#below(4),
        };
      default:
        return unreachable(kind);
    }
  }

  #conditional(
    kind: "minimum" | "allOrNone",
    order: Partial<CommandFields> & { readonly quantity: number },
  ): Partial<CommandFields> {
    const given = order.attributes ?? 0;
    const hidden = this.#one(4) ? attributes.hidden : 0;
    const all = kind === "allOrNone";
    const immediate = this.#one(5) ? { timeInForce: timesInForce.ioc, expiry: 0 } : {};
    return {
      ...order,
      ...immediate,
      minimum: all ? 0 : 1 + this.#below(Math.max(1, order.quantity)),
      attributes: given | hidden | (all ? attributes.all_or_none : 0),
    };
  }

  /** Terms that any order may have. */
  #terms(): { readonly attributes: number; readonly group: number } {
    const { selfTradePrevention, reduceOnly, grouped } = this.#profile.shares;
    const mode = this.#share(selfTradePrevention) ? 1 + this.#below(4) : 0;
    const reduce = this.#share(reduceOnly) ? attributes.reduce_only : 0;
    return {
      attributes: mode * SELF_TRADE_UNIT + reduce,
      group: this.#share(grouped) ? 1 + this.#below(3) : 0,
    };
  }

  #timeInForce(): { readonly timeInForce: number; readonly expiry: number } {
    const { immediate, auction } = this.#profile.shares;
    if (this.#share(immediate)) {
      return { timeInForce: this.#one(2) ? timesInForce.ioc : timesInForce.fok, expiry: 0 };
    }
    if (!this.#share(auction)) return this.#stays();
    return { timeInForce: timesInForce.at_open + this.#below(3), expiry: 0 };
  }

  #stays(): { readonly timeInForce: number; readonly expiry: number } {
    const { gtc, gtd } = this.#profile.shares;
    if (this.#share(gtd)) {
      const seconds = Number(this.#time / NANOSECONDS) + this.#below(30) - 1;
      return { timeInForce: timesInForce.gtd, expiry: seconds };
    }
    return { timeInForce: this.#share(gtc) ? timesInForce.gtc : timesInForce.day, expiry: 0 };
  }

  /** The order itself, or linked to an open one, mostly of the same account. */
  #linked(command: CommandFields): CommandFields {
    if (!this.#share(this.#profile.shares.linked)) return command;
    const linked = this.#someLive();
    if (linked === undefined) return command;
    const kind = this.#one(2) ? linkKinds.oco : linkKinds.child;
    return {
      ...command,
      account: this.#one(20) ? command.account : linked.account,
      orderId: BigInt(this.#one(30) ? this.#below(2 ** 26) : linked.orderId),
      attributes: (command.attributes % LINK_UNIT) + kind * LINK_UNIT + (command.attributes & 2048),
    };
  }

  #replace(): CommandFields {
    const withoutPrice = this.#one(6);
    return this.#onOrder(commandKinds.replace, {
      quantity: this.#quantity(),
      price: withoutPrice ? 0 : this.#nextPrice(this.#below(2)),
      trigger: this.#one(8) ? (this.#one(2) ? this.#somePrice() : 1 + this.#below(5)) : 0,
    });
  }

  #massCancel(): CommandFields {
    const filters = this.#one(3) ? 0 : this.#below(8);
    const from = this.#somePrice();
    const by = (filter: number, value: number): number => ((filters & filter) === 0 ? 0 : value);
    return fields(commandKinds.mass_cancel, {
      account: this.#account(),
      orderType: filters,
      side: by(1, this.#below(2)),
      price: by(2, from),
      trigger: by(2, Math.min(MAX_PRICE, from + this.#below(this.#profile.spread))),
      group: by(4, this.#below(4)),
    });
  }

  #setLimit(): CommandFields {
    const which = this.#below(7);
    const { quantity, spread, centers } = this.#profile;
    const largest: Record<number, number> = {
      [limitKinds.quantity]: quantity,
      [limitKinds.notional]: (centers[0] ?? 1) * quantity,
      [limitKinds.collar]: spread,
      [limitKinds.open_orders]: 25,
      [limitKinds.position]: 8 * quantity,
      [limitKinds.message_rate]: 30,
      [limitKinds.execution_rate]: 30,
    };
    const value = Math.min(2 ** 32, largest[which] ?? 1);
    const isRate = which >= limitKinds.message_rate;
    return fields(commandKinds.set_limit, {
      account: this.#account(),
      orderType: which,
      orderId: this.#one(2) ? 0n : BigInt(1 + (value >> 1) + this.#below(value)),
      quantity: isRate ? 1 + this.#below(3_000) : 0,
    });
  }

  #onOrder(kind: number, rest: Partial<CommandFields>): CommandFields {
    const live = this.#someLive();
    const account = live === undefined || this.#one(20) ? this.#account() : live.account;
    const orderId = live === undefined || this.#one(30) ? this.#below(2 ** 26) : live.orderId;
    return fields(kind, { account, orderId: BigInt(orderId), ...rest });
  }

  #configure(valid: boolean): CommandFields {
    const center = this.#pick(this.#profile.centers);
    const { spread, centers } = this.#profile;
    const whole = this.#count === 3 || centers.length > 1 || this.#one(2);
    const low = whole ? 1 : Math.max(1, center - this.#below(spread + 1));
    const high = whole ? MAX_PRICE : Math.min(MAX_PRICE, center + this.#below(spread + 1));
    const configured = fields(commandKinds.configure, {
      orderType: this.#below(3),
      orderId: BigInt(this.#capacity),
      price: low,
      trigger: Math.max(low, high),
      quantity: this.#profile.maximumQuantity,
    });
    if (valid) return configured;
    const wrong = this.#pick(["orderId", "price", "trigger", "quantity"] as const);
    return { ...configured, [wrong]: fitted(wrong, this.#pick(awkward)) };
  }

  #garbage(): CommandFields {
    const field = (): number => (this.#one(2) ? this.#below(2 ** 32) : 0);
    return {
      kind: this.#one(2) ? this.#below(256) : 1 + this.#below(15),
      side: this.#below(4),
      orderType: this.#below(9),
      timeInForce: this.#below(9),
      tag: this.#below(2 ** 32),
      session: 0n,
      number: 0n,
      orderId: this.#one(2) ? this.#word() : 0n,
      price: field() | 0,
      trigger: this.#one(8) ? field() | 0 : 0,
      quantity: this.#one(2) ? this.#below(2 ** 32) : 1,
      display: this.#one(8) ? field() : 0,
      minimum: this.#one(8) ? field() : 0,
      expiry: this.#one(8) ? field() : 0,
      account: this.#below(2 ** 32),
      attributes: this.#one(4) ? this.#below(2 ** 16) : 0,
      discretion: this.#one(8) ? this.#below(256) : 0,
      group: this.#one(4) ? this.#below(256) : 0,
    };
  }

  /** The command itself, or with one field at an awkward value. */
  #mutated(command: CommandFields): CommandFields {
    const { mutateEvery } = this.#profile;
    if (mutateEvery === 0 || !this.#one(mutateEvery)) return command;
    const name = this.#pick(Object.keys(command) as (keyof CommandFields)[]);
    return { ...command, [name]: fitted(name, this.#pick(awkward)) };
  }

  #inSession(command: CommandFields): CommandFields {
    if (this.#sessions.length === 0 || this.#one(10)) return command;
    const session = this.#pick(this.#sessions);
    if (session.sent.length > 0 && this.#below(100) < this.#profile.resends) {
      const back = this.#one(8) ? RESEND_DISTANCE : 12;
      const earlier =
        session.sent[session.sent.length - 1 - this.#below(Math.min(back, session.sent.length))];
      if (earlier !== undefined) {
        return this.#one(4)
          ? { ...command, session: earlier.session, number: earlier.number }
          : earlier;
      }
    }
    session.number += this.#one(10) ? BigInt(1 + this.#below(2_000)) : 1n;
    const sent = { ...command, session: session.id, number: session.number };
    session.sent.push(sent);
    if (session.sent.length > RESEND_DISTANCE) session.sent.shift();
    return sent;
  }

  #someLive(): Live | undefined {
    return this.#live[this.#below(Math.max(1, this.#live.length))];
  }

  #add({ orderId, account, quantity: lots }: EventCells): void {
    this.#places.set(orderId, this.#live.length);
    this.#live.push({ orderId, account, lots });
  }

  #takeOff(orderId: number, lots: number): void {
    const live = this.#live[this.#places.get(orderId) ?? -1];
    if (live === undefined) return;
    live.lots -= lots;
    if (live.lots <= 0) this.#remove(orderId);
  }

  #remove(orderId: number): void {
    const place = this.#places.get(orderId);
    const moved = this.#live.at(-1);
    if (place === undefined || moved === undefined) return;
    this.#live[place] = moved;
    this.#places.set(moved.orderId, place);
    this.#live.pop();
    this.#places.delete(orderId);
  }

  #note(trade: Trade): void {
    this.#trades.push(trade);
    if (this.#trades.length > TRADES_KEPT) this.#trades.shift();
  }

  #trade(): Trade {
    const none = { sequence: this.#below(50), index: this.#below(4), price: 1, quantity: 1 };
    if (this.#one(12)) return none;
    return this.#trades[this.#below(Math.max(1, this.#trades.length))] ?? none;
  }

  #tradeNamed(): { readonly orderId: bigint; readonly quantity: number } {
    const { sequence, index } = this.#trade();
    return { orderId: BigInt(sequence), quantity: index };
  }

  #account(): number {
    return 1 + this.#below(this.#profile.accounts);
  }

  #state(): number {
    const { states } = this.#profile;
    return this.#one(3) ? (states[0] ?? 0) : this.#pick(states);
  }

  /** A price on its side of a center, crossing it a little now and then. */
  #nextPrice(side: number): number {
    const { spread, crossing, opensLevels } = this.#profile;
    const center = this.#pick(this.#profile.centers);
    if (opensLevels && !this.#one(8)) {
      this.#away += 1;
      return side === 0 ? center - this.#away : center + this.#away;
    }
    const away = Math.min(this.#below(spread + 1), this.#below(spread + 1)) - crossing;
    const price = side === 0 ? center - away : center + away;
    return this.#one(100) ? price | 0 : Math.min(MAX_PRICE, Math.max(1, price));
  }

  /** A price anywhere around a center. */
  #somePrice(): number {
    const { spread, centers } = this.#profile;
    const price = this.#pick(centers) + this.#below(spread + 1) - (spread >> 1);
    return Math.min(MAX_PRICE, Math.max(1, price));
  }

  #quantity(): number {
    if (this.#one(100)) return 0;
    const { quantity } = this.#profile;
    return this.#one(3) ? 1 + this.#below(Math.min(quantity, 5)) : 1 + this.#below(quantity);
  }

  #weighted<Name extends string>(weights: Partial<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][];
    let drawn = this.#below(entries.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [name, weight] of entries) {
      if (drawn < weight) return name;
      drawn -= weight;
    }
    throw new Error("a profile without weights");
  }

  #share(percent: number): boolean {
    return percent > 0 && this.#below(100) < percent;
  }

  #word(): bigint {
    return (BigInt(this.#below(2 ** 32)) << 32n) | BigInt(this.#below(2 ** 32));
  }

  #below(bound: number): number {
    return this.#random.below(bound);
  }

  #one(inThisMany: number): boolean {
    return this.#random.below(inThisMany) === 0;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }
}

const fields = (kind: number, rest: Partial<CommandFields>): CommandFields =>
  emptyFields({ kind, tag: kind * 1_000_003, ...rest });

/** The value as the field can hold it. */
function fitted(name: keyof CommandFields, value: bigint): bigint | number {
  if (name === "session" || name === "number" || name === "orderId") return value;
  if (name === "price" || name === "trigger") return Number(BigInt.asIntN(32, value));
  return Number(BigInt.asUintN(bits[name] ?? 32, value));
}
