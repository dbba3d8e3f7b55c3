import type { Clock } from "./ports/clock.ts";
import type { DurationNs } from "./units.ts";

/** What an actor is sent when a timer of its log is due. */
export class TimerDue {
  readonly id: string;
  /** Unix nanoseconds: tells it from one that was set anew under the same id. */
  readonly due: bigint;

  constructor(id: string, due: bigint) {
    this.id = id;
    this.due = due;
  }
}

/** Longest wait armed at once; what is due later is looked at again then. */
const longestWait = 2 ** 52;
/** Pause when the actor's system messages are full. */
const againAfter = 100_000_000;

/** How timers reach the actor. */
export interface TimerPorts {
  readonly clock: Clock;
  after(delay: DurationNs, callback: () => void): () => void;
  /** False when it has no room now. */
  deliver(timer: TimerDue): boolean;
}

/**
 * The timers that an actor's log says are set. Due times are wall-clock times and part of the log, so
 * a restart, here or elsewhere, arms what is left of them; one that came due meanwhile is delivered at
 * once, in order of due time.
 */
export class JournalledTimers {
  readonly #ports: TimerPorts;
  readonly #due = new Map<string, bigint>();
  readonly #armed = new Map<string, () => void>();
  #running = false;

  constructor(ports: TimerPorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#due.size;
  }

  has(id: string): boolean {
    return this.#due.has(id);
  }

  /** Whether the timer is still set as it was when it came due. */
  isSet({ id, due }: TimerDue): boolean {
    return this.#due.get(id) === due;
  }

  set(id: string, due: bigint): void {
    this.clear(id);
    this.#due.set(id, due);
    if (this.#running) this.#arm(id, due);
  }

  clear(id: string): void {
    this.#due.delete(id);
    this.#armed.get(id)?.();
    this.#armed.delete(id);
  }

  clearAll(): void {
    for (const id of this.#due.keys()) this.clear(id);
  }

  /** Until then nothing is delivered: the log may go on to clear what it set. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    for (const [id, due] of this.inOrder()) this.#arm(id, due);
  }

  /** By due time, then by id. */
  inOrder(): readonly (readonly [string, bigint])[] {
    return [...this.#due.entries()].sort(([leftId, left], [rightId, right]) =>
      left === right ? (leftId < rightId ? -1 : 1) : left < right ? -1 : 1,
    );
  }

  /** A delivery whose work was not kept is tried again after a while. */
  again({ id, due }: TimerDue): void {
    this.#wait(id, due, againAfter);
  }

  #arm(id: string, due: bigint): void {
    const left = Number(due - this.#ports.clock.now());
    this.#wait(id, due, Math.min(Math.max(left, 0), longestWait));
  }

  #wait(id: string, due: bigint, delay: number): void {
    this.#armed.get(id)?.();
    const cancel = this.#ports.after(delay as DurationNs, () => {
      if (this.#due.get(id) !== due) return;
      if (this.#ports.clock.now() < due) this.#arm(id, due);
      else if (!this.#ports.deliver(new TimerDue(id, due))) this.#wait(id, due, againAfter);
    });
    this.#armed.set(id, cancel);
  }
}
