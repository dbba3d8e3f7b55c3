import type { EngineEvent, EngineSlots, MarketEngine } from "../kernel/ports/matching-engine.ts";
import type { RequestTrace } from "../kernel/ports/tracing.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";
import { readStamp, type StampClock } from "./record-stamps.ts";

/** A traced request between the ring and its reply. Times are monotonic; 0: not yet. */
interface Under {
  readonly trace: RequestTrace;
  readonly receivedAt: number;
  readonly offeredAt: number;
  /** Of its last command. */
  readonly tag: number;
  sequence: number;
  drainedAt: number;
  durableAt: number;
}

/** Traced requests under way at most; more are answered as ever and not followed. */
const followed = 64;

/**
 * Follows the few requests of a market that are traced. The others cost one look at whether there are
 * any; the match thread knows of none of them: when it sequenced a command is read from the record.
 */
export class TracedRequests {
  readonly #engine: MarketEngine;
  readonly #slots: EngineSlots;
  readonly #clock: StampClock;
  #under: Under[] = [];

  constructor(engine: MarketEngine, slots: EngineSlots, clock: StampClock) {
    this.#engine = engine;
    this.#slots = slots;
    this.#clock = clock;
  }

  get any(): boolean {
    return this.#under.length > 0;
  }

  /** The request's commands are in the ring; `tag` is that of the last one. */
  offered(trace: RequestTrace, receivedAt: DurationNs, tag: number): void {
    if (this.#under.length >= followed) return;
    const offeredAt = this.#clock.monotonic();
    this.#under.push({
      trace,
      receivedAt,
      offeredAt,
      tag,
      sequence: 0,
      drainedAt: 0,
      durableAt: 0,
    });
  }

  /** The last event of a command of the market's own door was taken from its ring. */
  drained(event: EngineEvent): void {
    const found = this.#under.find(({ tag, drainedAt }) => drainedAt === 0 && tag === event.tag);
    if (found === undefined) return;
    found.sequence = event.sequence;
    found.drainedAt = this.#clock.monotonic();
  }

  /** Records up to here are on this node's disk. */
  durable(sequence: number): void {
    for (const one of this.#under) {
      if (one.durableAt !== 0 || one.sequence === 0 || one.sequence > sequence) continue;
      one.durableAt = this.#clock.monotonic();
    }
  }

  /** Its outcomes are safe and its reply leaves. Gives the sequence of its last command. */
  released(trace: RequestTrace, mode: string): number {
    const index = this.#under.findIndex((one) => one.trace === trace);
    const [under] = index < 0 ? [] : this.#under.splice(index, 1);
    if (under === undefined) return 0;
    const releasedAt = this.#clock.monotonic();
    const { receivedAt, offeredAt, sequence, drainedAt, durableAt } = under;
    const hop = (name: string, began: number, ended: number, more = {}): void =>
      trace.hop(name, durationNs(began), durationNs(Math.max(began, ended)), {
        ...more,
        "meridian.sequence": sequence,
      });
    hop("market mailbox", trace.began, receivedAt);
    hop("market actor", receivedAt, offeredAt);
    const sequencedAt = readStamp(this.#engine, this.#slots, this.#clock, sequence)?.sequenced;
    if (sequencedAt === undefined) hop("reactor", offeredAt, drainedAt);
    else {
      const at = Math.min(Math.max(sequencedAt, offeredAt), drainedAt);
      hop("command ring", offeredAt, at);
      hop("reactor", at, drainedAt);
    }
    if (durableAt !== 0) hop("journal", drainedAt, durableAt);
    const before = durableAt === 0 ? drainedAt : durableAt;
    hop("safe", before, releasedAt, { "meridian.durability": mode });
    return sequence;
  }
}
