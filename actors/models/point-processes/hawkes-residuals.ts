import { allFinite, failure, type ModelResult, notEmpty, refused } from "../numerics/failure.ts";
import { kolmogorovSurvival } from "../numerics/incomplete-functions.ts";
import { type Arrivals, arrivalsCheck, type HawkesParameters, parametersCheck } from "./hawkes.ts";

/**
 * For each type its intensity integrated from each of its arrivals to its next (the first from 0).
 * Under the true parameters these are independent and exponential with mean 1 (time change; Papangelou 1972,
 * Ogata 1988). O(n d P). Failures: those of parametersCheck and arrivalsCheck.
 */
export function hawkesResiduals(
  parameters: HawkesParameters,
  arrivals: Arrivals,
): ModelResult<Float64Array[]> {
  const { baseline, decays, branching } = parameters;
  const d = baseline.length;
  const P = decays.length;
  const wrong = parametersCheck(parameters) ?? arrivalsCheck(arrivals, d);
  if (wrong !== null) return refused(wrong);
  const { times, types } = arrivals;
  const excitement = new Float64Array(d * P);
  const integrals = new Float64Array(d);
  const residuals = Array.from({ length: d }, (): number[] => []);
  let last = 0;
  for (let k = 0; k < times.length; k += 1) {
    const elapsed = times[k]! - last;
    for (let p = 0; p < P; p += 1) {
      const fading = Math.exp(-decays[p]! * elapsed);
      const spent = -Math.expm1(-decays[p]! * elapsed) / decays[p]!;
      for (let target = 0; target < d; target += 1) {
        integrals[target]! += excitement[target * P + p]! * spent;
        excitement[target * P + p]! *= fading;
      }
    }
    for (let target = 0; target < d; target += 1) integrals[target]! += baseline[target]! * elapsed;
    const type = types[k]!;
    residuals[type]!.push(integrals[type]!);
    integrals[type] = 0;
    for (let target = 0; target < d; target += 1) {
      for (let p = 0; p < P; p += 1) {
        excitement[target * P + p]! += branching[(target * d + type) * P + p]! * decays[p]!;
      }
    }
    last = times[k]!;
  }
  for (const values of residuals) {
    const overflow = allFinite("residuals", values);
    if (overflow !== null) return refused(overflow);
  }
  return { ok: true, value: residuals.map((values) => Float64Array.from(values)) };
}

export interface KolmogorovSmirnov {
  /** Largest distance of the distribution functions, 0 to 1. */
  readonly distance: number;
  /** Chance of so large a distance if the hypothesis holds (asymptotic, with Stephens's correction). */
  readonly pValue: number;
}

/**
 * Whether a sample is exponential with mean 1, by Kolmogorov & Smirnov; the p value by the limit law at
 * (sqrt n + 0.12 + 0.11 / sqrt n) D (Stephens 1970), good from n = 5 on. O(n log n). Failures: empty,
 * out_of_range (a negative value or NaN).
 */
export function exponentialTest(sample: Float64Array): ModelResult<KolmogorovSmirnov> {
  const wrong = notEmpty("sample", sample);
  if (wrong !== null) return refused(wrong);
  const values = Float64Array.from(sample).sort();
  const n = values.length;
  let distance = 0;
  for (const [index, value] of values.entries()) {
    if (!(value >= 0)) {
      return refused(
        failure(
          "out_of_range",
          `a value of ${value}`,
          "an exponential variable is 0 or more",
          "give residuals",
        ),
      );
    }
    const expected = -Math.expm1(-value);
    distance = Math.max(distance, expected - index / n, (index + 1) / n - expected);
  }
  return { ok: true, value: { distance, pValue: survival(distance, n) } };
}

/** Whether two samples have one distribution; effective n = n m / (n + m). Failures: empty, out_of_range. */
export function twoSampleTest(a: Float64Array, b: Float64Array): ModelResult<KolmogorovSmirnov> {
  const wrong = notEmpty("a", a) ?? notEmpty("b", b);
  if (wrong !== null) return refused(wrong);
  const left = Float64Array.from(a).sort();
  const right = Float64Array.from(b).sort();
  // A typed array sorts NaN to its end.
  if (Number.isNaN(left.at(-1)!) || Number.isNaN(right.at(-1)!)) {
    return refused(failure("not_finite", "a value of NaN", "it has no order", "leave it out"));
  }
  let [i, j, distance] = [0, 0, 0];
  while (i < left.length && j < right.length) {
    const value = Math.min(left[i]!, right[j]!);
    while (i < left.length && left[i] === value) i += 1;
    while (j < right.length && right[j] === value) j += 1;
    distance = Math.max(distance, Math.abs(i / left.length - j / right.length));
  }
  const n = (left.length * right.length) / (left.length + right.length);
  return { ok: true, value: { distance, pValue: survival(distance, n) } };
}

function survival(distance: number, n: number): number {
  const root = Math.sqrt(n);
  return kolmogorovSurvival((root + 0.12 + 0.11 / root) * distance);
}
