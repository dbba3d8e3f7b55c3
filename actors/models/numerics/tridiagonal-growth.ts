/**
 * dv_i/ds = -killing_i v_i + up_i v_{i+1} + down_i v_{i-1} with up, down >= 0 and v > 0: the linear
 * equation behind the market-making models, i an inventory and s the time that is left. Held as h = ln v,
 * because v spans hundreds of orders of magnitude. One step writes v = e^g u with g >= h near h and sums
 * the Taylor series of the shifted, non-negative generator in u: all terms are positive, nothing cancels,
 * and every level keeps its relative accuracy. O(d * norm * s), norm about the spread of the killing rates.
 */
import { allFinite, type Check, failure, firstFailure, sameLength } from "./failure.ts";

export interface Tridiagonal {
  /** Per unit of time, any sign. */
  readonly killing: Float64Array;
  /** Weight of the level above, >= 0; the last one is 0. */
  readonly up: Float64Array;
  /** Weight of the level below, >= 0; the first one is 0. */
  readonly down: Float64Array;
}

/** Codes: wrong_shape, not_finite, out_of_range. */
export function tridiagonalCheck({ killing, up, down }: Tridiagonal): Check {
  const wrong = firstFailure(
    sameLength("up", up, "killing", killing),
    sameLength("down", down, "killing", killing),
    allFinite("killing", killing),
    allFinite("up", up),
    allFinite("down", down),
  );
  if (wrong !== null) return wrong;
  const negative = up.some((value) => value < 0) || down.some((value) => value < 0);
  if (negative || up.at(-1) !== 0 || down[0] !== 0) {
    return failure(
      "out_of_range",
      "up or down",
      "weights must be 0 or more, and 0 beyond the ends",
      "give rates of events as weights",
    );
  }
  return null;
}

/** Growth of one step stays below e^this: far from overflow, and few terms per unit of growth. */
const STEP_NORM = 200;
/** What the series leaves out, as a share of the smallest level's sum. */
const TRUNCATION = 1e-17;

export interface Growth {
  /** Advances h = ln v by `span` >= 0, in place. Allocates nothing. */
  advance(h: Float64Array, span: number): void;
}

/** The generator must have passed tridiagonalCheck; its arrays are read at each step. */
export function tridiagonalGrowth({ killing, up, down }: Tridiagonal): Growth {
  const size = killing.length;
  const last = size - 1;
  const reference = new Float64Array(size);
  const stay = new Float64Array(size);
  const rise = new Float64Array(size);
  const fall = new Float64Array(size);
  const sum = new Float64Array(size);
  let term = new Float64Array(size);
  let next = new Float64Array(size);
  let shift = 0;
  let norm = 0;

  /**
   * The reference g >= h whose steps no flow crosses faster than `fastest`: where h is steeper (a heavy
   * penalty at the end), u = e^(h - g) starts below 1, and what its neighbours send it soon exceeds it.
   * Answers whether g differs from h.
   */
  const refer = (h: Float64Array, fastest: number): boolean => {
    const slope = (weight: number): number => Math.log(Math.max(2, fastest / weight));
    for (let i = 0; i < size; i += 1) {
      const carried = i > 0 ? reference[i - 1]! - slope(down[i]!) : h[i]!;
      reference[i] = Math.max(h[i]!, carried);
    }
    let lifted = false;
    for (let i = last; i >= 0; i -= 1) {
      const carried = i < last ? reference[i + 1]! - slope(up[i]!) : h[i]!;
      if (carried > reference[i]!) reference[i] = carried;
      if (reference[i]! > h[i]!) lifted = true;
    }
    return lifted;
  };

  /** The generator seen by u; the largest row sum bounds the growth of u. */
  const balance = (): void => {
    norm = 0;
    for (let i = 0; i < size; i += 1) {
      const above = i < last ? up[i]! : 0;
      const below = i > 0 ? down[i]! : 0;
      stay[i] = shift - killing[i]!;
      rise[i] = above > 0 ? above * Math.exp(reference[i + 1]! - reference[i]!) : 0;
      fall[i] = below > 0 ? below * Math.exp(reference[i - 1]! - reference[i]!) : 0;
      norm = Math.max(norm, stay[i]! + rise[i]! + fall[i]!);
    }
  };

  const fillNext = (factor: number): void => {
    next[0] = factor * (stay[0]! * term[0]! + (last > 0 ? rise[0]! * term[1]! : 0));
    for (let i = 1; i < last; i += 1) {
      next[i] = factor * (stay[i]! * term[i]! + rise[i]! * term[i + 1]! + fall[i]! * term[i - 1]!);
    }
    if (last > 0) next[last] = factor * (stay[last]! * term[last]! + fall[last]! * term[last - 1]!);
  };

  /** Sums the series; at least `orders` terms, so that each level has heard of every other one. */
  const series = (span: number, orders: number): void => {
    const reach = norm * span;
    for (let order = 1; ; order += 1) {
      fillNext(span / order);
      let largest = 0;
      let smallest = Number.POSITIVE_INFINITY;
      for (let i = 0; i < size; i += 1) {
        const value = next[i]!;
        const total = sum[i]! + value;
        sum[i] = total;
        if (value > largest) largest = value;
        if (total < smallest) smallest = total;
      }
      [term, next] = [next, term];
      const falling = 1 - reach / (order + 1);
      if (order >= orders && falling > 0 && largest <= TRUNCATION * smallest * falling) return;
      if (largest === 0 && order >= orders) return;
    }
  };

  return {
    advance(h, span) {
      shift = killing[0]!;
      let slowest = shift;
      let flow = 0;
      for (let i = 0; i < size; i += 1) {
        shift = Math.max(shift, killing[i]!);
        slowest = Math.min(slowest, killing[i]!);
        flow = Math.max(flow, up[i]! + down[i]!);
      }
      for (let left = span; left > 0; ) {
        const lifted = refer(h, shift - slowest + flow);
        balance();
        const taken = norm * left <= STEP_NORM ? left : STEP_NORM / norm;
        for (let i = 0; i < size; i += 1) sum[i] = lifted ? Math.exp(h[i]! - reference[i]!) : 1;
        term.set(sum);
        series(taken, lifted ? size : 1);
        for (let i = 0; i < size; i += 1) {
          h[i] = reference[i]! + Math.log(sum[i]!) - shift * taken;
        }
        left -= taken;
      }
    },
  };
}

/** h = ln of the ground state (0 at `centre`) and the slowest rate: v ~ exp(-rate s) e^h. */
export interface GroundState {
  readonly h: Float64Array;
  readonly rate: number;
}

/**
 * The positive eigenvector of the smallest eigenvalue, by bisection on the eigenvalue and ratios of
 * neighbours from both ends inwards: each ratio is positive, and the tails keep their relative accuracy.
 * All inner weights must be positive. O(d * 120).
 */
export function groundState({ killing, up, down }: Tridiagonal, centre: number): GroundState {
  const size = killing.length;
  // above[i] = v_i / v_{i-1} for i > centre, below[i] = v_i / v_{i+1} for i < centre.
  const ratio = new Float64Array(size);
  /** The centre's own equation, falling in `rate`; negative too when a pivot is: the rate is too large. */
  const defect = (rate: number): number => {
    for (let i = size - 1; i > centre; i -= 1) {
      const pivot = killing[i]! - rate - (i + 1 < size ? up[i]! * ratio[i + 1]! : 0);
      if (!(pivot > 0)) return -1;
      ratio[i] = down[i]! / pivot;
    }
    for (let i = 0; i < centre; i += 1) {
      const pivot = killing[i]! - rate - (i > 0 ? down[i]! * ratio[i - 1]! : 0);
      if (!(pivot > 0)) return -1;
      ratio[i] = up[i]! / pivot;
    }
    const fromAbove = centre + 1 < size ? up[centre]! * ratio[centre + 1]! : 0;
    const fromBelow = centre > 0 ? down[centre]! * ratio[centre - 1]! : 0;
    return killing[centre]! - rate - fromAbove - fromBelow;
  };
  let low = Number.POSITIVE_INFINITY;
  let high = Number.POSITIVE_INFINITY;
  for (let i = 0; i < size; i += 1) {
    // The bound of Gershgorin for the symmetric matrix of the same eigenvalues, and a diagonal entry.
    const above = i + 1 < size ? Math.sqrt(up[i]! * down[i + 1]!) : 0;
    const below = i > 0 ? Math.sqrt(down[i]! * up[i - 1]!) : 0;
    low = Math.min(low, killing[i]! - above - below);
    high = Math.min(high, killing[i]!);
  }
  low -= 1e-12 * (1 + Math.abs(low));
  for (let halving = 0; halving < 120; halving += 1) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (defect(middle) > 0) low = middle;
    else high = middle;
  }
  defect(low);
  const h = new Float64Array(size);
  for (let i = centre + 1; i < size; i += 1) h[i] = h[i - 1]! + Math.log(ratio[i]!);
  for (let i = centre - 1; i >= 0; i -= 1) h[i] = h[i + 1]! + Math.log(ratio[i]!);
  return { h, rate: low };
}
