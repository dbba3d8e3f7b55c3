import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  between,
  failure,
  firstFailure,
  type ModelResult,
  notNegative,
  refused,
} from "../numerics/failure.ts";
import { clipEigenvalues, Matrix, matrixOf, symmetricCheck } from "../numerics/linear-algebra.ts";
import { nelderMead } from "../numerics/optimise.ts";
import { type DccWalk, dccWalk } from "./dcc-walk.ts";
import { type GarchFit, fitGarch } from "./garch-fit.ts";
import { garchPath } from "./garch.ts";

/**
 * Covariances and correlations that move. Rows are periods in time order, columns are d assets;
 * returns in any unit, covariances in its square.
 */

/** RiskMetrics' decay for daily returns. */
export const RISK_METRICS_DECAY = 0.94;

/**
 * Exponentially weighted covariance, S <- decay S + (1 - decay) r r' for each row, from `start`.
 * J.P. Morgan, RiskMetrics Technical Document (1996), section 5.2. O(n d^2). Fails with wrong_shape,
 * not_finite, out_of_range, not_positive_definite.
 */
export function ewmaCovariance(
  returns: readonly ArrayLike<number>[],
  start: readonly ArrayLike<number>[],
  decay: number = RISK_METRICS_DECAY,
): ModelResult<Matrix> {
  const wrong = between("decay", decay, 0, 1);
  if (wrong !== null) return refused(wrong);
  const rows = matrixOf("returns", returns);
  if (!rows.ok) return rows;
  const from = matrixOf("start", start);
  if (!from.ok) return from;
  const unfit =
    symmetricCheck("start", from.value) ??
    (from.value.rows === rows.value.columns
      ? null
      : failure(
          "wrong_shape",
          `start is of ${from.value.rows} assets, returns of ${rows.value.columns}`,
          "they must be of the same assets",
          "give one row and column of start for each asset",
        ));
  if (unfit !== null) return refused(unfit);
  const covariance = Float64Array.from(from.value.to1DArray());
  for (const row of returns) updateEwmaCovariance(covariance, row, decay);
  const d = rows.value.columns;
  return guarded(Matrix.from1DArray(d, d, Array.from(covariance)));
}

/** One row into a covariance in place, rows first (d x d); the caller has checked both. O(d^2). */
export function updateEwmaCovariance(
  covariance: Float64Array,
  row: ArrayLike<number>,
  decay: number = RISK_METRICS_DECAY,
): void {
  const d = row.length;
  for (let i = 0; i < d; i += 1) {
    for (let j = 0; j < d; j += 1) {
      covariance[i * d + j] = decay * covariance[i * d + j]! + (1 - decay) * (row[i]! * row[j]!);
    }
  }
}

/** Lifts eigenvalues that rounding or a deficient start left below 1e-12 of the trace. */
function guarded(covariance: Matrix): ModelResult<Matrix> {
  const clipped = clipEigenvalues("the covariance", covariance);
  if (!clipped.ok) return clipped;
  const wrong = allFinite("the covariance", clipped.value.to1DArray());
  return wrong === null ? clipped : refused(wrong);
}

/** Correlations of a covariance matrix with a positive diagonal: diag^-1/2 S diag^-1/2. O(d^2). */
export function correlationOf(covariance: Matrix): ModelResult<Matrix> {
  const wrong = symmetricCheck("covariance", covariance);
  if (wrong !== null) return refused(wrong);
  const deviations = covariance.diagonal().map(Math.sqrt);
  const zero = deviations.findIndex((one) => !(one > 0));
  if (zero >= 0) {
    return refused(
      failure(
        "not_positive_definite",
        `variance ${zero} = ${covariance.get(zero, zero)}`,
        "an asset that does not move has no correlation",
        "leave it out",
      ),
    );
  }
  const out = covariance.clone();
  for (let i = 0; i < out.rows; i += 1) {
    for (let j = 0; j < out.rows; j += 1) {
      out.set(i, j, i === j ? 1 : out.get(i, j) / (deviations[i]! * deviations[j]!));
    }
  }
  return ok(out);
}

/** Weights of the correlation recursion: a, b >= 0, a + b < 1. */
export interface DccParameters {
  /** Weight of the last shock. */
  readonly a: number;
  /** Weight of the last state. */
  readonly b: number;
}

export interface DccPath {
  /** R_1 … R_n: the correlation each period began with. */
  readonly correlations: readonly Matrix[];
  /** R_(n+1). */
  readonly next: Matrix;
  /** -1/2 sum (ln|R_t| + e_t' R_t^-1 e_t - e_t' e_t). */
  readonly logLikelihood: number;
}

/**
 * Dynamic conditional correlation of standardised shocks e_t. Engle, Journal of Business & Economic
 * Statistics 20 (2002): Q_t = (1 - a - b) Qbar + a e_(t-1) e_(t-1)' + b Q_(t-1),
 * Q_1 = Qbar = mean e e' (not demeaned), R_t = diag(Q_t)^-1/2 Q_t diag(Q_t)^-1/2. O(n d^3).
 * Fails with out_of_range, too_short (n < d), not_finite, not_positive_definite.
 */
export function dccPath(
  shocks: readonly ArrayLike<number>[],
  parameters: DccParameters,
): ModelResult<DccPath> {
  const wrong = firstFailure(
    notNegative("a", parameters.a),
    notNegative("b", parameters.b),
    between("a + b", parameters.a + parameters.b, -1, 1),
  );
  if (wrong !== null) return refused(wrong);
  const walk = prepared(shocks);
  if (!walk.ok) return walk;
  return pathOf(walk.value, parameters);
}

function pathOf(walk: DccWalk, { a, b }: DccParameters): ModelResult<DccPath> {
  const correlations: Matrix[] = [];
  const { assets: d, correlation } = walk;
  const kept = (): Matrix => Matrix.from1DArray(d, d, Array.from(correlation));
  const logLikelihood = walk.run(a, b, () => correlations.push(kept()));
  if (Number.isNaN(logLikelihood)) {
    return refused(
      failure(
        "not_positive_definite",
        "a correlation on the way",
        "rounding left it without a Cholesky factor",
        "leave out an asset that others make up",
      ),
    );
  }
  return ok({ correlations, next: kept(), logLikelihood });
}

/** Rows of shocks as the walk wants them, their mean outer product lifted off singularity. */
function prepared(shocks: readonly ArrayLike<number>[]): ModelResult<DccWalk> {
  const matrix = matrixOf("shocks", shocks);
  if (!matrix.ok) return matrix;
  const e = matrix.value;
  const wrong = atLeast("shocks", shocks, e.columns);
  if (wrong !== null) return refused(wrong);
  const mean = guarded(symmetric(e.transpose().mmul(e).div(e.rows)));
  if (!mean.ok) return mean;
  const still = correlationOf(mean.value);
  if (!still.ok) return still;
  return ok(
    dccWalk(Float64Array.from(e.to1DArray()), Float64Array.from(mean.value.to1DArray()), e.columns),
  );
}

const symmetric = (matrix: Matrix): Matrix => Matrix.add(matrix, matrix.transpose()).div(2);

export interface DccFit {
  /** One a column of the returns. */
  readonly garch: readonly GarchFit[];
  readonly parameters: DccParameters;
  readonly logLikelihood: number;
  /** Covariance forecast for the period after the last one. */
  readonly nextCovariance: Matrix;
}

/**
 * Two steps (Engle 2002): a GARCH for each asset, then a and b by Nelder-Mead on the
 * likelihood of their standardised shocks, over shares (a, b, rest) of 1 so that they stay positive and
 * below 1. `returns`: n rows of d assets. O(200 n d^3).
 */
export function fitDcc(returns: readonly ArrayLike<number>[]): ModelResult<DccFit> {
  const matrix = matrixOf("returns", returns);
  if (!matrix.ok) return matrix;
  const columns = matrix.value.transpose().to2DArray();
  const fits: GarchFit[] = [];
  const deviations: number[] = [];
  const shocks = Matrix.zeros(matrix.value.rows, columns.length);
  for (const [asset, column] of columns.entries()) {
    const fit = fitGarch(column);
    if (!fit.ok) return fit;
    const path = garchPath(column, fit.value.parameters);
    if (!path.ok) return path;
    fits.push(fit.value);
    deviations.push(Math.sqrt(path.value.nextVariance));
    shocks.setColumn(asset, Array.from(path.value.standardised));
  }
  const correlation = fitDccShocks(shocks.to2DArray());
  if (!correlation.ok) return correlation;
  const { next } = correlation.value.path;
  const scale = Matrix.diag(deviations);
  const nextCovariance = guarded(symmetric(scale.mmul(next).mmul(scale)));
  if (!nextCovariance.ok) return nextCovariance;
  return ok({
    garch: fits,
    parameters: correlation.value.parameters,
    logLikelihood: correlation.value.path.logLikelihood,
    nextCovariance: nextCovariance.value,
  });
}

/** The second step alone: a and b for given standardised shocks. */
export function fitDccShocks(
  shocks: readonly ArrayLike<number>[],
): ModelResult<{ readonly parameters: DccParameters; readonly path: DccPath }> {
  const walk = prepared(shocks);
  if (!walk.ok) return walk;
  const weights = (x: Float64Array): DccParameters => {
    const [a, b] = [Math.exp(x[0]!), Math.exp(x[1]!)];
    return { a: a / (1 + a + b), b: b / (1 + a + b) };
  };
  const found = nelderMead(
    (x) => {
      const { a, b } = weights(x);
      return -walk.value.run(a, b);
    },
    [0, Math.log(0.9 / 0.05)],
    { steps: [0.5, 0.5], valueTolerance: 1e-11, pointTolerance: 1e-5 },
  );
  if (!found.ok) return found;
  const parameters = weights(found.value.point);
  const path = pathOf(walk.value, parameters);
  return path.ok ? ok({ parameters, path: path.value }) : path;
}
