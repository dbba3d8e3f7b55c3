/**
 * Choices under uncertainty. LinUCB with a model of its own for each arm: Li, Chu, Langford and Schapire,
 * "A contextual-bandit approach to personalized news article recommendation", WWW 2010, algorithm 1.
 * Thompson sampling of Bernoulli arms: Thompson, Biometrika 25 (1933).
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import { ok } from "../../kernel/result.ts";
import {
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  refused,
} from "../numerics/failure.ts";
import { betaVariate } from "../random/distributions.ts";

export interface LinearBanditOptions {
  readonly arms: number;
  /** Length of a context. */
  readonly dimension: number;
  /** Width of the confidence bound, >= 0. */
  readonly exploration: number;
}

/** Failure codes: not_finite, out_of_range. */
export function linearBandit(options: LinearBanditOptions): ModelResult<LinearBandit> {
  const wrong = firstFailure(
    integerWithin("arms", options.arms, 1, 100_000),
    integerWithin("dimension", options.dimension, 1, 2_000),
    notNegative("exploration", options.exploration),
  );
  return wrong === null ? ok(new LinearBandit(options)) : refused(wrong);
}

/** Made by linearBandit. Choosing is O(arms d^2), learning O(d^2); neither allocates. */
export class LinearBandit {
  readonly #options: LinearBanditOptions;
  /** (I + sum x x')^-1 of each arm, kept by the formula of Sherman and Morrison. */
  readonly #inverses: Float64Array;
  /** sum reward x of each arm. */
  readonly #rewards: Float64Array;
  readonly #product: Float64Array;
  /** Upper bounds of the last choice. */
  readonly scores: Float64Array;

  constructor(options: LinearBanditOptions) {
    const { arms, dimension } = options;
    this.#options = options;
    this.#inverses = new Float64Array(arms * dimension * dimension);
    this.#rewards = new Float64Array(arms * dimension);
    this.#product = new Float64Array(dimension);
    this.scores = new Float64Array(arms);
    for (let arm = 0; arm < arms; arm += 1)
      for (let at = 0; at < dimension; at += 1)
        this.#inverses[(arm * dimension + at) * dimension + at] = 1;
  }

  /** The arm with the highest x' theta + exploration sqrt(x' A^-1 x); the lowest number among equals. */
  choose(context: ArrayLike<number>): number {
    const { arms, dimension, exploration } = this.#options;
    let best = 0;
    for (let arm = 0; arm < arms; arm += 1) {
      this.#multiply(arm, context);
      let mean = 0;
      let variance = 0;
      for (let at = 0; at < dimension; at += 1) {
        mean += this.#product[at]! * this.#rewards[arm * dimension + at]!;
        variance += this.#product[at]! * context[at]!;
      }
      this.scores[arm] = mean + exploration * Math.sqrt(Math.max(0, variance));
      if (this.scores[arm]! > this.scores[best]!) best = arm;
    }
    return best;
  }

  learn(arm: number, context: ArrayLike<number>, reward: number): void {
    const { dimension } = this.#options;
    this.#multiply(arm, context);
    let scale = 1;
    for (let at = 0; at < dimension; at += 1) scale += this.#product[at]! * context[at]!;
    for (let row = 0; row < dimension; row += 1) {
      const base = (arm * dimension + row) * dimension;
      for (let column = 0; column < dimension; column += 1)
        this.#inverses[base + column]! -= (this.#product[row]! * this.#product[column]!) / scale;
      this.#rewards[arm * dimension + row]! += reward * context[row]!;
    }
  }

  /** A^-1 x of the arm. */
  #multiply(arm: number, context: ArrayLike<number>): void {
    const { dimension } = this.#options;
    for (let row = 0; row < dimension; row += 1) {
      let sum = 0;
      const base = (arm * dimension + row) * dimension;
      for (let column = 0; column < dimension; column += 1)
        sum += this.#inverses[base + column]! * context[column]!;
      this.#product[row] = sum;
    }
  }
}

/** Failure code: out_of_range. */
export function thompsonSampling(arms: number): ModelResult<ThompsonSampling> {
  const wrong = integerWithin("arms", arms, 1, 1_000_000);
  return wrong === null ? ok(new ThompsonSampling(arms)) : refused(wrong);
}

/** Beta(1, 1) priors; made by thompsonSampling. */
export class ThompsonSampling {
  readonly #wins: Float64Array;
  readonly #losses: Float64Array;

  constructor(arms: number) {
    this.#wins = new Float64Array(arms).fill(1);
    this.#losses = new Float64Array(arms).fill(1);
  }

  /** The arm whose draw from its posterior is highest. O(arms). */
  choose(random: Randomness): number {
    let best = 0;
    let highest = -1;
    for (let arm = 0; arm < this.#wins.length; arm += 1) {
      const drawn = betaVariate(random, this.#wins[arm]!, this.#losses[arm]!);
      if (drawn <= highest) continue;
      best = arm;
      highest = drawn;
    }
    return best;
  }

  learn(arm: number, reward: 0 | 1): void {
    this.#wins[arm]! += reward;
    this.#losses[arm]! += 1 - reward;
  }
}
