/**
 * exp(N) of a matrix without negative entries, so that nothing cancels: Taylor on N / 2^s, then s
 * squarings, each rescaled by its largest entry. Every entry keeps its relative accuracy (about
 * (d + 20) 2^s rounding errors in the worst case, far fewer in practice), including entries that are
 * 1e-200 of the largest one, which an eigendecomposition loses. O(d^3 (20 + s)), s = log2 of the norm.
 */
import { type ModelResult, refusal } from "./failure.ts";

export interface ScaledMatrix {
  readonly dimension: number;
  /** Row by row; the largest entry is 1. The matrix meant is exp(logScale) times this. */
  readonly entries: Float64Array;
  readonly logScale: number;
}

/** Below this norm 20 terms leave less than one rounding error: 0.5^21 / 21! < 1e-25. */
const TAYLOR_NORM = 0.5;
const TAYLOR_TERMS = 20;

function multiply(a: Float64Array, b: Float64Array, into: Float64Array, dimension: number): void {
  into.fill(0);
  for (let row = 0; row < dimension; row += 1) {
    for (let inner = 0; inner < dimension; inner += 1) {
      const factor = a[row * dimension + inner]!;
      if (factor === 0) continue;
      for (let column = 0; column < dimension; column += 1) {
        into[row * dimension + column]! += factor * b[inner * dimension + column]!;
      }
    }
  }
}

function largestOf(values: Float64Array): number {
  let largest = 0;
  for (const value of values) if (value > largest) largest = value;
  return largest;
}

/**
 * exp(matrix * time) for entries >= 0 (row by row) and time >= 0. A matrix whose diagonal alone is
 * negative is shifted first: exp(A t) = exp(-m t) exp((A + m I) t). Codes: wrong_shape, not_finite,
 * out_of_range.
 */
export function nonNegativeExponential(
  matrix: Float64Array,
  dimension: number,
  time: number,
): ModelResult<ScaledMatrix> {
  if (matrix.length !== dimension * dimension || dimension === 0) {
    return refusal(
      "wrong_shape",
      `${matrix.length} entries for dimension ${dimension}`,
      "a square matrix has dimension^2 entries",
      "give all entries, row by row",
    );
  }
  if (!Number.isFinite(time) || time < 0) {
    return refusal("out_of_range", `time = ${time}`, "it must be 0 or more", "give time >= 0");
  }
  let norm = 0;
  for (let row = 0; row < dimension; row += 1) {
    let sum = 0;
    for (let column = 0; column < dimension; column += 1) {
      const entry = matrix[row * dimension + column]!;
      if (!(entry >= 0 && entry < Number.POSITIVE_INFINITY)) {
        return refusal(
          Number.isFinite(entry) ? "out_of_range" : "not_finite",
          `entry [${row}][${column}] = ${entry}`,
          "entries must be finite and 0 or more, else terms cancel",
          "add m to the diagonal and multiply the result by exp(-m time)",
        );
      }
      sum += entry;
    }
    norm = Math.max(norm, sum * time);
  }
  if (!Number.isFinite(norm)) {
    return refusal("not_finite", "norm * time", "it overflows", "give smaller rates or time");
  }
  const squarings = Math.max(0, Math.ceil(Math.log2(norm / TAYLOR_NORM)));
  return { ok: true, value: squared(matrix, dimension, time * 2 ** -squarings, squarings) };
}

function squared(
  matrix: Float64Array,
  dimension: number,
  step: number,
  squarings: number,
): ScaledMatrix {
  let sum = new Float64Array(dimension * dimension);
  const term = new Float64Array(dimension * dimension);
  let scratch = new Float64Array(dimension * dimension);
  for (let index = 0; index < dimension; index += 1) {
    sum[index * dimension + index] = 1;
    term[index * dimension + index] = 1;
  }
  for (let order = 1; order <= TAYLOR_TERMS; order += 1) {
    multiply(term, matrix, scratch, dimension);
    for (let index = 0; index < term.length; index += 1) {
      const value = (scratch[index]! * step) / order;
      term[index] = value;
      sum[index]! += value;
    }
  }
  let logScale = rescale(sum);
  for (let squaring = 0; squaring < squarings; squaring += 1) {
    multiply(sum, sum, scratch, dimension);
    [sum, scratch] = [scratch, sum];
    logScale = 2 * logScale + rescale(sum);
  }
  return { dimension, entries: sum, logScale };
}

function rescale(values: Float64Array): number {
  const largest = largestOf(values);
  for (let index = 0; index < values.length; index += 1) values[index]! /= largest;
  return Math.log(largest);
}

/** matrix * vector without the scale, into the caller's array. Allocates nothing; O(d^2). */
export function applyScaled(matrix: ScaledMatrix, vector: Float64Array, into: Float64Array): void {
  const { dimension, entries } = matrix;
  for (let row = 0; row < dimension; row += 1) {
    let sum = 0;
    for (let column = 0; column < dimension; column += 1) {
      sum += entries[row * dimension + column]! * vector[column]!;
    }
    into[row] = sum;
  }
}
