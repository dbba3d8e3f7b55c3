import type { EngineEvent } from "../../actors/kernel/ports/matching-engine.ts";
import { unreachable } from "../../actors/kernel/result.ts";
import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import { commandKinds } from "../../native/portable/command-fields.ts";
import type { CommandFields } from "../../native/portable/command-fields.ts";
import type { CommandWeights, Profile } from "./profiles.ts";

/** Accounts that trade; few, so that orders of others are hit. */
const ACCOUNTS = 5;
/** A session's numbers are resent from this far back at most. */
const RESEND_DISTANCE = 1_500;
const MAX_PRICE = 2 ** 31 - 2;

/** Values at which arithmetic of some width goes wrong. */
const awkward = [
  0n,
  1n,
  2n,
  3n,
  2n ** 24n - 2n,
  2n ** 24n - 1n,
  2n ** 24n,
  2n ** 29n - 1n,
  2n ** 31n - 2n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

interface Live {
  readonly orderId: number;
  readonly account: number;
}
interface Session {
  readonly id: bigint;
  number: bigint;
  /** Commands by number, to be sent again as they were. */
  readonly sent: CommandFields[];
}

/**
 * An endless stream of commands by a profile. It learns from the events which orders rest, so that
 * most cancels, reductions and replacements hit one; it judges nothing.
 */
export class CommandStream {
  readonly #profile: Profile;
  readonly #random: Randomness;
  readonly #capacity: number;
  readonly #live: Live[] = [];
  readonly #places = new Map<number, number>();
  readonly #sessions: Session[] = [];
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

  /** The next command. */
  next(): CommandFields {
    this.#count += 1;
    if (this.#count === 3) return this.#configure(true);
    const command = this.#mutated(this.#fresh());
    return this.#inSession(command);
  }

  /** Takes note of what a command did. */
  observe(events: readonly EngineEvent[]): void {
    let taker: (Live & { remaining: number }) | null = null;
    for (const event of events) {
      switch (event.kind) {
        case "replaced":
          this.#remove(event.replacedOrderId);
          taker = { orderId: event.orderId, account: event.account, remaining: event.quantity };
          break;
        case "accepted":
          taker = { orderId: event.orderId, account: event.account, remaining: event.quantity };
          break;
        case "executed":
          if (taker !== null) taker.remaining -= event.quantity;
          if (event.makerRemaining === 0) this.#remove(event.makerOrderId);
          break;
        case "canceled":
          if (taker !== null) taker.remaining = 0;
          this.#remove(event.orderId);
          break;
        case "reduced":
        case "refused":
        case "repeated":
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
    if (taker !== null && taker.remaining > 0) {
      this.#places.set(taker.orderId, this.#live.length);
      this.#live.push({ orderId: taker.orderId, account: taker.account });
    }
  }

  #fresh(): CommandFields {
    const kind = this.#weighted();
    switch (kind) {
      case "place":
        return this.#place();
      case "cancel":
        return this.#onOrder(commandKinds.cancel, {});
      case "reduce":
        return this.#onOrder(commandKinds.reduce, { quantity: this.#quantity() });
      case "replace":
        return this.#onOrder(commandKinds.replace, {
          quantity: this.#quantity(),
          price: BigInt(this.#nextPrice(this.#below(2))),
        });
      case "configure":
        return this.#configure(this.#below(3) > 0);
      case "setState":
        return fields(commandKinds.set_state, { orderType: this.#one(4) ? 1 : 0 });
      case "garbage":
        return this.#garbage();
      default:
        return unreachable(kind);
    }
  }

  #place(): CommandFields {
    const { immediate, sweepEvery } = this.#profile;
    const side = this.#below(2);
    const account = this.#one(200) ? 0 : 1 + this.#below(ACCOUNTS);
    if (sweepEvery > 0 && this.#one(sweepEvery)) {
      const isMarket = this.#below(2);
      const price = isMarket === 1 ? 0n : BigInt(side === 0 ? MAX_PRICE : 1);
      const quantity = this.#quantity() * 1_000n;
      const timeInForce = this.#below(3);
      return fields(commandKinds.place, {
        side,
        account,
        orderType: isMarket,
        timeInForce,
        price,
        quantity,
      });
    }
    const isImmediate = this.#below(100) < immediate;
    const orderType = isImmediate && this.#one(4) ? 1 : 0;
    return fields(commandKinds.place, {
      side,
      account,
      orderType,
      timeInForce: isImmediate ? this.#below(3) : 0,
      price: orderType === 1 ? 0n : BigInt(this.#nextPrice(side)),
      quantity: this.#quantity(),
    });
  }

  #onOrder(kind: number, rest: Partial<CommandFields>): CommandFields {
    const live = this.#live[this.#below(Math.max(1, this.#live.length))];
    const account = live === undefined || this.#one(20) ? 1 + this.#below(ACCOUNTS) : live.account;
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
      price: BigInt(low),
      bandHigh: BigInt(Math.max(low, high)),
      quantity: BigInt(this.#profile.maximumQuantity),
    });
    if (valid) return configured;
    const wrong = this.#pick(["orderId", "price", "bandHigh", "quantity"] as const);
    return { ...configured, [wrong]: signedWhere(wrong, this.#pick(awkward)) };
  }

  #garbage(): CommandFields {
    const word = (): bigint => (BigInt(this.#below(2 ** 32)) << 32n) | BigInt(this.#below(2 ** 32));
    return {
      kind: this.#one(2) ? this.#below(256) : 1 + this.#below(6),
      side: this.#below(4),
      orderType: this.#below(4),
      timeInForce: this.#below(4),
      tag: this.#below(2 ** 32),
      session: 0n,
      number: 0n,
      orderId: this.#one(2) ? word() : 0n,
      price: BigInt.asIntN(64, this.#one(2) ? word() : 0n),
      bandHigh: BigInt.asIntN(64, this.#one(8) ? word() : 0n),
      quantity: this.#one(2) ? word() : 1n,
      account: this.#below(2 ** 32),
      reserved: this.#one(8) ? this.#below(2 ** 32) : 0,
    };
  }

  /** The command itself, or with one field at an awkward value. */
  #mutated(command: CommandFields): CommandFields {
    const { mutateEvery } = this.#profile;
    if (mutateEvery === 0 || !this.#one(mutateEvery)) return command;
    const name = this.#pick(Object.keys(command) as (keyof CommandFields)[]);
    const value = this.#pick(awkward);
    if (typeof command[name] === "bigint") {
      return { ...command, [name]: signedWhere(name, value) };
    }
    const bits = name === "tag" || name === "account" || name === "reserved" ? 32 : 8;
    return { ...command, [name]: Number(BigInt.asUintN(bits, value)) };
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

  #remove(orderId: number): void {
    const place = this.#places.get(orderId);
    const moved = this.#live.at(-1);
    if (place === undefined || moved === undefined) return;
    this.#live[place] = moved;
    this.#places.set(moved.orderId, place);
    this.#live.pop();
    this.#places.delete(orderId);
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
    return this.#one(100) ? price : Math.min(MAX_PRICE, Math.max(1, price));
  }

  #quantity(): bigint {
    if (this.#one(100)) return 0n;
    const { quantity } = this.#profile;
    return BigInt(
      this.#one(3) ? 1 + this.#below(Math.min(quantity, 5)) : 1 + this.#below(quantity),
    );
  }

  #weighted(): keyof CommandWeights {
    const entries = Object.entries(this.#profile.weights) as [keyof CommandWeights, number][];
    let drawn = this.#below(entries.reduce((sum, [, weight]) => sum + weight, 0));
    for (const [name, weight] of entries) {
      if (drawn < weight) return name;
      drawn -= weight;
    }
    return "place";
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

function fields(kind: number, rest: Partial<CommandFields>): CommandFields {
  return {
    kind,
    side: 0,
    orderType: 0,
    timeInForce: 0,
    tag: kind * 1_000_003,
    session: 0n,
    number: 0n,
    orderId: 0n,
    price: 0n,
    bandHigh: 0n,
    quantity: 0n,
    account: 0,
    reserved: 0,
    ...rest,
  };
}

const signedWhere = (name: keyof CommandFields, value: bigint): bigint =>
  name === "price" || name === "bandHigh" ? BigInt.asIntN(64, value) : value;
