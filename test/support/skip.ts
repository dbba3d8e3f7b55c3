import type { Test } from "uvu";

/**
 * Registers a test that runs only when `missing` is null; otherwise it is counted as skipped and the
 * reason, with what enables it, is printed.
 */
export function testUnless<T>(
  suite: Test<T>,
  missing: string | null,
  title: string,
  body: (context: T) => void | Promise<void>,
): void {
  if (missing === null) {
    suite(title, body);
    return;
  }
  console.log(`SKIP ${title}: ${missing}`);
  suite.skip(title, body);
}
