import { actorSubject, supervisionSubject } from "../../schemas/subjects.ts";
import type { ActorContext } from "../kernel/actor.ts";
import type { EventSourcedMachine } from "../kernel/event-sourced-machine.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { Failure } from "../kernel/result.ts";
import { durationNs, quantityLots } from "../kernel/units.ts";
import {
  decodeApplyReply,
  decodeReply,
  encodeApplyLimits,
  encodeReply,
  encodeRequest,
} from "./codec.ts";
import { done, holdingOf, type RiskLimitState } from "./decide.ts";
import { holdOf } from "./hierarchy.ts";
import type { RiskLimitFailure, RiskLimitMessage, RiskLimitStart } from "./messages.ts";
import { failureOf, marketsOf } from "./taken.ts";
import { type RiskUtilisation, utilisationOf } from "./utilisation.ts";

/** What a risk limit reaches outside its cell. */
export interface RiskLimitOutside {
  readonly region: string;
  readonly bus: Pick<Bus, "publish" | "request" | "subscribe">;
  readonly markets: MarketPlaces;
  /** Told of each change, and when the actor ends. */
  readonly utilisation: Pick<RiskUtilisation, "note" | "forget">;
}

export interface MarketPlaces {
  list(): readonly { readonly market: string; readonly home: string }[];
  /** Called when the list has changed; the result ends it. */
  onChange(callback: () => void): () => void;
}

const answerWithin = durationNs(5_000_000_000);
const tryAgainAfter = durationNs(250_000_000);
const publishAfter = durationNs(100_000_000);

type Standing = Pick<RiskLimitState, "account" | "limits" | "stopped" | "parent">;

/**
 * What follows from a risk limit's state, beside its mailbox: its account's limits in the engine of every
 * market, its holding at its parent, and its utilisation for whoever watches. Everything is sent until it
 * is confirmed; what is sent is absolute, so that only the last counts.
 */
export class RiskLimitEffects {
  readonly #context: ActorContext<RiskLimitMessage, EventSourcedMachine>;
  readonly #name: string;
  /** Under which its use is noted: a cell may run limits of several regions. */
  readonly #used: string;
  /** A market refuses what an older one sends. */
  readonly #incarnation: number;
  readonly #outside: RiskLimitOutside;
  /** What each market has confirmed. */
  readonly #applied = new Map<string, string>();
  readonly #applying = new Set<string>();
  #state: RiskLimitState | null = null;
  #parent: Subscription | null = null;
  /** Why the parent, or its parent, takes no order; null until the parent has said so. */
  #stoppedAbove: string | null = null;
  #reported = "";
  #reporting = false;
  #publishing = false;
  /** Revision that the parent has heard of. */
  #heldAbove = 0;
  #holding = false;

  constructor(
    context: ActorContext<RiskLimitMessage, EventSourcedMachine>,
    { name, incarnation }: RiskLimitStart,
    outside: RiskLimitOutside,
  ) {
    this.#context = context;
    this.#name = name;
    this.#used = `${outside.region}/${name}`;
    this.#incarnation = incarnation;
    this.#outside = outside;
    const unwatch = outside.markets.onChange(context.callback(() => this.#applyEverywhere()));
    context.onExit(() => {
      unwatch();
      outside.utilisation.forget(this.#used);
      this.#parent?.unsubscribe();
    });
  }

  settled(state: RiskLimitState): void {
    const stoppedNow = this.#state !== null && state.stopped !== this.#state.stopped;
    this.#state = state;
    this.#outside.utilisation.note(this.#used, utilisationOf(state));
    this.#followParent(state);
    this.#applyEverywhere();
    // Whoever trades below stops by this message.
    if (stoppedNow) this.#publish();
    else this.#publishSoon();
    this.#reportUpwards();
    this.#holdUpwards();
  }

  /** Why orders of a member may not follow yet: a market that does not hold the account's limits; null: they may. */
  notInForce(stands: Standing, markets: readonly string[]): RiskLimitFailure | null {
    if (stands.account === 0) return null;
    const wanted = this.#wanted(stands);
    const missing = markets.find((market) => this.#applied.get(market) !== wanted);
    if (missing === undefined) return null;
    return failureOf(
      "not_in_force",
      `${missing} has not confirmed the limits of account ${stands.account}`,
      "ask again in a moment: they are being sent",
    );
  }

  /** Why no order may be taken: its own reason, or the one of whoever is above; empty: none. */
  #stopped(state: Standing): string {
    if (state.stopped !== "" || state.parent === "") return state.stopped;
    return this.#stoppedAbove === null || this.#stoppedAbove === ""
      ? ""
      : `${state.parent}: ${this.#stoppedAbove}`;
  }

  #followParent({ parent }: RiskLimitState): void {
    if (parent === "" || this.#parent !== null) return;
    const { bus, region } = this.#outside;
    const heard = (payload: Uint8Array): void => {
      const { stopped } = decodeReply(payload).outcome;
      if (stopped === this.#stoppedAbove) return;
      this.#stoppedAbove = stopped;
      this.#applyEverywhere();
      this.#publish();
    };
    const onNews = this.#context.callback((payload: Uint8Array) => heard(payload));
    this.#parent = bus.subscribe(supervisionSubject(region, `risk/${parent}`), (_, payload) =>
      onNews(payload),
    );
    this.#context.run(async () => {
      const subject = actorSubject(region, "risk-limit", parent, "describe");
      const question = encodeRequest({ type: "describe" });
      while (this.#stoppedAbove === null) {
        const answer = await bus.request(subject, question, answerWithin);
        this.#context.signal.throwIfAborted();
        if (answer.ok && decodeReply(answer.value).refusal === null) heard(answer.value);
        else await this.#pause();
      }
    });
  }

  #applyEverywhere(): void {
    const state = this.#state;
    if (state === null || state.account === 0) return;
    // A stop of the parent's must not be lifted by somebody who has not heard of it.
    if (state.parent !== "" && this.#stoppedAbove === null && state.stopped === "") return;
    const traded = state.tradedOnly ? new Set(marketsOf(state)) : null;
    for (const { market, home } of this.#outside.markets.list()) {
      if (traded?.has(market) === false) continue;
      if (this.#applying.has(market)) continue;
      this.#applying.add(market);
      this.#context.run(async () => {
        try {
          await this.#apply(market, home);
        } finally {
          this.#applying.delete(market);
        }
      });
    }
  }

  /** Until what the market has confirmed is what stands. */
  async #apply(market: string, home: string): Promise<void> {
    const { bus } = this.#outside;
    let told = "";
    for (;;) {
      const state = this.#state;
      if (state === null) return;
      const { account, limits } = state;
      const stopped = this.#takesNothing(state);
      const wanted = this.#wanted(state);
      if (this.#applied.get(market) === wanted) return;
      const rules = [{ account, stopped, limits }];
      const request = encodeApplyLimits(this.#name, this.#incarnation, rules);
      const subject = actorSubject(home, "market", market, "limits");
      const answer = await bus.request(subject, request, answerWithin);
      this.#context.signal.throwIfAborted();
      const failure: Failure | null = answer.ok ? decodeApplyReply(answer.value) : answer.failure;
      if (failure === null) {
        this.#applied.set(market, wanted);
      } else {
        // Tried again soon, for a stop may be among them; told once for each reason.
        if (told !== failure.code) {
          this.#context.log.warn({ market, failure }, "the market does not hold these limits yet");
        }
        told = failure.code;
        await this.#pause();
      }
    }
  }

  #takesNothing(state: Standing): boolean {
    return this.#stopped(state) !== "" || state.limits.maximumOrderQuantity === 0;
  }

  /** What each market is to have confirmed. */
  #wanted(state: Standing): string {
    const { account, limits } = state;
    return JSON.stringify({ account, limits, stopped: this.#takesNothing(state) });
  }

  #reportUpwards(): void {
    const state = this.#state;
    if (state === null || state.parent === "" || this.#reporting) return;
    this.#reporting = true;
    this.#context.run(async () => {
      try {
        await this.#report(state.parent);
      } finally {
        this.#reporting = false;
      }
    });
  }

  async #report(parent: string): Promise<void> {
    const { bus, region } = this.#outside;
    for (;;) {
      if (this.#state === null) return;
      const holding = holdingOf(this.#state);
      const wanted = JSON.stringify(holding);
      if (wanted === this.#reported) return;
      const commandId = `report/${this.#name}/${this.#context.clock.now()}`;
      const request = encodeRequest({ type: "report", commandId, from: this.#name, ...holding });
      const subject = actorSubject(region, "risk-limit", parent, "report");
      const answer = await bus.request(subject, request, answerWithin);
      this.#context.signal.throwIfAborted();
      if (answer.ok && decodeReply(answer.value).refusal === null) this.#reported = wanted;
      else await this.#pause();
    }
  }

  /**
   * What is held here, at the parent. An order waits for it where it is asked for; this is for what was given
   * back, and for what a crash left untold.
   */
  #holdUpwards(): void {
    const state = this.#state;
    if (state === null || state.parent === "" || this.#holding) return;
    if (state.revision === 0 || state.revision === this.#heldAbove) return;
    this.#holding = true;
    this.#context.after(publishAfter, () => {
      this.#context.run(async () => {
        try {
          await this.#hold(state.parent);
        } finally {
          this.#holding = false;
        }
      });
    });
  }

  async #hold(parent: string): Promise<void> {
    const { bus, region } = this.#outside;
    for (;;) {
      const state = this.#state;
      if (state === null || state.revision === this.#heldAbove) return;
      const { revision } = state;
      const commandId = `hold/${this.#name}/${revision}/${this.#context.clock.now()}`;
      const message = { ...holdOf(this.#name, state), commandId, largest: quantityLots(0) };
      const subject = actorSubject(region, "risk-limit", parent, "hold");
      const answer = await bus.request(subject, encodeRequest(message), answerWithin);
      this.#context.signal.throwIfAborted();
      const refusal = answer.ok ? decodeReply(answer.value).refusal : answer.failure;
      // What is refused was refused to whoever asked for it: he gives it back.
      if (refusal === null || refusal.code === "limit_exceeded") this.#heldAbove = revision;
      else await this.#pause();
    }
  }

  #publishSoon(): void {
    if (this.#publishing) return;
    this.#publishing = true;
    this.#context.after(publishAfter, () => {
      this.#publishing = false;
      this.#publish();
    });
  }

  #publish(): void {
    if (this.#state === null) return;
    const stopped = this.#stopped(this.#state);
    const subject = supervisionSubject(this.#outside.region, `risk/${this.#name}`);
    this.#outside.bus.publish(subject, encodeReply(done({ ...this.#state, stopped })));
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#context.after(tryAgainAfter, resolve);
    });
  }
}
