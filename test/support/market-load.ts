import type { NatsConnection } from "nats";

import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { wire } from "../../schemas/messages.ts";
import { commandSubject } from "../../schemas/subjects.ts";

const { Side, OrderType, TimeInForce, SubmitRequest, SubmitReply } = wire.market.v1;
type Command = wire.market.v1.ICommand;

export interface LoadSettings {
  readonly region: string;
  readonly market: string;
  readonly seed: number;
  /** Events a second that are aimed at; each order, cancel and execution is one. */
  readonly eventsPerSecond: number;
}

export interface LoadCounts {
  /** Commands answered. */
  readonly commands: number;
  /** Accepted orders, cancels and executions, as the outcomes tell. */
  readonly events: number;
  readonly trades: number;
  /** Commands that were due and not sent, because too many requests were under way. */
  readonly skipped: number;
  readonly refused: number;
}

const everyMs = 10;
/** Requests under way at most: a market that is slower than this is not sent more. */
const mostUnderWay = 32;
const mostCommands = 1_000;
const replyTimeoutMs = 10_000;
/** Orders that rest; from then on one is canceled for each that is placed. */
const restingOrders = 4_000;
const middle = 100_000;
const levels = 60;
const crossingShare = 0.06;

/**
 * A market under a steady flow of a client over NATS: orders around a walking price, cancels of the oldest and
 * orders that trade, so many events a second whatever the market answers.
 */
export class MarketLoad {
  readonly #connection: NatsConnection;
  readonly #settings: LoadSettings;
  readonly #subject: string;
  readonly #random: Randomness;
  readonly #resting: number[] = [];
  #middle = middle;
  #number = 0;
  #underWay = 0;
  #began = 0;
  #aimed = 0;
  #counts = { commands: 0, events: 0, trades: 0, skipped: 0, refused: 0 };
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(connection: NatsConnection, settings: LoadSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#subject = commandSubject(settings.region, settings.market, "submit");
    this.#random = seededRandomness(settings.seed);
  }

  get counts(): LoadCounts {
    return { ...this.#counts };
  }

  start(): void {
    this.#began = performance.now();
    this.#aimed = 0;
    this.#timer = setInterval(() => this.#turn(), everyMs);
  }

  /** Sends no more; what is under way may still be answered. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #turn(): void {
    const due = ((performance.now() - this.#began) * this.#settings.eventsPerSecond) / 1_000;
    // An order that trades makes a second event.
    const count = Math.floor((due - this.#aimed) / (1 + crossingShare));
    if (count < 1) return;
    this.#aimed = due;
    const sent = Math.min(count, mostCommands);
    if (this.#underWay >= mostUnderWay) {
      this.#counts.skipped += count;
      return;
    }
    this.#counts.skipped += count - sent;
    this.#middle += this.#random.below(3) - 1;
    void this.#send(Array.from({ length: sent }, () => this.#command()));
  }

  #command(): Command {
    this.#number += 1;
    const number = this.#number;
    const buys = this.#random.unit() < 0.5;
    const account = buys ? 1 : 2;
    const crosses = this.#random.unit() < crossingShare;
    if (!crosses && this.#resting.length > restingOrders) {
      const packed = this.#resting.shift() ?? 0;
      return { number, account: packed < 0 ? 2 : 1, cancel: { orderId: Math.abs(packed) } };
    }
    const away = crosses ? -levels : 1 + Math.floor(levels * this.#random.unit() ** 2);
    return {
      number,
      account,
      place: {
        side: buys ? Side.SIDE_BUY : Side.SIDE_SELL,
        orderType: OrderType.ORDER_TYPE_LIMIT,
        timeInForce: crosses ? TimeInForce.TIME_IN_FORCE_IOC : TimeInForce.TIME_IN_FORCE_DAY,
        price: this.#middle + (buys ? -away : away),
        quantity: 1 + this.#random.below(crosses ? 30 : 100),
      },
    };
  }

  async #send(commands: readonly Command[]): Promise<void> {
    this.#underWay += 1;
    try {
      const request = SubmitRequest.encode({ session: 0, commands: [...commands] }).finish();
      const reply = await this.#connection.request(this.#subject, request, {
        timeout: replyTimeoutMs,
      });
      this.#took(commands, SubmitReply.decode(reply.data));
    } catch {
      this.#counts.refused += commands.length;
    } finally {
      this.#underWay -= 1;
    }
  }

  #took(commands: readonly Command[], { outcomes, refusal }: wire.market.v1.SubmitReply): void {
    if (refusal != null) this.#counts.refused += commands.length;
    for (const [index, outcome] of outcomes.entries()) {
      this.#counts.commands += 1;
      // A resting order that was to be canceled may have been executed meanwhile: no event.
      if (outcome.refusal != null) {
        this.#counts.refused += 1;
        continue;
      }
      const fills = outcome.fills?.length ?? 0;
      this.#counts.events += 1 + fills;
      this.#counts.trades += fills;
      const { account, place } = commands[index] ?? {};
      if (place != null && (outcome.remaining ?? 0) > 0) {
        this.#resting.push(account === 2 ? -(outcome.orderId ?? 0) : (outcome.orderId ?? 0));
      }
    }
  }
}
