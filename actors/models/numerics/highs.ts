import type { Highs } from "highs";

import {
  checkProgram,
  described,
  infeasible,
  type QuadraticProgram,
  type QuadraticSolution,
} from "./convex-program.ts";
import { type ModelResult, refusal, refused } from "./failure.ts";

/** The package's types describe its CommonJS build; the module that Node loads exports the loader itself. */
async function loadHighs(): Promise<Highs> {
  const module: unknown = (await import("highs")).default;
  return (module as () => Promise<Highs>)();
}

/**
 * The same program by HiGHS, for some thousands of variables, or a linear one with integral
 * variables (`integral[i]` = 1; the quadratic term must then be zero). Each call instantiates the solver anew, some
 * tens of milliseconds, so that a trap in one leaves nothing behind. Multipliers of an integral program do not
 * exist and are 0. Failures: wrong_shape, not_finite, infeasible, not_positive_definite, not_converged.
 */
export async function solveByHighs(
  program: QuadraticProgram,
  integral?: Uint8Array,
): Promise<ModelResult<QuadraticSolution>> {
  const wrong = checkProgram(program);
  if (wrong !== null) return refused(wrong);
  const highs = await loadHighs();
  const n = program.linear.length;
  const hessian = sparse(program.quadratic, n, n, (row, column) => row >= column);
  const rows = stacked(program);
  const equal = program.equalities?.right.length ?? 0;
  const model = highs.createModel({
    numCols: n,
    numRows: rows.right.length,
    colCost: program.linear,
    colLower: program.lower ?? new Float64Array(n).fill(-Infinity),
    colUpper: program.upper ?? new Float64Array(n).fill(Infinity),
    rowLower: rows.right,
    rowUpper: rows.right.map((value, row) => (row < equal ? value : Infinity)),
    matrix: { format: "csc", numRows: rows.right.length, numCols: n, ...rows.columns },
    ...(hessian.values.length === 0
      ? {}
      : { hessian: { format: "triangular", dimension: n, ...hessian } as const }),
    ...(integral === undefined ? {} : { integrality: Int32Array.from(integral) }),
  });
  try {
    model.options.set("output_flag", false);
    // Its default regularisation of 1e-7 is what its answers are off by.
    model.options.set("qp_regularization_value", 0);
    try {
      model.run();
    } catch (cause) {
      if (!(cause instanceof highs.errors.HighsError)) throw cause;
      return refusal(
        "not_converged",
        "the solver gave up",
        "it does so where the quadratic term has negative curvature, and on numbers near the largest",
        "make the quadratic term positive semi-definite, and scale the program",
      );
    }
    const status = highs.constants.modelStatus;
    const reached = model.getModelStatus();
    if (reached === status.infeasible) return infeasible();
    if (reached !== status.optimal) {
      return refusal(
        "not_converged",
        `the solver ended with status ${reached}`,
        "no optimum was proved: the program may be unbounded or badly scaled",
        "bound every variable, and scale the rows to the same magnitude",
      );
    }
    const { colValue, colDual, rowDual } = model.getSolution();
    const dual = integral === undefined;
    return {
      ok: true,
      value: described(program, {
        point: Float64Array.from(colValue),
        multipliers: {
          equalities: rowDual.slice(0, equal).map((value) => (dual ? value : 0)),
          inequalities: rowDual.slice(equal).map((value) => (dual ? value : 0)),
          lower: colDual.map((value) => (dual ? Math.max(value, 0) : 0)),
          upper: colDual.map((value) => (dual ? Math.max(-value, 0) : 0)),
        },
        iterations: 0,
      }),
    };
  } finally {
    model.dispose();
  }
}

interface Compressed {
  readonly starts: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float64Array;
}

/** Compressed columns of the entries of a row-major matrix that are not 0 and that `keep` admits. */
function sparse(
  matrix: Float64Array,
  rows: number,
  columns: number,
  keep: (row: number, column: number) => boolean,
): Compressed {
  const starts = new Int32Array(columns + 1);
  const indices: number[] = [];
  const values: number[] = [];
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      const value = matrix[row * columns + column] ?? 0;
      if (value === 0 || !keep(row, column)) continue;
      indices.push(row);
      values.push(value);
    }
    starts[column + 1] = indices.length;
  }
  return { starts, indices: Int32Array.from(indices), values: Float64Array.from(values) };
}

function stacked(program: QuadraticProgram): {
  readonly right: Float64Array;
  readonly columns: Compressed;
} {
  const n = program.linear.length;
  const blocks = [program.equalities, program.inequalities].filter((block) => block !== undefined);
  const right = Float64Array.from(blocks.flatMap((block) => [...block.right]));
  const matrix = Float64Array.from(blocks.flatMap((block) => [...block.matrix]));
  return { right, columns: sparse(matrix, right.length, n, () => true) };
}
