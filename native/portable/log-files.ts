import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";

/** Files of a write-ahead log: names, id, and the port through which records are written. */

/** Records in a full segment: 16 MiB, rounded down. */
export const SEGMENT_RECORDS = Math.floor((16 * 2 ** 20) / RECORD_BYTES);

/** One open segment file. Tests put faults here. */
export interface LogFile {
  /** Writes at a position; may write less than asked. Resolves with the number of bytes. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** Resolves when all that was written is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
export type OpenLogFile = (path: string) => Promise<LogFile>;

/** Opens a segment for writing; makes it, durably, when it is not there. */
export const openLogFile: OpenLogFile = async (path) => {
  const file: FileHandle = await open(path, "r+").catch(async (failure: NodeJS.ErrnoException) => {
    if (failure.code !== "ENOENT") throw failure;
    const made = await open(path, "wx+");
    await syncFolder(join(path, ".."));
    return made;
  });
  return {
    write: async (bytes, position) =>
      (await file.write(bytes, 0, bytes.length, position)).bytesWritten,
    sync: () => file.datasync(),
    close: () => file.close(),
  };
};

/** Path of the segment that holds a sequence, 1, 2, 3, … */
export function segmentPath(directory: string, sequence: number): string {
  const first = sequence - ((sequence - 1) % SEGMENT_RECORDS);
  return join(directory, `segment-${String(first).padStart(16, "0")}.log`);
}

/** Path of the segment with this first record. */
export const segmentFile = (directory: string, first: number): string =>
  join(directory, `segment-${String(first).padStart(16, "0")}.log`);

/** First sequences of the segments there are, ascending. */
export async function listSegments(directory: string): Promise<readonly number[]> {
  return segmentsIn(await readdir(directory));
}

/** First sequences of the segments among the names of a folder, ascending. */
export function segmentsIn(names: readonly string[]): readonly number[] {
  return names
    .map((name) => /^segment-(\d{16})\.log$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/** Sequences of the snapshots that the native engine has left here, the newest first. */
export async function listSnapshots(directory: string): Promise<readonly number[]> {
  return (await readdir(directory))
    .map((name) => /^snapshot-(\d{16})\.state$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => b - a);
}

/** The id of the log; made when there is none yet, or when a crash left its file empty. */
export async function ensureLogId(directory: string): Promise<string> {
  const path = join(directory, "log.id");
  const text = await readFile(path, "utf8").catch((failure: NodeJS.ErrnoException) => {
    if (failure.code === "ENOENT") return "";
    throw failure;
  });
  if (text !== "") {
    const found = text.trim();
    if (/^[0-9a-f]{32}$/.test(found)) return found;
    throw new Error(
      `${path} does not hold 32 hexadecimal digits: restore it, or move the folder away`,
    );
  }
  const id = randomBytes(16).toString("hex");
  const temporary = await open(`${path}.new`, "w");
  await temporary.writeFile(`${id}\n`);
  await temporary.sync();
  await temporary.close();
  await rename(`${path}.new`, path);
  await syncFolder(directory);
  return id;
}

/** Makes the folder of a log, durably. */
export async function makeFolder(directory: string): Promise<void> {
  const made = await mkdir(directory, { recursive: true });
  if (made === undefined) return;
  for (let path = resolve(directory); path.length >= resolve(made).length; path = dirname(path)) {
    await syncFolder(dirname(path));
  }
}

/** Resolves when the names in the folder are on the disk. */
export async function syncFolder(directory: string): Promise<void> {
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
