/**
 * Weights over experts: Freund and Schapire, "A decision-theoretic generalization of on-line learning",
 * JCSS 55 (1997): w_i in proportion to exp(-eta L_i), L_i the losses of expert i so far.
 */
import { ok } from "../../kernel/result.ts";
import {
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refused,
} from "../numerics/failure.ts";

/** eta = sqrt(8 ln N / T): the regret over T rounds with losses in [0, 1] is at most sqrt(T ln N / 2). */
export function hedgeRate(experts: number, rounds: number): ModelResult<number> {
  const wrong = firstFailure(
    integerWithin("experts", experts, 2, 2 ** 24),
    integerWithin("rounds", rounds, 1, Number.MAX_SAFE_INTEGER),
  );
  return wrong === null ? ok(Math.sqrt((8 * Math.log(experts)) / rounds)) : refused(wrong);
}

/** Failure codes: not_finite, out_of_range. */
export function hedge(experts: number, rate: number): ModelResult<Hedge> {
  const wrong = firstFailure(integerWithin("experts", experts, 1, 2 ** 24), positive("rate", rate));
  return wrong === null ? ok(new Hedge(experts, rate)) : refused(wrong);
}

/** Made by hedge. A step is O(experts) and allocates nothing. */
export class Hedge {
  readonly #rate: number;
  readonly #losses: Float64Array;
  /** Add up to 1. */
  readonly weights: Float64Array;
  /** Of the weighted experts so far. */
  loss = 0;

  constructor(experts: number, rate: number) {
    this.#rate = rate;
    this.#losses = new Float64Array(experts);
    this.weights = new Float64Array(experts).fill(1 / experts);
  }

  /** Loss of the best expert so far. */
  get best(): number {
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < this.#losses.length; at += 1) least = Math.min(least, this.#losses[at]!);
    return least;
  }

  /** One finite loss for each expert; the bound of the regret holds for losses in [0, 1]. */
  learn(losses: ArrayLike<number>): void {
    for (let at = 0; at < this.weights.length; at += 1) {
      this.loss += this.weights[at]! * losses[at]!;
      this.#losses[at]! += losses[at]!;
    }
    const least = this.best;
    let sum = 0;
    for (let at = 0; at < this.weights.length; at += 1) {
      const weight = Math.exp(-this.#rate * (this.#losses[at]! - least));
      this.weights[at] = weight;
      sum += weight;
    }
    for (let at = 0; at < this.weights.length; at += 1) this.weights[at]! /= sum;
  }
}
