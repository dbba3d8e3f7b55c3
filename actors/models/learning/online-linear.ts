/**
 * Linear models that learn from one example at a time. FTRL-Proximal: McMahan et al., "Ad click prediction",
 * KDD 2013, algorithm 1. Passive-aggressive I: Crammer et al., JMLR 7 (2006), eq. (8).
 */
import { ok } from "../../kernel/result.ts";
import {
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";

export interface FtrlOptions {
  /** Number of features. */
  readonly dimension: number;
  /** alpha > 0 and beta >= 0 of the rate alpha / (beta + sqrt(n_i)) of each coordinate. */
  readonly rate: number;
  readonly smoothing: number;
  readonly l1: number;
  readonly l2: number;
}

/** Failure codes: not_finite, out_of_range. */
export function ftrlProximal(options: FtrlOptions): ModelResult<FtrlProximal> {
  const wrong = firstFailure(
    integerWithin("dimension", options.dimension, 1, 2 ** 24),
    positive("rate", options.rate),
    notNegative("smoothing", options.smoothing),
    notNegative("l1", options.l1),
    notNegative("l2", options.l2),
  );
  return wrong === null ? ok(new FtrlProximal(options)) : refused(wrong);
}

/** Logistic regression; made by ftrlProximal. A step is O(dimension) and allocates nothing. */
export class FtrlProximal {
  readonly #options: FtrlOptions;
  readonly z: Float64Array;
  readonly n: Float64Array;

  constructor(options: FtrlOptions) {
    this.#options = options;
    this.z = new Float64Array(options.dimension);
    this.n = new Float64Array(options.dimension);
  }

  /** w_i; 0 where |z_i| <= l1. */
  weight(at: number): number {
    const { rate, smoothing, l1, l2 } = this.#options;
    const z = this.z[at]!;
    if (Math.abs(z) <= l1) return 0;
    return -(z - Math.sign(z) * l1) / ((smoothing + Math.sqrt(this.n[at]!)) / rate + l2);
  }

  /** P(label = 1) of the features; `features` has `dimension` finite numbers. */
  predict(features: ArrayLike<number>): number {
    let sum = 0;
    for (let at = 0; at < this.z.length; at += 1) {
      const value = features[at]!;
      if (value !== 0) sum += value * this.weight(at);
    }
    return 1 / (1 + Math.exp(-sum));
  }

  /** Learns from the example; returns the prediction made before. A feature of 0 moves nothing. */
  learn(features: ArrayLike<number>, label: 0 | 1): number {
    const probability = this.predict(features);
    for (let at = 0; at < this.z.length; at += 1) {
      const gradient = (probability - label) * features[at]!;
      if (gradient === 0) continue;
      const before = this.n[at]!;
      const after = before + gradient * gradient;
      const sigma = (Math.sqrt(after) - Math.sqrt(before)) / this.#options.rate;
      this.z[at]! += gradient - sigma * this.weight(at);
      this.n[at] = after;
    }
    return probability;
  }
}

/**
 * One step of PA-I into `weights`: tau = min(C, hinge loss / |x|^2), w += tau y x. Returns the hinge loss
 * before it. O(dimension), allocates nothing; features finite and of the weights' length.
 */
export function passiveAggressive(
  weights: Float64Array,
  features: ArrayLike<number>,
  label: 1 | -1,
  aggressiveness: number,
): number {
  let margin = 0;
  let squares = 0;
  for (let at = 0; at < weights.length; at += 1) {
    margin += weights[at]! * features[at]!;
    squares += features[at]! ** 2;
  }
  const loss = Math.max(0, 1 - label * margin);
  if (loss === 0 || squares === 0) return loss;
  const step = Math.min(aggressiveness, loss / squares) * label;
  for (let at = 0; at < weights.length; at += 1) weights[at]! += step * features[at]!;
  return loss;
}
