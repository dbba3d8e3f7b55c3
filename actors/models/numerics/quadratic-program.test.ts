import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seed } from "../../../test/support/seed.ts";
import { kktResidual, objective, type QuadraticProgram } from "./convex-program.ts";
import { certain } from "./failure.ts";
import { solveByHighs } from "./highs.ts";
import { solveQuadraticProgram } from "./quadratic-program.ts";

const test = suite("quadratic program");
const SEED = seed(20_261_126);

/** Weyl sequence: spread, repeatable, enough for shapes of problems. */
function spread(start: number): () => number {
  let at = start % 1_000_003;
  return () => {
    at += 1;
    return (at * 0.754877666246693 + at * at * 0.569840290998053) % 1;
  };
}

/** Q = B B' + ridge I of `n` variables, a budget, a floor and bounds of -0.5 to 0.4. */
function problem(n: number, ridge: number, next: () => number): QuadraticProgram {
  const factor = Float64Array.from({ length: n * n }, () => next() - 0.5);
  const quadratic = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      let sum = i === j ? ridge : 0;
      for (let k = 0; k < n; k += 1) sum += factor[i * n + k]! * factor[j * n + k]!;
      quadratic[i * n + j] = sum;
    }
  }
  return {
    quadratic,
    linear: Float64Array.from({ length: n }, () => next() - 0.5),
    equalities: { matrix: new Float64Array(n).fill(1), right: Float64Array.of(1) },
    inequalities: {
      matrix: Float64Array.from({ length: n }, () => 0.5 + next() / 2),
      right: Float64Array.of(0.5),
    },
    lower: new Float64Array(n).fill(-0.5),
    upper: new Float64Array(n).fill(0.4),
  };
}

test("B5.4 the example of the solver's authors is solved, with its multipliers", () => {
  const program = {
    quadratic: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
    linear: Float64Array.of(0, -5, 0),
    inequalities: {
      matrix: Float64Array.of(-4, -3, 0, 2, 1, 0, 0, -2, 1),
      right: Float64Array.of(-8, 2, 0),
    },
  };
  const found = certain(solveQuadraticProgram(program));
  // solve.QP of R prints 0.4761905 1.0476190 2.0952381 and Lagrangian 0.0000000 0.2380952 2.0952381.
  for (const [index, expected] of [10 / 21, 22 / 21, 44 / 21].entries()) {
    assert.ok(Math.abs(found.point[index]! - expected) < 1e-12);
  }
  assert.ok(Math.abs(found.multipliers.inequalities[1]! - 5 / 21) < 1e-12);
  assert.ok(Math.abs(found.multipliers.inequalities[2]! - 44 / 21) < 1e-12);
  assert.ok(found.residual.largest < 1e-12);
});

test("B5.4 random programs meet the Karush-Kuhn-Tucker conditions and no feasible point is better", () => {
  const next = spread(SEED);
  for (let round = 0; round < 40; round += 1) {
    const program = problem(3 + (round % 10), 0.05, next);
    const found = certain(solveQuadraticProgram(program));
    assert.ok(
      found.residual.largest < 1e-9,
      `${found.residual.largest} round ${round} SEED=${SEED}`,
    );
    const moved = Float64Array.from(found.point);
    moved[0]! += 1e-3;
    moved[1]! -= 1e-3;
    assert.ok(kktResidual(program, moved, found.multipliers).largest > 1e-5, `SEED=${SEED}`);
    const n = moved.length;
    const floor = program.inequalities!;
    for (let tried = 0; tried < 20; tried += 1) {
      const other = Float64Array.from(found.point);
      const [i, j] = [Math.floor(next() * n), Math.floor(next() * n)];
      const step = (next() - 0.5) * 0.2;
      other[i]! += step;
      other[j]! -= step;
      const feasible =
        other.every((value) => value >= -0.5 && value <= 0.4) &&
        other.reduce((sum, value, at) => sum + value * floor.matrix[at]!, 0) >= floor.right[0]!;
      if (feasible) assert.ok(objective(program, other) >= found.value - 1e-12, `SEED=${SEED}`);
    }
  }
});

test("B5.4 a matrix that is only semi-definite is solved as exactly", () => {
  // |x| with weight 0.3 by an epigraph: min (x - 1)^2 / 2 + 0.3 t, t >= x, t >= -x: x = t = 0.7.
  const program = {
    quadratic: Float64Array.of(1, 0, 0, 0),
    linear: Float64Array.of(-1, 0.3),
    inequalities: { matrix: Float64Array.of(-1, 1, 1, 1), right: Float64Array.of(0, 0) },
  };
  const found = certain(solveQuadraticProgram(program));
  assert.ok(Math.abs(found.point[0]! - 0.7) < 1e-9 && Math.abs(found.point[1]! - 0.7) < 1e-9);
  assert.ok(found.residual.largest < 1e-9, `${found.residual.largest}`);
});

test("B5.4 HiGHS gives the same points, proved by the same residual, and integral ones", async () => {
  const program = problem(12, 0.05, spread(SEED));
  const exact = certain(solveQuadraticProgram(program));
  const other = certain(await solveByHighs(program));
  for (const [index, value] of exact.point.entries()) {
    assert.ok(Math.abs(value - other.point[index]!) < 1e-9, `SEED=${SEED}`);
  }
  assert.ok(other.residual.largest < 1e-9, `${other.residual.largest} SEED=${SEED}`);
  const knapsack = {
    quadratic: new Float64Array(9),
    linear: Float64Array.of(-5, -4, -3),
    inequalities: {
      matrix: Float64Array.of(-2, -3, -1, -4, -1, -2, -3, -4, -2),
      right: Float64Array.of(-5, -11, -8),
    },
    lower: new Float64Array(3),
    upper: new Float64Array(3).fill(10),
  };
  // Enumeration of 0..10 in each variable: 2 0 1 is worth 13 and nothing feasible more.
  let best = 0;
  for (let code = 0; code < 1_331; code += 1) {
    const [x, y, z] = [code % 11, Math.floor(code / 11) % 11, Math.floor(code / 121)];
    const feasible =
      2 * x + 3 * y + z <= 5 && 4 * x + y + 2 * z <= 11 && 3 * x + 4 * y + 2 * z <= 8;
    if (feasible) best = Math.max(best, 5 * x + 4 * y + 3 * z);
  }
  const integral = certain(await solveByHighs(knapsack, Uint8Array.of(1, 1, 1)));
  assert.ok(Math.abs(integral.value + best) < 1e-9);
});

test("B5.4 programs without an answer are refused by name", async () => {
  const square = { quadratic: Float64Array.of(1, 0, 0, 1), linear: Float64Array.of(0, 0) };
  const code = (program: QuadraticProgram): string => {
    const result = solveQuadraticProgram(program);
    return result.ok ? "solved" : result.failure.code;
  };
  const contradiction = {
    ...square,
    equalities: { matrix: Float64Array.of(1, 1, 1, 1), right: Float64Array.of(1, 2) },
  };
  assert.is(code(contradiction), "infeasible");
  const byHighs = await solveByHighs(contradiction);
  assert.is(byHighs.ok ? "solved" : byHighs.failure.code, "infeasible");
  const indefinite = { ...square, quadratic: Float64Array.of(1, 0, 0, -1) };
  assert.is(code(indefinite), "not_positive_definite");
  const refusedByHighs = await solveByHighs(indefinite);
  assert.is(refusedByHighs.ok ? "solved" : refusedByHighs.failure.code, "not_converged");
  assert.is(code({ ...square, quadratic: Float64Array.of(1, 2, 0, 1) }), "not_positive_definite");
  assert.is(code({ ...square, quadratic: Float64Array.of(1, 0, 0) }), "wrong_shape");
  assert.is(code({ ...square, linear: Float64Array.of(0, Number.NaN) }), "not_finite");
  assert.is(
    code({ quadratic: new Float64Array(4), linear: Float64Array.of(1, 0) }),
    "not_converged",
  );
  assert.is(code({ quadratic: new Float64Array(0), linear: new Float64Array(0) }), "wrong_shape");
  assert.is(code({ ...square, lower: Float64Array.of(Number.NaN, 0) }), "not_finite");
  assert.is(code(square), "solved");
});

test.run();
