/**
 * The dealer of Cartea and Jaimungal as an episode for policies that choose a bid and an ask distance at
 * each step. Reward: d at a fill less phi q^2 dt. That is dPnL - phi q^2 dt without the martingale q dS, which
 * moves no expectation; no penalty at the end. As in the simulations of Avellaneda and Stoikov (2008) each side
 * fills with the chance A exp(-k d) dt.
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";

export interface DealerMarket {
  /** A, per second, of either side. */
  readonly arrivalRate: number;
  /** k, per price. */
  readonly arrivalDecay: number;
  /** phi, price per lot^2 and second. */
  readonly inventoryPenalty: number;
  /** Q: no bid at Q, no ask at -Q. */
  readonly inventoryBound: number;
  /** Seconds of an episode and of a step. */
  readonly horizon: number;
  readonly step: number;
}

/** Distances of the bid and the ask for an inventory and the seconds left, into the array given. */
export type QuotePolicy = (inventory: number, timeLeft: number, into: Float64Array) => void;

export const episodeSteps = ({ horizon, step }: DealerMarket): number =>
  Math.max(1, Math.round(horizon / step));

/** Lots bought less lots sold at one step; the reward goes to `reward[0]`. */
export function dealerStep(
  market: DealerMarket,
  inventory: number,
  quotes: Float64Array,
  random: Randomness,
  reward: Float64Array,
): number {
  const { arrivalRate, arrivalDecay, inventoryPenalty, inventoryBound, step } = market;
  const chance = (distance: number): number =>
    Math.min(1, arrivalRate * step * Math.exp(-arrivalDecay * distance));
  const [buyDraw, sellDraw] = [random.unit(), random.unit()];
  let moved = 0;
  let earned = -inventoryPenalty * inventory * inventory * step;
  if (inventory < inventoryBound && buyDraw < chance(quotes[0]!)) {
    moved += 1;
    earned += quotes[0]!;
  }
  if (inventory > -inventoryBound && sellDraw < chance(quotes[1]!)) {
    moved -= 1;
    earned += quotes[1]!;
  }
  reward[0] = earned;
  return moved;
}

/** Reward of one episode that begins without inventory. */
export function dealerEpisode(
  market: DealerMarket,
  policy: QuotePolicy,
  random: Randomness,
): number {
  const quotes = new Float64Array(2);
  const reward = new Float64Array(1);
  const steps = episodeSteps(market);
  let inventory = 0;
  let total = 0;
  for (let step = 0; step < steps; step += 1) {
    policy(inventory, market.horizon - step * market.step, quotes);
    inventory += dealerStep(market, inventory, quotes, random, reward);
    total += reward[0]!;
  }
  return total;
}
