import { promised } from "../simulation/options.ts";
import { simulate } from "../simulation/simulation.ts";
import type { SoakOptions } from "../soak.ts";

const DEFAULT_RUNS = 200;
const FAULT_SECONDS = 20;

/** Scenarios in turn, each run with the next seed (default 200 runs). */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  const runs = count ?? DEFAULT_RUNS;
  let acknowledged = 0;
  let epochs = 0;
  let simulated = 0;
  const broken: string[] = [];
  for (let run = 0; run < runs; run += 1) {
    // Every other run is the mixture.
    const scenario =
      run % 2 === 0 ? "everything" : (promised[(run >> 1) % promised.length] ?? "calm");
    const verdict = await simulate(seed + run, scenario, FAULT_SECONDS);
    acknowledged += verdict.acknowledged;
    epochs += verdict.epochs;
    simulated += verdict.simulatedSeconds;
    if (verdict.violations.length === 0) continue;
    const replay = `npm run sim -- --seed ${seed + run} --scenario ${scenario} --seconds ${FAULT_SECONDS}`;
    for (const violation of verdict.violations.slice(0, 3)) console.log(`BROKEN ${violation}`);
    console.log(`  replay: ${replay}`);
    broken.push(replay);
  }
  console.log(
    `${runs} runs, ${Math.round(simulated)} simulated seconds, ${acknowledged} acknowledged commands, ${epochs} epochs`,
  );
  if (broken.length > 0) throw new Error(`${broken.length} of ${runs} runs broke a promise`);
}
