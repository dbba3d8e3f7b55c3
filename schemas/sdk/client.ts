import { type CommandVerb, commandSubject } from "../subjects.ts";
import {
  decodeBookReply,
  decodeOrdersReply,
  decodeSubmitReply,
  encodeBookRequest,
  encodeOrdersRequest,
  encodeSubmit,
  MAXIMUM_COMMANDS,
  type SubmitAnswer,
} from "./codec.ts";
import type { Action, Answer, Book, Durability, OrderPage, Outcome, Refusal } from "./orders.ts";

/** What became of one request. Only `reply` is certain; after the others the exchange may have processed it. */
export type Delivery =
  | { readonly kind: "reply"; readonly payload: Uint8Array }
  | { readonly kind: "timeout" }
  | { readonly kind: "disconnected" }
  /** Nobody serves the subject: certainly not processed. */
  | { readonly kind: "no_responders" }
  /** The user's role does not allow the subject: certainly not processed, and no use to try again. */
  | { readonly kind: "not_permitted"; readonly reason: string; readonly next: string };

/** The network as the client needs it: one request, one delivery, never a rejection. */
export interface Transport {
  request(
    subject: string,
    payload: Uint8Array,
    timeoutMs: number,
    /** To be sent as the header `traceparent`. */
    trace?: string,
  ): Promise<Delivery>;
}

export interface ExchangeClientOptions {
  /** Where the market is looked for first: its home. */
  readonly region: string;
  /** Regions to ask when nobody answers in that one; absent: none. */
  readonly otherRegions?: readonly string[];
  /** Regions that the orders may go to; absent: any. A market that has moved elsewhere is not followed there. */
  readonly allowedRegions?: readonly string[] | null;
  readonly market: string;
  readonly transport: Transport;
  /** 1 … 2^53 - 1, chosen at random: two clients must never share one. */
  readonly session: number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Uniform in [0, 1); spreads the retries of many clients. */
  readonly random: () => number;
  /** W3C traceparent of each request of orders, null for none; absent: no request is traced. */
  readonly trace?: () => string | null;
  /** Of a delivery; up to four times as long after some that had no answer in time. */
  readonly timeoutMs?: number;
  /** Deliveries of one request, and rounds of retried commands, at most. */
  readonly attempts?: number;
  /** First wait before a retry; each one doubles, up to `maximumBackOffMs`. */
  readonly firstBackOffMs?: number;
  readonly maximumBackOffMs?: number;
  /** Calls of submit that may wait for an earlier one. */
  readonly maximumQueued?: number;
}

export interface Receipt {
  /** One per action, in order. */
  readonly outcomes: readonly Outcome[];
  readonly durability: Durability;
  readonly epoch: number;
}

/** What the client has done and met so far. */
export interface ClientCounters {
  readonly requests: number;
  /** The same bytes sent again after a time-out, a lost connection or a retryable refusal. */
  readonly resends: number;
  readonly timeouts: number;
  readonly disconnections: number;
  readonly noResponders: number;
  /** Commands sent again under new numbers after a retryable refusal of that command. */
  readonly retriedCommands: number;
  /** Times that requests went to another region than before: told by a refusal, or after silence. */
  readonly moves: number;
  /** Outcomes that were the first outcome of a resent command. */
  readonly repeatedOutcomes: number;
  readonly outcomes: number;
  /** Calls refused because too many waited. */
  readonly refusedBusy: number;
  /** Refusals received, of commands and whole requests, by code; retried ones included. */
  readonly refusals: Readonly<Record<string, number>>;
}

/** Commands that travel together, under consecutive numbers. */
interface Batch {
  /** Of the actions, rising. */
  readonly indices: readonly number[];
  readonly payload: Uint8Array;
  /** A copy was sent whose fate is not known. */
  ambiguous: boolean;
  /** Indices that were certainly not processed under their numbers: they may get new ones. */
  readonly unused: Set<number>;
}

/** How far a call has come. */
interface Progress {
  /** The latest outcome of each action. */
  readonly outcomes: Outcome[];
  /** Indices whose outcome stays. */
  readonly final: Set<number>;
  receipt?: Omit<Receipt, "outcomes">;
}

const MOST_PATIENCE = 4;

/** Refusals that say "later": nothing was processed, and the same command can succeed. */
const retryable: ReadonlySet<string> = new Set([
  "busy",
  "ring_full",
  "not_durable",
  "market_stopped",
  // The lease lapsed, most often while JetStream elects a leader: it is renewed in seconds.
  "not_owner",
]);

/** Of those, the ones by which a region says that it does not serve the market now. */
const unserved: ReadonlySet<string> = new Set(["market_stopped", "not_owner"]);

/**
 * Orders to one market over any transport. Each command carries (session, number) with rising
 * numbers, and the market remembers the outcomes of a session's last 1,024 commands: hence a request
 * whose reply was lost is sent again byte for byte, and takes effect once. One request is in flight
 * at a time; calls queue up to a bound.
 */
export class ExchangeClient {
  readonly #options: Required<ExchangeClientOptions>;
  #region: string;
  /** Of the regions, the one that was turned to last without being told to. */
  #round = 0;
  /** Times `timeoutMs` that a delivery is waited for. */
  #patience = 1;
  #nextNumber = 1;
  #queued = 0;
  #tail: Promise<unknown> = Promise.resolve();
  readonly #counters = {
    requests: 0,
    resends: 0,
    timeouts: 0,
    disconnections: 0,
    noResponders: 0,
    retriedCommands: 0,
    moves: 0,
    repeatedOutcomes: 0,
    outcomes: 0,
    refusedBusy: 0,
  };
  readonly #refusals: Record<string, number> = {};

  constructor(options: ExchangeClientOptions) {
    this.#options = {
      timeoutMs: 2000,
      attempts: 8,
      firstBackOffMs: 10,
      maximumBackOffMs: 1000,
      maximumQueued: 64,
      trace: () => null,
      otherRegions: [],
      allowedRegions: null,
      ...options,
    };
    this.#region = options.region;
  }

  counters(): ClientCounters {
    return { ...this.#counters, refusals: { ...this.#refusals } };
  }

  /**
   * Sends 1 to 1,024 actions, processed in order. Retryable refusals of single commands are tried
   * again after the others, under new numbers, a bounded number of times. Failure codes: usage (a
   * wrong count), busy (too many calls wait), region_not_allowed, unreachable, outcome_unknown (no reply came although
   * the request was sent again: it may or may not have been processed), reply_malformed,
   * not_permitted, and those of a refused request. When only a part of the commands failed like
   * that, their outcomes carry the failure as refusal.
   */
  async submit(actions: readonly Action[]): Promise<Answer<Receipt>> {
    if (actions.length < 1 || actions.length > MAXIMUM_COMMANDS) {
      return refusal(
        "usage",
        `a request carries 1 to ${MAXIMUM_COMMANDS} actions, not ${actions.length}`,
        "split the batch",
      );
    }
    if (this.#queued >= this.#options.maximumQueued) {
      this.#counters.refusedBusy += 1;
      return refusal("busy", `${this.#queued} calls are waiting`, "await earlier calls first");
    }
    this.#queued += 1;
    const turn = this.#tail.then(() => this.#submitInTurn(actions));
    this.#tail = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#queued -= 1;
    }
  }

  /** The best `levels` price levels of both sides. Failure codes as of submit. */
  book(levels: number): Promise<Answer<Book>> {
    return this.#deliver("book", encodeBookRequest(levels), decodeBookReply);
  }

  /** Resting orders of an account with ids above `after`, a page of them. Failure codes as of submit. */
  orders(account: number, after = 0): Promise<Answer<OrderPage>> {
    return this.#deliver("orders", encodeOrdersRequest(account, after), decodeOrdersReply);
  }

  async #submitInTurn(actions: readonly Action[]): Promise<Answer<Receipt>> {
    const progress: Progress = { outcomes: [], final: new Set() };
    let batch = this.#number(actions, [...actions.keys()]);
    for (let round = 1; ; round += 1) {
      const answer = await this.#send(batch);
      if (!answer.ok) {
        if (round === 1) return answer;
        for (const index of actions.keys()) {
          if (!progress.final.has(index)) progress.outcomes[index] = unknown(answer.failure);
        }
        const { durability, epoch } = progress.receipt ?? noReceipt;
        return { ok: true, value: { outcomes: progress.outcomes, durability, epoch } };
      }
      const { durability, epoch } = answer.value;
      progress.receipt = { durability, epoch };
      this.#settle(batch, answer.value.outcomes, progress);
      const open = actions.length - progress.final.size;
      if (open === 0 || round >= this.#options.attempts) {
        return { ok: true, value: { outcomes: progress.outcomes, durability, epoch } };
      }
      this.#counters.retriedCommands += open;
      await this.#backOff(round);
      if (open === batch.unused.size) batch = this.#number(actions, [...batch.unused]);
    }
  }

  /** A batch of the actions at these indices, under new numbers. */
  #number(actions: readonly Action[], indices: readonly number[]): Batch {
    const sorted = [...indices].sort((a, b) => a - b);
    const first = this.#nextNumber;
    this.#nextNumber += sorted.length;
    const chosen = sorted.map((index) => actions[index] as Action);
    const payload = encodeSubmit(this.#options.session, first, chosen);
    return { indices: sorted, payload, ambiguous: false, unused: new Set() };
  }

  /**
   * Takes what a reply decides. A refusal before the engine says that this copy of the command was
   * not processed. Had an earlier copy no reply, that one may have been, or may be yet: then only the
   * same number is safe to ask for again, and `number_stale` is the proof that it never was.
   */
  #settle(batch: Batch, outcomes: readonly Outcome[], progress: Progress): void {
    for (const [position, outcome] of outcomes.entries()) {
      const index = batch.indices[position] as number;
      if (progress.final.has(index) || batch.unused.has(index)) continue;
      this.#count(outcome);
      progress.outcomes[index] = outcome;
      if (isRetryable(outcome)) {
        if (!batch.ambiguous) batch.unused.add(index);
      } else if (batch.ambiguous && outcome.refusal?.code === "number_stale") {
        batch.unused.add(index);
      } else {
        progress.final.add(index);
      }
    }
  }

  #send(batch: Batch): Promise<Answer<SubmitAnswer>> {
    const decode = (payload: Uint8Array): Answer<SubmitAnswer> => {
      const answer = decodeSubmitReply(payload, batch.indices.length);
      if (answer.ok && answer.value.refusal !== null) {
        return { ok: false, failure: answer.value.refusal };
      }
      return answer;
    };
    const onAmbiguous = (): void => {
      batch.ambiguous = true;
    };
    return this.#deliver("submit", batch.payload, decode, onAmbiguous, this.#options.trace());
  }

  /** Sends the same bytes until a final answer comes or the attempts are used up. */
  async #deliver<T>(
    verb: CommandVerb,
    payload: Uint8Array,
    decode: (payload: Uint8Array) => Answer<T>,
    onAmbiguous: () => void = () => {},
    trace: string | null = null,
  ): Promise<Answer<T>> {
    let ambiguous = false;
    let last: Answer<never> = unreachable;
    for (let attempt = 1; attempt <= this.#options.attempts; attempt += 1) {
      if (attempt > 1) {
        this.#counters.resends += 1;
        await this.#backOff(attempt - 1);
      }
      this.#counters.requests += 1;
      const asked = this.#region;
      const { timeoutMs } = this.#options;
      const delivery = await this.#options.transport.request(
        commandSubject(asked, this.#options.market, verb),
        payload,
        timeoutMs * this.#patience,
        ...(trace === null ? [] : [trace]),
      );
      switch (delivery.kind) {
        case "reply": {
          const answer = decode(delivery.payload);
          if (answer.ok) {
            this.#patience = Math.max(1, this.#patience / 2);
            return answer;
          }
          this.#countRefusal(answer.failure.code);
          const barred = this.#barred(answer.failure);
          if (barred !== null) return barred;
          if (this.#follow(answer.failure)) {
            last = answer;
            break;
          }
          const { code } = answer.failure;
          const unheardOf = code === "market_unknown" && asked !== this.#options.region;
          if (!retryable.has(code) && !unheardOf) return answer;
          // Stopped, and nobody is named: it may be open elsewhere by now. Of a market that is new only its home
          // is sure to have heard.
          const opensHere = code === "market_stopped" && answer.failure.region === asked;
          if (!opensHere && (unserved.has(code) || unheardOf)) this.#lookElsewhere(asked);
          last = answer;
          break;
        }
        case "timeout":
          this.#counters.timeouts += 1;
          // A copy is processed behind all others: a market that is slower than this never answers in time.
          this.#patience = Math.min(MOST_PATIENCE, this.#patience * 2);
          ambiguous = true;
          onAmbiguous();
          this.#lookElsewhere(asked);
          break;
        case "disconnected":
          this.#counters.disconnections += 1;
          ambiguous = true;
          onAmbiguous();
          break;
        case "no_responders":
          this.#counters.noResponders += 1;
          this.#lookElsewhere(asked);
          last = unreachable;
          break;
        case "not_permitted":
          return refusal("not_permitted", delivery.reason, delivery.next);
        default:
          delivery satisfies never;
      }
    }
    return ambiguous ? outcomeUnknown : last;
  }

  /** The market is where these orders may not go: a refusal of ours. */
  #barred(failure: Refusal): Answer<never> | null {
    const { allowedRegions, market } = this.#options;
    const region = failure.region ?? "";
    if (region === "" || allowedRegions === null || allowedRegions.includes(region)) return null;
    return refusal(
      "region_not_allowed",
      `${market} is in ${region} now, and these orders may go to ${allowedRegions.join(", ") || "no region"} only`,
      "wait until it is back, or order in a market whose region residency allows",
    );
  }

  /** Goes where the refusal says that the market is; false when it does not say. */
  #follow(failure: Refusal): boolean {
    const region = failure.region ?? "";
    if (region === "" || region === this.#region) return false;
    this.#counters.moves += 1;
    this.#region = region;
    return true;
  }

  /** Nobody answers there: another region knows where the market is, or has it. */
  #lookElsewhere(asked: string): void {
    const { region, otherRegions } = this.#options;
    const all = [region, ...otherRegions.filter((name) => name !== region)].filter(
      (name) => this.#options.allowedRegions?.includes(name) !== false,
    );
    if (all.length < 2 || asked !== this.#region) return;
    this.#counters.moves += 1;
    // Whoever named a region that does not answer may go on naming it: the round goes on behind that one.
    do this.#round = (this.#round + 1) % all.length;
    while (all[this.#round] === asked);
    this.#region = all[this.#round] ?? region;
  }

  async #backOff(round: number): Promise<void> {
    const { firstBackOffMs, maximumBackOffMs, random, sleep } = this.#options;
    const full = Math.min(maximumBackOffMs, firstBackOffMs * 2 ** (round - 1));
    await sleep(full / 2 + (full / 2) * random());
  }

  #count(outcome: Outcome): void {
    this.#counters.outcomes += 1;
    if (outcome.repeated) this.#counters.repeatedOutcomes += 1;
    if (outcome.refusal !== null) this.#countRefusal(outcome.refusal.code);
  }

  #countRefusal(code: string): void {
    this.#refusals[code] = (this.#refusals[code] ?? 0) + 1;
  }
}

/** A refusal with a journal sequence was given by the engine and is final under its number. */
const isRetryable = (outcome: Outcome): boolean =>
  outcome.refusal !== null && outcome.sequence === 0 && retryable.has(outcome.refusal.code);

const refusal = (code: string, reason: string, next: string): Answer<never> => ({
  ok: false,
  failure: { code, reason, next },
});
const unreachable = refusal(
  "unreachable",
  "nobody in the cluster serves this market's region",
  "check the region with `npx meridian status`",
);
const outcomeUnknown = refusal(
  "outcome_unknown",
  "no reply came although the request was sent again; it may or may not have been processed",
  "look at the book and the account's orders before you send it under a new session",
);
const noReceipt = { durability: "matched", epoch: 0 } as const;
const unknown = (failure: Refusal): Outcome => ({
  number: 0,
  sequence: 0,
  refusal: failure,
  orderId: 0,
  executed: 0,
  canceled: 0,
  remaining: 0,
  fills: [],
  repeated: false,
  touch: null,
});
