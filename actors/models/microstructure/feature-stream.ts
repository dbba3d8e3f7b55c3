/**
 * The features of this folder event by event: one code for the live feed and for a replay. An update is
 * O(1) and allocates nothing, and nothing but the events decides: the same events give the same bits.
 * Averages decay with the event's own time: weight exp(-dt / decay). Prices in ticks, quantities in lots,
 * times in nanoseconds.
 */
import { ok } from "../../kernel/result.ts";
import { firstFailure, type ModelResult, positive, refused } from "../numerics/failure.ts";
import { type Microprice, micropriceOf } from "./microprice-estimation.ts";
import { orderFlowImbalance } from "./order-flow-imbalance.ts";
import { imbalanceOfQueues } from "./queue-imbalance.ts";
import { VolumeBuckets, volumeBuckets, type VolumeBucketing } from "./vpin.ts";

export interface FeatureParameters extends VolumeBucketing {
  /** Time in which the averages lose 1 - 1/e of their weight, in nanoseconds; > 0. */
  readonly decayNs: number;
  /** Null leaves the microprice at the weighted mid. */
  readonly microprice: Microprice | null;
}

/** Why an event was not taken; its event changes nothing. */
export type FeatureRefusal = "not_finite" | "unsorted" | "out_of_range";

/** Positions in `values`. */
export const feature = {
  mid: 0,
  spread: 1,
  queueImbalance: 2,
  weightedMid: 3,
  microprice: 4,
  /** Of the last quote, in lots. */
  orderFlowImbalance: 5,
  /** Sum of order flow imbalances, decayed. */
  decayedFlow: 6,
  /** Sum of signed traded lots, decayed. */
  decayedVolume: 7,
  /** Sum of squared changes of the mid, decayed, in ticks^2. */
  decayedVariance: 8,
  /** Slope of mid changes on order flow imbalances, decayed sums, in ticks per lot. */
  impact: 9,
  /** With the aggressor's true side in place of bulk classification; NaN until n buckets closed. */
  vpin: 10,
} as const;
export const FEATURES = 11;

const flowTimesMove = 11;
const flowSquared = 12;
const [bidAt, bidQuantityAt, askAt, askQuantityAt, timeAt, quoted] = [13, 14, 15, 16, 17, 18];
const STATE = 19;

/** Failure codes: not_finite, out_of_range. */
export function featureStream(parameters: FeatureParameters): ModelResult<FeatureStream> {
  const wrong = firstFailure(positive("decayNs", parameters.decayNs));
  if (wrong !== null) return refused(wrong);
  const buckets = volumeBuckets(parameters);
  return buckets.ok ? ok(new FeatureStream(parameters, buckets.value)) : buckets;
}

/** Made by featureStream. */
export class FeatureStream {
  readonly #state = new Float64Array(STATE);
  readonly #decayNs: number;
  readonly #model: Microprice | null;
  readonly #buckets: VolumeBuckets;
  /** The features, by `feature`; a view, valid until the next event. */
  readonly values: Float64Array;
  /**
   * The event that takeQuote or takeTrade takes: who reads events out of a buffer puts them here, since a
   * number that is passed to a function may be boxed on the way.
   */
  readonly input = new Float64Array(5);

  constructor(parameters: FeatureParameters, buckets: VolumeBuckets) {
    this.#decayNs = parameters.decayNs;
    this.#model = parameters.microprice;
    this.#buckets = buckets;
    this.values = this.#state.subarray(0, FEATURES);
    this.#state[feature.vpin] = Number.NaN;
    this.#state[timeAt] = Number.NEGATIVE_INFINITY;
  }

  /** A new best bid and offer, both with quantity. Null when taken. */
  quote(
    time: number,
    bid: number,
    bidQuantity: number,
    ask: number,
    askQuantity: number,
  ): FeatureRefusal | null {
    const { input } = this;
    input[0] = time;
    input[1] = bid;
    input[2] = bidQuantity;
    input[3] = ask;
    input[4] = askQuantity;
    return this.takeQuote();
  }

  /** A trade; `sign` is +1 when the aggressor bought and -1 when it sold. Null when taken. */
  trade(time: number, lots: number, sign: 1 | -1): FeatureRefusal | null {
    this.input[0] = time;
    this.input[1] = lots;
    this.input[2] = sign;
    return this.takeTrade();
  }

  /** `quote` of what stands in `input`: time, bid, bid quantity, ask, ask quantity. Allocates nothing. */
  takeQuote(): FeatureRefusal | null {
    const { input } = this;
    const time = input[0]!;
    const bid = input[1]!;
    const bidQuantity = input[2]!;
    const ask = input[3]!;
    const askQuantity = input[4]!;
    // One comparison for five finite numbers: any NaN or infinity survives the sum.
    if (!Number.isFinite(time + bid + bidQuantity + ask + askQuantity)) return "not_finite";
    if (!(bidQuantity > 0 && askQuantity > 0 && ask > bid)) return "out_of_range";
    const state = this.#state;
    if (time < state[timeAt]!) return "unsorted";
    this.#decay();
    if (state[quoted] === 1) this.#flow();
    const imbalance = imbalanceOfQueues(bidQuantity, askQuantity);
    const weighted = bid + imbalance * (ask - bid);
    state[feature.mid] = (bid + ask) / 2;
    state[feature.spread] = ask - bid;
    state[feature.queueImbalance] = imbalance;
    state[feature.weightedMid] = weighted;
    state[feature.microprice] =
      this.#model === null
        ? weighted
        : micropriceOf(this.#model, bid, bidQuantity, ask, askQuantity);
    state[bidAt] = bid;
    state[bidQuantityAt] = bidQuantity;
    state[askAt] = ask;
    state[askQuantityAt] = askQuantity;
    state[quoted] = 1;
    return null;
  }

  /** `trade` of what stands in `input`: time, lots, sign. Allocates nothing. */
  takeTrade(): FeatureRefusal | null {
    const { input } = this;
    const time = input[0]!;
    const lots = input[1]!;
    const sign = input[2]!;
    if (!Number.isFinite(time + lots)) return "not_finite";
    if (lots <= 0) return "out_of_range";
    if (time < this.#state[timeAt]!) return "unsorted";
    this.#decay();
    this.#state[feature.decayedVolume]! += sign * lots;
    this.#buckets.takeSide(lots, sign > 0);
    this.#state[feature.vpin] = this.#buckets.value;
    return null;
  }

  #decay(): void {
    const state = this.#state;
    const time = this.input[0]!;
    const elapsed = time - state[timeAt]!;
    state[timeAt] = time;
    if (elapsed === 0) return;
    // Before the first event the elapsed time is infinite and there is nothing to decay.
    const kept = Math.exp(-elapsed / this.#decayNs);
    state[feature.decayedFlow]! *= kept;
    state[feature.decayedVolume]! *= kept;
    state[feature.decayedVariance]! *= kept;
    state[flowTimesMove]! *= kept;
    state[flowSquared]! *= kept;
  }

  #flow(): void {
    const { input } = this;
    const state = this.#state;
    const flow = orderFlowImbalance(
      state[bidAt]!,
      state[bidQuantityAt]!,
      state[askAt]!,
      state[askQuantityAt]!,
      input[1]!,
      input[2]!,
      input[3]!,
      input[4]!,
    );
    const move = (input[1]! + input[3]!) / 2 - state[feature.mid]!;
    state[feature.orderFlowImbalance] = flow;
    state[feature.decayedFlow]! += flow;
    state[feature.decayedVariance]! += move * move;
    state[flowTimesMove]! += flow * move;
    state[flowSquared]! += flow * flow;
    if (state[flowSquared]! > 0)
      state[feature.impact] = state[flowTimesMove]! / state[flowSquared]!;
  }
}
