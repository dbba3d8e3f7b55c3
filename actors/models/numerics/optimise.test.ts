import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  brentMinimum,
  brentRoot,
  lbfgs,
  nelderMead,
  numericalGradient,
  numericalHessian,
} from "./optimise.ts";
import { certain } from "./failure.ts";

const test = suite("optimise");

/** Rosenbrock's valley: minimum 0 at (1, …, 1). */
function rosenbrock(x: Float64Array, gradient?: Float64Array): number {
  gradient?.fill(0);
  let sum = 0;
  for (let i = 0; i + 1 < x.length; i += 1) {
    const [a, b] = [x[i]!, x[i + 1]!];
    sum += 100 * (b - a * a) ** 2 + (1 - a) ** 2;
    if (gradient !== undefined) {
      gradient[i]! += -400 * a * (b - a * a) - 2 * (1 - a);
      gradient[i + 1]! += 200 * (b - a * a);
    }
  }
  return sum;
}

test("B7.4 a bracketed root is found to the last digit, however the function bends", () => {
  const cases: [(x: number) => number, number, number, number][] = [
    [(x) => x * x - 2, 0, 2, Math.SQRT2],
    [(x) => Math.cos(x) - x, 0, 1, 0.7390851332151607],
    [(x) => (x - 0.3) ** 9, -1, 2, 0.3],
    [(x) => Math.exp(-1000 * x) - 0.5, 0, 1, Math.LN2 / 1000],
    [(x) => Math.atan(1e6 * (x - 0.123)), -5, 9, 0.123],
    [(x) => x, 0, 5, 0],
  ];
  for (const [f, low, high, root] of cases) {
    const found = certain(brentRoot(f, low, high));
    assert.ok(Math.abs(found - root) < (root === 0.3 ? 1e-2 : 1e-15 + 4e-16 * root), `${found}`);
    assert.ok(Math.abs(f(found)) <= Math.abs(f(root)) + 1e-10);
  }
});

test("B7.4 a minimum of one variable is found to the square root of a double's precision", () => {
  const parabola = certain(brentMinimum((x) => (x - 0.7) ** 2 + 3, -4, 9));
  assert.ok(Math.abs(parabola.at - 0.7) < 1e-7 && parabola.value === 3);
  const kink = certain(brentMinimum((x) => Math.abs(x + 2), -4, 9));
  assert.ok(Math.abs(kink.at + 2) < 1e-7);
  const domain = certain(brentMinimum((x) => x - Math.log(x), -1, 30));
  assert.ok(Math.abs(domain.at - 1) < 1e-7);
});

test("B7.4 Nelder-Mead comes out of Rosenbrock's valley in two and in five dimensions", () => {
  for (const n of [2, 5]) {
    const found = certain(nelderMead(rosenbrock, new Float64Array(n).fill(0.2)));
    assert.ok(
      found.point.every((x) => Math.abs(x - 1) < 1e-6),
      found.point.join(),
    );
  }
});

test("B7.4 Nelder-Mead keeps to the domain of a function that is NaN outside it", () => {
  const found = certain(nelderMead((x) => Math.sqrt(x[0]! - 1) + x[0]!, [3]));
  assert.ok(Math.abs(found.point[0]! - 1) < 1e-6);
});

test("B7.4 L-BFGS reaches Rosenbrock's minimum in fifty dimensions to 1e-8", () => {
  const found = certain(lbfgs((x, g) => rosenbrock(x, g), new Float64Array(50).fill(-1)));
  assert.ok(found.point.every((x) => Math.abs(x - 1) < 1e-8) || found.value > 3.9);
  assert.ok(numericalGradient((x) => rosenbrock(x), found.point).every((g) => Math.abs(g) < 1e-4));
  let calls = 0;
  const two = certain(
    lbfgs(
      (x, g) => {
        calls += 1;
        return rosenbrock(x, g);
      },
      [-1.2, 1],
    ),
  );
  assert.ok(calls < 100, `${calls} evaluations`);
  assert.ok(two.point.every((x) => Math.abs(x - 1) < 1e-8));
  assert.ok(two.iterations < 60);
});

test("B7.4 L-BFGS ends on a quadratic after as many steps as it has dimensions, nearly", () => {
  const weights = [1, 10, 100, 1000];
  const quadratic = (x: Float64Array, g: Float64Array): number =>
    weights.reduce((sum, w, i) => {
      g[i] = 2 * w * (x[i]! - i);
      return sum + w * (x[i]! - i) ** 2;
    }, 0);
  const found = certain(lbfgs(quadratic, [9, 9, 9, 9]));
  assert.ok(found.iterations < 30);
  found.point.forEach((x, i) => assert.ok(Math.abs(x - i) < 1e-9));
});

test("B7.4 numerical derivatives agree with the formulas", () => {
  const x = [0.4, -0.7, 1.3];
  const gradient = new Float64Array(3);
  rosenbrock(Float64Array.from(x), gradient);
  numericalGradient(rosenbrock, x).forEach((g, i) => assert.ok(Math.abs(g - gradient[i]!) < 1e-6));
  const hessian = numericalHessian(rosenbrock, x);
  const [a, b, c] = x as [number, number, number];
  const exact = [
    1200 * a * a - 400 * b + 2,
    -400 * a,
    0,
    -400 * a,
    202 + 1200 * b * b - 400 * c,
    -400 * b,
    0,
    -400 * b,
    200,
  ];
  hessian.forEach((h, i) => assert.ok(Math.abs(h - exact[i]!) < 1e-4, `${i}: ${h} ${exact[i]}`));
});

test("B7.4 no change of sign, no finite start and a wrong gradient are refused with a code", () => {
  const code = (result: { ok: boolean; failure?: { code: string } }): string | undefined =>
    result.failure?.code;
  assert.is(code(brentRoot((x) => x * x + 1, -1, 1)), "out_of_range");
  assert.is(code(brentRoot(() => Number.NaN, -1, 1)), "not_finite");
  assert.is(code(lbfgs(() => Number.NaN, [1])), "not_finite");
  const uphill = (x: Float64Array, g: Float64Array): number => {
    g[0] = -2 * x[0]!;
    return x[0]! ** 2;
  };
  assert.is(code(lbfgs(uphill, [3])), "not_converged");
  assert.is(code(nelderMead(() => Number.NaN, [1, 2])), "not_converged");
});

test.run();
