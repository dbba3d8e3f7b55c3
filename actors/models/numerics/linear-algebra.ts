/**
 * Dense linear algebra for up to about 100 dimensions: ml-matrix behind checks, so that a matrix that
 * is not what a formula needs is a refusal and not a NaN. Everything is O(d^3) unless it says otherwise.
 */
import { CholeskyDecomposition, EigenvalueDecomposition, LuDecomposition, Matrix } from "ml-matrix";

import { type Check, failure, type ModelResult, refusal, refused } from "./failure.ts";

export { Matrix };

/** Entries may differ from their mirror image by this share of the largest entry. */
const SYMMETRY_TOLERANCE = 1e-12;
/** A pivot or an eigenvalue below this share of the largest one counts as zero. */
const RANK_TOLERANCE = 1e-14;

function entriesFinite(name: string, matrix: Matrix): Check {
  for (let row = 0; row < matrix.rows; row += 1) {
    for (let column = 0; column < matrix.columns; column += 1) {
      const value = matrix.get(row, column);
      if (!Number.isFinite(value)) {
        return failure(
          "not_finite",
          `${name}[${row}][${column}] = ${value}`,
          "it must be finite",
          `give a finite ${name}`,
        );
      }
    }
  }
  return null;
}

/** Rows of one length and of finite numbers as a matrix. Codes: empty, wrong_shape, not_finite. */
export function matrixOf(name: string, rows: readonly ArrayLike<number>[]): ModelResult<Matrix> {
  const first = rows[0];
  if (first === undefined || first.length === 0) {
    return refusal("empty", name, "it holds no values", `give ${name} at least one row and column`);
  }
  const ragged = rows.findIndex((row) => row.length !== first.length);
  if (ragged >= 0) {
    return refusal(
      "wrong_shape",
      `${name} row ${ragged} has ${rows[ragged]!.length} values, row 0 has ${first.length}`,
      "rows must be of one length",
      `give ${name} as a rectangle`,
    );
  }
  const matrix = new Matrix(rows);
  const wrong = entriesFinite(name, matrix);
  return wrong === null ? { ok: true, value: matrix } : refused(wrong);
}

/** Square and of finite numbers. Codes: wrong_shape, not_finite. */
export function squareCheck(name: string, matrix: Matrix): Check {
  if (matrix.rows !== matrix.columns || matrix.rows === 0) {
    return failure(
      "wrong_shape",
      `${name} is ${matrix.rows} x ${matrix.columns}`,
      "it must be square",
      `give ${name} as many rows as columns`,
    );
  }
  return entriesFinite(name, matrix);
}

/** Square, finite and symmetric to rounding. Codes: wrong_shape, not_finite, not_positive_definite. */
export function symmetricCheck(name: string, matrix: Matrix): Check {
  const wrong = squareCheck(name, matrix);
  if (wrong !== null) return wrong;
  const tolerance = SYMMETRY_TOLERANCE * Math.max(Math.abs(matrix.max()), Math.abs(matrix.min()));
  for (let row = 1; row < matrix.rows; row += 1) {
    for (let column = 0; column < row; column += 1) {
      const below = matrix.get(row, column);
      const above = matrix.get(column, row);
      if (Math.abs(below - above) > tolerance) {
        return failure(
          "not_positive_definite",
          `${name}[${row}][${column}] = ${below}, mirrored ${above}`,
          "it must be symmetric",
          `give (${name} + its transpose) / 2 if the difference is noise`,
        );
      }
    }
  }
  return null;
}

/** Without the rounding that symmetricCheck lets pass: the library throws on the smallest difference. */
const symmetrised = (matrix: Matrix): Matrix => matrix.clone().add(matrix.transpose()).div(2);

/** L with L L' = matrix, lower triangular. Code not_positive_definite besides those of the checks. */
export function choleskyFactor(name: string, matrix: Matrix): ModelResult<Matrix> {
  const wrong = symmetricCheck(name, matrix);
  if (wrong !== null) return refused(wrong);
  const decomposition = new CholeskyDecomposition(symmetrised(matrix));
  if (!decomposition.isPositiveDefinite()) return refused(notPositiveDefinite(name));
  return { ok: true, value: decomposition.lowerTriangularMatrix };
}

function notPositiveDefinite(name: string) {
  return failure(
    "not_positive_definite",
    name,
    "it has an eigenvalue that is not above 0",
    "remove redundant variables, or lift it with clipEigenvalues",
  );
}

function rowsMatch(name: string, matrix: Matrix, right: Matrix): Check {
  return right.rows === matrix.rows
    ? entriesFinite("the right side", right)
    : failure(
        "wrong_shape",
        `${name} has ${matrix.rows} rows, the right side ${right.rows}`,
        "they must agree",
        "give one row of the right side for each equation",
      );
}

/** X with matrix X = right, by LU with partial pivoting. Code singular besides those of the checks. */
export function solve(name: string, matrix: Matrix, right: Matrix): ModelResult<Matrix> {
  const wrong = squareCheck(name, matrix) ?? rowsMatch(name, matrix, right);
  if (wrong !== null) return refused(wrong);
  const decomposition = new LuDecomposition(matrix);
  const pivots = decomposition.upperTriangularMatrix.diagonal().map(Math.abs);
  if (Math.min(...pivots) <= RANK_TOLERANCE * Math.max(...pivots)) {
    return refusal(
      "singular",
      name,
      "its rows are linearly dependent to rounding",
      "remove redundant equations or add a ridge",
    );
  }
  return { ok: true, value: decomposition.solve(right) };
}

/** X with matrix X = right for symmetric positive definite matrices, by Cholesky. */
export function solvePositiveDefinite(
  name: string,
  matrix: Matrix,
  right: Matrix,
): ModelResult<Matrix> {
  const wrong = symmetricCheck(name, matrix) ?? rowsMatch(name, matrix, right);
  if (wrong !== null) return refused(wrong);
  const decomposition = new CholeskyDecomposition(symmetrised(matrix));
  if (!decomposition.isPositiveDefinite()) return refused(notPositiveDefinite(name));
  return { ok: true, value: decomposition.solve(right) };
}

export interface SymmetricEigen {
  /** Rising. */
  readonly values: readonly number[];
  /** Column i is the unit eigenvector of values[i]. */
  readonly vectors: Matrix;
}

/** matrix = V diag(values) V'. */
export function symmetricEigen(name: string, matrix: Matrix): ModelResult<SymmetricEigen> {
  const wrong = symmetricCheck(name, matrix);
  if (wrong !== null) return refused(wrong);
  // The library's iteration divides by entries that are nearly 0, and ends in NaN where that overflows:
  // it gets entries of about 1, and what is below 1e-150 of the largest as 0.
  const size = matrix.to1DArray().reduce((most, one) => Math.max(most, Math.abs(one)), 0) || 1;
  const unit = new Matrix(
    matrix
      .to2DArray()
      .map((row) => row.map((one) => (Math.abs(one) < 1e-150 * size ? 0 : one / size))),
  );
  const { realEigenvalues: shares, eigenvectorMatrix } = new EigenvalueDecomposition(unit, {
    assumeSymmetric: true,
  });
  const realEigenvalues = shares.map((one) => one * size);
  const order = realEigenvalues
    .map((_, index) => index)
    .sort((a, b) => realEigenvalues[a]! - realEigenvalues[b]!);
  return {
    ok: true,
    value: {
      values: order.map((index) => realEigenvalues[index]!),
      vectors: eigenvectorMatrix.subMatrixColumn(order),
    },
  };
}

function fromEigen({ vectors }: SymmetricEigen, values: readonly number[]): Matrix {
  const scaled = vectors.clone();
  for (const [column, value] of values.entries()) scaled.mulColumn(column, value);
  // Halved before the sum, which could overflow.
  const half = scaled.mmul(vectors.transpose()).mul(0.5);
  return Matrix.add(half, half.transpose());
}

/** The symmetric positive semidefinite R with R R = matrix. Eigenvalues below 0 by rounding only count as 0. */
export function squareRoot(name: string, matrix: Matrix): ModelResult<Matrix> {
  const eigen = symmetricEigen(name, matrix);
  if (!eigen.ok) return eigen;
  const { values } = eigen.value;
  const largest = Math.max(...values.map(Math.abs));
  if (values[0]! < -SYMMETRY_TOLERANCE * largest) return refused(notPositiveDefinite(name));
  return {
    ok: true,
    value: fromEigen(
      eigen.value,
      values.map((value) => Math.sqrt(Math.max(0, value))),
    ),
  };
}

/**
 * The nearest matrix (Frobenius) whose eigenvalues are at least `floor`; the matrix itself when they
 * are. The spec's guard for estimated covariances is floor = 1e-12 times the trace (project choice).
 */
export function clipEigenvalues(
  name: string,
  matrix: Matrix,
  floor = 1e-12 * matrix.trace(),
): ModelResult<Matrix> {
  const eigen = symmetricEigen(name, matrix);
  if (!eigen.ok) return eigen;
  const { values } = eigen.value;
  if (!Number.isFinite(floor) || values[0]! >= floor) return { ok: true, value: matrix.clone() };
  return {
    ok: true,
    value: fromEigen(
      eigen.value,
      values.map((value) => Math.max(floor, value)),
    ),
  };
}
