import { type DurationNs, type QuantityLots, quantityLots } from "../../kernel/units.ts";
import {
  allFinite,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  notEmpty,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import { apportion } from "./apportionment.ts";
import { type BasisPoints, participationLimit, type Slice } from "./parent-order.ts";

/**
 * The intraday curve: share of the day's volume in each bin, the mean of the days' shares, so that a
 * day of large volume weighs as one day. `volumes` is row-major, days x bins, >= 0. Sums to 1.
 * O(days * bins). Failures: wrong_shape, empty, not_finite, out_of_range (a negative volume), undefined
 * (a day without volume).
 */
export function volumeProfile(volumes: Float64Array, bins: number): ModelResult<Float64Array> {
  const wrong = firstFailure(
    notEmpty("volumes", volumes),
    integerWithin("bins", bins, 1, volumes.length),
    allFinite("volumes", volumes),
  );
  if (wrong !== null) return refused(wrong);
  const days = volumes.length / bins;
  if (!Number.isInteger(days)) {
    return refused(
      failure(
        "wrong_shape",
        `${volumes.length} volumes in rows of ${bins}`,
        "every day has all bins",
        "give days x bins volumes",
      ),
    );
  }
  const profile = new Float64Array(bins);
  for (let day = 0; day < days; day += 1) {
    const row = volumes.subarray(day * bins, (day + 1) * bins);
    let sum = 0;
    for (const volume of row) {
      if (volume < 0) {
        return refused(
          failure(
            "out_of_range",
            `a volume of ${volume}`,
            "volumes are 0 or more",
            "check the feed",
          ),
        );
      }
      sum += volume;
    }
    if (sum === 0) {
      return refused(
        failure(
          "undefined",
          `day ${day} has no volume`,
          "it has no curve",
          "leave days without trading out",
        ),
      );
    }
    for (let bin = 0; bin < bins; bin += 1) profile[bin]! += row[bin]! / sum / days;
  }
  return { ok: true, value: profile };
}

/**
 * Volume-weighted average price: slices in proportion to the curve, at the beginning of equal bins,
 * whole lots by largest remainder. O(bins log bins). Failures: as `apportion`, out_of_range.
 */
export function vwapSchedule(
  quantity: QuantityLots,
  duration: DurationNs,
  profile: ArrayLike<number>,
): ModelResult<Slice[]> {
  const wrong = integerWithin("duration", duration, 1, Number.MAX_SAFE_INTEGER);
  if (wrong !== null) return refused(wrong);
  const sizes = apportion(quantity, profile);
  if (!sizes.ok) return sizes;
  return { ok: true, value: slicesOf(sizes.value, duration) };
}

/**
 * The same under a cap on the share of each bin's volume, others' volume being foreseen: a bin takes
 * no more than share / (1 - share) of it, and what does not fit goes to the other bins in proportion
 * to the curve, again and again until all fits (at most `bins` rounds). Failures: as above,
 * wrong_shape, infeasible (the caps together are smaller than the parent).
 */
export function cappedVwapSchedule(
  quantity: QuantityLots,
  duration: DurationNs,
  profile: ArrayLike<number>,
  othersVolume: readonly QuantityLots[],
  share: BasisPoints,
): ModelResult<Slice[]> {
  const wrong = firstFailure(
    integerWithin("duration", duration, 1, Number.MAX_SAFE_INTEGER),
    sameLength("profile", profile, "othersVolume", othersVolume),
    allFinite("profile", profile),
  );
  if (wrong !== null) return refused(wrong);
  const caps: number[] = [];
  for (const others of othersVolume) {
    const cap = participationLimit(share, others);
    if (!cap.ok) return cap;
    caps.push(cap.value);
  }
  const room = caps.reduce((sum, cap, bin) => sum + (profile[bin]! > 0 ? cap : 0), 0);
  if (room < quantity) {
    return refused(
      failure(
        "infeasible",
        `${quantity} lots where the caps leave room for ${room}`,
        "the share of the foreseen volume is smaller than the parent",
        "lengthen the schedule, raise the share or reduce the parent",
      ),
    );
  }
  const sizes = caps.map(() => 0);
  const open = new Set(caps.keys());
  for (let left: number = quantity; left > 0; ) {
    const weights = caps.map((_, bin) => (open.has(bin) ? profile[bin]! : 0));
    const parts = apportion(quantityLots(left), weights);
    if (!parts.ok) return parts;
    left = 0;
    for (const bin of open) {
      const wanted = sizes[bin]! + parts.value[bin]!;
      const taken = Math.min(wanted, caps[bin]!);
      sizes[bin] = taken;
      left += wanted - taken;
      if (taken === caps[bin]) open.delete(bin);
    }
  }
  return { ok: true, value: slicesOf(sizes.map(quantityLots), duration) };
}

function slicesOf(sizes: readonly QuantityLots[], duration: DurationNs): Slice[] {
  const interval = duration / sizes.length;
  return sizes.map((quantity, index) => ({ due: Math.floor(index * interval), quantity }));
}
