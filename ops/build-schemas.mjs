// Generates build/schemas/messages.js and .d.ts from schemas/**/*.proto. Plain JavaScript: it runs
// during set-up. 64-bit integers become JavaScript numbers: every one we use fits 2^53.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const output = join(root, "build", "schemas");

function protoFiles(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return protoFiles(path);
      return entry.name.endsWith(".proto") ? [path] : [];
    })
    .sort((a, b) => (a < b ? -1 : 1));
}

/** Generates when a source is newer than the output. Returns whether it did. */
export function buildSchemas() {
  const sources = protoFiles(join(root, "schemas"));
  const target = join(output, "messages.js");
  const types = join(output, "messages.d.ts");
  const self = fileURLToPath(import.meta.url);
  const age = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const built = Math.min(age(target), age(types));
  if ([...sources, self].every((path) => age(path) < built)) return false;
  mkdirSync(output, { recursive: true });
  const run = (tool, args) =>
    execFileSync(process.execPath, [join(root, "node_modules/protobufjs-cli/bin", tool), ...args], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  // Written beside and renamed, so that two set-ups at once never leave half a file.
  const draft = join(output, `messages-${process.pid}`);
  run("pbjs", [
    "-t",
    "static-module",
    "-w",
    "es6",
    "--force-number",
    "--no-service",
    "--no-delimited",
    "--no-beautify",
    "--dependency",
    "protobufjs/minimal.js",
    "-p",
    join(root, "schemas"),
    "-o",
    `${draft}.js`,
    ...sources,
  ]);
  run("pbts", ["--no-comments", "-o", `${draft}.d.ts`, `${draft}.js`]);
  renameSync(`${draft}.js`, target);
  renameSync(`${draft}.d.ts`, types);
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(buildSchemas() ? "schemas: generated" : "schemas: up to date");
}
