import type { EngineCommand, EngineEvent, MarketEngine } from "../kernel/ports/matching-engine.ts";
import { accountId, orderId, priceTicks, quantityLots } from "../kernel/units.ts";
import type { Action, Answer, Fill, Outcome, Touch } from "../../schemas/sdk/orders.ts";

/** Reference data of a market that a session is replayed into; prices in units, `tick` units each. */
export interface MarketLimits {
  readonly tick: number;
  readonly bandLow: number;
  readonly bandHigh: number;
  readonly maximumQuantity: number;
  readonly orderCapacity: number;
}

export interface Receipt {
  readonly outcomes: readonly Outcome[];
}

export function configure(limits: MarketLimits): EngineCommand {
  return {
    kind: "configure",
    session: 0,
    number: 0,
    account: 0,
    tag: 0,
    bandLow: priceTicks(limits.bandLow / limits.tick),
    bandHigh: priceTicks(limits.bandHigh / limits.tick),
    maximumQuantity: quantityLots(limits.maximumQuantity),
    orderCapacity: limits.orderCapacity,
    mode: "matched",
  };
}

/** An action as an engine command; throws on a price off the tick. */
export function toCommand(
  action: Action,
  session: number,
  number: number,
  tick: number,
): EngineCommand {
  const header = { session, number, account: accountId(action.account), tag: number % 2 ** 32 };
  switch (action.kind) {
    case "place":
      return {
        ...header,
        kind: "place",
        side: action.side,
        orderType: action.price === null ? "market" : "limit",
        timeInForce: action.timeInForce,
        price: action.price === null ? 0 : priceTicks(action.price / tick),
        quantity: quantityLots(action.quantity),
      };
    case "cancel":
      return { ...header, kind: "cancel", orderId: orderId(action.orderId) };
    case "reduce":
      return {
        ...header,
        kind: "reduce",
        orderId: orderId(action.orderId),
        quantity: quantityLots(action.quantity),
      };
    case "replace":
      return {
        ...header,
        kind: "replace",
        orderId: orderId(action.orderId),
        price: priceTicks(action.price / tick),
        quantity: quantityLots(action.quantity),
      };
    default:
      return action satisfies never;
  }
}

/** The events of one command as its outcome. */
export function outcomeOf(events: readonly EngineEvent[], number: number, tick: number): Outcome {
  const fills: Fill[] = [];
  let refusal: string | null = null;
  let order = 0;
  let quantity = 0;
  let executed = 0;
  let canceled = 0;
  let remaining: number | null = null;
  let repeated = false;
  let touch: Touch | null = null;
  for (const event of events) {
    switch (event.kind) {
      case "accepted":
      case "replaced":
        order = event.orderId;
        quantity = event.quantity;
        break;
      case "executed":
        executed += event.quantity;
        fills.push({
          makerOrderId: event.makerOrderId,
          price: event.price * tick,
          quantity: event.quantity,
          makerRemaining: event.makerRemaining,
        });
        break;
      case "canceled":
        order = event.orderId;
        canceled += event.quantity;
        break;
      case "reduced":
        order = event.orderId;
        canceled += event.quantity;
        remaining = event.remaining;
        break;
      case "refused":
        refusal = event.refusal;
        break;
      case "repeated":
        repeated = true;
        order = event.orderId;
        refusal = event.refusal;
        executed = event.executed;
        remaining = event.remaining;
        break;
      case "touch":
        touch = {
          bidPrice: event.bidPrice * tick,
          bidQuantity: event.bidQuantity,
          askPrice: event.askPrice * tick,
          askQuantity: event.askQuantity,
        };
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
        break;
      default:
        event satisfies never;
    }
  }
  return {
    number,
    sequence: events[0]?.sequence ?? 0,
    refusal: refusal === null ? null : { code: refusal, reason: refusal, next: "" },
    orderId: order,
    executed,
    canceled,
    remaining: remaining ?? Math.max(0, quantity - executed - canceled),
    fills,
    repeated,
    touch,
  };
}

/** Any implementation of the engine port as an exchange of one market. */
export class EngineExchange {
  readonly #engine: MarketEngine;
  readonly #tick: number;

  private constructor(engine: MarketEngine, tick: number) {
    this.#engine = engine;
    this.#tick = tick;
  }

  /** Configures the freshly opened market. */
  static async create(engine: MarketEngine, limits: MarketLimits): Promise<EngineExchange> {
    const exchange = new EngineExchange(engine, limits.tick);
    await exchange.process([configure(limits)]);
    return exchange;
  }

  async submit(actions: readonly Action[]): Promise<Answer<Receipt>> {
    const commands = actions.map((action) => toCommand(action, 0, 0, this.#tick));
    const events = await this.process(commands);
    const outcomes = events.map((own, index) => outcomeOf(own, index + 1, this.#tick));
    return { ok: true, value: { outcomes } };
  }

  /** The events of each command, in the order of the commands. */
  async process(commands: readonly EngineCommand[]): Promise<EngineEvent[][]> {
    const results: EngineEvent[][] = [];
    let events: EngineEvent[] = [];
    const sink = (event: EngineEvent): void => {
      events.push({ ...event });
      if (!event.last) return;
      results.push(events);
      events = [];
    };
    let offered = 0;
    for (;;) {
      while (offered < commands.length && this.#engine.offer(commands[offered] as EngineCommand)) {
        offered += 1;
      }
      this.#engine.flush();
      while (this.#engine.drain(sink, 4096) === 4096);
      if (results.length === commands.length) return results;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}
