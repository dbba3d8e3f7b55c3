import type { SoakOptions } from "../soak.ts";
import { checkCrashRun, crashRun } from "../support/crash-run.ts";

/** `count`: failures of actors. */
const defaultCount = 1_000_000;

export async function soak({ seed, count }: SoakOptions): Promise<void> {
  const run = await crashRun(seed, count ?? defaultCount);
  const { failures, restarts, escalations, heapEarly, heapLate, after } = run;
  console.log(`${failures} failures, ${restarts} restarts, ${escalations} escalations`);
  console.log(`registries at the end as at the start: ${JSON.stringify(after)}`);
  console.log(`heap ${heapEarly} bytes after a tenth, ${heapLate} at the end`);
  checkCrashRun(run);
}
