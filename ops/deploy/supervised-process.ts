import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { LogFile } from "./log-file.ts";

/** A program the launcher keeps running. */
export interface ProcessSpecification {
  /** For people: "eu-central server". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Takes what the program prints. */
  readonly logFile: string;
  /** An exit with this code is for good: the program says that starting it again cannot help. */
  readonly permanentExitCode: number | null;
}

/** A start of a process. */
export interface ProcessStart {
  readonly pid: number;
  readonly restarts: number;
  /** Ends one after the other without a healthy run between; 0 at the first start. */
  readonly failuresInRow: number;
  /** How the run before ended; empty at the first start. */
  readonly previousEnd: string;
}

/** Called when a process has started (again), or has ended for good. */
export interface ProcessListener {
  started(start: ProcessStart): void;
  failed(reason: string): void;
}

const firstBackoffMs = 200;
const longestBackoffMs = 10_000;
/** After running this long a process counts as healthy: the next restart waits little again. */
const healthyAfterMs = 20_000;

const deathSignalTool = "/usr/bin/setpriv";

/** Whether children can be made to die with the launcher (util-linux's setpriv). */
export function diesWithLauncher(): boolean {
  try {
    accessSync(deathSignalTool, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Milliseconds before restart number n (from 1): 200, 400, … at most 10 s. */
export const backoffMs = (restart: number): number =>
  Math.min(longestBackoffMs, firstBackoffMs * 2 ** (restart - 1));

const describeEnd = (code: number | null, signal: NodeJS.Signals | null): string =>
  signal === null ? `exit code ${code}` : signal;

/** Runs a program and starts it again, with back-off, whenever it ends unasked. */
export class SupervisedProcess {
  readonly #specification: ProcessSpecification;
  readonly #listener: ProcessListener;
  readonly #log: LogFile;
  #child: ChildProcess | null = null;
  #startedAt = 0;
  #restarts = 0;
  #failuresInRow = 0;
  #stopping = false;
  #ended: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(specification: ProcessSpecification, listener: ProcessListener) {
    this.#specification = specification;
    this.#listener = listener;
    this.#log = new LogFile(specification.logFile);
  }

  get name(): string {
    return this.#specification.name;
  }
  get logFile(): string {
    return this.#specification.logFile;
  }
  /** Null while it is down. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }
  get restarts(): number {
    return this.#restarts;
  }

  start(previousEnd = ""): void {
    const { command, args } = this.#specification;
    const tied = diesWithLauncher();
    // Detached: Ctrl-C in the terminal is the launcher's to handle, in its order.
    const child = spawn(
      tied ? deathSignalTool : command,
      tied ? ["--pdeathsig", "KILL", "--", command, ...args] : [...args],
      { stdio: ["ignore", "pipe", "pipe"], detached: true },
    );
    this.#child = child;
    this.#startedAt = performance.now();
    const write = (chunk: Buffer): void => this.#log.write(chunk);
    child.stdout.on("data", write);
    child.stderr.on("data", write);
    child.once("error", (error) => this.#onEnd(error.message, null));
    // "close" comes after the last output has been read, so that the log holds all of it.
    child.once("close", (code, signal) => this.#onEnd(describeEnd(code, signal), code));
    if (child.pid === undefined) return;
    this.#listener.started({
      pid: child.pid,
      restarts: this.#restarts,
      failuresInRow: this.#failuresInRow,
      previousEnd,
    });
  }

  #onEnd(how: string, code: number | null): void {
    if (this.#child === null) return;
    this.#child = null;
    if (this.#stopping) {
      this.#ended?.();
      return;
    }
    if (code !== null && code === this.#specification.permanentExitCode) {
      this.#listener.failed(how);
      return;
    }
    const healthy = performance.now() - this.#startedAt >= healthyAfterMs;
    this.#failuresInRow = healthy ? 1 : this.#failuresInRow + 1;
    this.#timer = setTimeout(() => {
      this.#restarts += 1;
      this.start(how);
    }, backoffMs(this.#failuresInRow));
  }

  /** Sends a signal to the running process; false when it is down. */
  signal(signal: NodeJS.Signals): boolean {
    return this.#child?.kill(signal) ?? false;
  }

  /** SIGTERM, then SIGKILL after `graceMs`. Resolves with whether it ended by itself. */
  async stop(graceMs: number): Promise<boolean> {
    this.#stopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#child;
    let graceful = true;
    if (child !== null) {
      const ended = new Promise<void>((resolve) => {
        this.#ended = resolve;
      });
      child.kill("SIGTERM");
      const timer = setTimeout(() => {
        graceful = false;
        child.kill("SIGKILL");
      }, graceMs);
      await ended;
      clearTimeout(timer);
    }
    this.#log.close();
    return graceful;
  }

  /** SIGKILL, without waiting. */
  abort(): void {
    this.#stopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#child?.kill("SIGKILL");
  }
}
