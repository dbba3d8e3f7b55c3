/**
 * The slowest mode of dv_i/ds = -killing_i v_i + up_i v_{i+1} + down_i v_{i-1} with up, down >= 0: what v
 * tends to when much time is left. Ratios of neighbours are found from both ends inwards, so that each is
 * positive and levels that are 1e-300 of the largest keep their relative accuracy.
 */
import type { Tridiagonal } from "./tridiagonal-growth.ts";

/** h = ln of the ground state (0 at `centre`) and the slowest rate: v ~ exp(-rate s) e^h. */
export interface GroundState {
  readonly h: Float64Array;
  readonly rate: number;
}

/**
 * The positive eigenvector of the smallest eigenvalue, by bisection on the eigenvalue and ratios of
 * neighbours from both ends inwards to its largest level: each ratio is positive, and the tails keep their
 * relative accuracy. All inner weights must be positive. O(d * 120) for each place the peak is looked for.
 */
export function groundState(generator: Tridiagonal, centre: number): GroundState {
  let peak = indexOfLeast(generator.killing);
  let found = matchedAt(generator, peak);
  // Past the peak the ratios would be found in their unstable direction: meet there.
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const highest = indexOfGreatest(found.h);
    if (highest === peak) break;
    peak = highest;
    found = matchedAt(generator, peak);
  }
  const { h, rate } = found;
  const level = h[centre]!;
  for (let i = 0; i < h.length; i += 1) h[i]! -= level;
  return { h, rate };
}

function indexOfLeast(values: Float64Array): number {
  let least = 0;
  for (let i = 1; i < values.length; i += 1) if (values[i]! < values[least]!) least = i;
  return least;
}

function indexOfGreatest(values: Float64Array): number {
  let greatest = 0;
  for (let i = 1; i < values.length; i += 1) if (values[i]! > values[greatest]!) greatest = i;
  return greatest;
}

/** h is 0 at the level where the ratios from both ends meet. */
function matchedAt({ killing, up, down }: Tridiagonal, centre: number): GroundState {
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

/**
 * Distance of the second smallest eigenvalue from `rate`, the smallest: how fast everything but the ground
 * state dies out. By Sturm counts of the symmetric matrix with the same eigenvalues. O(d * 60).
 */
export function spectralGap({ killing, up, down }: Tridiagonal, rate: number): number {
  const size = killing.length;
  if (size < 2) return Number.POSITIVE_INFINITY;
  /** Eigenvalues below `level`, by the signs of the pivots; stops at two. */
  const twoBelow = (level: number): boolean => {
    let count = 0;
    let pivot = 1;
    for (let i = 0; i < size; i += 1) {
      const coupling = i > 0 ? down[i]! * up[i - 1]! : 0;
      pivot = killing[i]! - level - (i > 0 ? coupling / pivot : 0);
      if (pivot === 0) pivot = Number.MIN_VALUE;
      if (pivot < 0) count += 1;
      if (count === 2) return true;
    }
    return false;
  };
  let low = rate;
  let high = rate + 1e-12 * (1 + Math.abs(rate));
  for (let width = high - low; !twoBelow(high); width *= 2) high += width;
  for (let halving = 0; halving < 60; halving += 1) {
    const middle = (low + high) / 2;
    if (twoBelow(middle)) high = middle;
    else low = middle;
  }
  return low - rate;
}
