/**
 * ADWIN2 of Bifet and Gavaldà, "Learning from time-varying data with adaptive windowing", SIAM SDM 2007,
 * section 4: a window of the recent past that drops its old part when the means of two parts differ by
 * more than chance allows,
 *
 *   eps = sqrt(2 / m s^2 ln(2 ln W / delta)) + 2 / (3 m) ln(2 ln W / delta),  1/m = 1/n0 + 1/n1,
 *
 * W and s^2 the length and variance of the window. Cuts are tested every `clock` values (project choice:
 * 32) and only between parts of 5 values or more.
 */
import { ok } from "../../kernel/result.ts";
import {
  between,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
} from "../numerics/failure.ts";

export interface AdaptiveWindowOptions {
  /** Chance of a false alarm, in (0, 1); 0.002 by default. */
  readonly delta?: number;
  /** Values between two tests; 32 by default. */
  readonly clock?: number;
}

/** Buckets of one size before two are joined: M of the paper. */
const BUCKETS = 5;
const ROWS = 48;
const SHORTEST_PART = 5;
/** No test in a shorter window. */
const GRACE = 10;

/** Failure codes: not_finite, out_of_range. */
export function adaptiveWindow(options: AdaptiveWindowOptions = {}): ModelResult<AdaptiveWindow> {
  const { delta = 0.002, clock = 32 } = options;
  const wrong = firstFailure(
    between("delta", delta, 0, 1),
    integerWithin("clock", clock, 1, 1_000_000),
  );
  return wrong === null ? ok(new AdaptiveWindow(delta, clock)) : refused(wrong);
}

/** Made by adaptiveWindow. An update is O(log W) amortised and allocates nothing. */
export class AdaptiveWindow {
  readonly #delta: number;
  readonly #clock: number;
  /** Row r: up to BUCKETS + 1 buckets of 2^r values, oldest first. */
  readonly #sums = new Float64Array(ROWS * (BUCKETS + 1));
  /** Squared deviations from the bucket's own mean. */
  readonly #squares = new Float64Array(ROWS * (BUCKETS + 1));
  readonly #counts = new Int32Array(ROWS);
  #rows = 1;
  #width = 0;
  #total = 0;
  #deviation = 0;
  #seen = 0;
  /** Alarms so far. */
  detections = 0;

  constructor(delta: number, clock: number) {
    this.#delta = delta;
    this.#clock = clock;
  }

  /** Values in the window. */
  get width(): number {
    return this.#width;
  }

  /** Mean of the window; 0 while it is empty. */
  get mean(): number {
    return this.#width === 0 ? 0 : this.#total / this.#width;
  }

  /** Variance of the window, with n; 0 while it is empty. */
  get variance(): number {
    return this.#width === 0 ? 0 : this.#deviation / this.#width;
  }

  /** Takes a value; true when the window was cut. A value that is not finite is left out: false. */
  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    this.#insert(value);
    this.#seen += 1;
    if (this.#seen % this.#clock !== 0 || this.#width <= GRACE) return false;
    let cut = false;
    while (this.#hasCut()) {
      this.#dropOldest();
      cut = true;
    }
    if (cut) this.detections += 1;
    return cut;
  }

  #insert(value: number): void {
    if (this.#width > 0) {
      const off = value - this.#total / this.#width;
      this.#deviation += (this.#width * off * off) / (this.#width + 1);
    }
    this.#width += 1;
    this.#total += value;
    this.#append(0, value, 0);
  }

  /** Joins the two oldest buckets of a row that is too long into one of the next row. */
  #append(row: number, sum: number, squares: number): void {
    const base = row * (BUCKETS + 1);
    const count = this.#counts[row]!;
    this.#sums[base + count] = sum;
    this.#squares[base + count] = squares;
    this.#counts[row] = count + 1;
    if (count < BUCKETS || row + 1 === ROWS) return;
    const size = 2 ** row;
    const first = this.#sums[base]!;
    const second = this.#sums[base + 1]!;
    const apart = (first - second) / size;
    const joined = this.#squares[base]! + this.#squares[base + 1]! + (size * apart * apart) / 2;
    this.#sums.copyWithin(base, base + 2, base + BUCKETS + 1);
    this.#squares.copyWithin(base, base + 2, base + BUCKETS + 1);
    this.#counts[row] = BUCKETS - 1;
    this.#rows = Math.max(this.#rows, row + 2);
    this.#append(row + 1, first + second, joined);
  }

  #hasCut(): boolean {
    const bound = Math.log((2 * Math.log(this.#width)) / this.#delta);
    const variance = this.variance;
    let older = 0;
    let olderSum = 0;
    for (let row = this.#rows - 1; row >= 0; row -= 1) {
      const size = 2 ** row;
      for (let at = 0; at < this.#counts[row]!; at += 1) {
        older += size;
        olderSum += this.#sums[row * (BUCKETS + 1) + at]!;
        const newer = this.#width - older;
        if (newer < SHORTEST_PART) return false;
        if (older < SHORTEST_PART) continue;
        const inverse = 1 / older + 1 / newer;
        const epsilon = Math.sqrt(2 * inverse * variance * bound) + (2 / 3) * inverse * bound;
        const apart = olderSum / older - (this.#total - olderSum) / newer;
        if (Math.abs(apart) > epsilon) return true;
      }
    }
    return false;
  }

  #dropOldest(): void {
    const row = this.#rows - 1;
    const base = row * (BUCKETS + 1);
    const size = 2 ** row;
    const sum = this.#sums[base]!;
    const rest = this.#width - size;
    const apart = sum / size - (this.#total - sum) / rest;
    this.#deviation = Math.max(
      0,
      this.#deviation - this.#squares[base]! - (size * rest * apart * apart) / this.#width,
    );
    this.#width = rest;
    this.#total -= sum;
    this.#sums.copyWithin(base, base + 1, base + BUCKETS + 1);
    this.#squares.copyWithin(base, base + 1, base + BUCKETS + 1);
    this.#counts[row] = this.#counts[row]! - 1;
    while (this.#rows > 1 && this.#counts[this.#rows - 1] === 0) this.#rows -= 1;
  }
}
