import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { sharedData } from "../support/shared-data.ts";

/**
 * Daily returns, in per cent, of the German mark against the British pound from 1984 to 1991, 1974 of
 * them: the benchmark of Bollerslev and Ghysels. Null, and said so, where the file is absent.
 */
export function markPoundReturns(test: string): Float64Array | null {
  const file = sharedData("quant/dem2gbp.csv.gz");
  if (file === null) {
    console.log(`${test}: dem2gbp.csv.gz is absent beside the checkout; its tests are skipped`);
    return null;
  }
  const lines = gunzipSync(readFileSync(file)).toString().trim().split("\n").slice(1);
  return Float64Array.from(lines, Number);
}
