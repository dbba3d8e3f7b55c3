/**
 * How the models refuse: a bad input or a calculation that did not come to its end is a value with a
 * stable code that says what was wrong, why that matters and what to try next. No model answers NaN.
 */
import type { Failure, Result } from "../../kernel/result.ts";

export type ModelFailureCode =
  /** A number was NaN or infinite. */
  | "not_finite"
  /** No values where at least one is needed. */
  | "empty"
  /** Values that must rise do not. */
  | "unsorted"
  /** A number outside the range that the formula is defined on. */
  | "out_of_range"
  /** A matrix that must be symmetric positive (semi)definite is not. */
  | "not_positive_definite"
  /** A linear system without a unique answer. */
  | "singular"
  /** An iteration that used up its limit before it met its tolerance. */
  | "not_converged"
  /** Lengths or dimensions that do not belong together. */
  | "wrong_shape"
  /** Fewer values than the estimator needs. */
  | "too_short"
  /** Well-formed values on which the quantity does not exist (no variance, no quote, no root). */
  | "undefined"
  /** Constraints that no point satisfies. */
  | "infeasible";

export interface ModelFailure extends Failure {
  readonly code: ModelFailureCode;
  /** The input or the step that was wrong, with its value. */
  readonly what: string;
  readonly why: string;
}

export type ModelResult<T> = Result<T, ModelFailure>;
type Refusal = { readonly ok: false; readonly failure: ModelFailure };
/** A check answers with what is wrong, or null. */
export type Check = ModelFailure | null;

export const failure = (
  code: ModelFailureCode,
  what: string,
  why: string,
  next: string,
): ModelFailure => ({ code, what, why, reason: `${what}: ${why}`, next });

export const refused = (because: ModelFailure): Refusal => ({ ok: false, failure: because });

export const refusal = (code: ModelFailureCode, what: string, why: string, next: string): Refusal =>
  refused(failure(code, what, why, next));

/** The first check that found something wrong; null when none did. */
export function firstFailure(...checks: readonly Check[]): Check {
  for (const check of checks) if (check !== null) return check;
  return null;
}

export const finite = (name: string, value: number): Check =>
  Number.isFinite(value)
    ? null
    : failure("not_finite", `${name} = ${value}`, "it must be finite", `give a finite ${name}`);

/** low <= value <= high. */
export function within(name: string, value: number, low: number, high: number): Check {
  if (Number.isNaN(value)) return finite(name, value);
  return value >= low && value <= high
    ? null
    : failure(
        "out_of_range",
        `${name} = ${value}`,
        `it must lie in [${low}, ${high}]`,
        `give ${name} from ${low} to ${high}`,
      );
}

/** low < value < high. */
export function between(name: string, value: number, low: number, high: number): Check {
  if (Number.isNaN(value)) return finite(name, value);
  return value > low && value < high
    ? null
    : failure(
        "out_of_range",
        `${name} = ${value}`,
        `it must lie strictly between ${low} and ${high}`,
        `give ${name} inside (${low}, ${high})`,
      );
}

export function positive(name: string, value: number): Check {
  if (!Number.isFinite(value)) return finite(name, value);
  return value > 0
    ? null
    : failure("out_of_range", `${name} = ${value}`, "it must be above 0", `give ${name} > 0`);
}

export function notNegative(name: string, value: number): Check {
  if (!Number.isFinite(value)) return finite(name, value);
  return value >= 0
    ? null
    : failure("out_of_range", `${name} = ${value}`, "it must be 0 or more", `give ${name} >= 0`);
}

/** A safe integer with low <= value <= high. */
export function integerWithin(name: string, value: number, low: number, high: number): Check {
  if (!Number.isFinite(value)) return finite(name, value);
  return Number.isSafeInteger(value) && value >= low && value <= high
    ? null
    : failure(
        "out_of_range",
        `${name} = ${value}`,
        `it must be an integer from ${low} to ${high}`,
        `give a whole ${name} from ${low} to ${high}`,
      );
}

export function allFinite(name: string, values: ArrayLike<number>): Check {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    if (!Number.isFinite(value)) return finite(`${name}[${index}]`, value);
  }
  return null;
}

export function allPositive(name: string, values: ArrayLike<number>): Check {
  for (let index = 0; index < values.length; index += 1) {
    const wrong = positive(`${name}[${index}]`, values[index]!);
    if (wrong !== null) return wrong;
  }
  return null;
}

export const notEmpty = (name: string, values: ArrayLike<number>): Check =>
  values.length > 0
    ? null
    : failure("empty", name, "it holds no values", `give at least one value of ${name}`);

export const atLeast = (name: string, values: ArrayLike<unknown>, length: number): Check =>
  values.length >= length
    ? null
    : failure(
        "too_short",
        `${name} has ${values.length} values`,
        `at least ${length} are needed`,
        `give ${length} or more values of ${name}`,
      );

export const sameLength = (
  name: string,
  values: ArrayLike<unknown>,
  otherName: string,
  other: ArrayLike<unknown>,
): Check =>
  values.length === other.length
    ? null
    : failure(
        "wrong_shape",
        `${name} has ${values.length} values, ${otherName} has ${other.length}`,
        "they must be of one length",
        `give as many values of ${name} as of ${otherName}`,
      );

function order(name: string, values: ArrayLike<number>, strict: boolean): Check {
  for (let index = 1; index < values.length; index += 1) {
    const before = values[index - 1]!;
    const value = values[index]!;
    if (strict ? value > before : value >= before) continue;
    if (!Number.isFinite(value) || !Number.isFinite(before)) return allFinite(name, values);
    return failure(
      "unsorted",
      `${name}[${index}] = ${value} after ${before}`,
      strict ? "each value must be above the one before" : "no value may be below the one before",
      `sort ${name}${strict ? " and drop repetitions" : ""}`,
    );
  }
  return null;
}

/** No value below the one before. */
export const sorted = (name: string, values: ArrayLike<number>): Check =>
  order(name, values, false);

/** Each value above the one before. */
export const strictlySorted = (name: string, values: ArrayLike<number>): Check =>
  order(name, values, true);

/** For results that the caller has made sure of; a refusal here is a bug and throws. */
export function certain<T>(result: ModelResult<T>): T {
  if (result.ok) return result.value;
  throw new Error(`${result.failure.code}: ${result.failure.reason}; ${result.failure.next}`);
}
