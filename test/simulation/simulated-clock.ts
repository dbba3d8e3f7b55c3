import type { Clock } from "../../actors/kernel/ports/clock.ts";
import { type DurationNs, type TimestampNs, timestampNs } from "../../actors/kernel/units.ts";
import type { Life, Scheduler } from "./scheduler.ts";

/** 14 November 2023: any date will do, the same in every run. */
const EPOCH_NS = 1_700_000_000_000_000_000n;

/** What is wrong with the clocks of a machine; they outlive its processes. */
export interface MachineTime {
  /** The machine's oscillator: 1.0001 gains 0.1 ms a second. */
  readonly rate: number;
  /** Nanoseconds by which its wall clock is off. */
  wallOffset: number;
  /** True time in which its clocks stood still. */
  frozen: number;
}

/** The clocks of one process on a machine whose oscillator is not perfect. */
export class SimulatedClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #life: Life;
  readonly #machine: MachineTime;
  readonly #startedAt: number;
  readonly #frozenBefore: number;

  constructor(scheduler: Scheduler, life: Life, machine: MachineTime) {
    this.#scheduler = scheduler;
    this.#life = life;
    this.#machine = machine;
    this.#startedAt = scheduler.now;
    this.#frozenBefore = machine.frozen;
  }

  now(): TimestampNs {
    const { rate, wallOffset, frozen } = this.#machine;
    const elapsed = Math.floor((this.#scheduler.now - frozen) * rate + wallOffset);
    return timestampNs(EPOCH_NS + BigInt(elapsed));
  }

  monotonic(): DurationNs {
    const frozen = this.#machine.frozen - this.#frozenBefore;
    const elapsed = this.#scheduler.now - this.#startedAt - frozen;
    return Math.floor(elapsed * this.#machine.rate) as DurationNs;
  }

  after(delay: DurationNs, callback: () => void): () => void {
    if (delay <= 0) {
      const step = this.#scheduler.in(0, this.#life, "turn", callback);
      return () => {
        step.cancelled = true;
      };
    }
    const due = this.monotonic() + delay;
    let cancelled = false;
    const arm = (): void => {
      const left = Math.ceil((due - this.monotonic()) / this.#machine.rate);
      step = this.#scheduler.in(Math.max(left, 1), this.#life, "timer", () => {
        if (cancelled) return;
        // The clocks may have stood still meanwhile.
        if (this.monotonic() < due) arm();
        else callback();
      });
    };
    let step = { cancelled: false };
    arm();
    return () => {
      cancelled = true;
      step.cancelled = true;
    };
  }
}
