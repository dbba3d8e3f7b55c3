import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * Holds the log of a market against every other process and against this one
 * (native/journal/README.md, Locking). Node has no `flock`, so two locks work together:
 * - among portable engines, the lock that the built-in SQLite takes on an empty file; the kernel
 *   frees it when its holder dies, so it is never stale;
 * - against the native engine, the line in `lock`, and its `flock` as seen in /proc/locks. The
 *   native engine takes its lock before it reads the line, we write our line before we look for its
 *   lock: whoever is later sees the other.
 */
export interface LogLock {
  release(): void;
}

/** Takes the lock. Throws an Error that says who holds it and what to do. */
export function lockLog(directory: string): LogLock {
  const guard = new DatabaseSync(join(directory, "lock.portable"), { timeout: 0 });
  try {
    guard.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (cause) {
    guard.close();
    throw refusal(directory, "another portable engine", cause);
  }
  const file = openSync(join(directory, "lock"), "a+");
  try {
    claim(file, directory);
  } catch (cause) {
    closeSync(file);
    guard.close();
    throw cause;
  }
  return {
    release: () => {
      ftruncateSync(file);
      closeSync(file);
      guard.close();
    },
  };
}

function claim(file: number, directory: string): void {
  const holder = livingHolder(lineOf(file));
  if (holder !== null) throw refusal(directory, `process ${holder}`);
  const own = `${process.pid} ${startTime(process.pid) ?? 0}\n`;
  ftruncateSync(file);
  writeSync(file, own);
  const native = flockHolder(fstatSync(file, { bigint: true }).ino);
  if (native === null) return;
  if (lineOf(file) === own) ftruncateSync(file);
  throw refusal(directory, `process ${native}`);
}

function lineOf(file: number): string {
  const bytes = Buffer.alloc(64);
  return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, 0));
}

function refusal(directory: string, holder: string, cause?: unknown): Error {
  return new Error(
    `the log in ${directory} is in use by ${holder}: stop it, or give this cell a data folder of its own`,
    { cause },
  );
}

/** The process a line of the lock file names, if it still lives; else null. */
function livingHolder(line: string): number | null {
  const [pid = 0, start = 0] = line.split(" ").map(Number);
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  const lives = existsSync("/proc/self/stat") ? startTime(pid) === start : answers(pid);
  return lives ? pid : null;
}

function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (failure) {
    return (failure as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * When a process started, in clock ticks since boot. Null when there is no such process, when it has
 * ended and only waits for its parent (state Z), and where there is no /proc.
 */
function startTime(pid: number): number | null {
  const [state, ...fields] = readProc(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" ") ?? [];
  const start = fields[18];
  return state === "Z" || start === undefined ? null : Number(start);
}

/** The process that holds an `flock` on the inode, or null. */
function flockHolder(inode: bigint): number | null {
  for (const line of (readProc("/proc/locks") ?? "").split("\n")) {
    const [, kind, , , pid, place] = line.split(/\s+/);
    if (kind === "FLOCK" && place?.endsWith(`:${inode}`)) return Number(pid);
  }
  return null;
}

function readProc(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
