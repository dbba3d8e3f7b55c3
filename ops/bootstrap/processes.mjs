// Helpers of the set-up: child processes, the search path, and lines for the person who waits.
import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A step that cannot go on: what happened, why, and the next line to type. */
export class SetupFailure extends Error {
  constructor(what, why, next) {
    super(what);
    this.what = what;
    this.why = why;
    this.next = next;
  }
}

/** One line of progress. */
export function say(text) {
  console.log(`set-up: ${text}`);
}

/** Seconds since `start` (milliseconds of performance.now()), for people. */
export function elapsed(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** Path of an executable file `name` in the folders of `path`, or null. */
export function findOnPath(name, path = process.env.PATH ?? "") {
  for (const folder of path.split(delimiter)) {
    if (folder === "") continue;
    const candidate = join(folder, name);
    if (isExecutable(candidate)) return candidate;
  }
  return null;
}

/** True for a file that may be run. */
export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const keptOutput = 64 * 1024;

/**
 * Runs a program to its end, without a shell. Resolves with the exit code (null when it could not be
 * started or was ended after `timeoutMs`) and the last 64 KiB of what it printed; never rejects.
 */
export function run(command, args, { cwd, env, timeoutMs, onLine } = {}) {
  return new Promise((resolve) => {
    let output = "";
    let pending = "";
    let reason = null;
    let timer;
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const take = (chunk) => {
      const text = chunk.toString("utf8");
      output = (output + text).slice(-keptOutput);
      if (onLine === undefined) return;
      const lines = (pending + text).split(/\r?\n/);
      pending = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ code: null, output, reason: error.message });
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: reason === null ? code : null, output, reason });
    });
    if (timeoutMs !== undefined) {
      timer = setTimeout(() => {
        reason = `no result within ${timeoutMs / 1000} s`;
        child.kill("SIGKILL");
      }, timeoutMs);
    }
  });
}

/** The last lines of a program's output, for a failure message. */
export function lastLines(result, count = 3) {
  const lines = result.output.split(/\r?\n/).filter((line) => line.trim() !== "");
  const tail = lines.slice(-count).join(" | ");
  return result.reason ?? (tail === "" ? `exit code ${result.code}` : tail);
}
