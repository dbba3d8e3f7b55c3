import { CommanderError } from "commander";

import { describeFault, exitCodes } from "./action.ts";
import { createProgram } from "./program.ts";

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed the usage fault, the help or the version itself.
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } else {
    process.stderr.write(describeFault(error, process.argv.includes("--debug")));
    process.exitCode = exitCodes.failed;
  }
}
