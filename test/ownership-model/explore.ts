import { globSync, statSync } from "node:fs";
import { join } from "node:path";

import { build, hostTree } from "../rv32/programs.ts";
import { runProcess } from "../stages/process.ts";
import { repository } from "../support/shared-data.ts";

export { missingBuildTools } from "../rv32/programs.ts";

const program = join(repository, hostTree, "ownership_model", "ownership_model");
const folder = join(repository, "test", "ownership-model");

/** What an exploration came to; `traps` per cell, `trace` in words. */
export interface Exploration {
  readonly broken: "none" | "I1" | "I2" | "I3" | "I4" | "I5" | "I6" | "I7";
  readonly meaning: string;
  readonly complete: boolean;
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly seconds: number;
  readonly traps: readonly number[];
  readonly trace: readonly string[];
}

/** Builds the explorer where it is missing or older than its sources. */
export async function prepareExplorer(): Promise<void> {
  const changed = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = globSync("*.{cpp,hpp,txt}", { cwd: folder }).map((file) => join(folder, file));
  if (sources.every((source) => changed(source) < changed(program))) return;
  const options = ["-DMERIDIAN_TESTS=ON", "-DMERIDIAN_ADDON=OFF"];
  await build(hostTree, options, ["ownership_model"]);
}

/** Explores within bounds, given as the program's arguments. Throws when it did not end by itself. */
export async function explore(bounds: string, limitMs: number): Promise<Exploration> {
  const run = await runProcess(program, bounds.split(" "), limitMs);
  if (run.timedOut || (run.exitCode !== 0 && run.exitCode !== 1)) {
    throw new Error(`ownership_model ${bounds}: exit code ${run.exitCode}\n${run.output}`);
  }
  return JSON.parse(run.output) as Exploration;
}

/** The trace as numbered lines. */
export function told(exploration: Exploration): string {
  const { broken, meaning, trace } = exploration;
  const steps = trace.map((step, index) => `${index + 1} ${step}`);
  return [`${broken}: ${meaning}`, ...steps].join("\n");
}
