import { ok } from "../../kernel/result.ts";
import {
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import { addEdgeRow, EDGE_SUMS, edgeSquaredSpread, type LogBars } from "./edge-moments.ts";

/**
 * EDGE, the efficient estimator of the effective spread from open, high, low and close prices.
 * Ardia, Guidotti and Kroencke, "Efficient estimation of bid-ask spreads from open, high, low, and
 * close prices", Journal of Financial Economics 161 (2024) 103916.
 *
 * Prices are positive, one row a period, in time order. A missing price is NaN, and NaN only. The
 * spread is relative to the price: 0.01 is 1 %.
 */
export interface PriceBars {
  readonly open: ArrayLike<number>;
  readonly high: ArrayLike<number>;
  readonly low: ArrayLike<number>;
  readonly close: ArrayLike<number>;
}

export interface EdgeOptions {
  /** Gives an estimate whose square is negative the sign minus, instead of its size. */
  readonly signed?: boolean;
}

/**
 * Spread over all rows, O(n). Refuses with `undefined` when the rows do not determine one: fewer than
 * three, fewer than two in which the price moved, or no open or close apart from the extremes.
 * Also wrong_shape, out_of_range (a price that is not positive, infinity included).
 */
export function edgeSpread(bars: PriceBars, options: EdgeOptions = {}): ModelResult<number> {
  const logs = logBars(bars);
  if (!logs.ok) return logs;
  const sums = new Float64Array(EDGE_SUMS);
  for (let t = 1; t < bars.open.length; t += 1) {
    addEdgeRow(sums, logs.value, t, 1);
  }
  const spread = rooted(edgeSquaredSpread(sums, bars.open.length), options);
  if (spread !== null) return ok(spread);
  return refused(
    failure(
      "undefined",
      `${bars.open.length} rows`,
      "three rows, two with movement, and an open and a close apart from the extremes are needed",
      "give more rows, or bars of a longer period",
    ),
  );
}

export interface EdgeWindow extends EdgeOptions {
  /** Rows of a window, 1 or more. */
  readonly rows: number;
  /** An estimate after every `step` rows, counted from the first full window; default 1. */
  readonly step?: number;
}

/** Windows up to this many rows are summed anew at each step. */
const DIRECT_ROWS = 64;

/**
 * Spread of each window of `rows` rows, the one that ends at row rows - 1 first, then every `step`.
 * Null where the window does not determine one. The first row of a window only serves as the row
 * before the second, as in edgeSpread on the same rows. O(n) whatever the window.
 */
export function rollingEdgeSpread(
  bars: PriceBars,
  window: EdgeWindow,
): ModelResult<(number | null)[]> {
  const step = window.step ?? 1;
  const wrong = firstFailure(
    integerWithin("rows", window.rows, 1, 2 ** 31),
    integerWithin("step", step, 1, 2 ** 31),
  );
  if (wrong !== null) return refused(wrong);
  const logs = logBars(bars);
  if (!logs.ok) return logs;
  const { rows } = window;
  const sums = new Float64Array(EDGE_SUMS);
  const out: (number | null)[] = [];
  let sinceFresh = 0;
  for (let end = 1; end <= bars.open.length; end += 1) {
    const first = Math.max(0, end - rows);
    sinceFresh += 1;
    if (rows <= DIRECT_ROWS || sinceFresh > 2 * rows) {
      // Rounding of what was added and taken away again would gather for ever, and a window of a few
      // rows can have moments that all but cancel: there it would show.
      sums.fill(0);
      for (let t = first + 1; t < end; t += 1) {
        addEdgeRow(sums, logs.value, t, 1);
      }
      sinceFresh = 0;
    } else {
      if (end >= 2) addEdgeRow(sums, logs.value, end - 1, 1);
      if (first >= 1) addEdgeRow(sums, logs.value, first, -1);
    }
    if (end >= rows && (end - rows) % step === 0) {
      out.push(rooted(edgeSquaredSpread(sums, rows), window));
    }
  }
  return ok(out);
}

/** Spread of rows 0 … t for each t: entry t is null where they do not determine one. O(n). */
export function expandingEdgeSpread(
  bars: PriceBars,
  options: EdgeOptions = {},
): ModelResult<(number | null)[]> {
  const logs = logBars(bars);
  if (!logs.ok) return logs;
  const sums = new Float64Array(EDGE_SUMS);
  return ok(
    Array.from(logs.value.open, (_, t) => {
      if (t > 0) addEdgeRow(sums, logs.value, t, 1);
      return rooted(edgeSquaredSpread(sums, t + 1), options);
    }),
  );
}

function rooted(squared: number, { signed = false }: EdgeOptions): number | null {
  if (Number.isNaN(squared)) return null;
  const size = Math.sqrt(Math.abs(squared));
  return signed && squared < 0 ? -size : size;
}

function logBars(bars: PriceBars): ModelResult<LogBars> {
  const wrong = firstFailure(
    sameLength("high", bars.high, "open", bars.open),
    sameLength("low", bars.low, "open", bars.open),
    sameLength("close", bars.close, "open", bars.open),
    prices("open", bars.open),
    prices("high", bars.high),
    prices("low", bars.low),
    prices("close", bars.close),
  );
  if (wrong !== null) return refused(wrong);
  return ok({
    open: Float64Array.from(bars.open, Math.log),
    high: Float64Array.from(bars.high, Math.log),
    low: Float64Array.from(bars.low, Math.log),
    close: Float64Array.from(bars.close, Math.log),
  });
}

function prices(name: string, values: ArrayLike<number>): Check {
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    if (value <= 0 || value === Infinity) {
      return failure(
        "out_of_range",
        `${name}[${i}] = ${value}`,
        "a price is positive and finite, or NaN where it is missing",
        "mark missing prices with NaN",
      );
    }
  }
  return null;
}
