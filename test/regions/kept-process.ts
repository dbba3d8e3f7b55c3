import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Between the end of a program that nobody asked to end and its next start, as after a crash. */
const RESTART_AFTER_MS = 300;

/** A program that is kept running, as a machine's supervisor does, until the machine is switched off. */
export class KeptProcess {
  readonly #command: readonly string[];
  readonly #log: string;
  #child: ChildProcess | null = null;
  #on = false;
  #ended = false;
  #starts = 0;

  constructor(command: readonly string[], log: string) {
    this.#command = command;
    this.#log = log;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }
  get starts(): number {
    return this.#starts;
  }

  start(): void {
    if (this.#ended) return;
    this.#on = true;
    this.#spawn();
  }

  #spawn(): void {
    const log = openSync(this.#log, "a");
    // Tied to this process: whatever becomes of a drill, nothing of it stays.
    const tied = ["--pdeathsig", "KILL", "--", ...this.#command];
    const child = spawn("/usr/bin/setpriv", tied, { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#child = child;
    this.#starts += 1;
    child.once("exit", () => {
      if (this.#child !== child || !this.#on) return;
      this.#child = null;
      void sleep(RESTART_AFTER_MS).then(() => {
        if (this.#on && this.#child === null) this.#spawn();
      });
    });
  }

  /** Kill -9, and it stays down until the next start. */
  async kill(): Promise<void> {
    this.#on = false;
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Kill -9 for good: a drill that was given up may still want to start it. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.kill();
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }
}
