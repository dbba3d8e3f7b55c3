import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { type Result, refuse } from "../../actors/kernel/result.ts";
import { repository } from "./data-folder.ts";

/** Rows of what a tool prints, one a line, and at the end a Result. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * Runs a program of actors/root that knows the engines: this folder speaks to the product in messages
 * only. Failure codes: the tool's own, and internal when it ended without an answer.
 */
export async function askTool<T>(
  name: string,
  given: readonly string[],
  onRow: (row: Row) => void = () => {},
): Promise<Result<T>> {
  const program = join(repository, "actors", "root", `${name}.ts`);
  const child = spawn(process.execPath, [program, ...given], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let answer: Result<T> | null = null;
  const ended = new Promise<void>((done, fail) => {
    child.on("error", fail);
    child.on("close", () => done());
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const value = JSON.parse(line) as Row | Result<T>;
    if ("ok" in value) answer = value as Result<T>;
    else onRow(value);
  }
  await ended;
  return (
    answer ?? refuse("internal", `${name} ended without an answer (${child.exitCode})`, "see above")
  );
}
