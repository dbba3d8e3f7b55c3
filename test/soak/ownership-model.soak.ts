import { explore, prepareExplorer, told } from "../ownership-model/explore.ts";
import { table } from "../ownership-model/runs.ts";
import type { SoakOptions } from "../soak.ts";

/** States at which a run is cut, in millions: 24 bytes each, those in liveness runs about 100. */
const DEFAULT_MILLIONS = 60;
const LIMIT_MS = 3_600_000;

/** The whole table of the ownership model, each run cut at `count` million states (default 60). */
export async function soak({ count }: SoakOptions): Promise<void> {
  await prepareExplorer();
  const limit = (count ?? DEFAULT_MILLIONS) * 1_000_000;
  console.log("| run | bounds | states | transitions | depth | end |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  for (const { name, bounds } of table) {
    const found = await explore(`${bounds} --limit=${limit}`, LIMIT_MS);
    const live =
      bounds.includes("--live") && found.complete ? `, ${found.traps.join("+")} traps` : "";
    const end = found.complete ? `complete${live}` : "cut";
    const { states, transitions, depth } = found;
    console.log(`| ${name} | \`${bounds}\` | ${states} | ${transitions} | ${depth} | ${end} |`);
    if (found.broken !== "none") throw new Error(`${name}: ${told(found)}`);
  }
}
