import { setTimeout as sleep } from "node:timers/promises";

/** For a busy machine: what comes about at all comes about within it. */
const patienceMs = 60_000;

/** Looks until there is something to be found. */
export async function eventually<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (performance.now() >= end) {
      throw new Error(`did not come about in ${patienceMs / 1_000} s: ${what}`);
    }
    await sleep(25);
  }
}

/** Looks until it holds. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  await eventually(what, async () => ((await holds()) ? true : null));
}
