import { ok } from "../../kernel/result.ts";
import { failure, type ModelResult, refused } from "./failure.ts";

export interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  readonly iterations: number;
}

/** What a search says that did not come to its end. */
export const notConverged = (
  what: string,
  why: string,
): { ok: false; failure: ReturnType<typeof failure> } =>
  refused(
    failure("not_converged", what, why, "start nearer to the answer, or allow more iterations"),
  );

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
