/**
 * Running sums from which the EDGE estimate of a window follows, so that a window that moves by one
 * row costs a constant number of additions. With a_k = mean(r_k) / mean(tau) both moment conditions
 * are linear in four products, x = c · f, hence mean(x) = c · mean(f) and mean(x^2) = c' mean(f f') c.
 */

/** Where the sums of a window lie: count and sum of each mean, then the two groups of products. */
const TAU = 0;
const OPEN_HIGH = 2;
const OPEN_LOW = 4;
const CLOSE_HIGH = 6;
const CLOSE_LOW = 8;
const R1 = 10;
const R3 = 12;
const R5 = 14;
const FIRST = 16;
const SECOND = FIRST + 15;
export const EDGE_SUMS = SECOND + 15;

/** Logarithms of prices, one entry a row. */
export interface LogBars {
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
}

const differs = (a: number, b: number): number =>
  Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : a === b ? 0 : 1;

/**
 * Adds (sign 1) or takes away (sign -1) row t >= 1 of log open, high, low and close prices; NaN marks
 * a missing one. Allocates nothing.
 */
export function addEdgeRow(sums: Float64Array, bars: LogBars, t: number, sign: 1 | -1): void {
  const open = bars.open[t]!;
  const high = bars.high[t]!;
  const low = bars.low[t]!;
  const high1 = bars.high[t - 1]!;
  const low1 = bars.low[t - 1]!;
  const close1 = bars.close[t - 1]!;
  const middle = 0.5 * (high + low);
  const middle1 = 0.5 * (high1 + low1);
  const known = !Number.isNaN(high) && !Number.isNaN(low) && !Number.isNaN(close1);
  const tau = known ? (high !== low || low !== close1 ? 1 : 0) : Number.NaN;
  const r1 = middle - open;
  const r2 = open - middle1;
  const r3 = middle - close1;
  const r4 = close1 - middle1;
  const r5 = open - close1;
  addMean(sums, TAU, tau, sign);
  addMean(sums, OPEN_HIGH, tau * differs(open, high), sign);
  addMean(sums, OPEN_LOW, tau * differs(open, low), sign);
  addMean(sums, CLOSE_HIGH, tau * differs(close1, high1), sign);
  addMean(sums, CLOSE_LOW, tau * differs(close1, low1), sign);
  addMean(sums, R1, r1, sign);
  addMean(sums, R3, r3, sign);
  addMean(sums, R5, r5, sign);
  addProducts(sums, FIRST, r1 * r2, tau * r2, r3 * r4, tau * r4, sign);
  addProducts(sums, SECOND, r1 * r5, tau * r5, r5 * r4, tau * r4, sign);
}

function addMean(sums: Float64Array, at: number, value: number, sign: number): void {
  if (Number.isNaN(value)) return;
  sums[at]! += sign;
  sums[at + 1]! += sign * value;
}

function addProducts(
  sums: Float64Array,
  at: number,
  p: number,
  q: number,
  r: number,
  s: number,
  sign: number,
): void {
  if (Number.isNaN(p + q + r + s)) return;
  sums[at]! += sign;
  sums[at + 1]! += sign * p;
  sums[at + 2]! += sign * q;
  sums[at + 3]! += sign * r;
  sums[at + 4]! += sign * s;
  sums[at + 5]! += sign * p * p;
  sums[at + 6]! += sign * q * q;
  sums[at + 7]! += sign * r * r;
  sums[at + 8]! += sign * s * s;
  sums[at + 9]! += sign * p * q;
  sums[at + 10]! += sign * p * r;
  sums[at + 11]! += sign * p * s;
  sums[at + 12]! += sign * q * r;
  sums[at + 13]! += sign * q * s;
  sums[at + 14]! += sign * r * s;
}

/** Estimate of the squared spread, NaN where the window does not determine one. */
export function edgeSquaredSpread(sums: Float64Array, rows: number): number {
  if (rows < 3 || sums[TAU + 1]! < 2) return Number.NaN;
  const mean = (at: number): number => sums[at + 1]! / sums[at]!;
  const pt = mean(TAU);
  const po = mean(OPEN_HIGH) + mean(OPEN_LOW);
  const pc = mean(CLOSE_HIGH) + mean(CLOSE_LOW);
  if (!(po > 0) || !(pc > 0)) return Number.NaN;
  const a1 = mean(R1) / pt;
  const a3 = mean(R3) / pt;
  const a5 = mean(R5) / pt;
  const e1 = firstMoment(sums, FIRST, po, pc, a1, a3);
  const e2 = firstMoment(sums, SECOND, po, pc, a1, a5);
  const v1 = secondMoment(sums, FIRST, po, pc, a1, a3) - e1 * e1;
  const v2 = secondMoment(sums, SECOND, po, pc, a1, a5) - e2 * e2;
  const v = v1 + v2;
  return v > 0 ? (v2 * e1 + v1 * e2) / v : 0.5 * (e1 + e2);
}

function firstMoment(
  sums: Float64Array,
  at: number,
  po: number,
  pc: number,
  open: number,
  close: number,
): number {
  const fromOpen = sums[at + 1]! - open * sums[at + 2]!;
  const fromClose = sums[at + 3]! - close * sums[at + 4]!;
  return (-(4 / po) * fromOpen - (4 / pc) * fromClose) / sums[at]!;
}

function secondMoment(
  sums: Float64Array,
  at: number,
  po: number,
  pc: number,
  open: number,
  close: number,
): number {
  const own = sums[at + 5]! - 2 * open * sums[at + 9]! + open * open * sums[at + 6]!;
  const other = sums[at + 7]! - 2 * close * sums[at + 14]! + close * close * sums[at + 8]!;
  const cross =
    sums[at + 10]! - close * sums[at + 11]! - open * sums[at + 12]! + open * close * sums[at + 13]!;
  return ((16 / (po * po)) * own + (16 / (pc * pc)) * other + (32 / (po * pc)) * cross) / sums[at]!;
}
