/**
 * The dealer of Avellaneda and Stoikov as a finite chain, for what learns by trial: inventories -Q … Q, one
 * of a few distances on each side, at most one fill a step with the chance A exp(-k d) dt, and the reward
 * d at a fill less phi q^2 dt (project choice; phi as in Cartea and Jaimungal).
 */
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  firstFailure,
  integerWithin,
  type ModelResult,
  notEmpty,
  notNegative,
  positive,
  refusal,
  refused,
} from "../numerics/failure.ts";
import { type FiniteProblem, problemCheck } from "./finite-control.ts";

export interface QuotingProblem {
  /** Q, lots. */
  readonly inventoryBound: number;
  /** Distances to choose from on each side, in price. */
  readonly distances: readonly number[];
  /** A, per second. */
  readonly arrivalRate: number;
  /** k, per price. */
  readonly arrivalDecay: number;
  /** phi, price per lot^2 and second. */
  readonly inventoryPenalty: number;
  /** Seconds a step; both fills together must stay below a chance of 1. */
  readonly step: number;
  readonly discount: number;
}

/** State q + Q; action bid index x distances + ask index. Failure codes: not_finite, out_of_range, empty. */
export function quotingProblem(given: QuotingProblem): ModelResult<FiniteProblem> {
  const { inventoryBound: bound, distances, arrivalRate, arrivalDecay, step } = given;
  const wrong = firstFailure(
    integerWithin("inventoryBound", bound, 1, 1_000),
    notEmpty("distances", distances),
    allFinite("distances", distances),
    positive("arrivalRate", arrivalRate),
    positive("arrivalDecay", arrivalDecay),
    notNegative("inventoryPenalty", given.inventoryPenalty),
    positive("step", step),
  );
  if (wrong !== null) return refused(wrong);
  const chances = distances.map((one) => arrivalRate * Math.exp(-arrivalDecay * one) * step);
  if (2 * Math.max(...chances) > 1) {
    return refusal(
      "out_of_range",
      `chances of fills up to ${Math.max(...chances)} a step`,
      "a bid and an ask fill together cannot have more than 1",
      "use shorter steps",
    );
  }
  const next: number[] = [];
  const probabilities: number[] = [];
  const rewards: number[] = [];
  const offsets: number[] = [0];
  const add = (state: number, probability: number, reward: number): void => {
    next.push(state);
    probabilities.push(probability);
    rewards.push(reward);
  };
  for (let state = 0; state <= 2 * bound; state += 1) {
    const penalty = given.inventoryPenalty * (state - bound) ** 2 * step;
    for (const [bid, bidDistance] of distances.entries()) {
      for (const [ask, askDistance] of distances.entries()) {
        const buys = state < 2 * bound ? chances[bid]! : 0;
        const sells = state > 0 ? chances[ask]! : 0;
        if (buys > 0) add(state + 1, buys, bidDistance - penalty);
        if (sells > 0) add(state - 1, sells, askDistance - penalty);
        add(state, 1 - buys - sells, -penalty);
        offsets.push(next.length);
      }
    }
  }
  const problem = {
    states: 2 * bound + 1,
    actions: distances.length ** 2,
    discount: given.discount,
    offsets: Int32Array.from(offsets),
    next: Int32Array.from(next),
    probabilities: Float64Array.from(probabilities),
    rewards: Float64Array.from(rewards),
  };
  const fault = problemCheck(problem);
  return fault === null ? ok(problem) : refused(fault);
}
