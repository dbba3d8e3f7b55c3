import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";

const lockSchema = z.strictObject({
  pid: z.int(),
  /** Start of the process in clock ticks since boot: a number that is used again tells itself apart. */
  started: z.string(),
});
type Lock = z.infer<typeof lockSchema>;

const lockFile = (dataDirectory: string): string => join(dataDirectory, "launcher.json");

/** When a process started, in clock ticks since boot; null when there is no such process. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    return state === "Z" || state === "X" ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function readLock(dataDirectory: string): Lock | null {
  try {
    const checked = lockSchema.safeParse(JSON.parse(readFileSync(lockFile(dataDirectory), "utf8")));
    return checked.success ? checked.data : null;
  } catch {
    return null;
  }
}

/** The process that runs a cluster on this data folder, or null. */
export function liveLauncher(dataDirectory: string): number | null {
  const lock = readLock(dataDirectory);
  return lock !== null && startOf(lock.pid) === lock.started ? lock.pid : null;
}

/**
 * Takes the data folder for this process; a lock whose process is gone does not count. Returns
 * whether one was left behind. Failure codes: already_running, data_folder_unusable.
 */
export function lockData(dataDirectory: string): Result<{ readonly stale: boolean }> {
  const own: Lock = { pid: process.pid, started: startOf(process.pid) ?? "" };
  const unusable = (error: unknown): Result<never> =>
    refuse(
      "data_folder_unusable",
      `${dataDirectory}: ${(error as Error).message}`,
      "name another folder by --data",
    );
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  } catch (error) {
    return unusable(error);
  }
  let stale = false;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(lockFile(dataDirectory), JSON.stringify(own), { flag: "wx", mode: 0o600 });
      return ok({ stale });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return unusable(error);
    }
    const holder = liveLauncher(dataDirectory);
    if (holder !== null) {
      return refuse(
        "already_running",
        `a cluster runs on ${dataDirectory} already, started by process ${holder}`,
        "npx meridian status, or npx meridian down, or --data with another folder",
      );
    }
    rmSync(lockFile(dataDirectory), { force: true });
    stale = true;
  }
  return refuse(
    "already_running",
    `another process has just taken ${dataDirectory}`,
    "npx meridian status",
  );
}

/** Gives the data folder back, if it is this process's. */
export function unlockData(dataDirectory: string): void {
  if (readLock(dataDirectory)?.pid === process.pid)
    rmSync(lockFile(dataDirectory), { force: true });
}

/**
 * Servers and cells whose configuration file lies in this data folder: what a launcher has left
 * behind that could not tie its children to its own life.
 */
export function leftovers(dataDirectory: string): readonly number[] {
  const within = (path: string | undefined, folder: string): boolean =>
    path?.startsWith(`${join(dataDirectory, folder)}/`) ?? false;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      let commandLine: readonly string[];
      try {
        commandLine = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      } catch {
        return false;
      }
      const after = (flag: string): string | undefined =>
        commandLine.includes(flag) ? commandLine[commandLine.indexOf(flag) + 1] : undefined;
      return within(after("--config"), "nats") || within(after("--configuration"), "cells");
    })
    .map(Number);
}
