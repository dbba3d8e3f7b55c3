/**
 * Volume-synchronised probability of informed trading: Easley, López de Prado and O'Hara, "Flow toxicity
 * and liquidity in a high-frequency world", Review of Financial Studies 25 (2012), eqs. (5)–(7):
 * VPIN = sum over the last n buckets of |Vb - Vs| / (n V). Quantities in lots, price changes in ticks.
 */
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  allPositive,
  firstFailure,
  integerWithin,
  type ModelResult,
  notEmpty,
  positive,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import { normalCdf } from "../numerics/special-functions.ts";

export interface VolumeBucketing {
  /** V: lots in a bucket; > 0. */
  readonly bucketVolume: number;
  /** n: buckets averaged; 1 … 10,000. */
  readonly buckets: number;
}

/** Failure codes: not_finite, out_of_range. */
export function volumeBuckets(bucketing: VolumeBucketing): ModelResult<VolumeBuckets> {
  const wrong = firstFailure(
    positive("bucketVolume", bucketing.bucketVolume),
    integerWithin("buckets", bucketing.buckets, 1, 10_000),
  );
  return wrong === null ? ok(new VolumeBuckets(bucketing)) : refused(wrong);
}

/** The running buckets; made by volumeBuckets. No call allocates. */
export class VolumeBuckets {
  readonly #bucketVolume: number;
  /** |Vb - Vs| of the last closed buckets, a ring. */
  readonly #imbalances: Float64Array;
  #closed = 0;
  /** Lots in the open bucket, those of them that were bought, and VPIN: an array keeps numbers unboxed. */
  readonly #running = Float64Array.of(0, 0, Number.NaN);

  constructor({ bucketVolume, buckets }: VolumeBucketing) {
    this.#bucketVolume = bucketVolume;
    this.#imbalances = new Float64Array(buckets);
  }

  /** Buckets closed so far. */
  get closed(): number {
    return this.#closed;
  }

  /** True from the n-th closed bucket on: `value` means something. */
  get known(): boolean {
    return this.#closed >= this.#imbalances.length;
  }

  /** VPIN in [0, 1] after the last closed bucket; NaN while not `known`. */
  get value(): number {
    return this.#running[2]!;
  }

  /**
   * Takes lots of which `buys` were bought by the aggressor, up to the end of the current bucket, bought
   * and sold ones in proportion. Returns the lots taken: all of them unless a bucket was closed, and then
   * the caller offers the rest. `volume` > 0, 0 <= buys <= volume. O(1), O(n) when a bucket closes.
   */
  take(volume: number, buys: number): number {
    const room = this.#bucketVolume - this.#running[0]!;
    if (volume < room) {
      this.#running[0]! += volume;
      this.#running[1]! += buys;
      return volume;
    }
    const bought = this.#running[1]! + buys * (room / volume);
    this.#imbalances[this.#closed % this.#imbalances.length] = Math.abs(
      2 * bought - this.#bucketVolume,
    );
    this.#closed += 1;
    this.#running[0] = 0;
    this.#running[1] = 0;
    if (this.known) this.#running[2] = this.#mean();
    return room;
  }

  /**
   * Takes lots that were all bought or all sold by the aggressor. O(n) at most: buckets that one trade
   * fills whole differ in nothing, so those beyond the n that count are only counted.
   */
  takeSide(volume: number, bought: boolean): void {
    let left = volume;
    const kept = (this.#imbalances.length + 1) * this.#bucketVolume;
    if (left > kept) {
      const alike = Math.floor((left - kept) / this.#bucketVolume);
      this.#closed += alike;
      left -= alike * this.#bucketVolume;
    }
    while (left > 0) left -= this.take(left, bought ? left : 0);
  }

  /** Summed anew, so that no rounding gathers over a day. */
  #mean(): number {
    let sum = 0;
    for (let index = 0; index < this.#imbalances.length; index += 1)
      sum += this.#imbalances[index]!;
    return sum / (this.#imbalances.length * this.#bucketVolume);
  }
}

export interface VolumeBars extends VolumeBucketing {
  /** Change of the price over each bar, in ticks. */
  readonly priceChanges: ArrayLike<number>;
  /** Lots traded in each bar; > 0. */
  readonly volumes: ArrayLike<number>;
  /**
   * Standard deviation of the price changes, in ticks; > 0. Taken over the whole sample it looks ahead:
   * for a decision give the one of the past.
   */
  readonly standardDeviation: number;
}

/**
 * VPIN after each closed bucket from the n-th on, of bars whose share of buys is estimated by bulk
 * classification: V Phi(dP / sd). A bar that crosses the end of a bucket is split in proportion (project
 * choice). O(bars + buckets n). Failure codes: wrong_shape, empty, not_finite, out_of_range.
 */
export function vpinOfBars(bars: VolumeBars): ModelResult<Float64Array> {
  const { priceChanges, volumes, standardDeviation } = bars;
  const wrong = firstFailure(
    notEmpty("volumes", volumes),
    sameLength("priceChanges", priceChanges, "volumes", volumes),
    allFinite("priceChanges", priceChanges),
    allPositive("volumes", volumes),
    positive("standardDeviation", standardDeviation),
  );
  if (wrong !== null) return refused(wrong);
  const made = volumeBuckets(bars);
  if (!made.ok) return made;
  const buckets = made.value;
  const values: number[] = [];
  for (let bar = 0; bar < volumes.length; bar += 1) {
    const share = normalCdf(priceChanges[bar]! / standardDeviation);
    for (let left = volumes[bar]!; left > 0; ) {
      const before = buckets.closed;
      left -= buckets.take(left, left * share);
      if (buckets.closed > before && buckets.known) values.push(buckets.value);
    }
  }
  return ok(Float64Array.from(values));
}
