import type { LogFile } from "../../native/portable/log-files.ts";
import { systemLogStorage, type LogStorage } from "../../native/portable/log-storage.ts";

/** A disk with room for some more bytes; then its writes fail, those of records and those of seals. */
export class FullDisk {
  room: number;
  readonly #code: string;

  constructor(room: number, code = "ENOSPC") {
    this.room = room;
    this.#code = code;
  }

  readonly storage: LogStorage = {
    ...systemLogStorage,
    open: (path) => this.#limited(systemLogStorage.open(path)),
    seals: {
      ...systemLogStorage.seals,
      open: (path) => this.#limited(systemLogStorage.seals.open(path)),
    },
  };

  async #limited(opening: Promise<LogFile>): Promise<LogFile> {
    const file = await opening;
    return {
      ...file,
      write: async (bytes, position) => {
        if (this.room === 0) {
          throw Object.assign(new Error(`${this.#code}: no`), { code: this.#code });
        }
        const count = Math.min(bytes.length, this.room, 700);
        this.room -= count;
        return file.write(bytes.subarray(0, count), position);
      },
    };
  }
}
