/** How long messages take between the strategy and the exchange. Times in nanoseconds. */
import { modelRandomness, type ModelRandomness } from "../../models/random/generator.ts";
import { standardNormal } from "../../models/random/distributions.ts";

/**
 * constant: always `medianNs`. lognormal: medianNs exp(sigma Z), Z standard normal, so that half of the
 * messages take longer and a few much longer.
 */
export interface DelayModel {
  readonly kind: "constant" | "lognormal";
  readonly medianNs: number;
  /** Of the logarithm; 0 for constant. */
  readonly sigma: number;
}

export interface LatencyModel {
  /** From the exchange to the strategy: market data. */
  readonly feed: DelayModel;
  /** From the strategy to the exchange: orders and cancels. */
  readonly order: DelayModel;
  /** From the exchange to the strategy: answers and own fills. */
  readonly response: DelayModel;
}

export const constantDelay = (medianNs: number): DelayModel => ({
  kind: "constant",
  medianNs,
  sigma: 0,
});

/** One direction of a connection: messages never overtake each other, as on one TCP session. */
export class Channel {
  readonly #model: DelayModel;
  readonly #random: ModelRandomness;
  #last = 0;

  constructor(model: DelayModel, seed: number) {
    this.#model = model;
    this.#random = modelRandomness(seed);
  }

  /** When a message sent now arrives; rises from call to call. */
  arrival(now: number): number {
    const { kind, medianNs, sigma } = this.#model;
    const delay =
      kind === "constant" ? medianNs : medianNs * Math.exp(sigma * standardNormal(this.#random));
    this.#last = Math.max(this.#last, now + Math.round(delay));
    return this.#last;
  }
}
