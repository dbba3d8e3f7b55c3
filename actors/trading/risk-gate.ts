import type { Bus } from "../kernel/ports/bus.ts";
import { type Failure, refuse } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { TraderStart } from "./messages.ts";
import type { TraderContext } from "./trader.ts";
import * as codec from "./wire.ts";

/** What an actor that trades says of its risk limit. */
export interface LimitReport {
  readonly name: string;
  /** Lots that it holds there, as far as it knows. */
  readonly held: number;
  /** Orders that were not sent because the limit refused them or did not answer. */
  readonly refused: number;
}

/** Levels answer in milliseconds; a cell that is frozen or gone does not. */
const answerWithin = 1_500_000_000 as DurationNs;

/**
 * The risk limit of an actor that trades: no order leaves unless the limit, and every level above it, has just
 * said that it may. One that does not answer says no. What was taken is given back as soon as it is not open
 * any more; cancels ask nobody.
 */
export class RiskGate {
  readonly #context: TraderContext;
  readonly #start: TraderStart<unknown>;
  readonly #bus: Pick<Bus, "request" | "subscribe">;
  /** What the limit has confirmed; null: nobody knows. */
  #held: number | null = null;
  #number = 0;
  #asked = 0;
  #refused = 0;
  #stopped = "";

  constructor(
    context: TraderContext,
    start: TraderStart<unknown>,
    bus: Pick<Bus, "request" | "subscribe">,
  ) {
    this.#context = context;
    this.#start = start;
    this.#bus = bus;
  }

  /** Why no order may be placed, and what rests is to be canceled; empty: it may. */
  get stopped(): string {
    return this.#stopped;
  }

  get report(): LimitReport {
    return { name: this.#start.risk, held: this.#held ?? 0, refused: this.#refused };
  }

  /** Listens for a stop of the limit or of a level above it; `onStop` is called at once. */
  watch(onStop: () => void): void {
    const { region, risk } = this.#start;
    const heard = this.#context.callback((_subject: string, payload: Uint8Array) => {
      const stopped = codec.decodeStopped(payload);
      if (stopped === null || stopped === this.#stopped) return;
      this.#stopped = stopped;
      if (stopped !== "") onStop();
    });
    const subscription = this.#bus.subscribe(codec.riskNewsSubject(region, risk), heard);
    this.#context.onExit(() => subscription.unsubscribe());
  }

  /**
   * Asks for `lots` to be open, the largest of the orders that follow having `largest`. Null: they may be
   * sent. Failure codes: those of the limit, limit_unreachable.
   */
  async allow(lots: number, largest: number): Promise<Failure | null> {
    const failure = await this.#hold(lots, largest);
    if (failure === null) this.#stopped = "";
    else this.#refused += 1;
    // A stop that was not heard of is learned by the refusal.
    if (failure?.code === "account_killed") this.#stopped = failure.reason;
    return failure;
  }

  /** Tells the limit how many lots are open now, unless it knows. Null: it knows. */
  async settle(lots: number): Promise<Failure | null> {
    if (this.#held === lots) return null;
    const failure = await this.#hold(lots, 0);
    // Where there is no such limit nothing is held.
    return failure?.code === "not_found" ? null : failure;
  }

  async #hold(quantity: number, largest: number): Promise<Failure | null> {
    const { id, region, risk, sender, instrument } = this.#start;
    // One number stands for one quantity, so that of two messages the later counts wherever they meet. It
    // rises over restarts of the actor as well, which leave the epoch as it is.
    if (quantity !== this.#held) {
      const now = Math.floor(this.#context.clock.monotonic() / 1_000);
      this.#number = Math.max(this.#number + 1, now);
    }
    this.#held = null;
    this.#asked += 1;
    const request = codec.encodeHold({
      commandId: `hold/${id}/${sender.incarnation}/${this.#number}/${this.#asked}`,
      from: id,
      epoch: sender.incarnation,
      number: this.#number,
      quantity,
      largest,
      markets: [instrument.market],
      sender,
    });
    this.#context.signal.throwIfAborted();
    const answer = await this.#bus.request(codec.holdSubject(region, risk), request, answerWithin);
    this.#context.signal.throwIfAborted();
    const refusal = answer.ok ? codec.decodeHoldReply(answer.value) : unreachable(answer.failure);
    if (refusal === null) this.#held = quantity;
    return refusal;
  }
}

const unreachable = ({ code }: Failure): Failure =>
  refuse(
    "limit_unreachable",
    `the risk limit did not answer: ${code}`,
    "no order is sent until it does; cancels are",
  ).failure;
