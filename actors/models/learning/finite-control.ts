/**
 * Control of finite Markov chains. Value iteration: Bellman, "A Markovian decision process" (1957).
 * Q-learning: Watkins and Dayan, Machine Learning 8 (1992), with the rescaled linear steps
 * 1 / (1 + (1 - gamma) n) of Wainwright, "Stochastic approximation with cone-contractive operators" (2019).
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  between,
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refusal,
  refused,
  sameLength,
} from "../numerics/failure.ts";

/**
 * What follows on action a in state s are the entries offsets[s actions + a] … offsets[s actions + a + 1] - 1
 * of the three lists.
 */
export interface FiniteProblem {
  readonly states: number;
  readonly actions: number;
  /** gamma in (0, 1). */
  readonly discount: number;
  /** states x actions + 1 numbers. */
  readonly offsets: Int32Array;
  readonly next: Int32Array;
  readonly probabilities: Float64Array;
  readonly rewards: Float64Array;
}

/** Failure codes: not_finite, out_of_range, wrong_shape. */
export function problemCheck(problem: FiniteProblem): Check {
  const { states, actions, discount, offsets, next, probabilities, rewards } = problem;
  const wrong = firstFailure(
    integerWithin("states", states, 1, 1_000_000),
    integerWithin("actions", actions, 1, 10_000),
    between("discount", discount, 0, 1),
    sameLength("probabilities", probabilities, "next", next),
    sameLength("rewards", rewards, "next", next),
    allFinite("rewards", rewards),
    allFinite("probabilities", probabilities),
  );
  if (wrong !== null) return wrong;
  if (offsets.length !== states * actions + 1 || offsets[states * actions] !== next.length) {
    return failure(
      "wrong_shape",
      `${offsets.length} offsets into ${next.length} entries`,
      `${states} states with ${actions} actions need ${states * actions + 1}, the last at the end`,
      "give where the entries of each pair begin",
    );
  }
  for (let pair = 0; pair < states * actions; pair += 1) {
    let sum = 0;
    for (let at = offsets[pair]!; at < offsets[pair + 1]!; at += 1) {
      if (probabilities[at]! < 0 || next[at]! < 0 || next[at]! >= states)
        return (
          integerWithin(`next[${at}]`, next[at]!, 0, states - 1) ?? negative(at, probabilities)
        );
      sum += probabilities[at]!;
    }
    if (Math.abs(sum - 1) > 1e-9) {
      return failure(
        "out_of_range",
        `the probabilities of pair ${pair} add up to ${sum}`,
        "something must follow, and only one thing",
        "add the outcome in which nothing happens",
      );
    }
  }
  return null;
}

const negative = (at: number, probabilities: Float64Array): Check =>
  failure(
    "out_of_range",
    `probabilities[${at}] = ${probabilities[at]}`,
    "it must be 0 or more",
    "use shorter steps of time",
  );

/**
 * Q by state and action, to within `tolerance` of the fixed point in the largest difference. O(entries) an
 * iteration. Failure codes: those of problemCheck, not_converged.
 */
export function valueIteration(
  problem: FiniteProblem,
  tolerance: number,
  mostIterations = 100_000,
): ModelResult<Float64Array> {
  const wrong = problemCheck(problem) ?? positive("tolerance", tolerance);
  if (wrong !== null) return refused(wrong);
  const { states, actions, discount, offsets, next, probabilities, rewards } = problem;
  const q = new Float64Array(states * actions);
  const values = new Float64Array(states);
  for (let iteration = 0; iteration < mostIterations; iteration += 1) {
    let change = 0;
    for (let pair = 0; pair < q.length; pair += 1) {
      let sum = 0;
      for (let at = offsets[pair]!; at < offsets[pair + 1]!; at += 1)
        sum += probabilities[at]! * (rewards[at]! + discount * values[next[at]!]!);
      change = Math.max(change, Math.abs(sum - q[pair]!));
      q[pair] = sum;
    }
    for (let state = 0; state < states; state += 1) values[state] = bestOf(q, state, actions);
    // The rest of a contraction: change gamma / (1 - gamma) at most.
    if ((change * discount) / (1 - discount) <= tolerance) return ok(q);
  }
  return refusal(
    "not_converged",
    `value iteration after ${mostIterations} rounds`,
    "the discount is so near to 1 that values still move",
    "allow more rounds or a larger tolerance",
  );
}

/**
 * Q learned from sampled outcomes of pairs drawn evenly, which sees every pair for ever. O(1) a step, one
 * allocation. Failure codes: those of problemCheck, out_of_range.
 */
export function learnQ(
  problem: FiniteProblem,
  steps: number,
  random: Randomness,
): ModelResult<Float64Array> {
  const wrong = problemCheck(problem) ?? integerWithin("steps", steps, 1, Number.MAX_SAFE_INTEGER);
  if (wrong !== null) return refused(wrong);
  const { states, actions, discount, next, rewards } = problem;
  const q = new Float64Array(states * actions);
  const visits = new Float64Array(q.length);
  for (let step = 0; step < steps; step += 1) {
    const pair = random.below(q.length);
    const at = draw(problem, pair, random.unit());
    const target = rewards[at]! + discount * bestOf(q, next[at]!, actions);
    q[pair]! += (target - q[pair]!) / (1 + (1 - discount) * visits[pair]!);
    visits[pair]! += 1;
  }
  return ok(q);
}

/** Entry of what follows on the pair, where a uniform number falls. */
function draw({ offsets, probabilities }: FiniteProblem, pair: number, uniform: number): number {
  const end = offsets[pair + 1]! - 1;
  let left = uniform;
  for (let at = offsets[pair]!; at < end; at += 1) {
    left -= probabilities[at]!;
    if (left < 0) return at;
  }
  return end;
}

function bestOf(q: Float64Array, state: number, actions: number): number {
  let best = q[state * actions]!;
  for (let action = 1; action < actions; action += 1)
    best = Math.max(best, q[state * actions + action]!);
  return best;
}
