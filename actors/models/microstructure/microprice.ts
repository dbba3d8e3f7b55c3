/**
 * The microprice of Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative
 * Finance 18 (2018): mid + G*(imbalance, spread), the limit of the expected mid as its next moves are
 * taken one after another. Prices and adjustments in ticks.
 */
import { EigenvalueDecomposition, LuDecomposition, Matrix } from "ml-matrix";

import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  type Check,
  failure,
  firstFailure,
  type ModelResult,
  refusal,
  refused,
  sameLength,
} from "../numerics/failure.ts";

/** One row per state (imbalance bucket and spread); all probabilities. */
export interface MicropriceChain {
  /** Q, n x n: to a state with the mid unmoved. */
  readonly still: readonly (readonly number[])[];
  /** R, n x m: the mid moves by each of `moves`. */
  readonly moving: readonly (readonly number[])[];
  /** T, n x n: the state after a move of the mid. */
  readonly after: readonly (readonly number[])[];
  /** K, m: moves of the mid, in ticks. */
  readonly moves: readonly number[];
}

export interface MicropriceAdjustment {
  /** G1 = (I - Q)^-1 R K: expected next move of the mid, by state. */
  readonly first: Float64Array;
  /** B = (I - Q)^-1 T: state after the next move, row by row. */
  readonly transition: Float64Array;
  /** G* = sum of B^i G1: how far the microprice is from the mid, by state. */
  readonly limit: Float64Array;
}

/** Terms of the sum below this are left out, in ticks. */
const SUM_TOLERANCE = 1e-12;
const MOST_TERMS = 100_000;
const ROW_TOLERANCE = 1e-9;
/** An eigenvalue of B this near to 1 on which G1 has a part: the sum has no limit. */
const UNIT_EIGENVALUE_TOLERANCE = 1e-9;

/**
 * G1, B and G* of a chain. O(n^3) once and O(n^2) for each term of the sum; n states.
 * The sum has a limit only when G1 has no part on an eigenvector of B with eigenvalue 1, as holds for
 * data that was symmetrised: otherwise the expected mid drifts for ever.
 * Failure codes: wrong_shape; not_finite; out_of_range (a probability, or a row that is not 1 in sum);
 * singular (a state that never sees the mid move); not_converged (the sum has no limit).
 */
export function micropriceAdjustment(chain: MicropriceChain): ModelResult<MicropriceAdjustment> {
  const wrong = chainFault(chain);
  if (wrong !== null) return refused(wrong);
  const states = chain.still.length;
  const system = Matrix.eye(states).sub(Matrix.checkMatrix(chain.still.map((row) => [...row])));
  const decomposition = new LuDecomposition(system);
  if (decomposition.isSingular()) {
    return refusal(
      "singular",
      "I - still",
      "in some state the mid never moves, so its next move has no expectation",
      "leave that state out, or join it with a neighbour",
    );
  }
  const expected = chain.moving.map((row) => [
    row.reduce((sum, probability, move) => sum + probability * chain.moves[move]!, 0),
  ]);
  const first = Float64Array.from(decomposition.solve(new Matrix(expected)).to1DArray());
  const transitionMatrix = decomposition.solve(new Matrix(chain.after.map((row) => [...row])));
  const transition = Float64Array.from(transitionMatrix.to1DArray());
  const drift = driftOf(transitionMatrix, first);
  if (drift > SUM_TOLERANCE * 100) {
    return refusal(
      "not_converged",
      "sum of B^i G1",
      `each further move adds ${drift} ticks without end`,
      "symmetrise the observations (estimateMicroprice does unless told not to)",
    );
  }
  const limit = sumOfTerms(transition, first);
  return limit === null
    ? refusal(
        "not_converged",
        "sum of B^i G1",
        `its terms are not below ${SUM_TOLERANCE} after ${MOST_TERMS} of them`,
        "use fewer states, so that each is left more often",
      )
    : ok({ first, transition, limit });
}

/**
 * Size of what B^i G1 tends to: B is stochastic, so its left eigenvector for 1 (the stationary law) picks
 * out the part of G1 that never dies.
 */
function driftOf(transition: Matrix, first: Float64Array): number {
  const decomposition = new EigenvalueDecomposition(transition.transpose());
  const vectors = decomposition.eigenvectorMatrix;
  let worst = 0;
  decomposition.realEigenvalues.forEach((value, column) => {
    if (Math.abs(value - 1) > UNIT_EIGENVALUE_TOLERANCE) return;
    const stationary = vectors.getColumn(column);
    const mass = stationary.reduce((sum, one) => sum + Math.abs(one), 0);
    const part = stationary.reduce((sum, one, state) => sum + one * first[state]!, 0);
    worst = Math.max(worst, Math.abs(part / mass));
  });
  return worst;
}

/** Null when the terms do not die out. */
function sumOfTerms(transition: Float64Array, first: Float64Array): Float64Array | null {
  const states = first.length;
  const sum = Float64Array.from(first);
  let term = Float64Array.from(first);
  let next = new Float64Array(states);
  for (let count = 0; count < MOST_TERMS; count += 1) {
    let largest = 0;
    for (let row = 0; row < states; row += 1) {
      let value = 0;
      for (let column = 0; column < states; column += 1)
        value += transition[row * states + column]! * term[column]!;
      next[row] = value;
      sum[row]! += value;
      largest = Math.max(largest, Math.abs(value));
    }
    if (largest < SUM_TOLERANCE) return sum;
    [term, next] = [next, term];
  }
  return null;
}

function chainFault({ still, moving, after, moves }: MicropriceChain): Check {
  const states = still.length;
  if (states === 0)
    return failure("empty", "still", "there are no states", "give one row per state");
  const shapes = firstFailure(
    sameLength("moving", moving, "still", still),
    sameLength("after", after, "still", still),
    allFinite("moves", moves),
  );
  if (shapes !== null) return shapes;
  for (let state = 0; state < states; state += 1) {
    const [q, r, t] = [still[state]!, moving[state]!, after[state]!];
    const wrong = firstFailure(
      sameLength(`still[${state}]`, q, "still", still),
      sameLength(`moving[${state}]`, r, "moves", moves),
      sameLength(`after[${state}]`, t, "still", still),
      probabilities(`still[${state}]`, q),
      probabilities(`moving[${state}]`, r),
      probabilities(`after[${state}]`, t),
      sumsTo(`still and moving of state ${state}`, total(q) + total(r), 1),
      sumsTo(`after of state ${state}`, total(t), total(r)),
    );
    if (wrong !== null) return wrong;
  }
  return null;
}

const total = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0);

function probabilities(name: string, values: readonly number[]): Check {
  const wrong = allFinite(name, values);
  if (wrong !== null) return wrong;
  const bad = values.find((value) => value < 0 || value > 1 + ROW_TOLERANCE);
  return bad === undefined
    ? null
    : failure("out_of_range", `${name} has ${bad}`, "it must be a probability", "count again");
}

const sumsTo = (name: string, sum: number, wanted: number): Check =>
  Math.abs(sum - wanted) <= ROW_TOLERANCE
    ? null
    : failure(
        "out_of_range",
        `${name} add up to ${sum}`,
        `they must add up to ${wanted}`,
        "divide each count by the count of the state",
      );
