import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { ok, refuse, type Result } from "../kernel/result.ts";

/** The folder of a cell: its identity, its incarnation, and the folders of its markets. */
export interface CellDirectory {
  /** Random id given to the folder when it was made, 32 hexadecimal digits. */
  readonly node: string;
  /** Last incarnation that was persisted; 0 in a new folder. */
  recordedIncarnation(): number;
  /** Returns when the number is on disk. */
  persistIncarnation(incarnation: number): void;
  /** Folder of a market: write-ahead log, accepted root, quarantine. */
  market(name: string): string;
  /** Folder of the event logs of actors. */
  readonly actors: string;
  /** Files of users' strategies. */
  readonly strategies: string;
  /** Lets another process have the folder. */
  release(): void;
}

/**
 * Opens the folder for this process alone; makes it when missing. Failure codes: locked (another
 * process has it), damaged (a file in it does not hold what it should).
 */
export function openCellDirectory(path: string): Result<CellDirectory> {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = lockFolder(path);
  if (lock === null) {
    return refuse(
      "locked",
      `${path} is in use by another cell process`,
      "stop that process, or start this one with another dataDirectory",
    );
  }
  const nodeFile = join(path, "node");
  const incarnationFile = join(path, "incarnation");
  let node = readText(nodeFile);
  if (node === null) {
    node = randomBytes(16).toString("hex");
    writeDurably(path, "node", node);
  }
  const text = readText(incarnationFile) ?? "0";
  if (!/^[0-9a-f]{32}$/.test(node) || !/^\d{1,15}$/.test(text)) {
    lock.close();
    const file = /^\d{1,15}$/.test(text) ? nodeFile : incarnationFile;
    return refuse(
      "damaged",
      `${file} does not hold what a cell writes there`,
      "restore it from a backup; an incarnation must be at least the last one in the log",
    );
  }
  let incarnation = Number(text);
  return ok({
    node,
    recordedIncarnation: () => incarnation,
    persistIncarnation: (next) => {
      writeDurably(path, "incarnation", String(next));
      incarnation = next;
    },
    market: (name) => join(path, "markets", name),
    actors: join(path, "actors"),
    strategies: join(path, "strategies"),
    release: () => lock.close(),
  });
}

/**
 * A lock of the kernel on a file of the folder, held until the process ends, however it ends. Node has
 * no flock; SQLite takes the same kind of lock for an exclusive transaction.
 */
function lockFolder(path: string): DatabaseSync | null {
  const database = new DatabaseSync(join(path, "lock"), { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && error.message.includes("locked")) return null;
    throw error;
  }
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Written beside and renamed, both fsynced: after a crash the file is the old or the new one. */
function writeDurably(folder: string, name: string, text: string): void {
  const draft = join(folder, `${name}.draft`);
  const file = openSync(draft, "w", 0o600);
  writeSync(file, `${text}\n`);
  fsyncSync(file);
  closeSync(file);
  renameSync(draft, join(folder, name));
  const directory = openSync(folder, "r");
  fsyncSync(directory);
  closeSync(directory);
}
