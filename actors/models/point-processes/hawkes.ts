/**
 * Multivariate Hawkes processes with sums of exponentials:
 *
 *   lambda_i(t) = mu_i + sum over j, p, past arrivals t_k of type j  a_ijp b_p exp(-b_p (t - t_k))
 *
 * Hawkes, Biometrika 58 (1971). a_ijp is the mean number of arrivals of type i that one of type j
 * causes through component p. The decays b_p belong to the components; kernels of unlike decay for
 * each pair are components whose other a_ijp are 0. Only arrivals strictly before t count, so arrivals
 * at one instant do not excite each other. Time in seconds, rates per second.
 */
import {
  allFinite,
  allPositive,
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
  sorted,
  within,
} from "../numerics/failure.ts";
import { Matrix, solve } from "../numerics/linear-algebra.ts";
import { EigenvalueDecomposition } from "ml-matrix";

export interface HawkesParameters {
  /** mu_i, d, per second, >= 0. */
  readonly baseline: Float64Array;
  /** b_p, P, per second, > 0. */
  readonly decays: Float64Array;
  /** a_ijp at index (i d + j) P + p, d x d x P, >= 0. */
  readonly branching: Float64Array;
}

/** Arrivals observed on (0, horizon]. */
export interface Arrivals {
  /** Seconds, rising; equal times are allowed. */
  readonly times: Float64Array;
  /** Type of each arrival, 0 to d - 1. */
  readonly types: Int32Array;
  /** Seconds, >= the last arrival. */
  readonly horizon: number;
}

/** Arrivals of one type. */
export function oneType(times: Float64Array, horizon: number): Arrivals {
  return { times, types: new Int32Array(times.length), horizon };
}

/** What is wrong with the parameters as numbers; their stability is another question. */
export function parametersCheck(parameters: HawkesParameters): Check {
  const { baseline, decays, branching } = parameters;
  const d = baseline.length;
  const wrong = firstFailure(
    integerWithin("the number of types", d, 1, 1_000),
    allFinite("baseline", baseline),
    allPositive("decays", decays),
    allFinite("branching", branching),
  );
  if (wrong !== null) return wrong;
  if (branching.length !== d * d * decays.length) {
    return failure(
      "wrong_shape",
      `branching has ${branching.length} values`,
      `${d} types and ${decays.length} components need ${d * d * decays.length}`,
      "give a value for each target, source and component",
    );
  }
  for (const value of baseline) {
    const bad = notNegative("a baseline", value);
    if (bad !== null) return bad;
  }
  for (const value of branching) {
    const bad = notNegative("a branching", value);
    if (bad !== null) return bad;
  }
  return null;
}

export function arrivalsCheck(arrivals: Arrivals, d: number): Check {
  const { times, types, horizon } = arrivals;
  const wrong = firstFailure(
    positive("horizon", horizon),
    allFinite("times", times),
    sorted("times", times),
  );
  if (wrong !== null) return wrong;
  if (types.length !== times.length) {
    return failure(
      "wrong_shape",
      `${types.length} types for ${times.length} times`,
      "each arrival has one type",
      "give as many types as times",
    );
  }
  if (times.length > 0) {
    const outside = firstFailure(
      within("the first time", times[0]!, 0, horizon),
      within("the last time", times.at(-1)!, 0, horizon),
    );
    if (outside !== null) return outside;
  }
  for (const type of types) {
    if (type < 0 || type >= d) return integerWithin("a type", type, 0, d - 1);
  }
  return null;
}

/** n_ij = sum over p of a_ijp, row-major d x d: arrivals of type i caused directly by one of type j. */
export function branchingMatrix(parameters: HawkesParameters): Float64Array {
  const P = parameters.decays.length;
  const d = parameters.baseline.length;
  const matrix = new Float64Array(d * d);
  for (let cell = 0; cell < d * d; cell += 1) {
    for (let p = 0; p < P; p += 1) matrix[cell]! += parameters.branching[cell * P + p]!;
  }
  return matrix;
}

/**
 * Largest modulus of the eigenvalues of a non-negative matrix, row-major d x d. Below 1 a Hawkes
 * process with this branching matrix is stationary (Bremaud & Massoulie 1996). O(d^3).
 */
export function spectralRadius(matrix: Float64Array): number {
  const d = Math.sqrt(matrix.length);
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(
    Matrix.from1DArray(d, d, matrix),
  );
  let radius = 0;
  for (const [index, real] of realEigenvalues.entries()) {
    radius = Math.max(radius, Math.hypot(real, imaginaryEigenvalues[index]!));
  }
  return radius;
}

/** Fails with out_of_range unless the spectral radius of the branching matrix is below 1. */
export function stabilityCheck(matrix: Float64Array): Check {
  const radius = spectralRadius(matrix);
  return radius < 1
    ? null
    : failure(
        "out_of_range",
        `the spectral radius of the branching matrix is ${radius}`,
        "at 1 or above arrivals cause more arrivals without end",
        "scale the branching down",
      );
}

/**
 * Stationary mean rates (I - n)^-1 mu, per second (Hawkes 1971). Failures: those of the parameters,
 * out_of_range (not stationary).
 */
export function stationaryRates(parameters: HawkesParameters): ModelResult<Float64Array> {
  const wrong = parametersCheck(parameters);
  if (wrong !== null) return refused(wrong);
  const matrix = branchingMatrix(parameters);
  const unstable = stabilityCheck(matrix);
  if (unstable !== null) return refused(unstable);
  const d = parameters.baseline.length;
  const left = Matrix.identity(d).sub(Matrix.from1DArray(d, d, matrix));
  const rates = solve("I - n", left, Matrix.columnVector(Array.from(parameters.baseline)));
  if (!rates.ok) return rates;
  const value = Float64Array.from(rates.value.to1DArray());
  const overflow = allFinite("rates", value);
  return overflow === null ? { ok: true, value } : refused(overflow);
}
