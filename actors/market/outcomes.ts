import type { EngineEvent } from "../kernel/ports/matching-engine.ts";
import type { MarketDefinition } from "./messages.ts";
import { engineFailure, type WireOutcome } from "./codec.ts";

/**
 * Events put together into the outcomes of the requests that caused them. The engine answers in the
 * order in which commands were offered, so requests wait in a queue; an event finds its command by
 * the tag.
 */

/** Something that waits for the events of `count` offered commands with rising tags. */
export interface Waiting {
  /** Offered commands that have not had their last event. */
  remaining: number;
  /** Each event of its commands, in order. */
  readonly onEvent: (event: EngineEvent) => void;
  /** After the last event of its last command. */
  readonly onDone: () => void;
}

export class OutcomeQueue {
  readonly #waiting: Waiting[] = [];
  #head = 0;

  /** Requests that wait. */
  get length(): number {
    return this.#waiting.length - this.#head;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  apply(event: EngineEvent): void {
    const waiting = this.#waiting[this.#head];
    if (waiting === undefined) {
      throw new Error(`event of sequence ${event.sequence} belongs to no request`);
    }
    waiting.onEvent(event);
    if (!event.last) return;
    waiting.remaining -= 1;
    if (waiting.remaining > 0) return;
    this.#head += 1;
    if (this.#head === 1_024) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    waiting.onDone();
  }
}

/** The outcomes of one SubmitRequest while they gather. */
export class RequestOutcomes {
  readonly outcomes: WireOutcome[];
  readonly #firstTag: number;
  readonly #definition: MarketDefinition;
  readonly #count: (event: EngineEvent) => void;

  /** `outcomes`: one per command, those refused before the engine filled in already. */
  constructor(
    outcomes: WireOutcome[],
    firstTag: number,
    definition: MarketDefinition,
    count: (event: EngineEvent) => void,
  ) {
    this.outcomes = outcomes;
    this.#firstTag = firstTag;
    this.#definition = definition;
    this.#count = count;
  }

  apply(event: EngineEvent): void {
    const index = (event.tag - this.#firstTag + 2 ** 32) % 2 ** 32;
    const outcome = this.outcomes[index];
    if (outcome === undefined) {
      throw new Error(`event of sequence ${event.sequence} has tag ${event.tag} of no command`);
    }
    this.#count(event);
    applyToOutcome(outcome, event, this.#definition);
  }
}

/** One event into the outcome of its command; ticks and lots become units. */
export function applyToOutcome(
  outcome: WireOutcome,
  event: EngineEvent,
  { tick, lot }: MarketDefinition,
): void {
  switch (event.kind) {
    case "accepted":
    case "replaced":
      outcome.sequence = event.sequence;
      outcome.orderId = event.orderId;
      outcome.remaining = event.quantity * lot;
      return;
    case "executed": {
      const quantity = event.quantity * lot;
      outcome.executed = (outcome.executed ?? 0) + quantity;
      outcome.remaining = (outcome.remaining ?? 0) - quantity;
      outcome.fills ??= [];
      outcome.fills.push({
        makerOrderId: event.makerOrderId,
        price: event.price * tick,
        quantity,
        makerRemaining: event.makerRemaining * lot,
      });
      return;
    }
    case "canceled": {
      const quantity = event.quantity * lot;
      outcome.sequence = event.sequence;
      outcome.orderId = event.orderId;
      outcome.canceled = quantity;
      // Of an order that has just entered its rest is canceled; of one that rested, all of it.
      outcome.remaining = Math.max(0, (outcome.remaining ?? 0) - quantity);
      return;
    }
    case "reduced":
      outcome.sequence = event.sequence;
      outcome.orderId = event.orderId;
      outcome.canceled = event.quantity * lot;
      outcome.remaining = event.remaining * lot;
      return;
    case "refused":
      outcome.sequence = event.sequence;
      outcome.orderId = event.orderId;
      outcome.refusal = engineFailure(event.refusal);
      return;
    case "repeated":
      outcome.sequence = event.originalSequence;
      outcome.orderId = event.orderId;
      outcome.executed = event.executed * lot;
      outcome.remaining = event.remaining * lot;
      outcome.repeated = true;
      if (event.refusal !== null) outcome.refusal = engineFailure(event.refusal);
      return;
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
      outcome.sequence = event.sequence;
      return;
    case "touch":
      outcome.touch = {
        bidPrice: event.bidPrice * tick,
        bidQuantity: event.bidQuantity * lot,
        askPrice: event.askPrice * tick,
        askQuantity: event.askQuantity * lot,
      };
  }
}

/** Cancels whose quantity is remembered; the oldest makes room. */
const canceledRemembered = 8_192;

/**
 * How much the cancels of sessions have canceled: the engine's memory of outcomes does not hold it, and whose
 * reply was lost has no other way to know what was filled before. Known as long as this actor runs.
 */
export class CanceledQuantities {
  readonly #known = new Map<string, number>();

  /** Takes in what is told for the first time, and adds it where an outcome is told again. */
  complete(session: number, outcomes: readonly WireOutcome[]): void {
    for (const outcome of outcomes) {
      const { number, canceled, repeated } = outcome;
      if (repeated === true) {
        const known = this.#known.get(`${session}/${number ?? 0}`);
        if (known !== undefined) outcome.canceled = known;
      } else if (canceled) {
        this.#remember(`${session}/${number ?? 0}`, canceled);
      }
    }
  }

  #remember(key: string, canceled: number): void {
    const oldest = this.#known.keys().next();
    if (this.#known.size >= canceledRemembered && !oldest.done) this.#known.delete(oldest.value);
    this.#known.set(key, canceled);
  }
}
