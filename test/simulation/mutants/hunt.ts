/**
 * Seeds in turn through the scenarios until something is broken: `hunt.ts FIRST_SEED RUNS SCENARIO …`.
 * Prints what was found and by which run; exit codes 0 found, 1 nothing found.
 */
import type { ScenarioName } from "../options.ts";
import { simulate } from "../simulation.ts";

const FAULT_SECONDS = 20;
const [first = "1", runs = "1", ...scenarios] = process.argv.slice(2);
for (let run = 0; run < Number(runs); run += 1) {
  const scenario = scenarios[run % scenarios.length] as ScenarioName;
  const seed = Number(first) + run;
  const verdict = await simulate(seed, scenario, FAULT_SECONDS);
  if (verdict.violations.length === 0) continue;
  console.log(
    `run ${run + 1}, seed ${seed} of ${scenario}: ${verdict.violations[0]?.slice(0, 200)}`,
  );
  process.exit(0);
}
console.log(`nothing in ${runs} runs`);
process.exit(1);
