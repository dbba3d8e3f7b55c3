import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";

import type { Log, LogControl, LogLevel } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { redact, redactText } from "./log-redaction.ts";

/** Least to most that is told. */
const levels: readonly LogLevel[] = ["error", "warn", "info"];
/** Subtrees with a level of their own; one more is refused. */
const overridesLimit = 64;

/** Levels of the process, shared by all of its logs. */
class Levels implements LogControl {
  #level: LogLevel = "info";
  readonly #byPath = new Map<string, LogLevel>();

  get level(): LogLevel {
    return this.#level;
  }
  get overrides(): ReadonlyMap<string, LogLevel> {
    return this.#byPath;
  }

  set(level: LogLevel, path: string): Result<void> {
    if (path === "") {
      this.#level = level;
      return ok(undefined);
    }
    if (!this.#byPath.has(path) && this.#byPath.size >= overridesLimit) {
      return refuse(
        "limit_reached",
        `${overridesLimit} actors have a level of their own`,
        "take one back with level default",
      );
    }
    this.#byPath.set(path, level);
    return ok(undefined);
  }

  clear(path: string): void {
    if (path === "") this.#level = "info";
    else this.#byPath.delete(path);
  }

  tells(level: LogLevel, path: string): boolean {
    return levels.indexOf(level) <= levels.indexOf(this.#of(path));
  }

  /** That of the nearest node above which has one. */
  #of(path: string): LogLevel {
    if (this.#byPath.size === 0) return this.#level;
    for (let at = path; at !== ""; at = at.slice(0, Math.max(at.lastIndexOf("/"), 0))) {
      const own = this.#byPath.get(at);
      if (own !== undefined) return own;
    }
    return this.#level;
  }
}

/** Lines of pino without secrets and names; `actor` of a child is where its level is looked up. */
class CellLog implements Log {
  readonly #pino: Logger;
  readonly #levels: Levels;
  readonly #path: string;

  constructor(to: Logger, known: Levels, path: string) {
    this.#pino = to;
    this.#levels = known;
    this.#path = path;
  }

  info(fields: object, message: string): void {
    this.#write("info", fields, message);
  }
  warn(fields: object, message: string): void {
    this.#write("warn", fields, message);
  }
  error(fields: object, message: string): void {
    this.#write("error", fields, message);
  }

  child(fields: object): Log {
    const path = pathOf(fields) ?? this.#path;
    return new CellLog(this.#pino.child(redact(fields) as object), this.#levels, path);
  }

  #write(level: LogLevel, fields: object, message: string): void {
    if (!this.#levels.tells(level, pathOf(fields) ?? this.#path)) return;
    this.#pino[level](redact(fields) as object, redactText(message));
  }
}

function pathOf(fields: object): string | null {
  const { actor } = fields as { readonly actor?: unknown };
  return typeof actor === "string" ? actor : null;
}

/** The log of a process; `base` stands in every line. Lines go to standard output, or to `destination`. */
export function cellLog(
  base: object,
  destination?: DestinationStream,
): { readonly log: Log; readonly control: LogControl } {
  const options = { base, timestamp: stdTimeFunctions.isoTime, level: "info" } as const;
  const known = new Levels();
  const to = destination === undefined ? pino(options) : pino(options, destination);
  return { log: new CellLog(to, known, ""), control: known };
}
