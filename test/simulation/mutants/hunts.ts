import { join } from "node:path";

import { runProcess } from "../../stages/process.ts";
import { repository } from "../../support/shared-data.ts";
import type { Mutant } from "./mutants.ts";

export { mutants, type Mutant } from "./mutants.ts";
export { withoutRules } from "./rules.ts";

const LIMIT_MS = 300_000;
const folder = join(repository, "test/simulation");

/** Runs seeds, or the traces of the ownership protocol, with the defect in the sources. */
export async function huntMutant(
  mutant: Mutant,
  seed: number,
  runs: number,
): Promise<{ readonly found: boolean; readonly said: string }> {
  const traces = mutant.by === "traces";
  const hunt = traces
    ? [join(folder, "ownership-traces.test.ts")]
    : [join(folder, "mutants/hunt.ts"), String(seed), String(runs), ...mutant.by];
  const plant = ["--import", join(folder, "mutants/plant.ts")];
  const run = await runProcess(process.execPath, [...plant, ...hunt], LIMIT_MS, {
    MERIDIAN_MUTANT: mutant.name,
    MERIDIAN_TRACE: mutant.trace ?? "",
    NO_COLOR: "1",
  });
  const titles = run.output
    .split("\n")
    .filter((line) => line.includes("FAIL") && line.includes(`B6.2 ${mutant.trace ?? ""}`));
  const said = traces ? titles.map((line) => line.trim()).join(" ") : run.output.trim();
  // A trace that fails has found it; a hunt says so itself.
  return { found: traces ? titles.length > 0 : run.exitCode === 0, said };
}
