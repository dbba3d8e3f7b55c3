/**
 * Which of two legs is the reference of a spread quote, by a rolling majority vote on a liquidity metric (arXiv
 * 2507.05749: an exponential moving average and a vote over the trailing 1,000 ms; constants and details below are
 * project choices). A vote is cast at each event of either leg once both have a metric: +1 when leg 0's smoothed
 * metric is lower (better), -1 when leg 1's is, 0 on a tie, the other leg's last value held. Votes of time t - W
 * or before are gone. The sign of the sum elects; a sum of 0 keeps the reference, and before any vote it is
 * leg 0, the near one. Allocates nothing after it is made.
 */
import {
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";

export type Milliseconds = number;
export type Leg = 0 | 1;

export interface VoteOptions {
  readonly window: Milliseconds;
  /** Half-life of the moving average. */
  readonly halfLife: Milliseconds;
  /** A reference is kept for at least this long; 0 by default. */
  readonly minimumDwell: Milliseconds;
  /** Votes held; when more fall into one window the oldest is dropped early and counted. */
  readonly capacity: number;
}

export const VOTE_DEFAULTS: VoteOptions = {
  window: 1_000,
  halfLife: 100,
  minimumDwell: 0,
  capacity: 65_536,
};

export class ReferenceVote {
  readonly #options: VoteOptions;
  readonly #times: Float64Array;
  readonly #votes: Int8Array;
  readonly #smoothed = new Float64Array(2).fill(Number.NaN);
  readonly #updated = new Float64Array(2);
  #first = 0;
  #count = 0;
  #sum = 0;
  #now = Number.NEGATIVE_INFINITY;
  #reference: Leg = 0;
  #since = Number.NEGATIVE_INFINITY;
  #dropped = 0;

  private constructor(options: VoteOptions) {
    this.#options = options;
    this.#times = new Float64Array(options.capacity);
    this.#votes = new Int8Array(options.capacity);
  }

  /** Codes: not_finite, out_of_range. */
  static of(options: Partial<VoteOptions> = {}): ModelResult<ReferenceVote> {
    const all = { ...VOTE_DEFAULTS, ...options };
    const wrong = firstFailure(
      positive("window", all.window),
      positive("halfLife", all.halfLife),
      notNegative("minimumDwell", all.minimumDwell),
      integerWithin("capacity", all.capacity, 1, 2 ** 24),
    );
    return wrong === null ? { ok: true, value: new ReferenceVote(all) } : refused(wrong);
  }

  /** The elected leg. */
  get reference(): Leg {
    return this.#reference;
  }
  /** Votes for leg 0 less votes for leg 1 within the window. */
  get balance(): number {
    return this.#sum;
  }
  /** Votes that left before their time because the capacity was reached. */
  get dropped(): number {
    return this.#dropped;
  }
  /** Smoothed metric of a leg; null before its first. */
  smoothed(leg: Leg): number | null {
    const value = this.#smoothed[leg]!;
    return Number.isNaN(value) ? null : value;
  }

  /**
   * An event of a leg with its metric at `time`, which must not fall. A metric that does not exist (null or
   * Infinity) casts no vote and leaves the average alone (project choice). False, and nothing is changed, when
   * the time is before the last one or no number, or the metric no number. Amortised O(1).
   */
  observe(time: Milliseconds, leg: Leg, metric: number | null): boolean {
    if (!(time >= this.#now && time < Number.POSITIVE_INFINITY)) return false;
    if (metric !== null && Number.isNaN(metric)) return false;
    this.#now = time;
    this.#expire(time - this.#options.window);
    if (metric !== null && Number.isFinite(metric)) {
      this.#smooth(time, leg, metric);
      // A comparison with a leg that has no metric yet is neither way.
      const difference = this.#smoothed[1]! - this.#smoothed[0]!;
      if (!Number.isNaN(difference)) this.#cast(time, Math.sign(difference));
    }
    this.#elect(time);
    return true;
  }

  #smooth(time: Milliseconds, leg: Leg, metric: number): void {
    const before = this.#smoothed[leg]!;
    const elapsed = time - this.#updated[leg]!;
    const weight = Number.isNaN(before) ? 1 : 1 - 2 ** (-elapsed / this.#options.halfLife);
    this.#smoothed[leg] = Number.isNaN(before) ? metric : before + weight * (metric - before);
    this.#updated[leg] = time;
  }

  #cast(time: Milliseconds, vote: number): void {
    const { capacity } = this.#options;
    if (this.#count === capacity) {
      this.#dropFirst();
      this.#dropped += 1;
    }
    const at = (this.#first + this.#count) % capacity;
    this.#times[at] = time;
    this.#votes[at] = vote;
    this.#count += 1;
    this.#sum += vote;
  }

  #expire(until: Milliseconds): void {
    while (this.#count > 0 && this.#times[this.#first]! <= until) this.#dropFirst();
  }

  #dropFirst(): void {
    this.#sum -= this.#votes[this.#first]!;
    this.#first = (this.#first + 1) % this.#options.capacity;
    this.#count -= 1;
  }

  #elect(time: Milliseconds): void {
    if (this.#sum === 0) return;
    const winner: Leg = this.#sum > 0 ? 0 : 1;
    if (winner === this.#reference) return;
    if (time - this.#since < this.#options.minimumDwell) return;
    this.#reference = winner;
    this.#since = time;
  }
}
