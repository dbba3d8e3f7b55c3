import type { Files } from "../../actors/kernel/ports/files.ts";
import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { type LogFile, segmentsIn } from "../../native/portable/log-files.ts";
import type { LogStorage } from "../../native/portable/log-storage.ts";
import type { Life, Scheduler } from "./scheduler.ts";

const SECTOR = 512;

/** Nanoseconds a disk takes; the fsync of a log is the slow part. */
const WRITE_NS = 20_000;
const SYNC_NS = 150_000;
const READ_NS = 50_000;

/** A file: what processes read, and what the platter holds of the sectors that differ. */
class SimulatedFile {
  bytes = new Uint8Array(0);
  size = 0;
  /** Content on the platter of each sector written since the last fsync; a new entry for each write. */
  readonly unsynced = new Map<number, { readonly platter: Uint8Array }>();

  write(content: Uint8Array, position: number): void {
    const end = position + content.length;
    this.#reserve(end);
    for (let sector = Math.floor(position / SECTOR); sector * SECTOR < end; sector += 1) {
      const platter = this.unsynced.get(sector)?.platter ?? this.sector(sector);
      this.unsynced.set(sector, { platter });
    }
    this.bytes.set(content, position);
    this.size = Math.max(this.size, end);
  }

  truncate(length: number): void {
    this.bytes.fill(0, length);
    this.size = Math.min(this.size, length);
  }

  content(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }

  sector(number: number): Uint8Array {
    return this.bytes.slice(number * SECTOR, (number + 1) * SECTOR);
  }

  /** An fsync begins; what it returns ends it: then what was written before it began is on the platter. */
  sync(): () => void {
    const begun = [...this.unsynced].map(
      ([sector, entry]) => [sector, entry, this.sector(sector)] as const,
    );
    return () => {
      for (const [sector, entry, platter] of begun) {
        const now = this.unsynced.get(sector);
        if (now === entry) this.unsynced.delete(sector);
        else if (now !== undefined) this.unsynced.set(sector, { platter });
      }
    };
  }

  #reserve(end: number): void {
    if (end <= this.bytes.length) return;
    const sectors = Math.ceil(Math.max(end, 2 * this.bytes.length) / SECTOR);
    const larger = new Uint8Array(sectors * SECTOR);
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/**
 * The disk of a machine. A killed process leaves what it has written and any part of the write under
 * way; a power cut also takes any of the sectors that were not fsynced.
 */
export class SimulatedDisk {
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandomness;
  readonly #files = new Map<string, SimulatedFile>();
  /** Small files, replaced as a whole: durable once they are visible. */
  readonly #small = new Map<string, Uint8Array>();
  readonly #locks = new Map<string, Life>();
  /** Writes under way, by the life they belong to. */
  readonly #underWay = new Map<Life, Set<(portion: number) => void>>();
  /** Multiplies every delay: a disk that has become slow. */
  slowness = 1;
  /** A planted defect: what was written is said to be on the platter, and is not. */
  lies = false;
  /** Bytes that can still be written. */
  room = Number.POSITIVE_INFINITY;

  constructor(scheduler: Scheduler, random: SeededRandomness) {
    this.#scheduler = scheduler;
    this.#random = random;
  }

  /** The process ends: of each write under way a part has happened. */
  killed(life: Life): void {
    for (const happen of this.#underWay.get(life) ?? []) happen(this.#random.unit());
    this.#underWay.delete(life);
    for (const [directory, holder] of this.#locks) {
      if (holder === life) this.#locks.delete(directory);
    }
  }

  /** The power fails: each sector that was not fsynced is as before, or as written. */
  powerCut(): number {
    let torn = 0;
    for (const file of this.#files.values()) {
      for (const [sector, { platter }] of file.unsynced) {
        if (this.#random.below(2) === 0) continue;
        file.bytes.set(platter, sector * SECTOR);
        torn += 1;
      }
      file.unsynced.clear();
    }
    return torn;
  }

  /** The disk is replaced by an empty one. */
  lose(): void {
    this.#files.clear();
    this.#small.clear();
  }

  /** Renames a folder with everything below it. */
  moveAway(directory: string, to: string): void {
    for (const files of [this.#files, this.#small] as Map<string, unknown>[]) {
      for (const [path, content] of Array.from(files)) {
        if (!path.startsWith(`${directory}/`)) continue;
        files.delete(path);
        files.set(to + path.slice(directory.length), content);
      }
    }
  }

  read(path: string): Uint8Array | null {
    return this.#small.get(path) ?? this.#files.get(path)?.content() ?? null;
  }

  /** Written and fsynced before it returns. */
  store(path: string, content: Uint8Array): void {
    this.#small.set(path, content.slice());
  }

  paths(prefix: string): readonly string[] {
    return [...this.#files.keys(), ...this.#small.keys()].filter((path) => path.startsWith(prefix));
  }

  lock(directory: string, life: Life): boolean {
    const holder = this.#locks.get(directory);
    if (holder !== undefined && holder !== life && holder.alive) return false;
    this.#locks.set(directory, life);
    return true;
  }

  unlock(directory: string, life: Life): void {
    if (this.#locks.get(directory) === life) this.#locks.delete(directory);
  }

  files(life: Life): Files {
    return {
      read: async (path) => {
        await this.#wait(life, READ_NS, "disk read");
        return this.#small.get(path)?.slice() ?? null;
      },
      replace: async (path, content) => {
        const copy = content.slice();
        await this.#change(life, WRITE_NS + SYNC_NS, "disk replace", (portion) => {
          // A rename happens or does not.
          if (portion > 0.5) this.#small.set(path, copy);
        });
      },
      move: (from, to) =>
        this.#change(life, WRITE_NS + SYNC_NS, "disk rename", (portion) => {
          if (portion > 0.5) this.moveAway(from, to);
        }),
    };
  }

  /** The storage of write-ahead logs; `entropy` makes the id of a new one. */
  logStorage(life: Life, entropy: (count: number) => Uint8Array): LogStorage {
    return {
      makeFolder: () => this.#wait(life, WRITE_NS, "disk folder"),
      lock: (directory) => {
        if (!this.lock(directory, life)) {
          throw new Error(`the log in ${directory} is in use by another process`);
        }
        return { release: () => this.unlock(directory, life) };
      },
      logId: async (directory) => {
        const path = `${directory}/log.id`;
        const found = this.#small.get(path);
        if (found !== undefined) return Buffer.from(found).toString("utf8");
        const id = Buffer.from(entropy(16)).toString("hex");
        await this.#change(life, WRITE_NS + SYNC_NS, "disk replace", (portion) => {
          if (portion > 0.5) this.#small.set(path, new Uint8Array(Buffer.from(id)));
        });
        return id;
      },
      snapshots: async () => [],
      segments: async (directory) => {
        await this.#wait(life, READ_NS, "disk list");
        const inside = this.paths(`${directory}/`).map((path) => path.slice(directory.length + 1));
        return segmentsIn(inside);
      },
      read: async (path) => {
        await this.#wait(life, READ_NS, "disk read");
        return this.#files.get(path)?.content() ?? new Uint8Array(0);
      },
      cut: async (path, length) => {
        await this.#wait(life, SYNC_NS, "disk cut");
        this.#files.get(path)?.truncate(length);
        this.#files.get(path)?.sync()();
      },
      settle: (_directory, segment) =>
        this.#sync(life, segment === null ? undefined : this.#files.get(segment)),
      seals: {
        read: async (path) => {
          await this.#wait(life, READ_NS, "disk read");
          return this.#files.get(path)?.content() ?? new Uint8Array(0);
        },
        open: (path) => this.#open(life, path),
        replace: async (path, content) => {
          const file = new SimulatedFile();
          file.write(content, 0);
          file.unsynced.clear();
          await this.#change(life, WRITE_NS + SYNC_NS, "disk replace", (portion) => {
            if (portion > 0.5) this.#files.set(path, file);
          });
        },
      },
      open: (path) => this.#open(life, path),
      readInto: (path, into, position) => {
        const file = this.#files.get(path);
        if (file === undefined || file.size < position + into.length) {
          throw new Error(`${path} is shorter than its durable records`);
        }
        into.set(file.bytes.subarray(position, position + into.length));
      },
    };
  }

  async #open(life: Life, path: string): Promise<LogFile> {
    await this.#wait(life, READ_NS, "disk open");
    const file = this.#files.get(path) ?? new SimulatedFile();
    this.#files.set(path, file);
    return {
      write: async (bytes, position) => {
        const count = Math.min(bytes.length, this.room);
        if (count === 0) throw new Error("ENOSPC: no space left on device");
        this.room -= count;
        const copy = bytes.slice(0, count);
        await this.#change(life, WRITE_NS, "disk write", (portion) => {
          const part = Math.floor(copy.length * portion);
          if (part > 0) file.write(copy.subarray(0, part), position);
        });
        return count;
      },
      sync: () => this.#sync(life, file),
      close: () => Promise.resolve(),
    };
  }

  async #sync(life: Life, file: SimulatedFile | undefined): Promise<void> {
    if (this.lies) return;
    const done = file?.sync();
    await this.#wait(life, SYNC_NS, "disk sync");
    done?.();
  }

  #wait(life: Life, nanoseconds: number, label: string): Promise<void> {
    return this.#change(life, nanoseconds, label, () => {});
  }

  /** Something that has happened in whole when the promise resolves, in part when the life ends before. */
  #change(
    life: Life,
    nanoseconds: number,
    label: string,
    happen: (portion: number) => void,
  ): Promise<void> {
    const jitter = 0.5 + this.#random.unit();
    const mine = this.#underWay.get(life) ?? new Set();
    this.#underWay.set(life, mine);
    mine.add(happen);
    return new Promise((resolve) => {
      this.#scheduler.in(nanoseconds * jitter * this.slowness, life, label, () => {
        mine.delete(happen);
        happen(1);
        resolve();
      });
    });
  }
}
