import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** A log holds at most twice this: the file and the one before it (`.1`). */
export const maxLogBytes = 8 * 1_048_576;

/** Appends to a file and moves it to `<path>.1` when it is full, so that logs never fill a disk. */
export class LogFile {
  readonly #path: string;
  readonly #limit: number;
  #descriptor: number;
  #size: number;

  constructor(path: string, limit: number = maxLogBytes) {
    this.#path = path;
    this.#limit = limit;
    mkdirSync(dirname(path), { recursive: true });
    this.#descriptor = openSync(path, "a", 0o600);
    this.#size = statSync(path).size;
  }

  /** Writes at once; throws when the disk is full. */
  write(chunk: Uint8Array): void {
    if (this.#size > 0 && this.#size + chunk.length > this.#limit) {
      closeSync(this.#descriptor);
      renameSync(this.#path, `${this.#path}.1`);
      this.#descriptor = openSync(this.#path, "a", 0o600);
      this.#size = 0;
    }
    writeSync(this.#descriptor, chunk);
    this.#size += chunk.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** The last non-empty lines of a log, for a failure message; empty when there is none. */
export function lastLogLines(path: string, count: number): readonly string[] {
  const read = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
  return `${read(`${path}.1`)}${read(path)}`
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-count);
}
