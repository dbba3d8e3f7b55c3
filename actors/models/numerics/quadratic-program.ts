/**
 * Dense convex quadratic programs by the dual active set of Goldfarb & Idnani (Mathematical Programming
 * 27, 1983) of the quadprog package. Larger or integral programs: highs.ts.
 */
import { Matrix, SingularValueDecomposition } from "ml-matrix";
import quadprog from "quadprog";

import {
  checkProgram,
  described,
  infeasible,
  lagrangianGradient,
  largestOf,
  type LinearConstraints,
  type QuadraticProgram,
  type QuadraticSolution,
  type RawSolution,
} from "./convex-program.ts";
import { allFinite, finite, type ModelResult, refusal, refused } from "./failure.ts";

/** Regularised steps for a matrix that is only semi-definite; each is exact in its subproblem. */
const proximalLimit = 500;

/**
 * Solves a dense convex program. Q positive definite: one run of the active set. Q semi-definite:
 * proximal point steps min f(x) + r |x - x_k|^2 / 2 (Rockafellar, SIAM J. Control 14, 1976), each by
 * the active set, until the step's own gradient is below 1e-12 of the scale.
 * O(n^3) a run, n to about 200. Failures: wrong_shape, not_finite, not_positive_definite (Q not
 * symmetric, or of negative curvature), infeasible, not_converged (also: unbounded).
 */
export function solveQuadraticProgram(program: QuadraticProgram): ModelResult<QuadraticSolution> {
  const wrong = checkProgram(program);
  if (wrong !== null) return refused(wrong);
  const direct = activeSet(program, 0, null);
  if (typeof direct === "object") return answered(program, direct);
  if (direct === "infeasible") return infeasible();
  const scale = largestDiagonal(program.quadratic, program.linear.length);
  return proximal(program, scale > 0 ? scale * 1e-4 : 1e-4);
}

/** A program near the largest numbers has an answer beyond them. */
function answered(program: QuadraticProgram, raw: RawSolution): ModelResult<QuadraticSolution> {
  const solution = described(program, raw);
  const overflow =
    allFinite("the solution", solution.point) ??
    finite("its value", solution.value) ??
    finite("its residual", solution.residual.largest);
  return overflow === null ? { ok: true, value: solution } : refused(overflow);
}

function proximal(program: QuadraticProgram, weight: number): ModelResult<QuadraticSolution> {
  const n = program.linear.length;
  const tolerance = 1e-12 * (1 + largestOf(program.linear));
  let centre: Float64Array = new Float64Array(n);
  let iterations = 0;
  for (let step = 0; step < proximalLimit; step += 1) {
    const found = activeSet(program, weight, centre);
    if (found === "infeasible") return infeasible();
    if (found === "indefinite") {
      return refusal(
        "not_positive_definite",
        "the quadratic term has negative curvature",
        "a minimum needs x'Qx >= 0 for every x",
        "clip the eigenvalues of the matrix at 0, or shrink a sampled covariance",
      );
    }
    iterations += found.iterations;
    let moved = 0;
    for (let i = 0; i < n; i += 1) {
      moved = Math.max(moved, Math.abs((found.point[i] ?? 0) - (centre[i] ?? 0)));
    }
    if (weight * moved <= tolerance) {
      return answered(program, { ...found, iterations });
    }
    centre = found.point;
  }
  return refusal(
    "not_converged",
    `the point still moves after ${proximalLimit} proximal steps`,
    "the program may have no lowest value within its constraints",
    "bound every variable that has no curvature",
  );
}

/** One run of the active set on Q + weight * I, c - weight * centre. */
function activeSet(
  program: QuadraticProgram,
  weight: number,
  centre: Float64Array | null,
): RawSolution | "infeasible" | "indefinite" {
  const { quadratic, linear, equalities, inequalities } = program;
  const n = linear.length;
  const matrix: number[][] = [[]];
  const towards: number[] = [0];
  for (let i = 0; i < n; i += 1) {
    const row: number[] = [0];
    for (let j = 0; j < n; j += 1) row.push((quadratic[i * n + j] ?? 0) + (i === j ? weight : 0));
    matrix.push(row);
    towards.push(weight * (centre?.[i] ?? 0) - (linear[i] ?? 0));
  }
  const columns = Array.from({ length: n + 1 }, (): number[] => [0]);
  const right: number[] = [0];
  const addRows = (rows: LinearConstraints | undefined): number => {
    const count = rows?.right.length ?? 0;
    for (let row = 0; row < count; row += 1) {
      for (let i = 0; i < n; i += 1) columns[i + 1]?.push(rows?.matrix[row * n + i] ?? 0);
      right.push(rows?.right[row] ?? 0);
    }
    return count;
  };
  const equal = addRows(equalities);
  addRows(inequalities);
  const bounds = addBounds(program, columns, right);
  if (right.length === 1) {
    // The solver wants a constraint: 0'x >= -1 holds everywhere.
    for (let i = 1; i <= n; i += 1) columns[i]?.push(0);
    right.push(-1);
  }
  const answer = quadprog.solveQP(matrix, towards, columns, right, equal);
  if (answer.message.includes("positive definite")) return "indefinite";
  if (answer.message !== "") return "infeasible";
  const point = Float64Array.from(answer.solution.slice(1));
  return {
    point,
    multipliers: multipliersOf(program, point, answer.Lagrangian, bounds),
    iterations: answer.iterations[1] ?? 0,
  };
}

interface Bound {
  readonly variable: number;
  readonly side: "lower" | "upper";
}

function addBounds(program: QuadraticProgram, columns: number[][], right: number[]): Bound[] {
  const n = program.linear.length;
  const bounds: Bound[] = [];
  const add = (variable: number, side: Bound["side"], limit: number): void => {
    if (!Number.isFinite(limit)) return;
    const sign = side === "lower" ? 1 : -1;
    for (let i = 0; i < n; i += 1) columns[i + 1]?.push(i === variable ? sign : 0);
    right.push(sign * limit);
    bounds.push({ variable, side });
  };
  for (let i = 0; i < n; i += 1) {
    add(i, "lower", program.lower?.[i] ?? -Infinity);
    add(i, "upper", program.upper?.[i] ?? Infinity);
  }
  return bounds;
}

/**
 * The solver turns an equality around when it meets it from above and reports its multiplier without
 * the sign, so those of equalities are taken from the gradient that the others leave.
 */
function multipliersOf(
  program: QuadraticProgram,
  point: Float64Array,
  reported: readonly number[],
  bounds: readonly Bound[],
): QuadraticSolution["multipliers"] {
  const n = program.linear.length;
  const equal = program.equalities?.right.length ?? 0;
  const unequal = program.inequalities?.right.length ?? 0;
  const lower = new Float64Array(n);
  const upper = new Float64Array(n);
  for (const [index, bound] of bounds.entries()) {
    const side = bound.side === "lower" ? lower : upper;
    side[bound.variable] = reported[1 + equal + unequal + index] ?? 0;
  }
  const inequalities = Float64Array.from(reported.slice(1 + equal, 1 + equal + unequal));
  const others = { equalities: new Float64Array(equal), inequalities, lower, upper };
  if (program.equalities === undefined || equal === 0) return others;
  const left = lagrangianGradient(program, point, others);
  const transposed = Matrix.from1DArray(equal, n, program.equalities.matrix).transpose();
  // By singular values: equalities may repeat each other.
  const singular = new SingularValueDecomposition(transposed, { autoTranspose: true });
  const fitted = singular.solve(Matrix.columnVector(left));
  return { ...others, equalities: Float64Array.from(fitted.to1DArray()) };
}

function largestDiagonal(matrix: Float64Array, n: number): number {
  let largest = 0;
  for (let i = 0; i < n; i += 1) largest = Math.max(largest, Math.abs(matrix[i * n + i] ?? 0));
  return largest;
}
