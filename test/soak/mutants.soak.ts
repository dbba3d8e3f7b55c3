import { huntMutant, mutants } from "../simulation/mutants/hunts.ts";
import type { SoakOptions } from "../soak.ts";

const DEFAULT_RUNS = 60;
/** Of the planted defects, those that may stay unfound. */
const MAY_ESCAPE = 1;

/** Plants each defect and lets at most `count` runs look for it (default 60); one may escape. */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  const escaped: string[] = [];
  for (const mutant of mutants) {
    const { found, said } = await huntMutant(mutant, seed, count ?? DEFAULT_RUNS);
    if (!found) escaped.push(mutant.name);
    console.log(`${found ? "found  " : "ESCAPED"} ${mutant.name} (${mutant.about}): ${said}`);
  }
  console.log(`${mutants.length - escaped.length} of ${mutants.length} planted defects found`);
  if (escaped.length > MAY_ESCAPE) throw new Error(`escaped: ${escaped.join(", ")}`);
}
