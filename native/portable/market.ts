import type {
  EngineCommand,
  EngineEvent,
  RestingOrder,
  Side,
} from "../../actors/kernel/ports/matching-engine.ts";
import type { AccountId, OrderId, PriceTicks, QuantityLots } from "../../actors/kernel/units.ts";
import {
  bust,
  correct,
  kill,
  massCancel,
  setBreaker,
  setLimit,
  setPosition,
  setState,
} from "./administration.ts";
import { tellIndicative } from "./auction.ts";
import type { Uncross } from "./auction.ts";
import { beginStep, tellLimitState } from "./breakers.ts";
import {
  BUY,
  commandKinds,
  eventKinds,
  MAX_CAPACITY,
  MAX_PRICE,
  MAX_QUANTITY,
  reasons,
  refusals,
  SELL,
} from "./codes.ts";
import { commandFields } from "./command-fields.ts";
import type { CommandFields } from "./command-fields.ts";
import { addTerm } from "./digest.ts";
import { EngineState } from "./engine-state.ts";
import type { Configuration } from "./engine-state.ts";
import { typedEvents } from "./events.ts";
import type { EventCells } from "./events.ts";
import { cancel, isOpen, reduce } from "./links.ts";
import { malformed } from "./malformed.ts";
import { place, refusedWith } from "./placing.ts";
import type { Acted } from "./placing.ts";
import { ownOrder, replace } from "./replacing.ts";
import { SessionTable } from "./sessions.ts";
import { electStops } from "./stops.ts";
import { hasWork, passTime, work } from "./work.ts";

/**
 * The slow twin of the matching engine: native/engine/README.md, written down as plainly as
 * possible. It shares no algorithm with the C++ engine; both get the same commands in tests and
 * their events and digests are compared after each one. It also serves as the portable engine.
 */

/** What a session remembers of a command. */
interface Outcome {
  readonly refusal: number;
  readonly orderId: number;
  readonly executed: number;
  readonly remaining: number;
}

const done = (refusal: number): Outcome => ({ refusal, orderId: 0, executed: 0, remaining: 0 });

export class Market {
  readonly #engine = new EngineState();
  readonly #sessions = new SessionTable();
  #touch = { bidPrice: 0, bidQuantity: 0, askPrice: 0, askQuantity: 0 };
  #indicative: Uncross = { price: 0, volume: 0, surplus: 0 };

  /** Applies one command; `sequence` rises by one each time. At least one event comes out. */
  apply(command: EngineCommand, sequence: number, time = 0n): EngineEvent[] {
    return this.applyFields(commandFields(command), sequence, time);
  }

  /** Like `apply`, for a command as it stands in a ring or record: any bytes are allowed. */
  applyFields(command: CommandFields, sequence: number, time = 0n): EngineEvent[] {
    const events = this.applyRaw(command, sequence, time);
    return typedEvents(events, { sequence, tag: command.tag });
  }

  /** Like `applyFields`; the events as they stand on the wire. `time` in nanoseconds. */
  applyRaw(command: CommandFields, sequence: number, time: bigint): readonly EventCells[] {
    const engine = this.#engine;
    engine.sequence = sequence;
    engine.events = [];
    if (this.#answer(command, time)) {
      tellLimitState(engine);
      this.#indicative = tellIndicative(engine, this.#indicative);
      this.#tellTouch();
    }
    return engine.events;
  }

  /** 64 bits over the whole state. */
  digest(): bigint {
    return addTerm(this.#engine.digest(), this.#sessions.digest);
  }

  /** Number of open orders, in whatever state. */
  restingCount(): number {
    return this.#engine.orders.size;
  }

  /** Whether work is left that a tick would do. */
  hasWork(): boolean {
    return hasWork(this.#engine);
  }

  /** Lit orders of a side, best price first, then oldest first; at most `limit`. */
  restingOrders(side: Side, limit: number): RestingOrder[] {
    return this.#engine.book.lit(side === "buy" ? BUY : SELL, limit).map((order) => ({
      orderId: order.id as OrderId,
      account: order.account as AccountId,
      side,
      price: order.at as PriceTicks,
      remaining: order.lots as QuantityLots,
    }));
  }

  /** Checks every invariant and recomputes the digest: what is wrong, or null. Slow. */
  verify(): string | null {
    const { orders, configuration } = this.#engine;
    if (orders.size > (configuration?.orderCapacity ?? 0)) {
      return "more orders are open than the capacity allows";
    }
    return this.#engine.verify() ?? this.#sessions.verify();
  }

  /** False when it was answered without the market: nothing happened. */
  #answer(command: CommandFields, time: bigint): boolean {
    const { session, number } = command;
    if ((session === 0n) !== (number === 0n)) {
      this.#refuse(command, refusals.command_invalid);
      return false;
    }
    if (session === 0n) {
      this.#process(command, time);
      return true;
    }
    const found = this.#sessions.look(session, number);
    if (found.answer === "stale") {
      this.#refuse(command, refusals.number_stale);
      return false;
    }
    if (found.answer === "repeat") {
      const { refusal: code, orderId, executed: quantity, remaining, sequence } = found.outcome;
      this.#engine.emit({
        kind: eventKinds.repeated,
        code,
        orderId,
        quantity,
        remaining,
        otherOrderId: sequence,
      });
      return false;
    }
    const outcome = this.#process(command, time);
    const { sequence } = this.#engine;
    this.#sessions.store({ session, number, sequence, ...outcome });
    return true;
  }

  #process(command: CommandFields, time: bigint): Outcome {
    const engine = this.#engine;
    if (malformed(command)) return this.#refuse(command, refusals.command_invalid);
    if (engine.configuration === null && command.kind !== commandKinds.configure) {
      return this.#refuse(command, refusals.not_configured);
    }
    if (time > engine.time) engine.time = time;
    passTime(engine);
    beginStep(engine);
    const outcome = this.#act(command);
    electStops(engine);
    work(engine);
    return outcome;
  }

  /** The command's own action. */
  #act(command: CommandFields): Outcome {
    const { configuration } = this.#engine;
    if (configuration === null || command.kind === commandKinds.configure) {
      return this.#answered(command, this.#configure(command, configuration));
    }
    switch (command.kind) {
      case commandKinds.place:
        return this.#aboutOrder(command, place(this.#engine, command, configuration));
      case commandKinds.cancel:
        return this.#aboutOrder(command, this.#cancel(command));
      case commandKinds.reduce:
        return this.#aboutOrder(command, this.#reduce(command));
      case commandKinds.replace:
        return this.#aboutOrder(command, replace(this.#engine, command, configuration));
      default:
        return this.#answered(command, this.#administer(command));
    }
  }

  #administer(command: CommandFields): number {
    const engine = this.#engine;
    switch (command.kind) {
      case commandKinds.set_state:
        return setState(engine, command.orderType);
      case commandKinds.set_breaker:
        return setBreaker(engine, command);
      case commandKinds.mass_cancel:
        return massCancel(engine, command);
      case commandKinds.set_limit:
        return setLimit(engine, command);
      case commandKinds.kill:
        return kill(engine, command);
      case commandKinds.set_position:
        return setPosition(engine, command);
      case commandKinds.bust:
        return bust(engine, command);
      case commandKinds.correct:
        return correct(engine, command);
      case commandKinds.seed:
        engine.random.state = command.orderId;
        engine.emit({ kind: eventKinds.seeded });
        return refusals.none;
      default:
        engine.emit({ kind: eventKinds.ticked });
        return refusals.none;
    }
  }

  #configure(command: CommandFields, configured: Configuration | null): number {
    const { price: bandLow, trigger: bandHigh, quantity: maximumQuantity } = command;
    const valid =
      bandLow >= 1 &&
      bandLow <= bandHigh &&
      bandHigh <= MAX_PRICE &&
      maximumQuantity >= 1 &&
      maximumQuantity <= MAX_QUANTITY &&
      command.orderId >= 1n &&
      command.orderId <= BigInt(MAX_CAPACITY);
    if (!valid) return refusals.command_invalid;
    const orderCapacity = Number(command.orderId);
    if (configured !== null && configured.orderCapacity !== orderCapacity) {
      return refusals.capacity_fixed;
    }
    this.#engine.configuration = { bandLow, bandHigh, maximumQuantity, orderCapacity };
    this.#engine.emit({ kind: eventKinds.configured, price: bandLow, otherPrice: bandHigh });
    return refusals.none;
  }

  #cancel(command: CommandFields): Acted {
    const order = ownOrder(this.#engine, command);
    if (typeof order === "number") return refusedWith(order);
    cancel(this.#engine, order, reasons.user);
    return { refusal: refusals.none, order, executedBefore: order.executed };
  }

  #reduce(command: CommandFields): Acted {
    const order = ownOrder(this.#engine, command);
    if (typeof order === "number") return refusedWith(order);
    if (command.quantity === 0) return refusedWith(refusals.quantity_not_positive);
    if (command.quantity >= order.lots) cancel(this.#engine, order, reasons.reduced_to_zero);
    else reduce(this.#engine, order, command.quantity, reasons.user);
    return { refusal: refusals.none, order, executedBefore: order.executed };
  }

  #aboutOrder(command: CommandFields, { refusal, order, executedBefore }: Acted): Outcome {
    if (order === null) return this.#refuse(command, refusal);
    return {
      refusal,
      orderId: order.id,
      executed: order.executed - executedBefore,
      remaining: isOpen(order) ? order.lots : 0,
    };
  }

  #answered(command: CommandFields, refusal: number): Outcome {
    return refusal === refusals.none ? done(refusal) : this.#refuse(command, refusal);
  }

  #refuse(command: CommandFields, refusal: number): Outcome {
    this.#engine.emit({
      kind: eventKinds.refused,
      code: refusal,
      orderId: namedOrder(command),
      account: command.account,
    });
    return done(refusal);
  }

  #tellTouch(): void {
    const bid = this.#engine.book.best(BUY);
    const ask = this.#engine.book.best(SELL);
    const told = this.#touch;
    const same =
      bid.price === told.bidPrice &&
      bid.quantity === told.bidQuantity &&
      ask.price === told.askPrice &&
      ask.quantity === told.askQuantity;
    if (same) return;
    this.#touch = {
      bidPrice: bid.price,
      bidQuantity: bid.quantity,
      askPrice: ask.price,
      askQuantity: ask.quantity,
    };
    this.#engine.emit({
      kind: eventKinds.touch,
      orderId: bid.quantity,
      price: bid.price,
      otherOrderId: ask.quantity,
      otherPrice: ask.price,
    });
  }
}

/** The order id that a refusal repeats to its sender. */
function namedOrder(command: CommandFields): number {
  const namesOrder =
    command.kind === commandKinds.cancel ||
    command.kind === commandKinds.reduce ||
    command.kind === commandKinds.replace;
  return namesOrder && command.orderId <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(command.orderId)
    : 0;
}
