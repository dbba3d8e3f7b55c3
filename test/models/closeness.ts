import * as fc from "fast-check";
import * as assert from "uvu/assert";

/** |a - b| within a share of the larger one; two numbers below 1e-12 are close. */
export const close = (a: number, b: number, relative: number): boolean =>
  Math.abs(a - b) <= relative * Math.max(1e-12, Math.abs(a), Math.abs(b));

export const near = (actual: number, expected: number, relative: number, what = ""): void =>
  assert.ok(close(actual, expected, relative), `${what} ${actual} instead of ${expected}`);

/** What a refusal says first, or "ok". */
export const refusalOf = (result: {
  readonly ok: boolean;
  readonly failure?: { readonly code: string; readonly what: string };
}): string => (result.ok ? "ok" : `${result.failure?.code} ${result.failure?.what}`);

/** The claim holds for `runs` drawn values; a failure prints the seed, the value and its shrunk form. */
export function always<T>(
  seed: number,
  arbitrary: fc.Arbitrary<T>,
  claim: (value: T) => boolean,
  runs = 300,
): void {
  fc.assert(fc.property(arbitrary, claim), { seed: seed % 2 ** 31, numRuns: runs });
}
