import { spawn } from "node:child_process";
import { join } from "node:path";

import { repository } from "./shared-data.ts";

export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs `meridian …` as users do, through the bin, and waits for its end. */
export function meridian(
  dataDirectory: string,
  arguments_: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<CommandResult> {
  const child = spawn(join(repository, "ops", "cli", "meridian.mjs"), arguments_, {
    env: { ...process.env, ...environment, MERIDIAN_DATA: dataDirectory, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output, errors }));
  });
}
