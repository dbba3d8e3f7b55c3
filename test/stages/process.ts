import { spawn } from "node:child_process";

import { repository } from "../support/shared-data.ts";

export interface StageResult {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface ProcessRun {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly output: string;
  readonly milliseconds: number;
  readonly timedOut: boolean;
}

export function sum(results: readonly StageResult[]): Omit<StageResult, "name"> {
  const add = (key: "passed" | "failed" | "skipped"): number =>
    results.reduce((all, one) => all + one[key], 0);
  return { passed: add("passed"), failed: add("failed"), skipped: add("skipped") };
}

/** Runs a program from the repository's root with stdout and stderr gathered; it and its children end at the limit. */
export function runProcess(
  program: string,
  programArguments: readonly string[],
  limitMs: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<ProcessRun> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(program, programArguments, {
      cwd: repository,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a process group of its own, so that the limit ends grandchildren too
    });
    let output = "";
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, limitMs);
    const finish = (exitCode: number | null): void => {
      clearTimeout(timer);
      resolve({ exitCode, output, milliseconds: performance.now() - started, timedOut });
    };
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error) => {
      output += String(error);
      finish(null);
    });
    child.on("close", finish);
  });
}

/** One check that passes when the program exits with 0; its output is shown only when it does not. */
export async function check(
  name: string,
  program: string,
  programArguments: readonly string[],
  limitMs: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<StageResult> {
  const run = await runProcess(program, programArguments, limitMs, environment);
  const passed = run.exitCode === 0;
  console.log(`${passed ? "ok  " : "FAIL"} ${name}  ${(run.milliseconds / 1000).toFixed(1)} s`);
  if (!passed)
    console.log(run.timedOut ? `${run.output}\n(ended after ${limitMs / 1000} s)` : run.output);
  return { name, passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 };
}
