import { open, readFile, rename, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Seal } from "../actors/kernel/accepted-chain.ts";
import type { ChainPoint } from "../actors/kernel/ports/matching-engine.ts";
import { readEntry, reachOf, SEAL_ENTRY_BYTES, type SealEntry, writeEntry } from "./seal-entry.ts";

/**
 * The seals of a write-ahead log (native/journal/README.md, Seals): the messages of the accepted chain
 * without their records, and marks of how far the log was durable. Both engines write them here.
 */

export interface SealFile {
  /** Writes at a position; may write less than asked. Resolves with the number of bytes. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** Resolves when all that was written is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The disk as seals use it: the system's, or one that a test or a simulation makes. */
export interface SealStorage {
  /** The whole file, empty when there is none. */
  read(path: string): Promise<Uint8Array>;
  /** Opens for writing; makes the file, durably, when it is not there. */
  open(path: string): Promise<SealFile>;
  /** The file has this content, durably, or the old one. */
  replace(path: string, content: Uint8Array): Promise<void>;
}

/** Entries of one write at most: only so many can be torn by a crash. */
const GROUP_ENTRIES = 256;
/** Room is taken this far ahead, so that a seal changes no metadata of the file system. */
const ROOM_BYTES = GROUP_ENTRIES * SEAL_ENTRY_BYTES;

export const sealPath = (directory: string): string => join(directory, "seals");

/** What a file of seals holds. */
export interface SealsRead {
  readonly entries: readonly SealEntry[];
  /** The log was durable up to here at least. */
  readonly reach: number;
  /** Whether a crash left part of the last write behind the entries. */
  readonly isTorn: boolean;
}

/** Reads the seals of a log. Throws an Error on damage. */
export async function readSeals(storage: SealStorage, directory: string): Promise<SealsRead> {
  const path = sealPath(directory);
  const bytes = await storage.read(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.length / SEAL_ENTRY_BYTES);
  const entries: SealEntry[] = [];
  let reach = 0;
  for (let index = 0; index < count; index += 1) {
    const entry = readEntry(view, index * SEAL_ENTRY_BYTES);
    if (entry === null) break;
    entries.push(entry);
    reach = Math.max(reach, reachOf(entry));
  }
  const bad = bytes.subarray(entries.length * SEAL_ENTRY_BYTES);
  // An entry lies in one sector: one that a torn write lacks is all zeros.
  const isMissing = bad.subarray(0, SEAL_ENTRY_BYTES).every((byte) => byte === 0);
  for (let index = entries.length + 1; index < count; index += 1) {
    if (isMissing && index - entries.length < GROUP_ENTRIES) continue;
    if (readEntry(view, index * SEAL_ENTRY_BYTES) === null) continue;
    throw new Error(
      `damage: seal ${entries.length + 1} in ${path} is broken, but seal ${index + 1} behind it is whole; restore the folder from a copy, or move it away`,
    );
  }
  return { entries, reach, isTorn: bad.some((byte) => byte !== 0) };
}

function entryBytes(entries: readonly SealEntry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * SEAL_ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, entry] of entries.entries()) {
    writeEntry(view, index * SEAL_ENTRY_BYTES, entry);
  }
  return bytes;
}

function trimmedOf([first]: readonly SealEntry[]): ChainPoint | null {
  if (first?.type !== "trim") return null;
  const { sequence, epoch, hash } = first;
  return { sequence, epoch, hash };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** What is left when the chain begins with its last block that ends at or before `limit`. */
function keptBehind(
  entries: readonly SealEntry[],
  limit: number,
): { readonly point: ChainPoint; readonly entries: readonly SealEntry[] } | null {
  // Backwards from the last message, so that blocks which were never accepted are left out.
  const behind: SealEntry[] = [];
  let wanted: Uint8Array | null = null;
  for (const entry of entries.toReversed()) {
    if (entry.type === "mark" || entry.type === "begin" || entry.type === "trim") continue;
    if (wanted !== null && !same(entry.hash, wanted)) continue;
    if (entry.type === "block" && entry.last <= limit) {
      const { last: sequence, epoch, hash } = entry;
      const reach = Math.max(sequence, ...behind.map(reachOf));
      const mark = entries.findLast((one) => one.type === "mark" && one.sequence > reach);
      const kept: readonly SealEntry[] = [
        { type: "trim", sequence, epoch, hash },
        ...behind.toReversed(),
        ...(mark === undefined ? [] : [mark]),
      ];
      return { point: { sequence, epoch, hash }, entries: kept };
    }
    behind.push(entry);
    wanted = entry.previousHash;
  }
  return null;
}

/** Written by one process, which holds the lock of the log. Calls may come while others are under way. */
export class SealLog {
  readonly #directory: string;
  readonly #storage: SealStorage;
  readonly #pause: () => Promise<void>;
  readonly #onTrouble: () => void;
  /** Entries in the file, and bytes it has. */
  #count: number;
  #bytes: number;
  #reach: number;
  /** The last message of the chain in the file. */
  #epoch = 0;
  #last = 0;
  #file: SealFile | null = null;
  #queue: Promise<void> = Promise.resolve();
  #failure: string | null = null;
  #waiting: string | null = null;
  #leaving = false;
  #trimmed: ChainPoint | null;

  private constructor(
    directory: string,
    storage: SealStorage,
    { entries, reach }: SealsRead,
    pause: () => Promise<void>,
    onTrouble: () => void,
  ) {
    this.#directory = directory;
    this.#storage = storage;
    this.#pause = pause;
    this.#onTrouble = onTrouble;
    this.#count = entries.length;
    this.#bytes = entries.length * SEAL_ENTRY_BYTES;
    this.#reach = reach;
    for (const entry of entries) this.#passed(entry);
    this.#trimmed = trimmedOf(entries);
  }

  /**
   * Throws an Error on damage. `pause` waits before a full disk is tried again; `onTrouble` is called
   * when `failure` or `waiting` has changed.
   */
  static async open(
    directory: string,
    storage: SealStorage,
    pause: () => Promise<void>,
    onTrouble: () => void,
  ): Promise<SealLog> {
    const read = await readSeals(storage, directory);
    // Else what stands there would be taken for entries once those before it are written.
    if (read.isTorn) await storage.replace(sealPath(directory), entryBytes(read.entries));
    const seals = new SealLog(directory, storage, read, pause, onTrouble);
    if (!read.isTorn && read.entries.length > 0) await seals.#settle();
    return seals;
  }

  /** Why nothing is written any more, or null. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Why seals wait for room on a full disk, or null. */
  get waiting(): string | null {
    return this.#waiting;
  }

  /** The log begins behind this point of the chain; null when it begins with record 1. */
  get trimmed(): ChainPoint | null {
    return this.#trimmed;
  }

  /**
   * Leaves out what is at or below the last block that ends at or before `limit`. Resolves with that
   * point, null when there is none; segments below it may go afterwards. Rejects when the disk refuses:
   * then everything is as it was.
   */
  trim(limit: number): Promise<ChainPoint | null> {
    let point: ChainPoint | null = null;
    return this.#enqueue(async () => {
      if (this.#failure !== null) throw new Error(this.#failure);
      const { entries } = await readSeals(this.#storage, this.#directory);
      const kept = keptBehind(entries, limit);
      if (kept === null) return;
      await this.#file?.close();
      this.#file = null;
      const bytes = entryBytes(kept.entries);
      await this.#storage.replace(sealPath(this.#directory), bytes);
      this.#count = kept.entries.length;
      this.#bytes = bytes.length;
      this.#trimmed = kept.point;
      ({ point } = kept);
    }).then(() => point);
  }

  /**
   * Resolves when the messages are on the disk, in this order, behind those of before. Those that the
   * file has already are left out. Rejects when the disk fails.
   */
  append(seals: readonly Seal[]): Promise<void> {
    return this.#enqueue(() => {
      const fresh = seals.filter((seal) => {
        const isNew =
          seal.epoch > this.#epoch ||
          (seal.epoch === this.#epoch && seal.type === "block" && seal.last > this.#last);
        if (isNew) this.#passed(seal);
        return isNew;
      });
      return this.#write(fresh);
    });
  }

  /** The chain goes on from a point of it; told when the file does not have that one. */
  appendBegin(point: ChainPoint): Promise<void> {
    return this.#enqueue(async () => {
      const { entries } = await readSeals(this.#storage, this.#directory);
      const isKnown = entries.some(
        (entry) => entry.type !== "mark" && Buffer.compare(entry.hash, point.hash) === 0,
      );
      if (isKnown) return;
      const entry: SealEntry = { type: "begin", ...point };
      this.#passed(entry);
      await this.#write([entry]);
    });
  }

  /** The log is durable up to this record; told when no entry says so. */
  mark(sequence: number): Promise<void> {
    // On a full disk one seal waits already; a mark for each second would only wait behind it.
    if (this.#waiting !== null) return Promise.resolve();
    return this.#enqueue(() =>
      sequence > this.#reach ? this.#write([{ type: "mark", sequence }]) : Promise.resolve(),
    );
  }

  /** Seals fail from now on rather than wait for room on a full disk. */
  leave(): void {
    this.#leaving = true;
  }

  /** A process that was killed leaves entries that every reader sees and no disk holds. */
  async #settle(): Promise<void> {
    const file = await this.#storage.open(sealPath(this.#directory));
    this.#file = file;
    try {
      await file.sync();
    } catch (cause) {
      this.#file = null;
      await file.close();
      throw cause;
    }
  }

  async close(): Promise<void> {
    this.leave();
    await this.#queue;
    await this.#file?.close();
    this.#file = null;
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }

  #passed(entry: SealEntry): void {
    if (entry.type === "mark") return;
    this.#epoch = entry.epoch;
    this.#last = entry.type === "fence" ? 0 : reachOf(entry);
  }

  async #write(entries: readonly SealEntry[]): Promise<void> {
    for (let from = 0; from < entries.length; from += GROUP_ENTRIES) {
      await this.#writeGroup(entries.slice(from, from + GROUP_ENTRIES));
    }
  }

  async #writeGroup(entries: readonly SealEntry[]): Promise<void> {
    if (this.#failure !== null) throw new Error(this.#failure);
    const start = this.#count * SEAL_ENTRY_BYTES;
    const end = start + entries.length * SEAL_ENTRY_BYTES;
    const room = end > this.#bytes ? end + ROOM_BYTES - (end % ROOM_BYTES) : end;
    const bytes = new Uint8Array(room - start);
    bytes.set(entryBytes(entries));
    await this.#store(bytes, start);
    this.#bytes = Math.max(this.#bytes, room);
    this.#count += entries.length;
    this.#reach = Math.max(this.#reach, ...entries.map(reachOf));
  }

  async #store(bytes: Uint8Array, start: number): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      try {
        this.#file ??= await this.#storage.open(sealPath(this.#directory));
        const count = await this.#file.write(bytes.subarray(written), start + written);
        if (count === 0) throw new Error("the disk took no bytes");
        written += count;
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        const isFull = code === "ENOSPC" || code === "EDQUOT";
        if (!isFull || this.#leaving) throw this.#fail(cause);
        this.#waiting = `${this.#reason(cause)}; free space on the disk`;
        this.#onTrouble();
        await this.#pause();
      }
    }
    try {
      await this.#file?.sync();
    } catch (cause) {
      // A second try would lie: the pages may be marked clean.
      throw this.#fail(cause);
    }
    if (this.#waiting === null) return;
    this.#waiting = null;
    this.#onTrouble();
  }

  #reason(cause: unknown): string {
    return `the seals in ${this.#directory} cannot be written: ${(cause as Error).message}`;
  }

  #fail(cause: unknown): Error {
    this.#failure = this.#reason(cause);
    this.#waiting = null;
    this.#onTrouble();
    return new Error(this.#failure, { cause });
  }
}

export const systemSealStorage: SealStorage = {
  read: (path) =>
    readFile(path).catch((failure: NodeJS.ErrnoException) => {
      if (failure.code === "ENOENT") return new Uint8Array(0);
      throw failure;
    }),
  async open(path) {
    const file: FileHandle = await open(path, "r+").catch(
      async (failure: NodeJS.ErrnoException) => {
        if (failure.code !== "ENOENT") throw failure;
        const made = await open(path, "wx+");
        await syncFolder(dirname(path));
        return made;
      },
    );
    return {
      write: async (bytes, position) =>
        (await file.write(bytes, 0, bytes.length, position)).bytesWritten,
      sync: () => file.datasync(),
      close: () => file.close(),
    };
  },
  async replace(path, content) {
    const draft = `${path}.new`;
    const file = await open(draft, "w");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    await syncFolder(dirname(path));
  },
};

async function syncFolder(directory: string): Promise<void> {
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
