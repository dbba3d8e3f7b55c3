import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Root of the checkout. */
export const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Path of a file of recorded market data beside the checkout, or null where it is absent. */
export function sharedData(path: string): string | null {
  const full = join(repository, "..", "shared", "data", path);
  return existsSync(full) ? full : null;
}
