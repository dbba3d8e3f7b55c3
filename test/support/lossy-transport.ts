import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import { wire } from "../../schemas/messages.ts";
import type { Delivery, Transport } from "../../schemas/sdk/client.ts";
import type { Action, Outcome } from "../../schemas/sdk/orders.ts";
import type { TwinExchange } from "./engine-exchange.ts";

const { SubmitRequest, SubmitReply, Side, TimeInForce } = wire.market.v1;

export interface Losses {
  /** Of 100 requests: lost on the way there. */
  readonly requests: number;
  /** Of 100 requests: answered by nobody, and processed some requests later. */
  readonly late: number;
  /** Of 100 replies: lost on the way back, the request having been processed. */
  readonly replies: number;
  /** Of 100 requests: refused as a whole with `busy`. */
  readonly busy: number;
  /** Of 100 requests: from some command on, the rest is refused `ring_full`. */
  readonly ringFull: number;
}

/** A cell over the slow twin, behind a network that loses messages by chance. */
export class LossyTransport implements Transport {
  /** Requests that reached the cell. */
  arrived = 0;
  readonly #twin: TwinExchange;
  readonly #random: Randomness;
  readonly #losses: Losses;
  #late: Uint8Array[] = [];

  constructor(twin: TwinExchange, random: Randomness, losses: Losses) {
    this.#twin = twin;
    this.#random = random;
    this.#losses = losses;
  }

  async request(_subject: string, payload: Uint8Array): Promise<Delivery> {
    if (this.#happens(30)) {
      for (const overdue of this.#late) this.#answer(overdue);
      this.#late = [];
    }
    if (this.#happens(this.#losses.late)) {
      this.#late.push(payload);
      return { kind: "timeout" };
    }
    if (this.#happens(this.#losses.requests)) {
      return { kind: this.#happens(50) ? "timeout" : "disconnected" };
    }
    this.arrived += 1;
    const reply = this.#answer(payload);
    if (this.#happens(this.#losses.replies)) return { kind: "timeout" };
    return { kind: "reply", payload: reply };
  }

  #answer(payload: Uint8Array): Uint8Array {
    if (this.#happens(this.#losses.busy)) {
      return SubmitReply.encode({
        refusal: { code: "busy", reason: "full", next: "wait" },
      }).finish();
    }
    const request = SubmitRequest.decode(payload);
    const commands = request.commands ?? [];
    const taken = this.#happens(this.#losses.ringFull)
      ? this.#random.below(commands.length)
      : commands.length;
    const outcomes = commands.map((command, index): Outcome | { readonly refusal: object } => {
      if (index >= taken) {
        const refusal = { code: "ring_full", reason: "full", next: "wait" };
        return { number: command.number ?? 0, refusal };
      }
      const [outcome] = this.#twin.apply(
        [toAction(command)],
        request.session ?? 0,
        command.number ?? 0,
      );
      return outcome as Outcome;
    });
    return SubmitReply.encode({
      outcomes: outcomes as wire.market.v1.Outcome.$Properties[],
      durability: wire.market.v1.DurabilityMode.DURABILITY_MODE_DURABLE,
      epoch: 4,
    }).finish();
  }

  #happens(percent: number): boolean {
    return this.#random.below(100) < percent;
  }
}

function toAction(command: wire.market.v1.Command.$Properties): Action {
  const account = command.account ?? 0;
  const { place, cancel, reduce, replace } = command;
  if (place) {
    return {
      kind: "place",
      account,
      side: place.side === Side.SIDE_BUY ? "buy" : "sell",
      timeInForce: place.timeInForce === TimeInForce.TIME_IN_FORCE_DAY ? "day" : "ioc",
      price: place.price ?? 0,
      quantity: place.quantity ?? 0,
    };
  }
  if (cancel) return { kind: "cancel", account, orderId: cancel.orderId ?? 0 };
  if (reduce) {
    const { orderId, quantity } = reduce;
    return { kind: "reduce", account, orderId: orderId ?? 0, quantity: quantity ?? 0 };
  }
  return {
    kind: "replace",
    account,
    orderId: replace?.orderId ?? 0,
    price: replace?.price ?? 0,
    quantity: replace?.quantity ?? 0,
  };
}
