import type { Action, Answer, Outcome, Touch } from "../../schemas/sdk/orders.ts";
import { MAXIMUM_COMMANDS } from "../../schemas/sdk/codec.ts";

/** The exchange as a replay needs it; the client of schemas/sdk is one. */
export interface Exchange {
  /** Processes 1 to 1,024 actions in order: one outcome for each. A failure ends the replay. */
  submit(actions: readonly Action[]): Promise<Answer<{ readonly outcomes: readonly Outcome[] }>>;
}

type Entry = { readonly action: Action; readonly settle: (outcome: Outcome) => void } | "row_end";

export interface BatchObserver {
  /** Best bid and offer of the exchange after a row; null when it is not known. */
  afterRow(touch: Touch | null): void;
  outcome(outcome: Outcome): void;
}

const emptyBook: Touch = { bidPrice: 0, bidQuantity: 0, askPrice: 0, askQuantity: 0 };

/**
 * Gathers commands into requests and hands their outcomes back in order, together with the state
 * of the exchange after each row of the file as the outcomes tell it.
 */
export class Batcher {
  readonly #exchange: Exchange;
  readonly #observer: BatchObserver;
  #entries: Entry[] = [];
  #actions: Action[] = [];
  #touch: Touch | null = emptyBook;
  /** Requests sent so far. */
  requests = 0;

  constructor(exchange: Exchange, observer: BatchObserver) {
    this.#exchange = exchange;
    this.#observer = observer;
  }

  get full(): boolean {
    return this.#actions.length >= MAXIMUM_COMMANDS;
  }

  /** Only while not full. */
  push(action: Action, settle: (outcome: Outcome) => void): void {
    this.#actions.push(action);
    this.#entries.push({ action, settle });
  }

  /** What was pushed since the last one belongs to one row of the file. */
  endRow(): void {
    this.#entries.push("row_end");
  }

  /** Sends what was gathered and settles it. Throws ExchangeLost when the exchange gives no outcomes. */
  async flush(): Promise<void> {
    const actions = this.#actions;
    const entries = this.#entries;
    this.#actions = [];
    this.#entries = [];
    const outcomes = actions.length === 0 ? [] : await this.#submit(actions);
    let next = 0;
    for (const entry of entries) {
      if (entry === "row_end") {
        this.#observer.afterRow(this.#touch);
        continue;
      }
      const outcome = outcomes[next] as Outcome;
      next += 1;
      if (outcome.touch !== null) this.#touch = outcome.touch;
      // A repeated outcome comes without the touch that the first one carried.
      else if (outcome.repeated) this.#touch = null;
      this.#observer.outcome(outcome);
      entry.settle(outcome);
    }
  }

  async #submit(actions: readonly Action[]): Promise<readonly Outcome[]> {
    this.requests += 1;
    const answer = await this.#exchange.submit(actions);
    if (!answer.ok) throw new ExchangeLost(answer.failure);
    return answer.value.outcomes;
  }
}

/** The exchange stopped giving outcomes: a lost resource, which ends the replay. */
export class ExchangeLost extends Error {
  readonly failure: { readonly code: string; readonly reason: string; readonly next: string };

  constructor(failure: { readonly code: string; readonly reason: string; readonly next: string }) {
    super(`${failure.code}: ${failure.reason}`);
    this.failure = failure;
  }
}
