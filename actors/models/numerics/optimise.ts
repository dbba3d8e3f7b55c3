import { failure, type ModelResult, refused } from "./failure.ts";
import { ok } from "../../kernel/result.ts";

/**
 * Roots and minima of functions of one and of several variables. The functions given may answer NaN
 * or infinity outside their domain: a minimiser takes it as "too high" and steps back; a root finder
 * refuses it.
 */
export interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  readonly iterations: number;
}

const notConverged = (
  what: string,
  why: string,
): { ok: false; failure: ReturnType<typeof failure> } =>
  refused(
    failure("not_converged", what, why, "start nearer to the answer, or allow more iterations"),
  );

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

/** Writes the gradient at x into `gradient`; returns the value there. */
export type Differentiable = (x: Float64Array, gradient: Float64Array) => number;

export interface LbfgsOptions {
  /** Pairs of steps that stand for the Hessian; default 10. */
  readonly memory?: number;
  /** Largest entry of the gradient at the end; default 1e-8. */
  readonly gradientTolerance?: number;
  /** Relative fall of the value that counts as none; default 1e-15. */
  readonly valueTolerance?: number;
  /** Default 500. */
  readonly iterations?: number;
}

/**
 * Minimum with gradients: L-BFGS (Liu and Nocedal 1989) with a line search for the strong Wolfe
 * conditions (Nocedal and Wright 2006, algorithms 3.5, 3.6 and 7.5). O(memory n) for each step.
 * It ends at a small gradient, or where the value falls no further in double precision.
 */
export function lbfgs(
  f: Differentiable,
  start: ArrayLike<number>,
  options: LbfgsOptions = {},
): ModelResult<Minimum> {
  const memory = options.memory ?? 10;
  const gradientTolerance = options.gradientTolerance ?? 1e-8;
  const valueTolerance = options.valueTolerance ?? 1e-15;
  const limit = options.iterations ?? 500;
  const n = start.length;
  let x: Float64Array = Float64Array.from(start);
  let gradient: Float64Array = new Float64Array(n);
  let value = f(x, gradient);
  if (!Number.isFinite(value)) {
    return refused(
      failure(
        "not_finite",
        `f at the start = ${value}`,
        "a search needs a finite value to fall from",
        "start inside the domain",
      ),
    );
  }
  const pairs: Pair[] = [];
  let still = 0;
  for (let iteration = 0; iteration < limit; iteration += 1) {
    if (largest(gradient) <= gradientTolerance) {
      return ok({ point: x, value, iterations: iteration });
    }
    let direction = twoLoop(pairs, gradient);
    let slope = dot(direction, gradient);
    if (!(slope < 0)) {
      pairs.length = 0;
      direction = gradient.map((one) => -one);
      slope = -dot(gradient, gradient);
    }
    const length = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    const found = strongWolfe(f, x, value, direction, slope, length);
    if (found === null) {
      if (pairs.length > 0) {
        pairs.length = 0;
        continue;
      }
      // Even steepest descent finds nothing lower: this is the floor of double precision, or f lies.
      return largest(gradient) <= Math.sqrt(gradientTolerance) * (1 + Math.abs(value))
        ? ok({ point: x, value, iterations: iteration })
        : notConverged("lbfgs", `no step lowers the value ${value}: is the gradient right?`);
    }
    const s = found.x.map((one, i) => one - x[i]!);
    const y = found.gradient.map((one, i) => one - gradient[i]!);
    const curvature = dot(s, y);
    if (curvature > 1e-300) {
      pairs.push({ s, y, rho: 1 / curvature });
      if (pairs.length > memory) pairs.shift();
    }
    const fall = value - found.value;
    x = found.x;
    gradient = found.gradient;
    value = found.value;
    still = fall <= valueTolerance * (Math.abs(value) + 1e-300) ? still + 1 : 0;
    if (still >= 3) return ok({ point: x, value, iterations: iteration + 1 });
  }
  return notConverged("lbfgs", `${limit} steps left a gradient of ${largest(gradient)}`);
}

interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly rho: number;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}

const largest = (a: Float64Array): number =>
  a.reduce((most, one) => Math.max(most, Math.abs(one)), 0);

function twoLoop(pairs: readonly Pair[], gradient: Float64Array): Float64Array {
  const q = gradient.map((one) => -one);
  const weights = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k -= 1) {
    const { s, y, rho } = pairs[k]!;
    weights[k] = rho * dot(s, q);
    for (let i = 0; i < q.length; i += 1) q[i]! -= weights[k]! * y[i]!;
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (let i = 0; i < q.length; i += 1) q[i]! *= scale;
  }
  for (let k = 0; k < pairs.length; k += 1) {
    const { s, y, rho } = pairs[k]!;
    const correction = weights[k]! - rho * dot(y, q);
    for (let i = 0; i < q.length; i += 1) q[i]! += correction * s[i]!;
  }
  return q;
}

interface Trial {
  readonly length: number;
  readonly x: Float64Array;
  readonly gradient: Float64Array;
  readonly value: number;
  readonly slope: number;
}

/** A step along `direction` with sufficient fall (1e-4) and flattened slope (0.9), or null. */
function strongWolfe(
  f: Differentiable,
  x: Float64Array,
  value: number,
  direction: Float64Array,
  slope: number,
  firstLength: number,
): Trial | null {
  const at = (length: number): Trial => {
    const point = x.map((one, i) => one + length * direction[i]!);
    const gradient = new Float64Array(x.length);
    const y = f(point, gradient);
    const finite = Number.isFinite(y) && gradient.every(Number.isFinite);
    return {
      length,
      x: point,
      gradient,
      value: finite ? y : Infinity,
      slope: finite ? dot(gradient, direction) : Infinity,
    };
  };
  const falls = (trial: Trial): boolean => trial.value <= value + 1e-4 * trial.length * slope;
  const flat = (trial: Trial): boolean => Math.abs(trial.slope) <= -0.9 * slope;
  let low: Trial = { length: 0, x, gradient: new Float64Array(0), value, slope };
  let high: Trial | null = null;
  let length = firstLength;
  for (let i = 0; i < 60; i += 1) {
    const trial = at(length);
    if (!falls(trial) || (low.length > 0 && trial.value >= low.value)) high = trial;
    else if (flat(trial)) return trial;
    else if (high === null ? trial.slope >= 0 : trial.slope * (high.length - low.length) >= 0) {
      high = low;
      low = trial;
    } else low = trial;
    if (high === null) length *= 2;
    else {
      if (Math.abs(high.length - low.length) <= 2 ** -50 * Math.max(high.length, low.length)) break;
      length = between(low, high);
    }
  }
  return low.length > 0 && low.value < value ? low : null;
}

/** Minimiser of the cubic through two trials, kept off the ends of the bracket. */
function between(low: Trial, high: Trial): number {
  const width = high.length - low.length;
  const middle = low.length + 0.5 * width;
  if (!Number.isFinite(high.value)) return middle;
  const d1 = low.slope + high.slope - (3 * (low.value - high.value)) / (low.length - high.length);
  const root = d1 * d1 - low.slope * high.slope;
  if (!(root >= 0)) return middle;
  const d2 = Math.sign(width) * Math.sqrt(root);
  const cubic = high.length - (width * (high.slope + d2 - d1)) / (high.slope - low.slope + 2 * d2);
  const share = (cubic - low.length) / width;
  return share > 0.1 && share < 0.9 ? cubic : middle;
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
