#!/usr/bin/env node
// The `meridian` command. Plain JavaScript that Node 18 can run: it hands over to the Node 24 that
// the repository installs, because main.ts runs by type stripping.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compiledFolder } from "../bootstrap/compiled.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const node = join(root, "node_modules", "node", "bin", "node");
const schemas = join(root, "build", "schemas", "messages.js");
for (const [path, what] of [
  [node, "its Node 24"],
  [schemas, "the generated message schemas"],
]) {
  if (!existsSync(path)) {
    console.error(`meridian: cannot run: ${what} is not set up in ${root}`);
    console.error("  next: npm start   (does all set-up; `npm ci` alone installs the packages)");
    process.exit(1);
  }
}

const child = spawn(
  node,
  [
    "--disable-warning=ExperimentalWarning",
    join(root, "ops", "cli", "main.ts"),
    ...process.argv.slice(2),
  ],
  {
    stdio: "inherit",
    env: {
      NODE_COMPILE_CACHE: compiledFolder,
      ...process.env,
      MERIDIAN_BIN_PID: String(process.pid),
    },
  },
);
// A terminal sends Ctrl-C to the child too; only a signal that was sent to this process alone is
// passed on. Either way the child decides how to end, and this process ends with it.
process.on("SIGINT", () => {});
process.on("SIGHUP", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("error", (error) => {
  console.error(`meridian: ${node} does not start: ${error.message}`);
  console.error("  next: npm ci");
  process.exit(1);
});
child.on("exit", (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
