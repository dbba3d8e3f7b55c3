import { CommanderError } from "commander";

import { compiledFolder } from "../bootstrap/compiled.mjs";
import { describeFault, exitCodes } from "./action.ts";
import { createProgram } from "./program.ts";

// For the cells and tools that it starts, also when it was not started by the bin.
process.env["NODE_COMPILE_CACHE"] ??= compiledFolder;

// Who pipes into `head` is served when that has enough, and a closed terminal must not end a drain.
const closed = new Set(["EPIPE", "EIO"]);
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (closed.has(error.code ?? "")) return;
    process.stderr.write(describeFault(error, process.argv.includes("--debug")));
    process.exit(exitCodes.failed);
  });
}

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
// What was printed has gone out, or has told why not. Then it ends, whatever is open: a server that is
// stopped takes a connection and says nothing, and its socket would keep the process for ever.
await new Promise<void>((resolve) => process.stdout.write("", () => setImmediate(resolve)));
process.exit();
