/**
 * Expected failures are values with a stable `code`; a thrown error means a bug or a lost resource.
 * Every failure says what happened, why, and what the caller can do next.
 */
export interface Failure {
  /** Stable, lower_snake_case; listed in schemas/refusals.ts. */
  readonly code: string;
  /** What was wrong, with the values involved; safe to show to a client. */
  readonly reason: string;
  /** The next thing to try; empty only when there is none. */
  readonly next: string;
  /** The region that serves what this one refused, when it is known. */
  readonly region?: string;
}

export type Result<T, F extends Failure = Failure> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: F };

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

export const refuse = (
  code: string,
  reason: string,
  next = "",
): { readonly ok: false; readonly failure: Failure } => ({
  ok: false,
  failure: { code, reason, next },
});

/** For the default branch of an exhaustive switch: a new variant stops the type-check there. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
