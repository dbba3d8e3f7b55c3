/**
 * A convex quadratic program and its optimality conditions. The residual of the Karush-Kuhn-Tucker
 * conditions is computed from the problem as it was given, so that it proves an answer whatever solver
 * found it.
 */
import { allFinite, type Check, failure, refusal } from "./failure.ts";

/** Rows of `matrix` (row-major, rows x variables) against `right` (rows). */
export interface LinearConstraints {
  readonly matrix: Float64Array;
  readonly right: Float64Array;
}

/** min x'Qx/2 + c'x subject to Ax = b, Gx >= h, lower <= x <= upper. */
export interface QuadraticProgram {
  /** Q, row-major n x n, symmetric, positive semi-definite. */
  readonly quadratic: Float64Array;
  /** c, n. */
  readonly linear: Float64Array;
  readonly equalities?: LinearConstraints;
  readonly inequalities?: LinearConstraints;
  /** n; -Infinity where there is no bound. */
  readonly lower?: Float64Array;
  /** n; Infinity where there is no bound. */
  readonly upper?: Float64Array;
}

/** The four conditions, each as the largest absolute violation; `largest` of them all. */
export interface KktResidual {
  readonly stationarity: number;
  readonly feasibility: number;
  readonly multiplierSigns: number;
  readonly complementarity: number;
  readonly largest: number;
}

export interface QuadraticSolution {
  readonly point: Float64Array;
  readonly value: number;
  /** Qx + c = A'e + G'i + l - u, with i, l, u >= 0. */
  readonly multipliers: {
    readonly equalities: Float64Array;
    readonly inequalities: Float64Array;
    readonly lower: Float64Array;
    readonly upper: Float64Array;
  };
  readonly residual: KktResidual;
  readonly iterations: number;
}

/** What a solver finds. */
export type RawSolution = Pick<QuadraticSolution, "point" | "multipliers" | "iterations">;

/** x'Qx/2 + c'x. */
export function objective(program: QuadraticProgram, point: Float64Array): number {
  const n = program.linear.length;
  let value = 0;
  for (let i = 0; i < n; i += 1) {
    let row = 0;
    for (let j = 0; j < n; j += 1) row += (program.quadratic[i * n + j] ?? 0) * (point[j] ?? 0);
    value += (point[i] ?? 0) * (row / 2 + (program.linear[i] ?? 0));
  }
  return value;
}

/** Qx + c - A'e - G'i - l + u: zero at an optimum. O(n (n + rows)). */
export function lagrangianGradient(
  program: QuadraticProgram,
  point: Float64Array,
  multipliers: QuadraticSolution["multipliers"],
): Float64Array {
  const n = program.linear.length;
  const gradient = new Float64Array(n);
  for (let i = 0; i < n; i += 1) {
    let sum = program.linear[i]! - multipliers.lower[i]! + multipliers.upper[i]!;
    for (let j = 0; j < n; j += 1) sum += program.quadratic[i * n + j]! * point[j]!;
    gradient[i] = sum;
  }
  const subtract = (rows: LinearConstraints | undefined, values: Float64Array): void => {
    if (rows === undefined) return;
    for (let row = 0; row < values.length; row += 1) {
      for (let i = 0; i < n; i += 1) gradient[i]! -= rows.matrix[row * n + i]! * values[row]!;
    }
  };
  subtract(program.equalities, multipliers.equalities);
  subtract(program.inequalities, multipliers.inequalities);
  return gradient;
}

/** Ax - b, one a row. */
function slacks(rows: LinearConstraints | undefined, point: Float64Array): Float64Array {
  if (rows === undefined) return new Float64Array(0);
  const n = point.length;
  return rows.right.map((right, row) => {
    let product = -right;
    for (let i = 0; i < n; i += 1) product += rows.matrix[row * n + i]! * point[i]!;
    return product;
  });
}

/** How far a point and its multipliers are from the Karush-Kuhn-Tucker conditions. O(n (n + rows)). */
export function kktResidual(
  program: QuadraticProgram,
  point: Float64Array,
  multipliers: QuadraticSolution["multipliers"],
): KktResidual {
  let [feasibility, multiplierSigns, complementarity] = [0, 0, 0];
  const inequality = (slack: number, multiplier: number): void => {
    feasibility = Math.max(feasibility, -slack);
    multiplierSigns = Math.max(multiplierSigns, -multiplier);
    complementarity = Math.max(complementarity, Math.abs(slack * multiplier));
  };
  for (const slack of slacks(program.equalities, point)) {
    feasibility = Math.max(feasibility, Math.abs(slack));
  }
  for (const [row, slack] of slacks(program.inequalities, point).entries()) {
    inequality(slack, multipliers.inequalities[row]!);
  }
  for (const [i, value] of point.entries()) {
    const [below, above] = [program.lower?.[i] ?? -Infinity, program.upper?.[i] ?? Infinity];
    if (below !== -Infinity) inequality(value - below, multipliers.lower[i]!);
    if (above !== Infinity) inequality(above - value, multipliers.upper[i]!);
  }
  const stationarity = largestOf(lagrangianGradient(program, point, multipliers));
  const largest = Math.max(stationarity, feasibility, multiplierSigns, complementarity);
  return { stationarity, feasibility, multiplierSigns, complementarity, largest };
}

/** The answer of a solver with its value and its proof. */
export function described(program: QuadraticProgram, raw: RawSolution): QuadraticSolution {
  return {
    ...raw,
    value: objective(program, raw.point),
    residual: kktResidual(program, raw.point, raw.multipliers),
  };
}

export function infeasible(): ReturnType<typeof refusal> {
  return refusal(
    "infeasible",
    "no point satisfies all constraints",
    "the equalities, inequalities and bounds contradict each other",
    "relax a bound or a constraint",
  );
}

/** What is wrong with the program as data; null when nothing is. */
export function checkProgram(program: QuadraticProgram): Check {
  const { quadratic, linear, equalities, inequalities, lower, upper } = program;
  const n = linear.length;
  const shapes: readonly (readonly [string, number, number])[] = [
    ["linear", n, Math.max(n, 1)],
    ["quadratic", quadratic.length, n * n],
    ["lower", lower?.length ?? n, n],
    ["upper", upper?.length ?? n, n],
    ["equalities.matrix", equalities?.matrix.length ?? 0, n * (equalities?.right.length ?? 0)],
    [
      "inequalities.matrix",
      inequalities?.matrix.length ?? 0,
      n * (inequalities?.right.length ?? 0),
    ],
  ];
  for (const [name, length, wanted] of shapes) {
    if (length === wanted) continue;
    return failure(
      "wrong_shape",
      `${name} has ${length} numbers, not ${wanted}`,
      `the program has ${n} variables`,
      "give row-major arrays over the same variables",
    );
  }
  const arrays: readonly (readonly [string, Float64Array | undefined])[] = [
    ["quadratic", quadratic],
    ["linear", linear],
    ["equalities.matrix", equalities?.matrix],
    ["equalities.right", equalities?.right],
    ["inequalities.matrix", inequalities?.matrix],
    ["inequalities.right", inequalities?.right],
  ];
  for (const [name, array] of arrays) {
    const bad = array === undefined ? null : allFinite(name, array);
    if (bad !== null) return bad;
  }
  for (let i = 0; i < n; i += 1) {
    const [low, high] = [lower?.[i] ?? -Infinity, upper?.[i] ?? Infinity];
    if (Number.isNaN(low) || Number.isNaN(high) || low === Infinity || high === -Infinity) {
      return failure(
        "not_finite",
        `the bounds of variable ${i} are ${low} and ${high}`,
        "a bound is a number, or -Infinity below and Infinity above",
        "leave the bound out where there is none",
      );
    }
  }
  return symmetric(quadratic, n);
}

function symmetric(matrix: Float64Array, n: number): Check {
  const scale = largestOf(matrix);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const difference = Math.abs((matrix[i * n + j] ?? 0) - (matrix[j * n + i] ?? 0));
      if (difference <= 1e-10 * scale) continue;
      return failure(
        "not_positive_definite",
        `entries (${i}, ${j}) and (${j}, ${i}) of the quadratic term differ by ${difference}`,
        "the quadratic term must be symmetric",
        "use (Q + Q') / 2",
      );
    }
  }
  return null;
}

export function largestOf(values: Float64Array): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}
