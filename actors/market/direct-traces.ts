import type { EngineEvent, EngineSlots, MarketEngine } from "../kernel/ports/matching-engine.ts";
import type { RequestTrace, Tracing } from "../kernel/ports/tracing.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";
import { readStamp, type StampClock } from "./record-stamps.ts";

/** A traced command on its way out. Times are monotonic; 0: not yet. */
interface Under {
  readonly sequence: number;
  readonly drainedAt: DurationNs;
  durableAt: number;
  releasedAt: number;
  mode: string;
}

/** Traced commands under way at most; more are served as ever and not followed. */
const followed = 64;

/**
 * Follows the few commands that came to the reactor by OUCH or shared memory and are traced. They pass this
 * actor only as events, so it tells what it sees of them: the reactor, the journal, and when they were safe.
 */
export class DirectTraces {
  readonly #tracing: Tracing;
  readonly #market: string;
  readonly #engine: MarketEngine;
  readonly #slots: EngineSlots;
  readonly #clock: StampClock;
  #under: Under[] = [];

  constructor(
    tracing: Tracing,
    market: string,
    engine: MarketEngine,
    slots: EngineSlots,
    clock: StampClock,
  ) {
    this.#tracing = tracing;
    this.#market = market;
    this.#engine = engine;
    this.#slots = slots;
    this.#clock = clock;
  }

  get any(): boolean {
    return this.#under.length > 0;
  }

  /** The last event of a command that was not offered here was taken from its ring. */
  drained(event: EngineEvent): void {
    const { sequence, kind } = event;
    if (kind === "ticked" || this.#under.length >= followed) return;
    if (!this.#tracing.picks(sequence)) return;
    const drainedAt = this.#clock.monotonic();
    this.#under.push({ sequence, drainedAt, durableAt: 0, releasedAt: 0, mode: "" });
  }

  /** Records up to here are on this node's disk. */
  durable(sequence: number): void {
    for (const one of this.#under) {
      if (one.durableAt === 0 && one.sequence <= sequence) {
        one.durableAt = this.#clock.monotonic();
      }
    }
    // Of a market that does not wait for the disk: only now their records can be read.
    const late = this.#under.filter((one) => one.releasedAt !== 0 && one.durableAt !== 0);
    for (const one of late) this.#tell(one);
  }

  /** Everything up to this sequence is safe. Gives the trace of its command, to follow its events. */
  released(sequence: number, mode: string): RequestTrace | null {
    const one = this.#under.find((under) => under.sequence === sequence);
    if (one === undefined) return null;
    one.releasedAt = this.#clock.monotonic();
    one.mode = mode;
    return this.#tell(one);
  }

  #tell(one: Under): RequestTrace | null {
    const { sequence, drainedAt, durableAt, releasedAt, mode } = one;
    const stamp = readStamp(this.#engine, this.#slots, this.#clock, sequence);
    if (stamp === null) return null;
    this.#under = this.#under.filter((under) => under !== one);
    const sequenced = durationNs(Math.min(stamp.sequenced, drainedAt));
    const command = { market: this.#market, sequence, session: stamp.session, sequenced };
    const trace = this.#tracing.beginDirect(command);
    if (trace === null) return null;
    const hop = (name: string, began: number, ended: number, more = {}): void =>
      trace.hop(name, durationNs(began), durationNs(Math.max(began, ended)), {
        ...more,
        "meridian.sequence": sequence,
      });
    hop("reactor", sequenced, drainedAt);
    const wasSafeFirst = durableAt === 0 || durableAt > releasedAt;
    if (durableAt !== 0) hop("journal", drainedAt, durableAt);
    hop("safe", wasSafeFirst ? drainedAt : durableAt, releasedAt, { "meridian.durability": mode });
    trace.end(durationNs(releasedAt));
    return trace;
  }
}
