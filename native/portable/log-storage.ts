import { closeSync, openSync, readSync } from "node:fs";
import { open, readFile } from "node:fs/promises";

import { type SealStorage, systemSealStorage } from "../seal-log.ts";
import {
  ensureLogId,
  listSegments,
  listSnapshots,
  makeFolder,
  openLogFile,
  syncFolder,
} from "./log-files.ts";
import type { OpenLogFile } from "./log-files.ts";
import { lockLog } from "./log-lock.ts";
import type { LogLock } from "./log-lock.ts";

/** The disk as a write-ahead log uses it: the system's, or one that a test or a simulation makes. */
export interface LogStorage {
  /** Makes the folder, durably. */
  makeFolder(directory: string): Promise<void>;
  /** Holds the log against everybody else. Throws an Error that says who has it and what to do. */
  lock(directory: string): LogLock;
  /** The id of the log, made durably when there is none yet. */
  logId(directory: string): Promise<string>;
  /** First sequences of the segments there are, ascending. */
  segments(directory: string): Promise<readonly number[]>;
  /** Sequences of the snapshots that the native engine has left, the newest first. */
  snapshots(directory: string): Promise<readonly number[]>;
  /** A whole segment. */
  read(path: string): Promise<Uint8Array>;
  /** Cuts a segment to a length, durably. */
  cut(path: string, length: number): Promise<void>;
  /** Resolves when what the segment holds, if any, and the names in the folder are on the disk. */
  settle(directory: string, segment: string | null): Promise<void>;
  /** Opens a segment for writing; makes it, durably, when it is not there. */
  readonly open: OpenLogFile;
  /** Fills `into` from the position. Throws when the segment is shorter. */
  readInto(path: string, into: Uint8Array, position: number): void;
  readonly seals: SealStorage;
}

export const systemLogStorage: LogStorage = {
  seals: systemSealStorage,
  makeFolder,
  lock: lockLog,
  logId: ensureLogId,
  segments: listSegments,
  snapshots: listSnapshots,
  read: (path) => readFile(path),
  async cut(path, length) {
    const file = await open(path, "r+");
    try {
      await file.truncate(length);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  async settle(directory, segment) {
    if (segment !== null) {
      const file = await open(segment, "r+");
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    }
    await syncFolder(directory);
  },
  open: openLogFile,
  readInto(path, into, position) {
    const file = openSync(path, "r");
    try {
      let read = 0;
      while (read < into.length) {
        const count = readSync(file, into, read, into.length - read, position + read);
        if (count === 0) throw new Error(`${path} is shorter than its durable records`);
        read += count;
      }
    } finally {
      closeSync(file);
    }
  },
};
