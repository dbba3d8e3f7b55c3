import { suite } from "uvu";
import * as assert from "uvu/assert";

import { near, refusalOf } from "../../../test/models/closeness.ts";
import {
  allFinite,
  certain,
  firstFailure,
  integerWithin,
  positive,
  sorted,
  strictlySorted,
  within,
} from "./failure.ts";
import {
  choleskyFactor,
  clipEigenvalues,
  matrixOf,
  solve,
  solvePositiveDefinite,
  squareRoot,
  symmetricEigen,
} from "./linear-algebra.ts";
import { nonNegativeExponential } from "./matrix-exponential.ts";
import { integrate } from "./ordinary-differential.ts";
import { type Tridiagonal, tridiagonalGrowth } from "./tridiagonal-growth.ts";
import { groundState, spectralGap } from "./tridiagonal-ground-state.ts";

const test = suite("model numerics");

const matrix = (rows: readonly (readonly number[])[]) => certain(matrixOf("a", rows));
/** Inventory levels -Q..Q of a quadratic penalty with equal arrivals on both sides. */
function inventory(bound: number, penalty: number, arrival: number): Tridiagonal {
  const size = 2 * bound + 1;
  const up = new Float64Array(size).fill(arrival);
  const down = new Float64Array(size).fill(arrival);
  up[size - 1] = 0;
  down[0] = 0;
  return {
    killing: Float64Array.from({ length: size }, (_, i) => penalty * (i - bound) ** 2),
    up,
    down,
  };
}

test("B4.1 checks name the first wrong input and let good ones through", () => {
  assert.is(
    firstFailure(positive("gamma", 1), within("rho", -1, -1, 1), sorted("t", [1, 1])),
    null,
  );
  assert.is(firstFailure(positive("gamma", 0), positive("k", -1))?.what, "gamma = 0");
  assert.is(positive("gamma", Number.NaN)?.code, "not_finite");
  assert.is(within("rho", Number.NaN, -1, 1)?.code, "not_finite");
  assert.is(integerWithin("n", 1.5, 0, 9)?.code, "out_of_range");
  assert.is(strictlySorted("t", [1, 1])?.code, "unsorted");
  assert.is(sorted("t", [2, 1])?.code, "unsorted");
  assert.is(sorted("t", [2, Number.NaN])?.code, "not_finite");
  assert.is(allFinite("x", [1, Number.POSITIVE_INFINITY])?.what, "x[1] = Infinity");
});

test("B4.1 linear algebra refuses what has no answer", () => {
  assert.match(refusalOf(matrixOf("a", [[1, 2], [3]])), "wrong_shape");
  assert.match(refusalOf(matrixOf("a", [])), "empty");
  assert.match(refusalOf(matrixOf("a", [[Number.NaN]])), "not_finite");
  assert.match(
    refusalOf(
      choleskyFactor(
        "a",
        matrix([
          [1, 2],
          [2, 1],
        ]),
      ),
    ),
    "not_positive_definite",
  );
  assert.match(
    refusalOf(
      choleskyFactor(
        "a",
        matrix([
          [1, 2],
          [0, 9],
        ]),
      ),
    ),
    "not_positive_definite",
  );
  assert.match(
    refusalOf(
      squareRoot(
        "a",
        matrix([
          [1, 2],
          [2, 1],
        ]),
      ),
    ),
    "not_positive_definite",
  );
  assert.match(
    refusalOf(
      solve(
        "a",
        matrix([
          [1, 2],
          [2, 4],
        ]),
        matrix([[1], [1]]),
      ),
    ),
    "singular",
  );
  assert.match(
    refusalOf(
      solve(
        "a",
        matrix([
          [1, 2],
          [2, 5],
        ]),
        matrix([[1]]),
      ),
    ),
    "wrong_shape",
  );
  assert.match(refusalOf(symmetricEigen("a", matrix([[1, 2, 3]]))), "wrong_shape");
});

test("B4.1 factors, roots and solutions multiply back to their matrix", () => {
  const a = matrix([
    [4, 1.5, 0.3],
    [1.5, 3, -0.7],
    [0.3, -0.7, 2],
  ]);
  const right = matrix([[1], [-2], [0.5]]);
  const factor = certain(choleskyFactor("a", a));
  assert.ok(factor.mmul(factor.transpose()).sub(a).norm() < 1e-14);
  const root = certain(squareRoot("a", a));
  assert.ok(root.mmul(root).sub(a).norm() < 1e-13);
  assert.ok(root.isSymmetric());
  const solution = certain(solve("a", a, right));
  assert.ok(a.mmul(solution).sub(right).norm() < 1e-14);
  assert.ok(
    certain(solvePositiveDefinite("a", a, right))
      .sub(solution)
      .norm() < 1e-14,
  );
  const { values } = certain(
    symmetricEigen(
      "a",
      matrix([
        [2, 1],
        [1, 2],
      ]),
    ),
  );
  near(values[0]!, 1, 1e-14);
  near(values[1]!, 3, 1e-14);
});

test("B4.1 eigenvalues of matrices at the ends of the doubles are numbers", () => {
  for (const [a, b, c] of [
    [0, 5e-324, 1],
    [1e300, 5e-324, 0],
    [1e-300, 2e-301, 1e-300],
    [1e300, 3e299, 1e300],
  ] as const) {
    const { values } = certain(
      symmetricEigen(
        "matrix",
        matrix([
          [a, b],
          [b, c],
        ]),
      ),
    );
    const middle = a / 2 + c / 2;
    const half = Math.hypot(a / 2 - c / 2, b);
    const size = Math.max(a, c);
    assert.ok(Math.abs(values[0]! / size - (middle - half) / size) < 1e-14, `${a} ${b} ${c}`);
    assert.ok(Math.abs(values[1]! / size - (middle + half) / size) < 1e-14, `${a} ${b} ${c}`);
  }
});

test("B4.1 clipping lifts the eigenvalues below the floor and leaves a good matrix alone", () => {
  const bad = matrix([
    [1, 2],
    [2, 1],
  ]);
  const clipped = certain(clipEigenvalues("a", bad, 0.25));
  const { values } = certain(symmetricEigen("a", clipped));
  near(values[0]!, 0.25, 1e-12);
  near(values[1]!, 3, 1e-12);
  const good = matrix([
    [2, 1],
    [1, 2],
  ]);
  assert.is(certain(clipEigenvalues("a", good)).sub(good).norm(), 0);
});

test("B4.1 the exponential of a non-negative matrix equals closed forms and keeps tiny entries", () => {
  const rotation = certain(nonNegativeExponential(Float64Array.of(0, 1, 1, 0), 2, 3));
  const scale = Math.exp(rotation.logScale);
  near(rotation.entries[0]! * scale, Math.cosh(3), 1e-14);
  near(rotation.entries[1]! * scale, Math.sinh(3), 1e-14);
  // A chain of d levels that only rise: entry [0][n] is exactly t^n / n!.
  const dimension = 40;
  const chain = new Float64Array(dimension * dimension);
  for (let i = 0; i + 1 < dimension; i += 1) chain[i * dimension + i + 1] = 1;
  const time = 1e-3;
  const result = certain(nonNegativeExponential(chain, dimension, time));
  let exact = 1;
  for (let n = 1; n <= 20; n += 1) {
    exact *= time / n;
    near(result.entries[n]! * Math.exp(result.logScale), exact, 1e-13, `entry ${n}`);
  }
  const large = certain(nonNegativeExponential(Float64Array.of(1, 1, 1, 1), 2, 5_000));
  near(large.logScale, 10_000 - Math.LN2, 1e-14, "no overflow");
  assert.match(refusalOf(nonNegativeExponential(Float64Array.of(-1), 1, 1)), "out_of_range");
  assert.match(refusalOf(nonNegativeExponential(Float64Array.of(1, 2), 2, 1)), "wrong_shape");
});

test("B4.1 Runge–Kutta has order four and refuses a solution that explodes", () => {
  const errorOf = (steps: number): number => {
    const end = certain(
      integrate((t, y, d) => (d[0] = y[0]! * Math.cos(t)), Float64Array.of(1), 0, 2, steps),
    );
    return Math.abs(end[0]! - Math.exp(Math.sin(2)));
  };
  const slope = Math.log2(errorOf(40) / errorOf(80));
  assert.ok(slope > 3.9 && slope < 4.1, `order ${slope}`);
  const stiff = integrate((_, y, d) => (d[0] = -1e6 * y[0]!), Float64Array.of(1), 0, 1, 100);
  assert.match(refusalOf(stiff), "not_converged");
});

test("B4.1 growth of ln v equals the matrix exponential by squaring at every level", () => {
  const generator = inventory(20, 0.3, 50);
  const size = 41;
  const shift = 0.3 * 400;
  const dense = new Float64Array(size * size);
  for (let i = 0; i < size; i += 1) {
    dense[i * size + i] = shift - generator.killing[i]!;
    if (i + 1 < size) dense[i * size + i + 1] = generator.up[i]!;
    if (i > 0) dense[i * size + i - 1] = generator.down[i]!;
  }
  const exponential = certain(nonNegativeExponential(dense, size, 1));
  const h = new Float64Array(size);
  tridiagonalGrowth(generator).advance(h, 1);
  for (let i = 0; i < size; i += 1) {
    let sum = 0;
    for (let j = 0; j < size; j += 1) sum += exponential.entries[i * size + j]!;
    near(h[i]!, Math.log(sum) + exponential.logScale - shift, 1e-13, `level ${i}`);
  }
});

test("B4.1 growth over one span equals growth over its parts, from a steep start too", () => {
  const generator = inventory(30, 2, 5);
  for (const penalty of [0, 0.5, 40]) {
    const whole = Float64Array.from({ length: 61 }, (_, i) => -penalty * (i - 30) ** 2);
    const parts = whole.slice();
    const growth = tridiagonalGrowth(generator);
    growth.advance(whole, 0.9);
    for (let part = 0; part < 9; part += 1) growth.advance(parts, 0.1);
    for (let i = 0; i < 61; i += 1) near(parts[i]!, whole[i]!, 1e-12, `level ${i}`);
  }
});

test("B4.1 growth from a steep start follows the shortest path of arrivals, however far it leads", () => {
  // v starts at 1 at the centre and (almost) nothing elsewhere: after a short time s the level n away
  // has grown to (rate * s)^n / n! to first order in s. At n = 900 that is 1e-8,577.
  for (const bound of [12, 120, 900]) {
    const generator = inventory(bound, 0, 1);
    const h = Float64Array.from({ length: 2 * bound + 1 }, (_, i) => (i === bound ? 0 : -1e7));
    const span = 1e-7;
    tridiagonalGrowth(generator).advance(h, span);
    let exact = 0;
    for (let n = 1; n <= bound; n += 1) {
      exact += Math.log(span / n);
      near(h[bound + n]!, exact, 1e-8, `level ${n}`);
      near(h[bound - n]!, exact, 1e-8, `level ${-n}`);
    }
  }
});

test("B4.2 the ground state is what growth tends to, tails included", () => {
  const generator = inventory(30, 0.3, 20);
  generator.up.fill(26, 0, 60);
  const ground = groundState(generator, 30);
  const h = new Float64Array(61);
  const growth = tridiagonalGrowth(generator);
  growth.advance(h, 20);
  const before = h[30]!;
  growth.advance(h, 1);
  near(before - h[30]!, ground.rate, 1e-11, "rate");
  for (let i = 0; i < 61; i += 1) {
    assert.ok(Math.abs(h[i]! - h[30]! - ground.h[i]!) < 1e-11, `level ${i}`);
  }
});

test("B4.2 a ground state far from the middle is found with its tails too", () => {
  // A drift of 12 per level moves the peak from level 30 to about 50, or on to the end.
  for (const [penalty, drift] of [
    [0.3, 12],
    [0.3, 40],
    [0.02, 0],
  ] as const) {
    const generator = inventory(30, penalty, 4);
    for (let i = 0; i < 61; i += 1) generator.killing[i]! -= drift * (i - 30);
    const ground = groundState(generator, 30);
    const h = new Float64Array(61);
    tridiagonalGrowth(generator).advance(h, 40);
    for (let i = 0; i < 61; i += 1) {
      const difference = h[i]! - h[30]! - ground.h[i]!;
      assert.ok(Math.abs(difference) < 1e-9, `level ${i}, drift ${drift}: ${difference}`);
    }
  }
});

test("B4.2 the spectral gap is that of a chain whose eigenvalues are known", () => {
  // Free arrivals on d levels: eigenvalues -2 cos(pi j / (d + 1)).
  const free = inventory(20, 0, 1);
  const { rate } = groundState(free, 20);
  near(rate, -2 * Math.cos(Math.PI / 42), 1e-13);
  const second = -2 * Math.cos((2 * Math.PI) / 42);
  near(spectralGap(free, rate), second - rate, 1e-11);
});

test("B4.1 a span so long that only the slowest mode is left equals its parts, and costs little", () => {
  const generator = inventory(40, 500, 7);
  const growth = tridiagonalGrowth(generator);
  const whole = Float64Array.from({ length: 81 }, (_, i) => -Math.abs(i - 55));
  const parts = whole.slice();
  // By the series alone the whole would take 800,000 * 1,000 terms.
  growth.advance(whole, 1_000);
  // Parts below the length from which the slowest mode is looked for.
  for (let part = 0; part < 40; part += 1) growth.advance(parts, 0.005);
  const { rate } = groundState(generator, 40);
  for (let i = 0; i < 81; i += 1) {
    const expected = parts[i]! - rate * (1_000 - 0.2);
    assert.ok(Math.abs(whole[i]! - expected) < 1e-11, `level ${i}`);
  }
});

test.run();
