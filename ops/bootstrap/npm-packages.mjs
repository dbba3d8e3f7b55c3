// The npm packages of package-lock.json, Node 24 among them.
import { existsSync, lstatSync, readFileSync, symlinkSync, chmodSync } from "node:fs";
import { delimiter, join, sep } from "node:path";
import {
  SetupFailure,
  elapsed,
  findOnPath,
  isExecutable,
  lastLines,
  run,
  say,
} from "./processes.mjs";

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

/** Why `npm ci` is needed, or null: npm's own record of node_modules is compared with the lock file. */
export function missingPackages(root) {
  const wanted = readJson(join(root, "package-lock.json"));
  if (wanted === null)
    throw new SetupFailure(
      "package-lock.json cannot be read",
      "it is missing or not JSON",
      "git checkout package-lock.json",
    );
  const installed = readJson(join(root, "node_modules", ".package-lock.json"));
  if (installed === null) return "node_modules is missing";
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === "") continue;
    const found = installed.packages[path];
    if (found === undefined) {
      // Packages of other platforms are optional, and absent here.
      if (entry.optional === true || entry.devOptional === true || entry.peer === true) continue;
      return `${path} is missing`;
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity) {
      return `${path} is ${found.version}, package-lock.json wants ${entry.version}`;
    }
    if (!existsSync(join(root, path))) return `${path} is missing`;
  }
  return null;
}

/**
 * How to start npm with a Node that is not inside node_modules: `npm ci` empties that folder, and
 * under `npm run` the first `node` on PATH is the one in there.
 */
function npmCommand(root) {
  const modules = join(root, "node_modules") + sep;
  const outside = (path) => path !== undefined && path !== "" && !path.startsWith(modules);
  const path = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.includes(`${sep}node_modules${sep}`))
    .join(delimiter);
  const env = { ...process.env, PATH: path };
  const node = process.env.npm_node_execpath;
  const script = process.env.npm_execpath;
  if (outside(node) && outside(script) && existsSync(node) && existsSync(script)) {
    return { command: node, args: [script], env };
  }
  const npm = findOnPath("npm", path);
  if (npm === null)
    throw new SetupFailure("npm was not found", "it is not on PATH", "sudo apt-get install npm");
  return { command: npm, args: [], env };
}

/** npm closes with its usage and the name of a log file; the reason comes before. */
function npmReason(result) {
  const lines = result.output.split("\n").filter((line) => /^npm (error|ERR!) \S/.test(line));
  return lines.length === 0 ? lastLines(result) : lines.slice(0, 5).join("\n         ");
}

async function install(root, reason) {
  const start = performance.now();
  say(`npm packages: ${reason}; running npm ci`);
  const npm = npmCommand(root);
  const result = await run(
    npm.command,
    [...npm.args, "ci", "--include=dev", "--no-audit", "--no-fund"],
    {
      cwd: root,
      env: npm.env,
    },
  );
  if (result.code !== 0) {
    throw new SetupFailure("npm packages could not be installed", npmReason(result), "npm ci");
  }
  say(`npm packages: ready (${elapsed(start)})`);
}

/** The npm package `node` gets its program by an install script, which npm may have been told to skip. */
async function repairNode(root) {
  const folder = join(root, "node_modules", "node");
  if (isExecutable(join(folder, "bin", "node"))) return;
  say("Node 24: its install script did not run; running it");
  const npm = npmCommand(root);
  const node = findOnPath("node", npm.env.PATH) ?? process.execPath;
  const result = await run(node, ["installArchSpecificPackage.js"], { cwd: folder, env: npm.env });
  if (result.code !== 0 || !isExecutable(join(folder, "bin", "node"))) {
    throw new SetupFailure("Node 24 could not be installed", lastLines(result), "npm rebuild node");
  }
}

/** npx finds `meridian` in the checkout through this link. */
function linkCommand(root) {
  const target = join(root, "ops", "cli", "meridian.mjs");
  const link = join(root, "node_modules", ".bin", "meridian");
  if (!existsSync(target) || lstatSync(link, { throwIfNoEntry: false }) !== undefined) return;
  if (!isExecutable(target)) chmodSync(target, 0o755);
  symlinkSync(join("..", "..", "ops", "cli", "meridian.mjs"), link);
}

/** Makes node_modules what package-lock.json says. */
export async function npmPackages(root) {
  const reason = missingPackages(root);
  if (reason !== null) await install(root, reason);
  await repairNode(root);
  linkCommand(root);
  return reason !== null;
}
