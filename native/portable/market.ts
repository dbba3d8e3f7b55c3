import type {
  CancelReason,
  DurabilityMode,
  EngineCommand,
  EngineEvent,
  EngineRefusal,
  MarketState,
  RestingOrder,
  Side,
} from "../../actors/kernel/ports/matching-engine.ts";
import type { AccountId, OrderId, PriceTicks, QuantityLots } from "../../actors/kernel/units.ts";
import { Book, LEVEL_LIMIT } from "./book.ts";
import type { RestingBookOrder, SideNumber } from "./book.ts";
import {
  commandFields,
  commandKinds,
  durabilityModeNames,
  marketStateNames,
  orderTypeNames,
  sideNames,
  timeInForceNames,
} from "./command-fields.ts";
import type { CommandFields } from "./command-fields.ts";
import { addTerm } from "./digest.ts";
import { OrderIds } from "./order-ids.ts";
import { SessionTable } from "./sessions.ts";

/**
 * The slow twin of the matching engine: native/engine/README.md, written down as plainly as
 * possible. It shares no algorithm with the C++ engine; both get the same commands in tests and
 * their events and digests are compared after each one. It also serves as the portable engine.
 */

/** Refusals in the order of their numbers (native/wire/refusal.hpp); the first has number 1. */
export const refusalNames: readonly EngineRefusal[] = [
  "command_invalid",
  "not_configured",
  "market_halted",
  "quantity_not_positive",
  "quantity_too_large",
  "price_not_positive",
  "price_out_of_band",
  "order_unknown",
  "order_not_yours",
  "account_invalid",
  "order_pool_full",
  "level_pool_full",
  "number_stale",
  "capacity_fixed",
];

const MAX_PRICE = 2n ** 31n - 2n;
const MAX_QUANTITY = 2n ** 31n - 1n;
const MAX_CAPACITY = 2n ** 24n - 2n;

/** An event without what every event of its command has in common. */
type EventBody<E = EngineEvent> = E extends EngineEvent
  ? Omit<E, "sequence" | "index" | "last" | "tag">
  : never;

interface Configuration {
  readonly bandLow: number;
  readonly bandHigh: number;
  readonly maximumQuantity: number;
  readonly orderCapacity: number;
  readonly mode: DurabilityMode;
}

/** What a session remembers of a command. */
interface Outcome {
  readonly refusal: EngineRefusal | null;
  readonly orderId: number;
  readonly executed: number;
  readonly remaining: number;
}

/** An order that is being matched and may come to rest. */
interface Taker {
  readonly orderId: number;
  readonly account: number;
  readonly side: SideNumber;
  /** null: any price. */
  readonly limit: number | null;
  readonly quantity: number;
}

const NOTHING: Outcome = { refusal: null, orderId: 0, executed: 0, remaining: 0 };

const opposite = (side: SideNumber): SideNumber => (side === 0 ? 1 : 0);
const sideName = (side: SideNumber): Side => (side === 0 ? "buy" : "sell");

export class Market {
  readonly #book = new Book();
  readonly #sessions = new SessionTable();
  #configuration: Configuration | null = null;
  readonly #ids = new OrderIds();
  #state: MarketState = "open";
  /** Of the command being applied. */
  #sequence = 0;
  #events: EventBody[] = [];

  /** Applies one command; `sequence` rises by one each time. At least one event comes out. */
  apply(command: EngineCommand, sequence: number): EngineEvent[] {
    return this.applyFields(commandFields(command), sequence);
  }

  /** Like `apply`, for a command as it stands in a ring or record: any bytes are allowed. */
  applyFields(command: CommandFields, sequence: number): EngineEvent[] {
    this.#sequence = sequence;
    this.#events = [];
    const bidBefore = this.#book.best(0);
    const askBefore = this.#book.best(1);
    this.#answer(command);
    const bid = this.#book.best(0);
    const ask = this.#book.best(1);
    if (
      bid.price !== bidBefore.price ||
      bid.quantity !== bidBefore.quantity ||
      ask.price !== askBefore.price ||
      ask.quantity !== askBefore.quantity
    ) {
      this.#events.push({
        kind: "touch",
        bidPrice: bid.price as PriceTicks,
        bidQuantity: bid.quantity as QuantityLots,
        askPrice: ask.price as PriceTicks,
        askQuantity: ask.quantity as QuantityLots,
      });
    }
    const count = this.#events.length;
    return this.#events.map(
      (body, index) =>
        ({ ...body, sequence, index, last: index === count - 1, tag: command.tag }) as EngineEvent,
    );
  }

  /** 64 bits over resting orders and remembered outcomes. */
  digest(): bigint {
    return addTerm(this.#book.digest, this.#sessions.digest);
  }

  /** Number of resting orders. */
  restingCount(): number {
    return this.#book.size;
  }

  /** Resting orders of a side, best price first, then oldest first; at most `limit`. */
  restingOrders(side: Side, limit: number): RestingOrder[] {
    return this.#book.resting(side === "buy" ? 0 : 1, limit).map((order) => ({
      orderId: order.orderId as OrderId,
      account: order.account as AccountId,
      side,
      price: order.price as PriceTicks,
      remaining: order.remaining as QuantityLots,
    }));
  }

  /** Checks every invariant and recomputes the digest: what is wrong, or null. Slow. */
  verify(): string | null {
    if (this.#book.size > (this.#configuration?.orderCapacity ?? 0)) {
      return "more orders rest than the capacity allows";
    }
    return this.#book.verify() ?? this.#sessions.verify();
  }

  #answer(command: CommandFields): void {
    const { session, number } = command;
    if ((session === 0n) !== (number === 0n)) {
      this.#refuse(command, "command_invalid");
      return;
    }
    if (session === 0n) {
      this.#process(command);
      return;
    }
    const found = this.#sessions.look(session, number);
    if (found.answer === "stale") {
      this.#refuse(command, "number_stale");
    } else if (found.answer === "repeat") {
      const { outcome } = found;
      this.#events.push({
        kind: "repeated",
        originalSequence: outcome.sequence as EngineEvent["sequence"],
        orderId: outcome.orderId as OrderId,
        refusal: refusalNames[outcome.refusal - 1] ?? null,
        executed: outcome.executed as QuantityLots,
        remaining: outcome.remaining as QuantityLots,
      });
    } else {
      const outcome = this.#process(command);
      this.#sessions.store({
        session,
        number,
        sequence: this.#sequence,
        orderId: outcome.orderId,
        refusal: outcome.refusal === null ? 0 : refusalNames.indexOf(outcome.refusal) + 1,
        executed: outcome.executed,
        remaining: outcome.remaining,
      });
    }
  }

  #process(command: CommandFields): Outcome {
    if (malformed(command)) return this.#refuse(command, "command_invalid");
    if (command.kind === commandKinds.configure) return this.#configure(command);
    if (this.#configuration === null) return this.#refuse(command, "not_configured");
    switch (command.kind) {
      case commandKinds.place:
        return this.#place(command, this.#configuration);
      case commandKinds.cancel:
        return this.#cancel(command);
      case commandKinds.reduce:
        return this.#reduce(command);
      case commandKinds.replace:
        return this.#replace(command, this.#configuration);
      default:
        return this.#setState(command);
    }
  }

  #configure(command: CommandFields): Outcome {
    const { price: bandLow, bandHigh, quantity: maximumQuantity, orderId: capacity } = command;
    const valid =
      bandLow >= 1n &&
      bandLow <= bandHigh &&
      bandHigh <= MAX_PRICE &&
      maximumQuantity >= 1n &&
      maximumQuantity <= MAX_QUANTITY &&
      capacity >= 1n &&
      capacity <= MAX_CAPACITY;
    if (!valid) return this.#refuse(command, "command_invalid");
    const fixed = this.#configuration?.orderCapacity;
    if (fixed !== undefined && fixed !== Number(capacity)) {
      return this.#refuse(command, "capacity_fixed");
    }
    this.#configuration = {
      bandLow: Number(bandLow),
      bandHigh: Number(bandHigh),
      maximumQuantity: Number(maximumQuantity),
      orderCapacity: Number(capacity),
      mode: durabilityModeNames[command.orderType] ?? "matched",
    };
    this.#events.push({
      kind: "configured",
      bandLow: Number(bandLow) as PriceTicks,
      bandHigh: Number(bandHigh) as PriceTicks,
    });
    return NOTHING;
  }

  #setState(command: CommandFields): Outcome {
    this.#state = marketStateNames[command.orderType] ?? "open";
    this.#events.push({ kind: "state_set", state: this.#state });
    return NOTHING;
  }

  #place(command: CommandFields, configuration: Configuration): Outcome {
    const isMarket = orderTypeNames[command.orderType] === "market";
    const refusal = this.#entryRefusal(command, configuration, isMarket);
    if (refusal !== null) return this.#refuse(command, refusal);
    const side = command.side as SideNumber;
    const quantity = Number(command.quantity);
    const limit = isMarket ? null : Number(command.price);
    const timeInForce = timeInForceNames[command.timeInForce] ?? "day";
    const canFill = this.#book.canFill(opposite(side), limit, quantity);
    if (limit !== null && timeInForce === "day" && !canFill) {
      if (this.#book.size >= configuration.orderCapacity) {
        return this.#refuse(command, "order_pool_full");
      }
      if (this.#book.ordersAt(side, limit) === 0 && this.#book.levels >= LEVEL_LIMIT) {
        return this.#refuse(command, "level_pool_full");
      }
    }
    if (this.#ids.exhausted) return this.#refuse(command, "order_pool_full");

    const orderId = this.#ids.take();
    const taker: Taker = { orderId, account: command.account, side, limit, quantity };
    this.#events.push({
      kind: "accepted",
      orderId: orderId as OrderId,
      account: command.account as AccountId,
      side: sideName(side),
      price: (limit ?? 0) as PriceTicks,
      orderType: isMarket ? "market" : "limit",
      linkedOrderId: 0,
      trigger: 0,
      quantity: quantity as QuantityLots,
    });
    if (timeInForce === "fok" && !canFill) {
      this.#cancelTaker(taker, quantity, "fok_unfilled");
      this.#ids.free(orderId);
      return { ...NOTHING, orderId };
    }
    const rest = this.#execute(taker);
    if (rest > 0 && limit !== null && timeInForce === "day") {
      this.#rest(taker, limit, rest);
      return { refusal: null, orderId, executed: quantity - rest, remaining: rest };
    }
    if (rest > 0) this.#cancelTaker(taker, rest, isMarket ? "no_liquidity" : "ioc_rest");
    this.#ids.free(orderId);
    return { refusal: null, orderId, executed: quantity - rest, remaining: 0 };
  }

  #cancel(command: CommandFields): Outcome {
    const order = this.#ownOrder(command);
    if (typeof order === "string") return this.#refuse(command, order);
    this.#cancelResting(order, "user");
    return { ...NOTHING, orderId: order.orderId };
  }

  #reduce(command: CommandFields): Outcome {
    const order = this.#ownOrder(command);
    if (typeof order === "string") return this.#refuse(command, order);
    if (command.quantity === 0n) return this.#refuse(command, "quantity_not_positive");
    if (command.quantity >= BigInt(order.remaining)) {
      this.#cancelResting(order, "reduced_to_zero");
      return { ...NOTHING, orderId: order.orderId };
    }
    const quantity = Number(command.quantity);
    this.#book.take(order, quantity);
    this.#events.push({
      kind: "reduced",
      reason: "user",
      orderId: order.orderId as OrderId,
      account: order.account as AccountId,
      side: sideName(order.side),
      price: order.price as PriceTicks,
      quantity: quantity as QuantityLots,
      remaining: order.remaining as QuantityLots,
    });
    return { ...NOTHING, orderId: order.orderId, remaining: order.remaining };
  }

  #replace(command: CommandFields, configuration: Configuration): Outcome {
    const refusal = this.#entryRefusal(command, configuration, false);
    if (refusal !== null) return this.#refuse(command, refusal);
    const old = this.#ownOrder(command);
    if (typeof old === "string") return this.#refuse(command, old);
    const { side } = old;
    const limit = Number(command.price);
    const quantity = Number(command.quantity);
    if (!this.#book.canFill(opposite(side), limit, quantity)) {
      const levelIsFreed = this.#book.ordersAt(side, old.price) === 1;
      const levels = this.#book.levels - (levelIsFreed ? 1 : 0);
      const levelIsThere =
        this.#book.ordersAt(side, limit) > (levelIsFreed && old.price === limit ? 1 : 0);
      if (!levelIsThere && levels >= LEVEL_LIMIT) return this.#refuse(command, "level_pool_full");
    }
    if (this.#ids.exhaustedAfterFreeing(old.orderId)) {
      return this.#refuse(command, "order_pool_full");
    }
    const remaining = old.remaining;
    this.#book.take(old, remaining);
    this.#ids.free(old.orderId);
    const orderId = this.#ids.take();
    this.#events.push({
      kind: "replaced",
      orderType: "limit",
      trigger: 0,
      orderId: orderId as OrderId,
      replacedOrderId: old.orderId as OrderId,
      account: old.account as AccountId,
      side: sideName(side),
      price: limit as PriceTicks,
      quantity: quantity as QuantityLots,
      remaining: remaining as QuantityLots,
    });
    const taker: Taker = { orderId, account: old.account, side, limit, quantity };
    const rest = this.#execute(taker);
    if (rest > 0) this.#rest(taker, limit, rest);
    else this.#ids.free(orderId);
    return { refusal: null, orderId, executed: quantity - rest, remaining: rest };
  }

  /** The checks that place and replace have in common, up to the price. */
  #entryRefusal(
    command: CommandFields,
    configuration: Configuration,
    isMarket: boolean,
  ): EngineRefusal | null {
    if (command.account === 0) return "account_invalid";
    if (this.#state === "halted") return "market_halted";
    if (command.quantity === 0n) return "quantity_not_positive";
    if (command.quantity > BigInt(configuration.maximumQuantity)) return "quantity_too_large";
    if (isMarket) return command.price === 0n ? null : "command_invalid";
    if (command.price < 1n) return "price_not_positive";
    const inBand =
      command.price >= BigInt(configuration.bandLow) &&
      command.price <= BigInt(configuration.bandHigh);
    return inBand ? null : "price_out_of_band";
  }

  /** The resting order that a command names, when its account owns it; else the refusal. */
  #ownOrder(command: CommandFields): RestingBookOrder | EngineRefusal {
    if (command.account === 0) return "account_invalid";
    const order =
      command.orderId <= BigInt(Number.MAX_SAFE_INTEGER)
        ? this.#book.find(Number(command.orderId))
        : undefined;
    if (order === undefined) return "order_unknown";
    return order.account === command.account ? order : "order_not_yours";
  }

  /** Trades with the other side while it can; returns the lots that are left. */
  #execute(taker: Taker): number {
    let rest = taker.quantity;
    while (rest > 0) {
      const maker = this.#book.firstMatch(opposite(taker.side), taker.limit);
      if (maker === undefined) break;
      const traded = Math.min(rest, maker.remaining);
      rest -= traded;
      this.#book.take(maker, traded);
      if (maker.remaining === 0) this.#ids.free(maker.orderId);
      this.#events.push({
        kind: "executed",
        atUncross: false,
        makerWasDark: false,
        orderId: taker.orderId as OrderId,
        account: taker.account as AccountId,
        side: sideName(taker.side),
        price: maker.price as PriceTicks,
        quantity: traded as QuantityLots,
        makerOrderId: maker.orderId as OrderId,
        makerAccount: maker.account as AccountId,
        makerRemaining: maker.remaining as QuantityLots,
      });
    }
    return rest;
  }

  #rest(taker: Taker, price: number, remaining: number): void {
    const { orderId, account, side } = taker;
    this.#book.insert({ orderId, account, side, price, remaining, priority: this.#sequence });
  }

  #cancelResting(order: RestingBookOrder, reason: CancelReason): void {
    const quantity = order.remaining;
    this.#book.take(order, quantity);
    this.#ids.free(order.orderId);
    this.#events.push({
      kind: "canceled",
      orderId: order.orderId as OrderId,
      account: order.account as AccountId,
      side: sideName(order.side),
      price: order.price as PriceTicks,
      quantity: quantity as QuantityLots,
      reason,
    });
  }

  #cancelTaker(taker: Taker, quantity: number, reason: CancelReason): void {
    this.#events.push({
      kind: "canceled",
      orderId: taker.orderId as OrderId,
      account: taker.account as AccountId,
      side: sideName(taker.side),
      price: (taker.limit ?? 0) as PriceTicks,
      quantity: quantity as QuantityLots,
      reason,
    });
  }

  #refuse(command: CommandFields, refusal: EngineRefusal): Outcome {
    this.#events.push({
      kind: "refused",
      orderId: namedOrder(command) as OrderId,
      account: command.account as AccountId,
      refusal,
    });
    return { ...NOTHING, refusal };
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

/** Whether a byte has no meaning, or a field is set that the command does not use. */
function malformed(command: CommandFields): boolean {
  const { kind, side, orderType, timeInForce, orderId, price, bandHigh, quantity } = command;
  if (command.reserved !== 0) return true;
  if (kind !== commandKinds.place && (side !== 0 || timeInForce !== 0)) return true;
  if (kind !== commandKinds.configure && bandHigh !== 0n) return true;
  switch (kind) {
    case commandKinds.place:
      return (
        side >= sideNames.length ||
        orderType >= orderTypeNames.length ||
        timeInForce >= timeInForceNames.length ||
        orderId !== 0n
      );
    case commandKinds.cancel:
      return orderType !== 0 || price !== 0n || quantity !== 0n;
    case commandKinds.reduce:
      return orderType !== 0 || price !== 0n;
    case commandKinds.replace:
      return orderType !== 0;
    case commandKinds.configure:
      return orderType >= durabilityModeNames.length;
    case commandKinds.set_state:
      return (
        orderType >= marketStateNames.length || orderId !== 0n || price !== 0n || quantity !== 0n
      );
    default:
      return true;
  }
}
