import { existsSync } from "node:fs";

import type { Test } from "uvu";

import { addonPath } from "../../native/addon.ts";

/** Why there is no addon; null when there is one. */
export const missingAddon: string | null = existsSync(addonPath())
  ? null
  : "the addon is not built; node ops/bootstrap.mjs builds it";

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
