import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { Command } from "commander";

import { ok, type Result } from "../../actors/kernel/result.ts";
import { repository } from "./data-folder.ts";
import { commandOf, filled, type Runbook, type RunbookStep } from "./runbooks.ts";

export interface StepRun {
  readonly phase: string;
  readonly command: string;
  /** done | failed | refused | not_run. */
  readonly outcome: string;
  readonly exitCode: number | null;
  readonly tries: number;
  readonly tookMs: number;
  /** Last lines of what it printed. */
  readonly output: string;
}

export interface RunOf {
  readonly program: Command;
  readonly runbook: Runbook;
  readonly values: ReadonlyMap<string, string>;
  readonly drill: boolean;
  /** Data folder and user of every step. */
  readonly target: { readonly data: string; readonly as: string };
  /** After each step. Failure codes: what ends the run. */
  readonly record: (step: StepRun) => Promise<Result<void>>;
}

const stepLimitMs = 120_000;
const againAfterMs = 1_000;
const outputKept = 4_096;

/**
 * Runs the steps in order. A check that fails is told and passed over, for it is why the runbook is run; a
 * `do` or `verify` that fails ends the run. A drill does nothing: what has a dry run is run so, other
 * commands of `do` are named only, and there is nothing to verify.
 */
export async function runRunbook(of: RunOf): Promise<Result<readonly StepRun[]>> {
  const runs: StepRun[] = [];
  for (const step of of.runbook.steps) {
    const words = filled(step, of.values);
    if (!words.ok) return words;
  }
  for (const step of of.runbook.steps) {
    const run = await runStep(of, step);
    runs.push(run);
    const recorded = await of.record(run);
    if (!recorded.ok) return recorded;
    const ends = step.phase !== "check" && run.outcome !== "done" && run.outcome !== "not_run";
    if (ends) break;
  }
  return ok(runs);
}

/** Whether a run has done what it is for. */
export const succeeded = (runbook: Runbook, runs: readonly StepRun[]): boolean =>
  runs.length === runbook.steps.length &&
  runs.every(({ phase, outcome }) => phase === "check" || outcome === "done");

async function runStep(of: RunOf, step: RunbookStep): Promise<StepRun> {
  const words = filled(step, of.values);
  const given = words.ok ? words.value : [];
  const found = commandOf(of.program, given);
  const known = new Set(found?.command.options.map(({ long }) => long));
  const dry = of.drill && step.phase === "do" && known.has("--dry-run");
  const told = { phase: step.phase, command: `meridian ${given.join(" ")}` };
  if (of.drill && step.phase !== "check" && !dry) {
    return { ...told, outcome: "not_run", exitCode: null, tries: 0, tookMs: 0, output: "" };
  }
  const all = [
    ...given,
    ...(dry ? ["--dry-run"] : []),
    ...(known.has("--data") ? ["--data", of.target.data] : []),
    ...(known.has("--as") ? ["--as", of.target.as] : []),
  ];
  const began = performance.now();
  const untilMs = of.drill ? 0 : step.within * 1_000;
  for (let tries = 1; ; tries += 1) {
    const { exitCode, output } = await runCommand(all);
    const tookMs = Math.round(performance.now() - began);
    if (exitCode === 0 || exitCode === 3 || tookMs >= untilMs) {
      const outcome = exitCode === 0 ? "done" : exitCode === 3 ? "refused" : "failed";
      return { ...told, outcome, exitCode, tries, tookMs, output: output.slice(-outputKept) };
    }
    await delay(againAfterMs);
  }
}

/** A command of this program in a process of its own: one that hangs is ended. */
async function runCommand(
  words: readonly string[],
): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  const program = join(repository, "ops", "cli", "main.ts");
  const child = spawn(process.execPath, [...process.execArgv, program, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let output = "";
  const take = (chunk: Buffer): void => {
    output = `${output}${chunk.toString("utf8")}`.slice(-4 * outputKept);
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const late = setTimeout(() => child.kill("SIGKILL"), stepLimitMs);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode) => resolve({ exitCode, output: output.trim() }));
    });
  } finally {
    clearTimeout(late);
  }
}
