import { unreachable } from "../kernel/result.ts";
import type { Action, Outcome, Refusal } from "../../schemas/sdk/orders.ts";
import type { BookCheck } from "./book-check.ts";
import {
  type Addition,
  type Deletion,
  type Execution,
  type OrderEvent,
  opposite,
  type Reduction,
  type Replacement,
  type SessionEvent,
  type SessionSource,
  type Side,
} from "./events.ts";
import { Batcher, type Exchange, ExchangeLost } from "./exchange.ts";
import { type Hit, judge } from "./execution.ts";
import { Ledger, type LiveOrder } from "./ledger.ts";
import type { RowGate } from "./pace.ts";
import { type ReplayResult, Tally } from "./summary.ts";
import type { Survey } from "./survey.ts";
import { type LevelRange, Unseen, type UnseenStep } from "./unseen.ts";

export interface ReplayOptions {
  readonly source: SessionSource;
  readonly survey: Survey;
  readonly exchange: Exchange;
  /** Account of the orders in the file. */
  readonly participants: number;
  /** Account of the synthetic orders that execute them. */
  readonly aggressor: number;
  /** What surveyRange found in a file of few price levels; null where its levels are not known. */
  readonly range: LevelRange | null;
  readonly check: BookCheck | null;
  /** Stop at the first malformed row instead of skipping it. */
  readonly strict: boolean;
  /** Null: as fast as the exchange answers. */
  readonly pace: RowGate | null;
  /** Called with the rows done: every 256 rows, and before a wait. */
  readonly onProgress?: (rows: number) => void;
  /** Asked before each row; true ends the replay early. */
  readonly isStopped?: () => boolean;
}

/**
 * Sends a recorded session through the exchange and keeps in step with it (README.md has the rules).
 * Never throws for what a file or the exchange can do: `stopped` says why it ended early.
 */
export function replay(options: ReplayOptions): Promise<ReplayResult> {
  return new Replay(options).run();
}

class Replay {
  readonly #options: ReplayOptions;
  readonly #tally = new Tally();
  readonly #ledger = new Ledger();
  readonly #batcher: Batcher;
  readonly #unseen: Unseen;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#unseen = new Unseen(this.#ledger, options.survey.seeds, options.range);
    this.#batcher = new Batcher(options.exchange, {
      afterRow: (touch) => options.check?.afterRow(touch),
      outcome: (outcome) => {
        if (outcome.refusal !== null) this.#tally.refusal(outcome.refusal.code);
        this.#tally.trades += outcome.fills.length;
        this.#tally.volume += outcome.executed;
      },
    });
  }

  async run(): Promise<ReplayResult> {
    let stopped: Refusal | null = null;
    try {
      stopped = await this.#rows();
      await this.#batcher.flush();
    } catch (error) {
      if (!(error instanceof ExchangeLost)) throw error;
      stopped = error.failure;
    }
    const book = this.#options.check?.summary() ?? null;
    const summary = this.#tally.summary(this.#batcher.requests, this.#ledger.size, book);
    return { summary, stopped };
  }

  async #rows(): Promise<Refusal | null> {
    for await (const events of this.#options.source()) {
      for (const event of events) {
        await this.#keepPace(event);
        if (this.#isStopped()) return interrupted;
        const fault = await this.#row(event);
        if (fault !== null) return fault;
        if (this.#tally.rows % PROGRESS_ROWS === 0) this.#options.onProgress?.(this.#tally.rows);
      }
    }
    return null;
  }

  #isStopped(): boolean {
    return this.#options.isStopped?.() === true;
  }

  async #row(event: SessionEvent): Promise<Refusal | null> {
    this.#tally.rows += 1;
    switch (event.type) {
      case "malformed":
        this.#tally.fault({ position: event.position, reason: event.reason });
        if (this.#options.strict) return malformed(event.position, event.reason);
        break;
      case "hidden":
        this.#tally.hidden += 1;
        break;
      case "cross":
        this.#tally.crosses += 1;
        break;
      case "halt":
        this.#tally.halts += 1;
        break;
      case "unknown":
        this.#tally.skipped.unknown_order += 1;
        break;
      case "add":
      case "reduce":
      case "delete":
      case "execute":
      case "replace":
        await this.#order(event);
        break;
      default:
        unreachable(event);
    }
    this.#batcher.endRow();
    return null;
  }

  /** Waits until the row is due; what was gathered is sent before. */
  async #keepPace(event: SessionEvent): Promise<void> {
    const pace = this.#options.pace;
    if (pace === null || event.type === "malformed" || !pace.isAhead(event.time)) return;
    await this.#batcher.flush();
    this.#options.onProgress?.(this.#tally.rows);
    while (pace.isAhead(event.time) && !this.#isStopped()) await pace.wait(event.time);
  }

  async #order(event: OrderEvent): Promise<void> {
    const row = this.#tally.rows;
    for (const step of this.#unseen.before(event, row)) await this.#step(step);
    await this.#command(event);
    for (const step of this.#unseen.after(event, row)) await this.#step(step);
  }

  async #command(event: OrderEvent): Promise<void> {
    switch (event.type) {
      case "add":
        return this.#add(event);
      case "reduce":
        return this.#reduce(event);
      case "delete":
        return this.#delete(event);
      case "execute":
        return this.#execute(event);
      case "replace":
        return this.#replace(event);
      default:
        return unreachable(event);
    }
  }

  /** Takes a step that the file has no row for. */
  async #step(step: UnseenStep): Promise<void> {
    switch (step.type) {
      case "seed": {
        if (this.#tally.commands === 0) this.#tally.seedsBeforeFirstRow += 1;
        else this.#tally.seedsLater += 1;
        const { id, side, price, size } = step.seed;
        return this.#enter(id, side, price, size);
      }
      case "back": {
        this.#tally.cameBack += 1;
        const { id, side, price, remaining } = step.order;
        return this.#enter(id, side, price, remaining);
      }
      case "gone": {
        const order = await this.#identified(step.order.id);
        if (order === null) return;
        this.#tally.provenGone += 1;
        return this.#cancel(order);
      }
      default:
        return unreachable(step);
    }
  }

  async #add(event: Addition): Promise<void> {
    if (this.#ledger.get(event.id) !== undefined) {
      this.#tally.skipped.duplicate_id += 1;
      return;
    }
    this.#tally.commands += 1;
    await this.#enter(event.id, event.side, event.price, event.size);
  }

  async #reduce(event: Reduction): Promise<void> {
    const order = await this.#resting(event.id);
    if (order === null) return;
    this.#tally.commands += 1;
    await this.#takeOff(order, event.size);
  }

  async #delete(event: Deletion): Promise<void> {
    const order = await this.#resting(event.id);
    if (order === null) return;
    this.#tally.commands += 1;
    if (order.remaining !== event.size) this.#tally.deletionsOfAnotherSize += 1;
    await this.#cancel(order);
  }

  async #replace(event: Replacement): Promise<void> {
    const old = await this.#identified(event.id);
    if (this.#ledger.get(event.newId) !== undefined) {
      this.#tally.skipped.duplicate_id += 1;
      return;
    }
    this.#tally.commands += 1;
    if (old === null || old.orderId === null) {
      await this.#enter(event.newId, event.side, event.price, event.size);
      return;
    }
    this.#ledger.remove(old);
    const order = this.#ledger.add(event.newId, event.side, event.price, event.size);
    const action: Action = {
      kind: "replace",
      account: this.#options.participants,
      orderId: old.orderId,
      price: event.price,
      quantity: event.size,
    };
    await this.#send(action, (outcome) => this.#entered(order, outcome));
  }

  /** A visible execution: an immediate-or-cancel order, whose fills decide what keeps the step. */
  async #execute(event: Execution): Promise<void> {
    this.#tally.visible += 1;
    const target = await this.#resting(event.id);
    if (target === null) {
      this.#tally.others.not_resting += 1;
      return;
    }
    this.#tally.commands += 1;
    const action: Action = {
      kind: "place",
      account: this.#options.aggressor,
      side: opposite(event.side),
      timeInForce: "ioc",
      price: event.price,
      quantity: event.size,
    };
    let result: Outcome | null = null;
    await this.#send(action, (outcome) => {
      result = outcome;
    });
    await this.#batcher.flush();
    if (result === null) return;
    const verdict = judge(this.#ledger, event, target, result);
    if (verdict.miss === null) this.#tally.same += 1;
    else this.#tally.others[verdict.miss] += 1;
    this.#ledger.setRemaining(target, verdict.remaining);
    for (const hit of verdict.wrong) await this.#restore(hit);
    const due = event.size - verdict.taken;
    if (due > 0 && this.#ledger.get(target.id) === target) {
      this.#tally.reductions += 1;
      await this.#takeOff(target, due);
    }
  }

  /** An order hit instead of the file's gets back what it had, at the end of its level. */
  async #restore(hit: Hit): Promise<void> {
    const { id, side, price } = hit.order;
    this.#ledger.setRemaining(hit.order, hit.remaining);
    if (hit.remaining > 0) {
      this.#tally.cancels += 1;
      await this.#cancel(hit.order);
    }
    this.#tally.entries += 1;
    await this.#enter(id, side, price, hit.quantity + hit.remaining);
  }

  /** The resting order of that id, its exchange id known; null is counted as a skipped row. */
  async #resting(id: number): Promise<LiveOrder | null> {
    const order = await this.#identified(id);
    if (order === null) this.#tally.skipped.not_resting += 1;
    return order;
  }

  /** Waits for the outcome of the order's entry where it is not known yet. */
  async #identified(id: number): Promise<LiveOrder | null> {
    if (this.#ledger.get(id)?.orderId === null) await this.#batcher.flush();
    return this.#ledger.get(id) ?? null;
  }

  async #enter(id: number, side: Side, price: number, size: number): Promise<void> {
    const order = this.#ledger.add(id, side, price, size);
    const action: Action = {
      kind: "place",
      account: this.#options.participants,
      side,
      timeInForce: "day",
      price,
      quantity: size,
    };
    await this.#send(action, (outcome) => this.#entered(order, outcome));
  }

  #entered(order: LiveOrder, outcome: Outcome): void {
    if (outcome.refusal === null) this.#ledger.identify(order, outcome.orderId);
    else this.#ledger.remove(order);
  }

  async #takeOff(order: LiveOrder, size: number): Promise<void> {
    if (order.orderId === null) return;
    const action: Action = {
      kind: "reduce",
      account: this.#options.participants,
      orderId: order.orderId,
      quantity: size,
    };
    this.#ledger.setRemaining(order, order.remaining - size);
    await this.#send(action, ignore);
  }

  async #cancel(order: LiveOrder): Promise<void> {
    this.#ledger.remove(order);
    if (order.orderId === null) return;
    const { participants } = this.#options;
    await this.#send({ kind: "cancel", account: participants, orderId: order.orderId }, ignore);
  }

  async #send(action: Action, settle: (outcome: Outcome) => void): Promise<void> {
    if (this.#batcher.full) await this.#batcher.flush();
    this.#tally.sent += 1;
    this.#batcher.push(action, settle);
  }
}

/** Rows between two calls of onProgress. */
const PROGRESS_ROWS = 256;

const ignore = (): void => {};

const interrupted: Refusal = {
  code: "interrupted",
  reason: "the replay was stopped before the end of the file",
  next: "",
};
const malformed = (position: number, reason: string): Refusal => ({
  code: "malformed_row",
  reason: `at ${position}: ${reason}`,
  next: "without --strict such rows are skipped and counted",
});
