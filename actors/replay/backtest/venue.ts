import type { EngineCommand, EngineEvent } from "../../kernel/ports/matching-engine.ts";
import { accountId, orderId, priceTicks, quantityLots } from "../../kernel/units.ts";
import type { Action, Answer, Outcome } from "../../../schemas/sdk/orders.ts";
import { type EngineExchange, outcomeOf, type Receipt, toCommand } from "../engine-exchange.ts";
import type { Exchange } from "../exchange.ts";
import { LevelLots } from "./level-lots.ts";

/** Accounts in the market of a backtest. */
export const participants = 4_000_000_001;
export const aggressor = 4_000_000_002;
export const strategyAccount = 4_000_000_003;

/** What happens at the exchange, told at the moment it happens; prices in ticks, quantities in lots. */
export interface VenueObserver {
  /** The best prices of everybody else changed: who follows his own quote chases himself. */
  touch(touch: Touch): void;
  /** sign +1: the aggressor bought. */
  trade(lots: number, sign: 1 | -1): void;
  own(event: OwnEvent): void;
}

export interface Touch {
  readonly bidPrice: number;
  readonly bidQuantity: number;
  readonly askPrice: number;
  readonly askQuantity: number;
}

/** What the strategy is told of its own orders, by its own reference. */
export type OwnEvent =
  | { readonly kind: "accepted"; readonly reference: number; readonly queueAhead: number }
  | { readonly kind: "refused"; readonly reference: number; readonly code: string }
  | {
      readonly kind: "filled";
      readonly reference: number;
      readonly price: number;
      readonly quantity: number;
      readonly maker: boolean;
    }
  | { readonly kind: "canceled"; readonly reference: number };

export interface OwnEntry {
  readonly reference: number;
  readonly kind: "quote" | "take";
  readonly side: "buy" | "sell";
  readonly price: number;
  readonly quantity: number;
}

/**
 * The market that a recorded session and a strategy share: one order book in the real engine. The session
 * must find its own orders as it left them, whatever the strategy did:
 *
 * - what the strategy took from an order of the session stands there again at once, with the order's size
 *   before, at the end of its level (rule 3 of the replay); the session goes on naming the old id;
 * - an order of the session that traded with a quote of the strategy is smaller from then on: what the
 *   session says about lots that it no longer has is no refusal.
 */
export class Venue implements Exchange {
  readonly #exchange: EngineExchange;
  readonly #tick: number;
  readonly #observer: VenueObserver;
  readonly #levels = new LevelLots(strategyAccount);
  /** Id that the session knows to the id in the engine, and back, where they differ. */
  readonly #engineId = new Map<number, number>();
  readonly #sessionId = new Map<number, number>();
  /** Orders of the session, by the engine's id, that traded with the strategy. */
  readonly #shortened = new Set<number>();
  /** Own orders: reference and id in the engine. */
  readonly #ownByReference = new Map<number, number>();
  readonly #ownById = new Map<number, number>();

  /** Best prices, own orders included. */
  #best = { bid: 0, ask: 0 };
  #touch: Touch = { bidPrice: 0, bidQuantity: 0, askPrice: 0, askQuantity: 0 };

  constructor(exchange: EngineExchange, tick: number, observer: VenueObserver) {
    this.#exchange = exchange;
    this.#tick = tick;
    this.#observer = observer;
  }

  /** Commands of the session. */
  async submit(actions: readonly Action[]): Promise<Answer<Receipt>> {
    const translated = actions.map((action) => this.#translated(action));
    const results = await this.#exchange.process(
      translated.map((action) => toCommand(action, 0, 0, this.#tick)),
    );
    const outcomes = results.map((events, index) => {
      this.#observe(events);
      return this.#outcome(translated[index]!, events, index + 1);
    });
    return { ok: true, value: { outcomes } };
  }

  async enter(entry: OwnEntry): Promise<void> {
    const ahead = this.#levels.at(entry.side, entry.price);
    const [events = []] = await this.#exchange.process([ownCommand(entry)]);
    const first = events[0];
    if (first?.kind === "refused") {
      this.#observer.own({
        kind: "refused",
        reference: entry.reference,
        code: first.refusal,
      });
      return;
    }
    const accepted = events.find((event) => event.kind === "accepted");
    if (accepted !== undefined) {
      this.#ownByReference.set(entry.reference, accepted.orderId);
      this.#ownById.set(accepted.orderId, entry.reference);
      this.#observer.own({
        kind: "accepted",
        reference: entry.reference,
        queueAhead: entry.kind === "quote" ? ahead : 0,
      });
    }
    this.#observe(events);
    if (entry.kind === "take" && accepted !== undefined)
      this.#forget(accepted.orderId, entry.reference);
    await this.#putBack(events);
  }

  /** False: there is no such order any more. */
  async cancel(reference: number): Promise<boolean> {
    const id = this.#ownByReference.get(reference);
    if (id === undefined) return false;
    const [events = []] = await this.#exchange.process([
      {
        kind: "cancel",
        session: 0,
        number: 0,
        account: accountId(strategyAccount),
        tag: 0,
        orderId: orderId(id),
      },
    ]);
    this.#observe(events);
    return events[0]?.kind === "canceled";
  }

  /** Orders of the session that the strategy took from get back what they had, last at their price. */
  async #putBack(events: readonly EngineEvent[]): Promise<void> {
    const hit = new Map<
      number,
      { side: "buy" | "sell"; price: number; lots: number; left: number }
    >();
    for (const event of events) {
      if (event.kind !== "executed" || this.#ownById.has(event.makerOrderId)) continue;
      const before = hit.get(event.makerOrderId);
      hit.set(event.makerOrderId, {
        side: event.side === "buy" ? "sell" : "buy",
        price: event.price,
        lots: (before?.lots ?? 0) + event.quantity,
        left: event.makerRemaining,
      });
    }
    for (const [id, { side, price, lots, left }] of hit) {
      const header = { session: 0, number: 0, account: accountId(participants), tag: 0 } as const;
      const commands: EngineCommand[] =
        left > 0 ? [{ ...header, kind: "cancel", orderId: orderId(id) }] : [];
      commands.push({
        ...header,
        kind: "place",
        side,
        orderType: "limit",
        timeInForce: "day",
        price: priceTicks(price),
        quantity: quantityLots(lots + left),
      });
      const results = await this.#exchange.process(commands);
      for (const one of results) this.#observe(one);
      const entered = results[results.length - 1]?.find((event) => event.kind === "accepted");
      if (entered === undefined) continue;
      const known = this.#sessionId.get(id) ?? id;
      this.#sessionId.delete(id);
      this.#engineId.set(known, entered.orderId);
      this.#sessionId.set(entered.orderId, known);
    }
  }

  #translated(action: Action): Action {
    if (action.kind === "place") return action;
    const id = this.#engineId.get(action.orderId);
    return id === undefined ? action : { ...action, orderId: id };
  }

  /** What the session is told: in its own ids, and nothing of what the strategy did to its orders. */
  #outcome(action: Action, events: readonly EngineEvent[], number: number): Outcome {
    const outcome = outcomeOf(events, number, this.#tick);
    const forgiven =
      outcome.refusal?.code === "order_unknown" &&
      action.kind !== "place" &&
      this.#shortened.has(action.orderId);
    return {
      ...outcome,
      refusal: forgiven ? null : outcome.refusal,
      fills: outcome.fills.map((fill) => ({
        ...fill,
        makerOrderId: this.#sessionId.get(fill.makerOrderId) ?? fill.makerOrderId,
      })),
    };
  }

  #observe(events: readonly EngineEvent[]): void {
    this.#levels.apply(events);
    for (const event of events) {
      if (event.kind === "executed") {
        this.#observer.trade(event.quantity, event.side === "buy" ? 1 : -1);
        this.#fill(event.makerOrderId, event, true);
        this.#fill(event.orderId, event, false);
      } else if (event.kind === "canceled") {
        const reference = this.#ownById.get(event.orderId);
        if (reference !== undefined) {
          this.#forget(event.orderId, reference);
          this.#observer.own({ kind: "canceled", reference });
        }
      } else if (event.kind === "touch") {
        this.#best = { bid: event.bidPrice, ask: event.askPrice };
      }
    }
    this.#noteTouch();
  }

  #noteTouch(): void {
    const bid = this.#levels.bestOfOthers("buy", this.#best.bid);
    const ask = this.#levels.bestOfOthers("sell", this.#best.ask);
    const last = this.#touch;
    if (
      bid.price === last.bidPrice &&
      bid.lots === last.bidQuantity &&
      ask.price === last.askPrice &&
      ask.lots === last.askQuantity
    )
      return;
    this.#touch = {
      bidPrice: bid.price,
      bidQuantity: bid.lots,
      askPrice: ask.price,
      askQuantity: ask.lots,
    };
    this.#observer.touch(this.#touch);
  }

  #fill(id: number, event: Extract<EngineEvent, { kind: "executed" }>, maker: boolean): void {
    const reference = this.#ownById.get(id);
    if (reference === undefined) return;
    const { price, quantity } = event;
    this.#observer.own({
      kind: "filled",
      reference,
      price: Number(price),
      quantity,
      maker,
    });
    if (maker) {
      if (event.account === participants) this.#shortened.add(event.orderId);
      if (event.makerRemaining === 0) this.#forget(id, reference);
    }
  }

  #forget(id: number, reference: number): void {
    this.#ownById.delete(id);
    this.#ownByReference.delete(reference);
  }
}

function ownCommand(entry: OwnEntry): EngineCommand {
  return {
    kind: "place",
    session: 0,
    number: 0,
    account: accountId(strategyAccount),
    tag: 0,
    side: entry.side,
    orderType: "limit",
    timeInForce: entry.kind === "quote" ? "day" : "ioc",
    price: priceTicks(entry.price),
    quantity: quantityLots(entry.quantity),
    ...(entry.kind === "quote" ? { attributes: { postOnly: true } } : {}),
  };
}
