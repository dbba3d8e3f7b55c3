/**
 * Whether two samples come from one law: population stability index, the exact test of Kolmogorov and
 * Smirnov for small samples, Welch's t test (Biometrika 34, 1947).
 */
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  allPositive,
  atLeast,
  firstFailure,
  type ModelResult,
  notEmpty,
  refusal,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import { studentSurvival } from "../numerics/incomplete-functions.ts";

/**
 * sum (q - e) ln(q / e) over buckets: shares seen, q, against shares expected, e, all > 0. O(buckets).
 * Failure codes: empty, wrong_shape, not_finite, out_of_range.
 */
export function populationStability(
  expected: ArrayLike<number>,
  seen: ArrayLike<number>,
): ModelResult<number> {
  const wrong = firstFailure(
    notEmpty("expected", expected),
    sameLength("seen", seen, "expected", expected),
    allPositive("expected", expected),
    allPositive("seen", seen),
  );
  if (wrong !== null) return refused(wrong);
  let sum = 0;
  for (let at = 0; at < expected.length; at += 1) {
    const [e, q] = [expected[at]!, seen[at]!];
    sum += (q - e) * Math.log(q / e);
  }
  return ok(sum);
}

export interface KolmogorovSmirnov {
  /** Largest distance of the two empirical distribution functions. */
  readonly distance: number;
  /** P(D >= distance) when both samples come from one continuous law: ties are taken for chance. */
  readonly continuous: number;
  /** P(D >= distance) over all ways to part the values that were seen, their ties included. */
  readonly permutation: number;
}

/** Beyond this many values an exact test takes longer than anybody waits; use the limit law. */
const LARGEST_EXACT = 20_000;

/**
 * Both p-values by counting lattice paths from (0, 0) to (n, m) that stay nearer to the diagonal than the
 * distance seen; with ties only the ends of groups of equal values count. O(n m). Failure codes: empty,
 * not_finite, out_of_range (n m too large).
 */
export function kolmogorovSmirnov(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): ModelResult<KolmogorovSmirnov> {
  const wrong = firstFailure(
    notEmpty("first", first),
    notEmpty("second", second),
    allFinite("first", first),
    allFinite("second", second),
  );
  if (wrong !== null) return refused(wrong);
  const [n, m] = [first.length, second.length];
  if (n > LARGEST_EXACT || m > LARGEST_EXACT) {
    return refusal(
      "out_of_range",
      `samples of ${n} and ${m}`,
      `the exact test takes up to ${LARGEST_EXACT} values each`,
      "use kolmogorovSurvival(distance sqrt(n m / (n + m)))",
    );
  }
  const { reach, groupEnds } = compared(first, second);
  return ok({
    distance: reach / (n * m),
    continuous: 1 - shareInside(n, m, reach, null),
    permutation: 1 - shareInside(n, m, reach, groupEnds),
  });
}

/** n m D as an integer, and after which numbers of values a group of equal ones ends. */
function compared(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): { readonly reach: number; readonly groupEnds: ReadonlySet<number> } {
  const [a, b] = [Float64Array.from(first).sort(), Float64Array.from(second).sort()];
  const groupEnds = new Set<number>();
  let [i, j, reach] = [0, 0, 0];
  while (i < a.length || j < b.length) {
    const value = Math.min(a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY);
    while (i < a.length && a[i] === value) i += 1;
    while (j < b.length && b[j] === value) j += 1;
    groupEnds.add(i + j);
    reach = Math.max(reach, Math.abs(i * b.length - j * a.length));
  }
  return { reach, groupEnds };
}

/**
 * Share of the paths on which |i m - j n| < reach at every point (at the ends of groups, where given). As
 * u(i, j) = i / (i + j) u(i - 1, j) + j / (i + j) u(i, j - 1), so that nothing overflows.
 */
function shareInside(
  n: number,
  m: number,
  reach: number,
  groupEnds: ReadonlySet<number> | null,
): number {
  const row = new Float64Array(m + 1);
  for (let i = 0; i <= n; i += 1) {
    for (let j = 0; j <= m; j += 1) {
      if (i === 0 && j === 0) {
        row[0] = 1;
        continue;
      }
      const counts = groupEnds === null || groupEnds.has(i + j);
      const left = j === 0 ? 0 : row[j - 1]!;
      row[j] = counts && Math.abs(i * m - j * n) >= reach ? 0 : (i * row[j]! + j * left) / (i + j);
    }
  }
  return row[m]!;
}

export interface WelchTest {
  readonly statistic: number;
  readonly degrees: number;
  /** Two-sided. */
  readonly pValue: number;
}

/**
 * Difference of two means with unequal variances, degrees of freedom by Satterthwaite. O(n + m).
 * Failure codes: too_short (< 2), not_finite, undefined (neither sample varies).
 */
export function welchTest(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): ModelResult<WelchTest> {
  const wrong = firstFailure(
    atLeast("first", first, 2),
    atLeast("second", second, 2),
    allFinite("first", first),
    allFinite("second", second),
  );
  if (wrong !== null) return refused(wrong);
  const [a, b] = [meanAndError(first), meanAndError(second)];
  const squared = a.squared + b.squared;
  if (squared === 0) {
    return refusal(
      "undefined",
      "both samples",
      "neither varies, so a difference has no error to be measured by",
      "compare the two numbers as they are",
    );
  }
  const statistic = (a.mean - b.mean) / Math.sqrt(squared);
  const degrees =
    squared ** 2 / (a.squared ** 2 / (first.length - 1) + b.squared ** 2 / (second.length - 1));
  return ok({ statistic, degrees, pValue: 2 * studentSurvival(Math.abs(statistic), degrees) });
}

/** Mean, and the square of its standard error. */
function meanAndError(values: ArrayLike<number>): { mean: number; squared: number } {
  const count = values.length;
  let mean = 0;
  for (let at = 0; at < count; at += 1) mean += values[at]! / count;
  let squares = 0;
  for (let at = 0; at < count; at += 1) squares += (values[at]! - mean) ** 2;
  return { mean, squared: squares / (count - 1) / count };
}
