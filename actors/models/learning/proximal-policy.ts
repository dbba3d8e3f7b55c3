/**
 * Proximal policy optimisation: Schulman et al., "Proximal policy optimization algorithms" (2017), eqs. (7)
 * and (9), with the advantages of Schulman et al., "High-dimensional continuous control using generalized
 * advantage estimation" (2016), eq. (16). The policy draws a bid and an ask distance, each out of the same
 * list, from the soft-max of its half of the network's outputs.
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  between,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";
import { type DealerMarket, dealerStep, episodeSteps, type QuotePolicy } from "./dealer-episode.ts";
import { Adam, TanhNetwork } from "./tanh-network.ts";

export interface ProximalOptions {
  /** Distances to choose from, of either side. */
  readonly distances: readonly number[];
  readonly hidden: number;
  /** epsilon: how far the ratio of chances may move from 1. */
  readonly clip: number;
  /** lambda of the advantages; rewards are not discounted. */
  readonly decay: number;
  /** Weight of the policy's entropy. */
  readonly entropy: number;
  readonly rate: number;
  /** Episodes of a batch, passes over it, and samples of a step of Adam. */
  readonly episodes: number;
  readonly passes: number;
  readonly samples: number;
}

const OBSERVATION = 2;

/** One batch of experience, columns of one length. */
export interface Experience {
  /** Size of the inventory and time left of each sample, scaled to about one. */
  readonly observations: Float64Array;
  /** Index of the distance on the side that adds to the inventory, and on the other one. */
  readonly actions: Int32Array;
  /** ln of the chance that the policy gave them. */
  readonly logChances: Float64Array;
  readonly advantages: Float64Array;
  /** What the value should have been. */
  readonly returns: Float64Array;
}

/** Failure codes: not_finite, out_of_range, too_short (fewer than 2 distances). */
export function proximalPolicy(
  market: DealerMarket,
  options: ProximalOptions,
  random: Randomness,
): ModelResult<ProximalPolicy> {
  const wrong = firstFailure(
    positive("arrivalRate", market.arrivalRate),
    positive("arrivalDecay", market.arrivalDecay),
    notNegative("inventoryPenalty", market.inventoryPenalty),
    integerWithin("inventoryBound", market.inventoryBound, 1, 10_000),
    positive("step", market.step),
    positive("horizon", market.horizon),
    atLeast("distances", options.distances, 2),
    allFinite("distances", options.distances),
    integerWithin("hidden", options.hidden, 1, 4_096),
    between("clip", options.clip, 0, 1),
    notNegative("decay", options.decay),
    notNegative("entropy", options.entropy),
    positive("rate", options.rate),
    integerWithin("episodes", options.episodes, 1, 1_000_000),
    integerWithin("passes", options.passes, 1, 1_000),
    integerWithin("samples", options.samples, 1, 1_000_000),
  );
  return wrong === null ? ok(new ProximalPolicy(market, options, random)) : refused(wrong);
}

/** Made by proximalPolicy. */
export class ProximalPolicy {
  readonly #market: DealerMarket;
  readonly #options: ProximalOptions;
  readonly #random: Randomness;
  readonly network: TanhNetwork;
  readonly #value: TanhNetwork;
  readonly #adam: Adam;
  readonly #valueAdam: Adam;
  readonly #chances: Float64Array;
  readonly #slope: Float64Array;
  readonly #observation = new Float64Array(OBSERVATION);

  constructor(market: DealerMarket, options: ProximalOptions, random: Randomness) {
    const choices = options.distances.length;
    this.#market = market;
    this.#options = options;
    this.#random = random;
    // Almost even chances at first: nothing is left out before it was tried.
    this.network = new TanhNetwork(OBSERVATION, options.hidden, 2 * choices, 0.01, random);
    this.#value = new TanhNetwork(OBSERVATION, options.hidden, 1, 1, random);
    this.#adam = new Adam(this.network.parameters.length);
    this.#valueAdam = new Adam(this.#value.parameters.length);
    this.#chances = new Float64Array(2 * choices);
    this.#slope = new Float64Array(2 * choices);
  }

  /** The likelier distances; for use after training. */
  readonly policy: QuotePolicy = (inventory, timeLeft, into) => {
    this.#observe(inventory, timeLeft, this.#observation, 0);
    this.#decide(this.#observation, 0);
    const { distances } = this.#options;
    for (let side = 0; side < 2; side += 1) {
      const base = side * distances.length;
      let best = 0;
      for (let at = 1; at < distances.length; at += 1)
        if (this.#chances[base + at]! > this.#chances[base + best]!) best = at;
      into[sideOf(side, inventory)] = distances[best]!;
    }
  };

  /**
   * One batch: plays it and learns from it with steps of `rate`, which a long training lets fall. Returns
   * the mean reward of its episodes.
   */
  improve(rate: number = this.#options.rate): number {
    const { experience, reward } = this.#play();
    const { samples, passes } = this.#options;
    const count = experience.advantages.length;
    const order = Int32Array.from({ length: count }, (_, at) => at);
    const gradient = new Float64Array(this.network.parameters.length);
    const valueGradient = new Float64Array(this.#value.parameters.length);
    for (let pass = 0; pass < passes; pass += 1) {
      shuffle(order, this.#random);
      for (let start = 0; start < count; start += samples) {
        const part = order.subarray(start, Math.min(count, start + samples));
        gradient.fill(0);
        valueGradient.fill(0);
        this.surrogate(experience, part, gradient);
        this.#valueLoss(experience, part, valueGradient);
        this.#adam.step(this.network.parameters, gradient, rate);
        this.#valueAdam.step(this.#value.parameters, valueGradient, 3 * rate);
      }
    }
    return reward;
  }

  /**
   * The mean of -min(r A, clip(r) A) - entropy H over the samples; adds its gradient to the array given.
   * O(samples parameters).
   */
  surrogate(experience: Experience, samples: Int32Array, gradient: Float64Array): number {
    const { clip, entropy } = this.#options;
    const { observations, actions, logChances, advantages } = experience;
    let loss = 0;
    for (const sample of samples) {
      this.#decide(observations, sample * OBSERVATION);
      const ratio = Math.exp(this.#logChance(actions, sample) - logChances[sample]!);
      const advantage = advantages[sample]!;
      const clipped = Math.min(1 + clip, Math.max(1 - clip, ratio));
      const isClipped = ratio * advantage > clipped * advantage;
      loss -= isClipped ? clipped * advantage : ratio * advantage;
      loss -= entropy * this.#slopes(actions, sample, isClipped ? 0 : -ratio * advantage);
      for (let at = 0; at < this.#slope.length; at += 1) this.#slope[at]! /= samples.length;
      this.network.backward(observations, sample * OBSERVATION, this.#slope, gradient);
    }
    return loss / samples.length;
  }

  /** Into #slope: d loss / d out, `pull` being d loss / d ln chance. Returns the entropy. */
  #slopes(actions: Int32Array, sample: number, pull: number): number {
    const { distances, entropy } = this.#options;
    let all = 0;
    for (let side = 0; side < 2; side += 1) {
      const base = side * distances.length;
      let own = 0;
      for (let at = 0; at < distances.length; at += 1) {
        const chance = this.#chances[base + at]!;
        if (chance > 0) own -= chance * Math.log(chance);
      }
      for (let at = 0; at < distances.length; at += 1) {
        const chance = this.#chances[base + at]!;
        const chosen = actions[2 * sample + side] === at ? 1 : 0;
        const spread = chance > 0 ? chance * (Math.log(chance) + own) : 0;
        this.#slope[base + at] = pull * (chosen - chance) + entropy * spread;
      }
      all += own;
    }
    return all;
  }

  #valueLoss(experience: Experience, samples: Int32Array, gradient: Float64Array): void {
    const slope = new Float64Array(1);
    for (const sample of samples) {
      this.#value.forward(experience.observations, sample * OBSERVATION);
      slope[0] = (this.#value.out[0]! - experience.returns[sample]!) / samples.length;
      this.#value.backward(experience.observations, sample * OBSERVATION, slope, gradient);
    }
  }

  #play(): { readonly experience: Experience; readonly reward: number } {
    const { episodes, distances, decay } = this.#options;
    const steps = episodeSteps(this.#market);
    const count = episodes * steps;
    const observations = new Float64Array(OBSERVATION * count);
    const actions = new Int32Array(2 * count);
    const logChances = new Float64Array(count);
    const rewards = new Float64Array(count);
    const values = new Float64Array(count + 1);
    const quotes = new Float64Array(2);
    const reward = new Float64Array(1);
    let total = 0;
    for (let sample = 0, inventory = 0; sample < count; sample += 1) {
      const step = sample % steps;
      if (step === 0) inventory = 0;
      const timeLeft = this.#market.horizon - step * this.#market.step;
      this.#observe(inventory, timeLeft, observations, sample * OBSERVATION);
      this.#decide(observations, sample * OBSERVATION);
      for (let side = 0; side < 2; side += 1) {
        const action = this.#drawn(side);
        actions[2 * sample + side] = action;
        quotes[sideOf(side, inventory)] = distances[action]!;
      }
      logChances[sample] = this.#logChance(actions, sample);
      this.#value.forward(observations, sample * OBSERVATION);
      values[sample] = this.#value.out[0]!;
      inventory += dealerStep(this.#market, inventory, quotes, this.#random, reward);
      rewards[sample] = reward[0]!;
      total += reward[0]!;
    }
    const advantages = new Float64Array(count);
    for (let sample = count - 1, carried = 0; sample >= 0; sample -= 1) {
      const isLast = sample % steps === steps - 1;
      const after = isLast ? 0 : values[sample + 1]!;
      carried = rewards[sample]! + after - values[sample]! + (isLast ? 0 : decay * carried);
      advantages[sample] = carried;
    }
    const returns = advantages.map((advantage, sample) => advantage + values[sample]!);
    standardise(advantages);
    const experience = { observations, actions, logChances, advantages, returns };
    return { experience, reward: total / episodes };
  }

  #observe(inventory: number, timeLeft: number, into: Float64Array, offset: number): void {
    // Inventories of a few lots matter most: the root keeps the others within reach of the units.
    into[offset] = Math.sqrt(Math.abs(inventory));
    into[offset + 1] = 2 * (timeLeft / this.#market.horizon) - 1;
  }

  /** Chances of both sides into #chances. */
  #decide(observations: Float64Array, offset: number): void {
    this.network.forward(observations, offset);
    const { out } = this.network;
    const choices = this.#options.distances.length;
    for (let base = 0; base < 2 * choices; base += choices) {
      let largest = Number.NEGATIVE_INFINITY;
      for (let at = base; at < base + choices; at += 1) largest = Math.max(largest, out[at]!);
      let sum = 0;
      for (let at = base; at < base + choices; at += 1) {
        const weight = Math.exp(out[at]! - largest);
        this.#chances[at] = weight;
        sum += weight;
      }
      for (let at = base; at < base + choices; at += 1) this.#chances[at]! /= sum;
    }
  }

  #drawn(side: number): number {
    const choices = this.#options.distances.length;
    let left = this.#random.unit();
    for (let at = 0; at < choices - 1; at += 1) {
      left -= this.#chances[side * choices + at]!;
      if (left < 0) return at;
    }
    return choices - 1;
  }

  #logChance(actions: Int32Array, sample: number): number {
    const choices = this.#options.distances.length;
    return (
      Math.log(this.#chances[actions[2 * sample]!]!) +
      Math.log(this.#chances[choices + actions[2 * sample + 1]!]!)
    );
  }
}

/**
 * The market is its own mirror image, so the policy is learned for inventories of one sign: its first half
 * quotes the side that adds to the inventory, its second the side that takes off.
 */
const sideOf = (half: number, inventory: number): number => (inventory < 0 ? 1 - half : half);

function shuffle(order: Int32Array, random: Randomness): void {
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = random.below(at + 1);
    const kept = order[at]!;
    order[at] = order[other]!;
    order[other] = kept;
  }
}

/** To mean 0 and variance 1, as the scale of rewards should not be the scale of steps. */
function standardise(values: Float64Array): void {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  const scale = variance > 0 ? 1 / Math.sqrt(variance) : 0;
  for (let at = 0; at < count; at += 1) values[at] = (values[at]! - mean) * scale;
}
