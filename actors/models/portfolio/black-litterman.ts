import {
  allFinite,
  allPositive,
  type Check,
  failure,
  firstFailure,
  type ModelResult,
  positive,
  refused,
} from "../numerics/failure.ts";
import { Matrix, solvePositiveDefinite } from "../numerics/linear-algebra.ts";

/** Symbols of He & Litterman, "The intuition behind Black-Litterman model portfolios" (1999). */
export interface BlackLittermanInputs {
  /** Sigma: covariance of excess returns, row-major n x n, positive definite. */
  readonly covariance: Float64Array;
  /** w_eq: weights of the market, n. */
  readonly marketWeights: Float64Array;
  /** delta > 0. */
  readonly riskAversion: number;
  /** tau > 0: uncertainty of the equilibrium, as a share of the covariance. */
  readonly tau: number;
  /** P: one portfolio a view, row-major k x n, k >= 1. */
  readonly views: Float64Array;
  /** Q: expected return of each, k. */
  readonly viewReturns: Float64Array;
  /** Diagonal of Omega, k, > 0: variance of each view. Left out: that of tau P Sigma P'. */
  readonly viewVariances?: Float64Array;
}

export interface BlackLitterman {
  /** Pi = delta Sigma w_eq. */
  readonly equilibriumReturns: Float64Array;
  /** mu = Pi + tau Sigma P' (P tau Sigma P' + Omega)^-1 (Q - P Pi). */
  readonly expectedReturns: Float64Array;
  /** Sigma + M, M = tau Sigma - tau Sigma P' (P tau Sigma P' + Omega)^-1 P tau Sigma; row-major n x n. */
  readonly covariance: Float64Array;
  /** w = (delta (Sigma + M))^-1 mu, without constraints. */
  readonly weights: Float64Array;
  /** lambda of w = (w_eq + P' lambda) / (1 + tau): how much of each view's portfolio is held. */
  readonly viewWeights: Float64Array;
  /** Omega that was used. */
  readonly viewVariances: Float64Array;
}

/**
 * Black & Litterman (1992) in the form of He & Litterman. O(n^3). Failures: wrong_shape, not_finite, out_of_range,
 * not_positive_definite.
 */
export function blackLitterman(inputs: BlackLittermanInputs): ModelResult<BlackLitterman> {
  const wrong = inputsCheck(inputs);
  if (wrong !== null) return refused(wrong);
  const { riskAversion, tau } = inputs;
  const n = inputs.marketWeights.length;
  const k = inputs.viewReturns.length;
  const sigma = Matrix.from1DArray(n, n, inputs.covariance);
  const market = Matrix.from1DArray(n, 1, inputs.marketWeights);
  const P = Matrix.from1DArray(k, n, inputs.views);
  const equilibrium = sigma.mmul(market).mul(riskAversion);
  const spread = sigma.mmul(P.transpose()).mul(tau);
  const viewCovariance = P.mmul(spread);
  const omega = inputs.viewVariances ?? Float64Array.from(viewCovariance.diagonal());
  const total = viewCovariance.clone();
  for (let view = 0; view < k; view += 1) {
    total.set(view, view, total.get(view, view) + omega[view]!);
  }
  const surprise = Matrix.from1DArray(k, 1, inputs.viewReturns).sub(P.mmul(equilibrium));
  const right = new Matrix(k, 1 + n);
  right.setSubMatrix(surprise, 0, 0);
  right.setSubMatrix(spread.transpose(), 0, 1);
  const solved = solvePositiveDefinite("P tau Sigma P' + Omega", symmetric(total), right);
  if (!solved.ok) return solved;
  const gain = solved.value.subMatrix(0, k - 1, 0, 0);
  const reduction = solved.value.subMatrix(0, k - 1, 1, n);
  const expected = equilibrium.clone().add(spread.mmul(gain));
  const posterior = symmetric(
    sigma
      .clone()
      .mul(1 + tau)
      .sub(spread.mmul(reduction)),
  );
  const weights = solvePositiveDefinite("Sigma + M", posterior, expected);
  if (!weights.ok) return weights;
  const held = weights.value.div(riskAversion);
  const lambda = viewWeightsOf(inputs, viewCovariance, omega, P.mmul(equilibrium));
  if (!lambda.ok) return lambda;
  const overflow =
    allFinite("expected returns", expected.to1DArray()) ??
    allFinite("weights", held.to1DArray()) ??
    allFinite("covariance", posterior.to1DArray()) ??
    allFinite("view weights", lambda.value.to1DArray());
  if (overflow !== null) return refused(overflow);
  const vector = (matrix: Matrix): Float64Array => Float64Array.from(matrix.to1DArray());
  return {
    ok: true,
    value: {
      equilibriumReturns: vector(equilibrium),
      expectedReturns: vector(expected),
      covariance: vector(posterior),
      weights: vector(held),
      viewWeights: vector(lambda.value),
      viewVariances: omega,
    },
  };
}

/**
 * (Omega / tau + P Sigma P' / (1 + tau)) lambda = Q / delta - P Sigma w_eq / (1 + tau): what follows from
 * delta (Sigma + M) w = mu when w is written by lambda.
 */
function viewWeightsOf(
  { tau, riskAversion, viewReturns }: BlackLittermanInputs,
  viewCovariance: Matrix,
  omega: Float64Array,
  viewEquilibrium: Matrix,
): ModelResult<Matrix> {
  const left = symmetric(viewCovariance).div(tau * (1 + tau));
  const right = viewEquilibrium.clone().div(-riskAversion * (1 + tau));
  for (const [view, variance] of omega.entries()) {
    left.set(view, view, left.get(view, view) + variance / tau);
    right.set(view, 0, right.get(view, 0) + viewReturns[view]! / riskAversion);
  }
  return solvePositiveDefinite("Omega / tau + P Sigma P' / (1 + tau)", left, right);
}

const symmetric = (matrix: Matrix): Matrix => matrix.clone().add(matrix.transpose()).div(2);

function inputsCheck(inputs: BlackLittermanInputs): Check {
  const n = inputs.marketWeights.length;
  const k = inputs.viewReturns.length;
  const shapes: readonly (readonly [string, number, number])[] = [
    ["marketWeights", n, Math.max(1, n)],
    ["covariance", inputs.covariance.length, n * n],
    ["viewReturns", k, Math.max(1, k)],
    ["views", inputs.views.length, k * n],
    ["viewVariances", inputs.viewVariances?.length ?? k, k],
  ];
  for (const [name, length, wanted] of shapes) {
    if (length === wanted) continue;
    return failure(
      "wrong_shape",
      `${name} has ${length} numbers, not ${wanted}`,
      `there are ${n} assets and ${k} views`,
      "give at least one asset and one view",
    );
  }
  return firstFailure(
    positive("riskAversion", inputs.riskAversion),
    positive("tau", inputs.tau),
    allFinite("covariance", inputs.covariance),
    allFinite("marketWeights", inputs.marketWeights),
    allFinite("views", inputs.views),
    allFinite("viewReturns", inputs.viewReturns),
    allPositive("viewVariances", inputs.viewVariances ?? []),
  );
}
