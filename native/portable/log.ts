import { setTimeout as pause } from "node:timers/promises";

import { RECORD_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { SealLog } from "../seal-log.ts";
import { segmentPath, SEGMENT_RECORDS } from "./log-files.ts";
import type { LogFile } from "./log-files.ts";
import type { LogLock } from "./log-lock.ts";
import { GROUP_RECORDS, recoverLog } from "./log-recovery.ts";
import type { Recovery, RecordVisitor } from "./log-recovery.ts";
import type { LogStorage } from "./log-storage.ts";

/** How often a full disk is tried again, in milliseconds. */
const ROOM_RETRY = 100;
/** Bytes of records that may wait for the disk; then the engine waits too. */
const PENDING_BYTES_LIMIT = 8 * 2 ** 20;

/** Records of one segment that will be written together. */
interface Group {
  /** Sequence of the first record. */
  readonly first: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** Records in it, and how many fit. */
  count: number;
  readonly capacity: number;
}

/**
 * The write-ahead log of one market (native/journal/README.md). One group of records is written and
 * fsynced on the thread pool of Node while the next one gathers; nothing blocks the event loop.
 */
export class WriteAheadLog {
  readonly directory: string;
  readonly id: string;
  readonly #lock: LogLock;
  readonly #storage: LogStorage;
  readonly #nextTurn: () => Promise<void>;
  readonly #seals: SealLog;
  readonly #waiting: Group[] = [];
  /** The buffer of the group written last, to be used again. */
  #spare = new Uint8Array(GROUP_RECORDS * RECORD_BYTES);
  #pendingBytes = 0;
  #last: number;
  #durable: number;
  #failure: string | null = null;
  #waitingForRoom: string | null = null;
  #leaving = false;
  #file: { readonly path: string; readonly file: LogFile } | null = null;
  #commits: Promise<void> | null = null;
  #onProgress: () => void = () => {};

  private constructor(
    directory: string,
    id: string,
    lock: LogLock,
    storage: LogStorage,
    nextTurn: () => Promise<void>,
    seals: SealLog,
    last: number,
  ) {
    this.directory = directory;
    this.id = id;
    this.#lock = lock;
    this.#storage = storage;
    this.#nextTurn = nextTurn;
    this.#seals = seals;
    this.#last = last;
    this.#durable = last;
  }

  /**
   * Locks the log, makes it when there is none, and visits its records. Throws an Error that says
   * what to do when it is in use or damaged. `nextTurn` resolves when what is under way has had its
   * turn: records reserved until then share a group.
   */
  static async open(
    directory: string,
    visit: RecordVisitor,
    storage: LogStorage,
    nextTurn: () => Promise<void>,
  ): Promise<{ readonly log: WriteAheadLog; readonly recovered: Recovery }> {
    await storage.makeFolder(directory);
    const lock = storage.lock(directory);
    let seals: SealLog | null = null;
    try {
      const id = await storage.logId(directory);
      const recovered = await recoverLog(storage, nextTurn, directory, visit);
      const last = recovered.sequence;
      let log: WriteAheadLog | null = null;
      seals = await SealLog.open(
        directory,
        storage.seals,
        () => pause(ROOM_RETRY),
        () => {
          if (log !== null) log.#onProgress();
        },
      );
      log = new WriteAheadLog(directory, id, lock, storage, nextTurn, seals, last);
      await log.mark();
      return { log, recovered };
    } catch (cause) {
      try {
        await seals?.close();
      } finally {
        lock.release();
      }
      throw cause;
    }
  }

  /** Sequence of the last record that is fsynced. */
  get durable(): number {
    return this.#durable;
  }

  /** Why nothing is written any more, or null. */
  get failure(): string | null {
    return this.#failure ?? this.#seals.failure;
  }

  /** Why records wait for room on a full disk, or null. */
  get waiting(): string | null {
    return this.#waitingForRoom ?? this.#seals.waiting;
  }

  get seals(): SealLog {
    return this.#seals;
  }

  /** Writes down how far the log is durable, when no seal says so. */
  mark(): Promise<void> {
    return this.#seals.mark(this.#durable);
  }

  /** False while too much waits for the disk, or after a failure. */
  get hasRoom(): boolean {
    return this.#failure === null && this.#pendingBytes < PENDING_BYTES_LIMIT;
  }

  /** The callback runs when `durable` or `failure` has changed. */
  onProgress(callback: () => void): void {
    this.#onProgress = callback;
  }

  /**
   * The place of the next record: 96 bytes, to be filled before this turn of the event loop ends.
   * Only while there is room.
   */
  reserve(): { readonly view: DataView; readonly offset: number } {
    this.#last += 1;
    let group = this.#waiting.at(-1);
    if (group === undefined || group.count === group.capacity) {
      group = newGroup(this.#last, this.#spare);
      this.#spare = new Uint8Array(0);
      this.#waiting.push(group);
    }
    const offset = group.count * RECORD_BYTES;
    group.count += 1;
    this.#pendingBytes += RECORD_BYTES;
    this.#commits ??= this.#commitAll();
    return { view: group.view, offset };
  }

  /** Durable records from `from` on, whole ones, at most `maximumBytes`. */
  records(from: number, maximumBytes: number): Uint8Array {
    const available = Math.max(0, this.#durable - from + 1);
    const count = Math.min(Math.floor(maximumBytes / RECORD_BYTES), available);
    if (from < 1 || count <= 0) return new Uint8Array(0);
    const bytes = new Uint8Array(count * RECORD_BYTES);
    let done = 0;
    while (done < count) {
      const place = (from + done - 1) % SEGMENT_RECORDS;
      const here = Math.min(count - done, SEGMENT_RECORDS - place);
      const part = bytes.subarray(done * RECORD_BYTES, (done + here) * RECORD_BYTES);
      this.#storage.readInto(segmentPath(this.directory, from + done), part, place * RECORD_BYTES);
      done += here;
    }
    return bytes;
  }

  /** Resolves when everything reserved is durable, or at once after a failure. */
  async flushed(): Promise<void> {
    while (this.#commits !== null) await this.#commits;
  }

  /** The log fails from now on rather than wait for room on a full disk. */
  leave(): void {
    this.#leaving = true;
    this.#seals.leave();
  }

  /** Writes what waits, then gives the log back. */
  async close(): Promise<void> {
    await this.flushed();
    try {
      // A disk that takes no mark is reported by what it does to records.
      await this.mark().catch(() => {});
      await this.#seals.close();
      await this.#file?.file.close();
    } finally {
      this.#file = null;
      this.#lock.release();
    }
  }

  async #commitAll(): Promise<void> {
    // Records reserved in this turn of the event loop share a group.
    await this.#nextTurn();
    for (;;) {
      const group = this.#waiting.shift();
      if (group === undefined || this.#failure !== null) break;
      try {
        await this.#commit(group);
        this.#durable = group.first + group.count - 1;
        this.#pendingBytes -= group.count * RECORD_BYTES;
        this.#spare = group.bytes;
        this.#waitingForRoom = null;
      } catch (failure) {
        const { code, message } = failure as NodeJS.ErrnoException;
        const reason = `the log in ${this.directory} cannot be written: ${message}`;
        if (code === "ENOSPC" && !this.#leaving) {
          // Nothing of what found no room is lost: it is written when there is some.
          this.#waitingForRoom = `${reason}; free space on the disk`;
          this.#waiting.unshift(group);
          this.#onProgress();
          await pause(ROOM_RETRY);
          continue;
        }
        this.#waitingForRoom = null;
        this.#failure = reason;
        this.#waiting.length = 0;
      }
      this.#onProgress();
    }
    this.#commits = null;
  }

  async #commit(group: Group): Promise<void> {
    const path = segmentPath(this.directory, group.first);
    if (this.#file?.path !== path) {
      await this.#file?.file.close();
      this.#file = null;
      this.#file = { path, file: await this.#storage.open(path) };
    }
    const { file } = this.#file;
    const start = ((group.first - 1) % SEGMENT_RECORDS) * RECORD_BYTES;
    const length = group.count * RECORD_BYTES;
    let written = 0;
    while (written < length) {
      const count = await file.write(group.bytes.subarray(written, length), start + written);
      if (count === 0) throw new Error("the disk took no bytes");
      written += count;
    }
    try {
      await file.sync();
    } catch (cause) {
      // Whatever the reason, a second try would lie: the pages may be marked clean.
      throw new Error(`fsync: ${(cause as Error).message}`, { cause });
    }
  }
}

/** A group that starts at `first` and ends with its segment at the latest. */
function newGroup(first: number, spare: Uint8Array<ArrayBuffer>): Group {
  const capacity = Math.min(GROUP_RECORDS, SEGMENT_RECORDS - ((first - 1) % SEGMENT_RECORDS));
  const bytes = spare.length > 0 ? spare : new Uint8Array(GROUP_RECORDS * RECORD_BYTES);
  return { first, bytes, view: new DataView(bytes.buffer), count: 0, capacity };
}
