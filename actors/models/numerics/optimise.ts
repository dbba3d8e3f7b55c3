import { ok } from "../../kernel/result.ts";
import { failure, type ModelResult, refused } from "./failure.ts";
import { type Minimum, notConverged } from "./lbfgs.ts";

/**
 * Roots and minima of functions of one and of several variables. The functions given may answer NaN
 * or infinity outside their domain: a minimiser takes it as "too high" and steps back; a root finder
 * refuses it. With gradients: lbfgs.ts, which is exported from here too.
 */
export { type Differentiable, lbfgs, type LbfgsOptions, type Minimum } from "./lbfgs.ts";

/**
 * Root of f in [low, high], where its signs differ, to `tolerance` in x (default: the spacing of
 * doubles). Brent, "Algorithms for Minimization without Derivatives" (1973), chapter 4; at worst the
 * square of bisection's steps. Fails with not_finite, out_of_range (no change of sign), not_converged.
 */
export function brentRoot(
  f: (x: number) => number,
  low: number,
  high: number,
  tolerance = 0,
): ModelResult<number> {
  let a = low;
  let b = high;
  let fa = f(a);
  let fb = f(b);
  if (!Number.isFinite(fa) || !Number.isFinite(fb)) {
    return refused(
      failure(
        "not_finite",
        `f(${low}) = ${fa}, f(${high}) = ${fb}`,
        "the function must be finite at both ends",
        "narrow the bracket",
      ),
    );
  }
  if (fa * fb > 0) {
    return refused(
      failure(
        "out_of_range",
        `f(${low}) = ${fa}, f(${high}) = ${fb}`,
        "a root is bracketed only where the signs differ",
        "widen the bracket",
      ),
    );
  }
  let c = a;
  let fc = fa;
  let step = b - a;
  let before = step;
  for (let i = 0; i < 200; i += 1) {
    if (Math.abs(fc) < Math.abs(fb)) {
      [a, b, c] = [b, c, b];
      [fa, fb, fc] = [fb, fc, fb];
    }
    const least = 2 * 2 ** -52 * Math.abs(b) + 0.5 * tolerance;
    const middle = 0.5 * (c - b);
    if (Math.abs(middle) <= least || fb === 0) return ok(b);
    if (Math.abs(before) >= least && Math.abs(fa) > Math.abs(fb)) {
      const jump = interpolated(a, b, c, fa, fb, fc);
      const accepted = Math.abs(jump) < Math.min(1.5 * Math.abs(middle), 0.5 * Math.abs(before));
      before = accepted && jump * middle > 0 ? step : middle;
      step = accepted && jump * middle > 0 ? jump : middle;
    } else {
      step = middle;
      before = middle;
    }
    a = b;
    fa = fb;
    b += Math.abs(step) > least ? step : Math.sign(middle) * least;
    fb = f(b);
    if (Number.isNaN(fb)) {
      return refused(
        failure("not_finite", `f(${b})`, "the function must be a number", "narrow the bracket"),
      );
    }
    if (fb * fc > 0) {
      c = a;
      fc = fa;
      step = b - a;
      before = step;
    }
  }
  return notConverged(`brentRoot in [${low}, ${high}]`, "200 steps did not meet the tolerance");
}

/** The step from b by the secant, or by inverse quadratic interpolation through three points. */
function interpolated(a: number, b: number, c: number, fa: number, fb: number, fc: number): number {
  const s = fb / fa;
  if (a === c) return ((c - b) * s) / (1 - s);
  const q = fa / fc;
  const r = fb / fc;
  return -(s * ((c - b) * q * (q - r) - (b - a) * (r - 1))) / ((q - 1) * (r - 1) * (s - 1));
}

/**
 * Minimum of a unimodal f on [low, high]: golden section with parabolic steps (Brent 1973,
 * chapter 5). `tolerance` is relative to x and not below 1.5e-8, the square root of a double's.
 */
export function brentMinimum(
  f: (x: number) => number,
  low: number,
  high: number,
  tolerance = 1.5e-8,
): ModelResult<{ readonly at: number; readonly value: number }> {
  const golden = 0.5 * (3 - Math.sqrt(5));
  const value = (x: number): number => {
    const y = f(x);
    return Number.isNaN(y) ? Infinity : y;
  };
  let a = low;
  let b = high;
  let x = a + golden * (b - a);
  let fx = value(x);
  let [w, v, fw, fv] = [x, x, fx, fx];
  let step = 0;
  let before = 0;
  for (let i = 0; i < 500; i += 1) {
    const middle = 0.5 * (a + b);
    const least = tolerance * Math.abs(x) + 1e-300;
    if (Math.abs(x - middle) <= 2 * least - 0.5 * (b - a)) {
      return Number.isFinite(fx)
        ? ok({ at: x, value: fx })
        : notConverged(`brentMinimum in [${low}, ${high}]`, "no finite value was met");
    }
    let parabola = Number.NaN;
    if (Math.abs(before) > least) {
      const r = (x - w) * (fx - fv);
      const q = (x - v) * (fx - fw);
      parabola = -((x - v) * q - (x - w) * r) / (2 * (q - r));
    }
    const target = x + parabola;
    if (Math.abs(parabola) < 0.5 * Math.abs(before) && target > a && target < b) {
      before = step;
      step = parabola;
      if (target - a < 2 * least || b - target < 2 * least) step = x < middle ? least : -least;
    } else {
      before = x < middle ? b - x : a - x;
      step = golden * before;
    }
    const u = x + (Math.abs(step) >= least ? step : Math.sign(step) * least);
    const fu = value(u);
    if (fu <= fx) {
      if (u < x) b = x;
      else a = x;
      [v, w, x] = [w, x, u];
      [fv, fw, fx] = [fw, fx, fu];
    } else {
      if (u < x) a = u;
      else b = u;
      if (fu <= fw || w === x) [v, w, fv, fw] = [w, u, fw, fu];
      else if (fu <= fv || v === x || v === w) [v, fv] = [u, fu];
    }
  }
  return notConverged(`brentMinimum in [${low}, ${high}]`, "500 steps did not meet the tolerance");
}

export interface NelderMeadOptions {
  /** Edge of the first simplex along each axis; default 5 % of the start, 0.00025 where that is 0. */
  readonly steps?: ArrayLike<number>;
  /** Largest spread of values over the simplex at the end; default 1e-12 relative. */
  readonly valueTolerance?: number;
  /** Largest distance of its corners at the end; default 1e-9 relative. */
  readonly pointTolerance?: number;
  /** Default 2000 per dimension. */
  readonly iterations?: number;
}

/**
 * Minimum without derivatives (Nelder and Mead 1965), with the coefficients of Gao and Han (2012)
 * that adapt to the dimension, and one restart around the answer, which undoes a collapsed simplex.
 */
export function nelderMead(
  f: (x: Float64Array) => number,
  start: ArrayLike<number>,
  options: NelderMeadOptions = {},
): ModelResult<Minimum> {
  const first = simplexSearch(f, start, options);
  if (!first.ok) return first;
  const again = simplexSearch(f, first.value.point, options);
  return again.ok && again.value.value <= first.value.value ? again : first;
}

function simplexSearch(
  f: (x: Float64Array) => number,
  start: ArrayLike<number>,
  options: NelderMeadOptions,
): ModelResult<Minimum> {
  const n = start.length;
  const value = (x: Float64Array): number => {
    const y = f(x);
    return Number.isNaN(y) ? Infinity : y;
  };
  const corners = Array.from({ length: n + 1 }, (_, corner) => {
    const x = Float64Array.from(start);
    if (corner > 0) {
      const axis = corner - 1;
      x[axis]! += options.steps?.[axis] ?? (x[axis] === 0 ? 0.00025 : 0.05 * x[axis]!);
    }
    return { x, y: value(x) };
  });
  const limit = (options.iterations ?? 2000) * n;
  const many = Math.max(n, 2);
  const along = (from: Float64Array, centre: Float64Array, by: number) => {
    const x = centre.map((middle, i) => middle + by * (from[i]! - middle));
    return { x, y: value(x) };
  };
  for (let iteration = 0; iteration < limit; iteration += 1) {
    corners.sort((one, other) => one.y - other.y);
    const best = corners[0]!;
    const worst = corners[n]!;
    const spread = Math.max(
      ...corners.map(({ x }) =>
        x.reduce((most, one, i) => Math.max(most, Math.abs(one - best.x[i]!)), 0),
      ),
    );
    const size = best.x.reduce((most, one) => Math.max(most, Math.abs(one)), 1);
    if (
      worst.y - best.y <= (options.valueTolerance ?? 1e-12) * (1 + Math.abs(best.y)) &&
      spread <= (options.pointTolerance ?? 1e-9) * size
    ) {
      return ok({ point: best.x, value: best.y, iterations: iteration });
    }
    if (best.y === Infinity) break;
    const centre = new Float64Array(n);
    for (const { x } of corners.slice(0, n)) x.forEach((one, i) => (centre[i]! += one / n));
    const reflected = along(worst.x, centre, -1);
    if (reflected.y < best.y) {
      const expanded = along(worst.x, centre, -(1 + 2 / many));
      corners[n] = expanded.y < reflected.y ? expanded : reflected;
    } else if (reflected.y < corners[n - 1]!.y) {
      corners[n] = reflected;
    } else {
      const inward = 0.75 - 1 / (2 * many);
      const contracted = along(worst.x, centre, reflected.y < worst.y ? -inward : inward);
      if (contracted.y < Math.min(reflected.y, worst.y)) corners[n] = contracted;
      else {
        for (let k = 1; k <= n; k += 1) corners[k] = along(corners[k]!.x, best.x, 1 - 1 / many);
      }
    }
  }
  return notConverged(
    `nelderMead from (${Array.from(start).join(", ")})`,
    `${limit} steps did not meet the tolerances, or no value was finite`,
  );
}

/** Central differences of f at x, steps of eps^(1/3) relative. 2 n values; error about 1e-10. */
export function numericalGradient(
  f: (x: Float64Array) => number,
  x: ArrayLike<number>,
): Float64Array {
  const at = Float64Array.from(x);
  return Float64Array.from(at, (one, i) => {
    const step = Math.cbrt(2 ** -52) * Math.max(1, Math.abs(one));
    at[i] = one + step;
    const above = f(at);
    at[i] = one - step;
    const below = f(at);
    at[i] = one;
    return (above - below) / (2 * step);
  });
}

/**
 * Hessian by central differences, rows first (n x n). `scales` gives the size of each coordinate that
 * matters (default max(|x|, 0.001)); step eps^(1/4) of it. 2 n^2 + 1 values; error about 1e-7.
 */
export function numericalHessian(
  f: (x: Float64Array) => number,
  x: ArrayLike<number>,
  scales?: ArrayLike<number>,
): Float64Array {
  const at = Float64Array.from(x);
  const n = at.length;
  const h = at.map((one, i) => 2 ** -13 * (scales?.[i] ?? Math.max(Math.abs(one), 1e-3)));
  const moved = (i: number, by: number, j: number, byJ: number): number => {
    const copy = Float64Array.from(at);
    copy[i]! += by;
    copy[j]! += byJ;
    return f(copy);
  };
  const centre = f(at);
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) {
    const hi = h[i]!;
    out[i * n + i] = (moved(i, hi, i, 0) - 2 * centre + moved(i, -hi, i, 0)) / (hi * hi);
    for (let j = 0; j < i; j += 1) {
      const hj = h[j]!;
      const mixed =
        (moved(i, hi, j, hj) -
          moved(i, hi, j, -hj) -
          moved(i, -hi, j, hj) +
          moved(i, -hi, j, -hj)) /
        (4 * hi * hj);
      out[i * n + j] = mixed;
      out[j * n + i] = mixed;
    }
  }
  return out;
}
