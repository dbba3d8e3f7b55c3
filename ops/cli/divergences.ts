import { globSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

import { ok, type Result, refuse } from "../../actors/kernel/result.ts";
import { type DivergenceReport, divergenceReportSchema } from "../../schemas/divergence-report.ts";

export interface Divergence extends DivergenceReport {
  readonly records: number;
  /** Of the market that was set aside: its log is below it. */
  readonly folder: string;
  /** When it was found, ISO 8601. */
  readonly time: string;
}

/**
 * The divergence reports below a data folder, the oldest first. Failure codes: folder_missing,
 * report_invalid.
 */
export function findDivergences(folder: string): Result<readonly Divergence[]> {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return refuse("folder_missing", `${folder} is no folder`, "name the data folder of a cluster");
  }
  const found: Divergence[] = [];
  for (const name of globSync("**/quarantine-*.json", { cwd: folder })) {
    const file = join(folder, name);
    const report = divergenceReportSchema.safeParse(contentOf(file));
    if (!report.success) {
      return refuse("report_invalid", `${file} is no divergence report`, "read it by hand");
    }
    const { first, last } = report.data;
    const time = statSync(file).mtime.toISOString();
    found.push({ ...report.data, records: last - first + 1, folder: dirname(file), time });
  }
  return ok(found.sort((one, other) => (one.time < other.time ? -1 : 1)));
}

/** Null when it is not JSON. */
function contentOf(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}
