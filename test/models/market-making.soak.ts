import type { SoakOptions } from "../soak.ts";
import { checkAverseUtility, checkMildUtilities, checkTables } from "./dealer-experiments.ts";
import { checkTwoAssets } from "./two-asset-experiment.ts";

/** Dealers on `count` paths (20,000 by default) against the printed tables and against each other. */
export function soak({ seed, count }: SoakOptions): void {
  const paths = count ?? 20_000;
  checkTables(paths, seed);
  checkAverseUtility(paths, seed, 20);
  checkMildUtilities(paths * 5, seed, 4);
  checkTwoAssets();
}
