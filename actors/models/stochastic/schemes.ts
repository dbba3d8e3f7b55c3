/**
 * Schemes for a scalar Ito equation dX = f(X, t) dt + g(X, t) dW. A step takes the Brownian increment, so that
 * schemes can be compared on one path and with an exact solution. Time in any unit, the increment in its square
 * root. Strong order is that of the mean absolute error at a fixed time, weak order that of the error of means.
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import { unreachable } from "../../kernel/result.ts";
import {
  type Check,
  failure,
  finite,
  firstFailure,
  type ModelResult,
  refused,
  strictlySorted,
} from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";

export interface StochasticEquation {
  /** f. */
  readonly drift: (x: number, time: number) => number;
  /** g. */
  readonly diffusion: (x: number, time: number) => number;
  /** dg/dx; needed by milstein only. */
  readonly diffusionSlope?: (x: number, time: number) => number;
}

export type Scheme = "euler" | "milstein" | "runge-kutta-milstein" | "sri1w1";

/** x + f h + g dW: strong order 0.5, weak order 1 (Maruyama 1955; Kloeden & Platen 1992, equation 10.2.4). */
export function eulerStep(
  equation: StochasticEquation,
  x: number,
  time: number,
  h: number,
  increment: number,
): number {
  return x + equation.drift(x, time) * h + equation.diffusion(x, time) * increment;
}

/** Euler + g g' (dW^2 - h) / 2: strong order 1 (Milstein 1974; Kloeden & Platen, equation 10.3.1). */
export function milsteinStep(
  equation: StochasticEquation & Required<Pick<StochasticEquation, "diffusionSlope">>,
  x: number,
  time: number,
  h: number,
  increment: number,
): number {
  const g = equation.diffusion(x, time);
  const correction = 0.5 * g * equation.diffusionSlope(x, time) * (increment * increment - h);
  return x + equation.drift(x, time) * h + g * increment + correction;
}

/**
 * Milstein without a derivative: (g(x + f h + g sqrt h) - g(x)) (dW^2 - h) / (2 sqrt h) in its place, strong order 1
 * (Kloeden & Platen, equation 11.1.3).
 */
export function rungeKuttaMilsteinStep(
  equation: StochasticEquation,
  x: number,
  time: number,
  h: number,
  increment: number,
): number {
  const f = equation.drift(x, time);
  const g = equation.diffusion(x, time);
  const root = Math.sqrt(h);
  const support = equation.diffusion(x + f * h + g * root, time);
  return x + f * h + g * increment + ((support - g) * (increment * increment - h)) / (2 * root);
}

/**
 * SRI1W1 of Roessler, SIAM J. Numerical Analysis 48 (2010), table 6.3: strong order 1.5. `area` is I_10, the integral of
 * W - W(t) over the step: h (dW + xi sqrt(h / 3)) / 2 with an independent standard normal xi.
 */
export function sri1w1Step(
  { drift, diffusion }: StochasticEquation,
  x: number,
  time: number,
  h: number,
  increment: number,
  area: number,
): number {
  const root = Math.sqrt(h);
  const double = (increment * increment - h) / (2 * root);
  const single = area / h;
  const triple = (increment ** 3 - 3 * h * increment) / (6 * h);
  const f1 = drift(x, time);
  const g1 = diffusion(x, time);
  const f2 = drift(x + 0.75 * f1 * h + 1.5 * g1 * single, time + 0.75 * h);
  const g2 = diffusion(x + 0.25 * f1 * h + 0.5 * g1 * root, time + 0.25 * h);
  const g3 = diffusion(x + f1 * h - g1 * root, time + h);
  // The third stage of the drift is at x itself, so that f1 stands for it here.
  const g4 = diffusion(x + 0.25 * f1 * h + root * (-5 * g1 + 3 * g2 + 0.5 * g3), time + 0.25 * h);
  return (
    x +
    h * (f1 / 3 + (2 * f2) / 3) +
    g1 * (-increment - double + 2 * single - 2 * triple) +
    (g2 * (4 * increment + 4 * double - 4 * single + 5 * triple)) / 3 +
    (g3 * (2 * increment - double - 2 * single - 2 * triple)) / 3 +
    g4 * triple
  );
}

/** One step of a scheme; the area is used by sri1w1 only. */
export function step(
  equation: StochasticEquation,
  scheme: Scheme,
  x: number,
  time: number,
  h: number,
  increment: number,
  area: number,
): number {
  switch (scheme) {
    case "euler":
      return eulerStep(equation, x, time, h, increment);
    case "milstein":
      return milsteinStep(equation as Parameters<typeof milsteinStep>[0], x, time, h, increment);
    case "runge-kutta-milstein":
      return rungeKuttaMilsteinStep(equation, x, time, h, increment);
    case "sri1w1":
      return sri1w1Step(equation, x, time, h, increment, area);
    default:
      return unreachable(scheme);
  }
}

function pathCheck(
  equation: StochasticEquation,
  scheme: Scheme,
  start: number,
  grid: Float64Array,
): Check {
  if (scheme === "milstein" && equation.diffusionSlope === undefined) {
    return failure(
      "wrong_shape",
      "milstein without the derivative of the diffusion",
      "its correction needs dg/dx",
      "give diffusionSlope, or use runge-kutta-milstein",
    );
  }
  return firstFailure(finite("start", start), strictlySorted("grid", grid));
}

/**
 * A path on a grid of rising times, its values written beside them into `out` (same length; out[0] = start). One
 * normal number a step, two for sri1w1. `brownian`, if given, gets W at the times. O(steps), no allocation.
 * Failures: wrong_shape, not_finite (also: a path that left the numbers), unsorted.
 */
export function integratePath(
  equation: StochasticEquation,
  scheme: Scheme,
  start: number,
  grid: Float64Array,
  random: Randomness,
  out: Float64Array,
  brownian: Float64Array | null = null,
): ModelResult<Float64Array> {
  const wrong = pathCheck(equation, scheme, start, grid);
  if (wrong !== null) return refused(wrong);
  if (out.length !== grid.length || (brownian?.length ?? grid.length) !== grid.length) {
    return refused(
      failure(
        "wrong_shape",
        `room for ${out.length} values of ${grid.length} times`,
        "each time has one value",
        "give arrays of the grid's length",
      ),
    );
  }
  if (grid.length === 0) return { ok: true, value: out };
  let [x, w] = [start, 0];
  out[0] = x;
  if (brownian !== null) brownian[0] = 0;
  for (let k = 1; k < grid.length; k += 1) {
    const h = grid[k]! - grid[k - 1]!;
    const root = Math.sqrt(h);
    const increment = root * standardNormal(random);
    const area =
      scheme === "sri1w1"
        ? 0.5 * h * (increment + (root * standardNormal(random)) / Math.sqrt(3))
        : 0;
    x = step(equation, scheme, x, grid[k - 1]!, h, increment, area);
    w += increment;
    out[k] = x;
    if (brownian !== null) brownian[k] = w;
  }
  if (!Number.isFinite(x)) {
    return refused(
      failure(
        "not_finite",
        `the path ends at ${x}`,
        "the scheme left the numbers: it is unstable at this step",
        "use smaller steps, or an exact transition",
      ),
    );
  }
  return { ok: true, value: out };
}
