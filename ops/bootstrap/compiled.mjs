import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Where Node keeps what it has compiled, so that a command or a cell that starts again does not strip and parse
 * every file anew. For NODE_COMPILE_CACHE; a folder that cannot be written costs nothing but that time.
 */
export const compiledFolder = join(
  dirname(fileURLToPath(import.meta.url)),
  "..",
  "..",
  "build",
  "cache",
  "compiled",
);
