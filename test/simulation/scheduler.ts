import { Trace } from "./trace.ts";

/** Steps between two turns of Node's event loop; microtasks run after each of them. */
const STEPS_PER_TURN = 256;

/** A life of a simulated process: what it waits for ends with it, and waits while it is paused. */
export class Life {
  readonly name: string;
  alive = true;
  paused = false;
  /** What fell due during a pause, in order. */
  readonly backlog: Step[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

export interface Step {
  at: number;
  readonly order: number;
  readonly life: Life;
  readonly label: string;
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * The one source of time and order of a simulation. Steps run by time, then by order of asking, each
 * with all promise reactions it leads to before the next one. Nothing waits for a real timer or for I/O.
 */
export class Scheduler {
  readonly trace: Trace;
  /** Nanoseconds of true time since the start; no process sees them. */
  now = 0;
  /** The process whose step runs. */
  current: Life | null = null;
  readonly #heap: Step[] = [];
  #order = 0;

  constructor(trace: Trace = new Trace()) {
    this.trace = trace;
  }

  /** Runs something `delay` nanoseconds from now, unless its life has ended by then. */
  in(delay: number, life: Life, label: string, run: () => void): Step {
    return this.at(this.now + Math.max(0, Math.floor(delay)), life, label, run);
  }

  at(at: number, life: Life, label: string, run: () => void): Step {
    this.#order += 1;
    const step = {
      at: Math.max(at, this.now),
      order: this.#order,
      life,
      label,
      run,
      cancelled: false,
    };
    this.#push(step);
    return step;
  }

  /** What fell due in a pause runs now, in its order. */
  resume(life: Life): void {
    life.paused = false;
    for (const step of life.backlog.splice(0)) this.at(this.now, life, step.label, step.run);
  }

  /** Runs until the time, or until `done` says so after a step. Rejects with what a step throws. */
  run(until: number, done: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      let waiting = 0;
      let ended = false;
      const one = (): void => {
        waiting -= 1;
        if (ended) return;
        try {
          // Asked before the step: by now the reactions to the last one have run.
          if (done() || !this.#step(until)) {
            ended = true;
            this.current = null;
            resolve();
            return;
          }
        } catch (error) {
          ended = true;
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        if (waiting === 0) fill();
      };
      const fill = (): void => {
        waiting = STEPS_PER_TURN;
        for (let count = 0; count < STEPS_PER_TURN; count += 1) setImmediate(one);
      };
      fill();
    });
  }

  /** One step; false when there is none until then. */
  #step(until: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.now = Math.max(this.now, until);
        return false;
      }
      this.#pop();
      if (next.cancelled || !next.life.alive) continue;
      this.now = next.at;
      if (next.life.paused) {
        next.life.backlog.push(next);
        continue;
      }
      this.trace.step(next.at, next.order, next.label, next.life.name);
      this.current = next.life;
      next.run();
      return true;
    }
  }

  #push(step: Step): void {
    const heap = this.#heap;
    heap.push(step);
    let index = heap.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !earlier(step, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = step;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && earlier(right, left)) child += 1;
      const smaller = heap[child];
      if (smaller === undefined || !earlier(smaller, last)) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
  }
}

const earlier = (one: Step, other: Step): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order);
