// Builds the page into build/console when a source of it is newer. Plain JavaScript: it runs during set-up.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const output = join(root, "build", "console");
const messages = join(root, "build", "console-messages");

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const changedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Of logs, journals and servers among themselves: no page is told of them, and each would cost it. */
const unseen = [
  "control/v1/event_log.proto",
  "market/v1/edge.proto",
  "region/v1/deployment.proto",
  "region/v1/region.proto",
];

/** Messages with what a page does with them: reading and writing, nothing else. */
function buildMessages() {
  mkdirSync(messages, { recursive: true });
  const draft = join(messages, `messages-${process.pid}.js`);
  const files = filesBelow(join(root, "schemas"))
    .filter((file) => file.endsWith(".proto"))
    .filter((file) => !unseen.some((name) => file.endsWith(name)));
  const left = ["create", "verify", "convert", "typeurl", "service", "delimited", "comments"];
  const options = ["-t", "static-module", "-w", "es6", "--force-number", "--no-beautify"];
  execFileSync(
    process.execPath,
    [
      join(root, "node_modules/protobufjs-cli/bin/pbjs"),
      ...options,
      ...left.map((name) => `--no-${name}`),
      "--dependency",
      "protobufjs/minimal.js",
      "-p",
      join(root, "schemas"),
      "-o",
      draft,
      ...files.sort(),
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  renameSync(draft, join(messages, "messages.js"));
}

/** True when no source is newer than what was built. */
export function consoleIsCurrent() {
  const sources = [
    ...["ops/console", "schemas", "actors/kernel"].flatMap((folder) =>
      filesBelow(join(root, folder)),
    ),
    ...filesBelow(join(root, "ops", "runbooks")),
    join(root, "ops", "deploy", "roles.ts"),
    join(root, "package-lock.json"),
  ].filter((file) => !file.endsWith(".test.ts") && !file.includes("/screenshots/"));
  const built = changedAt(join(output, "index.html"));
  return sources.every((file) => changedAt(file) < built);
}

/** Builds when it must; returns whether it did. */
export async function buildConsole() {
  if (consoleIsCurrent()) return false;
  buildMessages();
  const { build } = await import("vite");
  // Into a folder of its own, so that nobody is served half a page.
  const draft = `${output}-${process.pid}`;
  try {
    await build({
      configFile: join(root, "ops", "console", "vite.config.ts"),
      logLevel: "warn",
      build: { outDir: draft },
    });
    rmSync(output, { recursive: true, force: true });
    renameSync(draft, output);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log((await buildConsole()) ? "console: built" : "console: up to date");
}
