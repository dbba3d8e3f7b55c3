import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { certain } from "../numerics/failure.ts";
import { Matrix, solve } from "../numerics/linear-algebra.ts";
import { modelRandomness } from "../random/generator.ts";
import { type FiniteProblem, learnQ, problemCheck, valueIteration } from "./finite-control.ts";
import { type QuotingProblem, quotingProblem } from "./quoting-problem.ts";

const test = suite("finite control");
const SEED = seed(1_957);

const dealer: QuotingProblem = {
  inventoryBound: 5,
  distances: [0.3, 0.7, 1.2],
  arrivalRate: 140,
  arrivalDecay: 1.5,
  inventoryPenalty: 2,
  step: 0.005,
  discount: 0.5,
};

const argmax = (q: Float64Array, state: number, actions: number): number => {
  const row = Array.from(q.subarray(state * actions, (state + 1) * actions));
  return row.indexOf(Math.max(...row));
};

test("value iteration is the linear system of its own best policy", () => {
  const problem = certain(quotingProblem({ ...dealer, discount: 0.99 }));
  const q = certain(valueIteration(problem, 1e-11));
  const { states, actions, discount, offsets, next, probabilities, rewards } = problem;
  // V = r + gamma P V for the policy that Q prefers, solved at once.
  const system = Matrix.eye(states);
  const right = Matrix.zeros(states, 1);
  for (let state = 0; state < states; state += 1) {
    const pair = state * actions + argmax(q, state, actions);
    for (let at = offsets[pair]!; at < offsets[pair + 1]!; at += 1) {
      const to = next[at]!;
      system.set(state, to, system.get(state, to) - discount * probabilities[at]!);
      right.set(state, 0, right.get(state, 0) + probabilities[at]! * rewards[at]!);
    }
  }
  const values = certain(solve("I - gamma P", system, right));
  for (let state = 0; state < states; state += 1) {
    const best = q[state * actions + argmax(q, state, actions)]!;
    assert.ok(Math.abs(values.get(state, 0) - best) < 1e-9);
  }
});

test("the dealer's best quotes lean against the inventory and mirror each other", () => {
  const problem = certain(quotingProblem({ ...dealer, discount: 0.99 }));
  const q = certain(valueIteration(problem, 1e-11));
  const quotes = (inventory: number): readonly [number, number] => {
    const action = argmax(q, inventory + 5, 9);
    return [Math.floor(action / 3), action % 3];
  };
  for (let inventory = 1; inventory < 5; inventory += 1) {
    const [bid, ask] = quotes(inventory);
    assert.equal(quotes(-inventory), [ask, bid]);
    assert.ok(bid >= ask, `inventory ${inventory}`);
  }
  assert.ok(quotes(4)[0] > quotes(4)[1]);
});

test("Q-learning reaches the fixed point of value iteration within 0.01", () => {
  const problem = certain(quotingProblem(dealer));
  const exact = certain(valueIteration(problem, 1e-12));
  const errorAfter = (steps: number): number => {
    const learned = certain(learnQ(problem, steps, modelRandomness(SEED)));
    return learned.reduce((worst, value, at) => Math.max(worst, Math.abs(value - exact[at]!)), 0);
  };
  const [early, late] = [errorAfter(100_000), errorAfter(12_000_000)];
  assert.ok(late < 0.01, `SEED=${SEED} ${late}`);
  // A hundred times the steps, a tenth of the error or so: it converges, and did not begin there.
  assert.ok(early > 3 * late, `SEED=${SEED} ${early} ${late}`);
});

test("what is no problem is refused with its place", () => {
  const problem = certain(quotingProblem(dealer));
  const code = (change: Partial<FiniteProblem>): string =>
    problemCheck({ ...problem, ...change })?.code ?? "ok";
  assert.is(code({}), "ok");
  assert.is(code({ discount: 1 }), "out_of_range");
  assert.is(code({ rewards: new Float64Array(3) }), "wrong_shape");
  assert.is(code({ offsets: new Int32Array(4) }), "wrong_shape");
  assert.is(code({ probabilities: problem.probabilities.map((p) => 0.9 * p) }), "out_of_range");
  const made = quotingProblem({ ...dealer, step: 0.1 });
  assert.is(made.ok ? "ok" : made.failure.code, "out_of_range");
  const stuck = valueIteration({ ...problem, discount: 0.999 }, 1e-12, 10);
  assert.is(stuck.ok ? "ok" : stuck.failure.code, "not_converged");
});

test.run();
