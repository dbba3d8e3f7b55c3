import type { Failure, Result } from "../../actors/kernel/result.ts";
import { refusals } from "../../schemas/refusals.ts";

/** What the process returns; documented in `meridian --help`. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, refused: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Codes of failures that are a fault in how the command was called. */
const usageCodes: ReadonlySet<string> = new Set(["usage", "user_unknown"]);

/** Answers of the exchange that decide nothing: something failed, and the command may be tried again. */
const failedCodes: ReadonlySet<string> = new Set(["timeout", "unavailable", "internal"]);

/** A failure's exit code: 3 when the exchange decided against the request (schemas/refusals.ts). */
export function exitCodeOf(failure: Failure): ExitCode {
  if (usageCodes.has(failure.code)) return exitCodes.usage;
  if (failedCodes.has(failure.code)) return exitCodes.failed;
  return failure.code in refusals ? exitCodes.refused : exitCodes.failed;
}

/** What, why, and the next command, as one text for people. */
export function describeFailure(failure: Failure): string {
  const next = failure.next === "" ? "" : `\n  next: ${failure.next}`;
  return `meridian: ${failure.code}: ${failure.reason}${next}\n`;
}

/** An unexpected fault: one line, the stack only when asked for. */
export function describeFault(error: unknown, debug: boolean): string {
  const fault = error instanceof Error ? error : new Error(String(error));
  if (debug) return `${fault.stack ?? fault.message}\n`;
  return `meridian: unexpected fault: ${fault.message}\n  next: the same command with --debug shows where\n`;
}

/**
 * Runs the body of a command: sets the exit code to what it returns, or prints its failure. The
 * process ends by itself, so that a piped output is always written whole.
 */
export async function perform(body: () => Promise<Result<ExitCode>>): Promise<void> {
  const result = await body();
  if (result.ok) {
    process.exitCode = result.value;
    return;
  }
  process.stderr.write(describeFailure(result.failure));
  process.exitCode = exitCodeOf(result.failure);
}
