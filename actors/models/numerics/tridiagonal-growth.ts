/**
 * dv_i/ds = -killing_i v_i + up_i v_{i+1} + down_i v_{i-1} with up, down >= 0 and v > 0: the linear
 * equation behind the market-making models, i an inventory and s the time that is left. Held as h = ln v,
 * because v spans hundreds of orders of magnitude. One step writes v = e^g u with g >= h near h and sums
 * the Taylor series of the shifted, non-negative generator in u: all terms are positive, nothing cancels,
 * and every level keeps its relative accuracy. O(d * norm * s), norm about the spread of the killing rates;
 * once only the slowest mode is left, the rest of the span costs O(d).
 */
import { allFinite, type Check, failure, firstFailure, sameLength } from "./failure.ts";
import { groundState, spectralGap } from "./tridiagonal-ground-state.ts";

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
/** Change of h that other modes may still make when they are left out: what rounding does in 50 steps. */
const SETTLED = 2e-13;

/** From this norm * s on it pays to look whether only the slowest mode is left. */
const LONG_SPAN = 5_000;

export interface Growth {
  /** Advances h = ln v by `span` >= 0, in place. Allocates nothing. */
  advance(h: Float64Array, span: number): void;
}

interface Mode {
  readonly rate: number;
  readonly gap: number;
}

/** next = factor * generator * term, added to the sum; answers its largest entry. */
function addTerm(
  stay: Float64Array,
  rise: Float64Array,
  fall: Float64Array,
  term: Float64Array,
  next: Float64Array,
  sum: Float64Array,
  factor: number,
): number {
  let largest = 0;
  let below = 0;
  let here = term[1]!;
  for (let i = 0; i < stay.length; i += 1) {
    const above = term[i + 2]!;
    const value = factor * (stay[i]! * here + rise[i]! * above + fall[i]! * below);
    next[i + 1] = value;
    sum[i]! += value;
    if (value > largest) largest = value;
    below = here;
    here = above;
  }
  return largest;
}

function smallestOf(values: Float64Array): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const value of values) if (value < smallest) smallest = value;
  return smallest;
}

/** The generator must have passed tridiagonalCheck, and must not change afterwards. */
export function tridiagonalGrowth(generator: Tridiagonal): Growth {
  const { killing, up, down } = generator;
  const size = killing.length;
  const last = size - 1;
  const reference = new Float64Array(size);
  const stay = new Float64Array(size);
  const rise = new Float64Array(size);
  const fall = new Float64Array(size);
  const sum = new Float64Array(size);
  // Terms have a zero beyond each end.
  const first = new Float64Array(size + 2);
  const second = new Float64Array(size + 2);
  const before = new Float64Array(size);
  let shift = 0;
  let norm = 0;
  let mode: Mode | null = null;

  /**
   * The reference g >= h that no flow crosses faster than it must: where h is steeper (a heavy penalty at the end),
   * u = e^(h - g) starts below 1, and what its neighbours send it soon exceeds it. The n-th level from the one
   * that sends grows as (weight s)^n / n!, so a step of g allows for n / s. Answers how many levels in a row differ from h at most.
   */
  const refer = (h: Float64Array, fastest: number, left: number): number => {
    const drop = (weight: number, distance: number): number =>
      Math.log(Math.max(2, Math.max(fastest, distance / left) / weight));
    let distance = 0;
    for (let i = 0; i < size; i += 1) {
      const carried =
        i > 0 ? reference[i - 1]! - drop(down[i]!, distance + 1) : Number.NEGATIVE_INFINITY;
      distance = carried > h[i]! ? distance + 1 : 0;
      reference[i] = Math.max(h[i]!, carried);
    }
    let lifted = 0;
    let longest = 0;
    distance = 0;
    for (let i = last; i >= 0; i -= 1) {
      const carried =
        i < last ? reference[i + 1]! - drop(up[i]!, distance + 1) : Number.NEGATIVE_INFINITY;
      distance = carried > reference[i]! ? distance + 1 : 0;
      if (carried > reference[i]!) reference[i] = carried;
      lifted = reference[i]! > h[i]! ? lifted + 1 : 0;
      longest = Math.max(longest, lifted);
    }
    return longest;
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

  const start = (h: Float64Array, lifted: number): void => {
    for (let i = 0; i < size; i += 1) {
      const u = lifted > 0 ? Math.exp(h[i]! - reference[i]!) : 1;
      sum[i] = u;
      first[i + 1] = u;
    }
  };

  /** Sums the series; at least `orders` terms, so that each level has heard of those that send to it. */
  const series = (span: number, orders: number): void => {
    const reach = norm * span;
    // Sums only rise: their least, once most terms are in, bounds it for the rest.
    let smallest = 0;
    let term = first;
    let next = second;
    for (let order = 1; ; order += 1) {
      const largest = addTerm(stay, rise, fall, term, next, sum, span / order);
      [term, next] = [next, term];
      if (order < orders || (order <= reach && largest > 0)) continue;
      // The terms fall from here on, each at least by this factor.
      const falling = 1 - reach / (order + 1);
      if (smallest === 0) smallest = smallestOf(sum);
      if (largest <= TRUNCATION * falling * smallest) return;
    }
  };

  const slowest = (): Mode => {
    const { rate } = groundState(generator, last >> 1);
    return { rate, gap: spectralGap(generator, rate) };
  };

  /**
   * Whether the last `elapsed`, in which other modes died out by at least a factor e, moved all levels alike
   * and at the slowest rate: nothing else is left then.
   */
  const settled = (h: Float64Array, elapsed: number, { rate, gap }: Mode): boolean => {
    const centre = last >> 1;
    const common = h[centre]! - before[centre]!;
    if (Math.abs(common / elapsed + rate) > 1e-6 * gap) return false;
    for (let i = 0; i < size; i += 1) {
      const other = Math.abs(h[i]! - before[i]! - common);
      if (other > SETTLED + 1e-15 * (Math.abs(h[i]!) + Math.abs(common))) return false;
    }
    return true;
  };

  return {
    advance(h, span) {
      shift = killing[0]!;
      let least = shift;
      let flow = 0;
      let connected = true;
      for (let i = 0; i < size; i += 1) {
        shift = Math.max(shift, killing[i]!);
        least = Math.min(least, killing[i]!);
        flow = Math.max(flow, up[i]! + down[i]!);
        if (i < last && !(up[i]! > 0 && down[i + 1]! > 0)) connected = false;
      }
      // What was left when `before` was taken.
      let seen = Number.POSITIVE_INFINITY;
      for (let left = span; left > 0; ) {
        const lifted = refer(h, shift - least + flow, left);
        balance();
        const taken = norm * left <= STEP_NORM ? left : STEP_NORM / norm;
        start(h, lifted);
        series(taken, lifted + 1);
        for (let i = 0; i < size; i += 1) {
          h[i] = reference[i]! + Math.log(sum[i]!) - shift * taken;
        }
        left -= taken;
        if (!connected || norm * left <= LONG_SPAN) continue;
        mode ??= slowest();
        const elapsed = seen - left;
        if (elapsed * mode.gap < 1) continue;
        if (Number.isFinite(seen) && settled(h, elapsed, mode)) {
          for (let i = 0; i < size; i += 1) h[i]! -= mode.rate * left;
          return;
        }
        before.set(h);
        seen = left;
      }
    },
  };
}
