import type { Result } from "../result.ts";

/** Structured log lines; never on a path taken per order. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

export type LogLevel = "error" | "warn" | "info";

/** How much is told, changeable while the process runs. */
export interface LogControl {
  readonly level: LogLevel;
  /** Levels of actors and all below them, by path. */
  readonly overrides: ReadonlyMap<string, LogLevel>;
  /** `path` empty: of everything that has no level of its own. Failure code: limit_reached. */
  set(level: LogLevel, path: string): Result<void>;
  /** Takes a level back. */
  clear(path: string): void;
}
