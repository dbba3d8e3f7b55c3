import { AsyncLocalStorage } from "node:async_hooks";

import type { Clock } from "./ports/clock.ts";
import { type DurationNs, type TimestampNs, timestampNs } from "./units.ts";

interface Timer {
  readonly due: number;
  readonly order: number;
  /** Null once it has run or was cancelled: what it holds must not stay until it is due. */
  callback: (() => void) | null;
}

/** A clock that moves only when told: for tests, simulation and replay. */
export interface ManualClock extends Clock {
  /**
   * Moves time on and runs what falls due, by due time, then by order of arming, promises settled
   * after each. Resolves with the number of timers that ran.
   */
  advance(by: DurationNs): Promise<number>;
  /** Runs due timers and lets promises settle without moving time. */
  settle(): Promise<number>;
  /** Timers armed and neither run nor cancelled. */
  readonly pending: number;
}

/** Wall-clock time starts at `wall` (Unix nanoseconds), monotonic time at 0. */
export function manualClock(wall = 1_700_000_000_000_000_000n): ManualClock {
  let elapsed = 0;
  let order = 0;
  let live = 0;
  const heap: Timer[] = [];

  const earlier = (left: Timer, right: Timer): boolean =>
    left.due < right.due || (left.due === right.due && left.order < right.order);
  const at = (index: number): Timer => heap[index] as Timer;

  function push(timer: Timer): void {
    heap.push(timer);
    let index = heap.length - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!earlier(timer, at(parent))) break;
      heap[index] = at(parent);
      index = parent;
    }
    heap[index] = timer;
  }

  function pop(): Timer {
    const first = at(0);
    const last = heap.pop() as Timer;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && earlier(at(child + 1), at(child))) child += 1;
      if (!earlier(at(child), last)) break;
      heap[index] = at(child);
      index = child;
    }
    heap[index] = last;
    return first;
  }

  /** Costs the length of the heap, and frees at least half of it. */
  function dropCancelled(): void {
    const kept = heap.filter(({ callback }) => callback !== null);
    heap.length = 0;
    for (const timer of kept) push(timer);
  }

  async function advance(by: DurationNs): Promise<number> {
    const end = elapsed + by;
    let ran = 0;
    await promisesSettled();
    while (heap.length > 0 && at(0).due <= end) {
      const timer = pop();
      const { callback } = timer;
      if (callback === null) continue;
      live -= 1;
      timer.callback = null;
      elapsed = Math.max(elapsed, timer.due);
      callback();
      ran += 1;
      await promisesSettled();
    }
    elapsed = end;
    return ran;
  }

  return {
    now: (): TimestampNs => timestampNs(wall + BigInt(elapsed)),
    monotonic: (): DurationNs => elapsed as DurationNs,
    after(delay, callback) {
      order += 1;
      live += 1;
      const timer: Timer = {
        due: elapsed + Math.max(delay, 0),
        order,
        // As a real timer does: the callback belongs to whoever armed it, not to who moves time.
        callback: AsyncLocalStorage.bind(callback),
      };
      push(timer);
      return () => {
        if (timer.callback === null) return;
        timer.callback = null;
        live -= 1;
        if (heap.length > 2 * live + 64) dropCancelled();
      };
    },
    advance,
    settle: () => advance(0 as DurationNs),
    get pending() {
      return live;
    },
  };
}

/** Resolves after all promise reactions that can run without time or I/O have run. */
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
