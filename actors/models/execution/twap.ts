import type { Randomness } from "../../kernel/ports/randomness.ts";
import type { DurationNs, QuantityLots } from "../../kernel/units.ts";
import {
  firstFailure,
  integerWithin,
  type ModelResult,
  refusal,
  refused,
  within,
} from "../numerics/failure.ts";
import { apportion } from "./apportionment.ts";
import type { Slice } from "./parent-order.ts";

export interface TwapParameters {
  readonly quantity: QuantityLots;
  /** The time in which all is to be done, nanoseconds. */
  readonly duration: DurationNs;
  /** Number of slices, 1 to 1,000,000. */
  readonly slices: number;
  /** A slice is due this share of its interval, 0 to 1, or less after the interval begins. */
  readonly timeJitter?: number;
  /** A slice is this share, 0 to 1, larger or smaller than quantity / slices, or less so. */
  readonly sizeJitter?: number;
}

/**
 * Time-weighted average price: equal slices over equal intervals, whole lots by largest remainder, so
 * that they sum to the parent exactly. Jitter hides the rhythm within its bounds: slice k stays in
 * its interval, and every size stays within sizeJitter * quantity / slices + 1 lot of the even one,
 * because sizes are moved between two slices of a random pair (project choice). Without jitter no
 * randomness is drawn. O(slices log slices). Failures: out_of_range, not_finite.
 */
export function twapSchedule(
  parameters: TwapParameters,
  random: Randomness | null = null,
): ModelResult<Slice[]> {
  const { quantity, duration, slices, timeJitter = 0, sizeJitter = 0 } = parameters;
  const wrong = firstFailure(
    integerWithin("duration", duration, 1, Number.MAX_SAFE_INTEGER),
    integerWithin("slices", slices, 1, 1_000_000),
    within("timeJitter", timeJitter, 0, 1),
    within("sizeJitter", sizeJitter, 0, 1),
  );
  if (wrong !== null) return refused(wrong);
  if (random === null && (timeJitter > 0 || sizeJitter > 0)) {
    return refusal(
      "out_of_range",
      "jitter without randomness",
      "the jitter is drawn from the randomness port",
      "give a seeded randomness, or no jitter",
    );
  }
  const weights = new Float64Array(slices).fill(1);
  if (random !== null && sizeJitter > 0) moveSizes(weights, sizeJitter, random);
  const sizes = apportion(quantity, weights);
  if (!sizes.ok) return sizes;
  const interval = duration / slices;
  return {
    ok: true,
    value: sizes.value.map((size, index) => {
      const late = random !== null && timeJitter > 0 ? timeJitter * random.unit() : 0;
      return { due: Math.floor((index + late) * interval), quantity: size };
    }),
  };
}

/** Moves a random share between the two slices of each random pair: the sum stays as it is. */
function moveSizes(weights: Float64Array, jitter: number, random: Randomness): void {
  const order = Uint32Array.from(weights, (_, index) => index);
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    const kept = order[last]!;
    order[last] = order[other]!;
    order[other] = kept;
  }
  for (let at = 0; at + 1 < order.length; at += 2) {
    const share = jitter * (2 * random.unit() - 1);
    weights[order[at]!]! += share;
    weights[order[at + 1]!]! -= share;
  }
}
