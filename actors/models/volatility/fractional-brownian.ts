import type { Randomness } from "../../kernel/ports/randomness.ts";
import { ok } from "../../kernel/result.ts";
import {
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refused,
} from "../numerics/failure.ts";
import { circulantEigenvalues, fourier, powerOfTwo } from "../numerics/fourier.ts";
import { standardNormal } from "../random/distributions.ts";

/**
 * Fractional Brownian motion of Hurst exponent H in (0, 1): a Gaussian process with
 * Cov(B_s, B_t) = (t^2H + s^2H - |t - s|^2H) / 2 (Mandelbrot and Van Ness, SIAM Review 10, 1968).
 * Fractional noise is its unit increments. Both samplers here are exact in law.
 */

export const checkHurst = (hurst: number): Check =>
  positive("hurst", hurst) ??
  (hurst < 1
    ? null
    : failure("out_of_range", `hurst = ${hurst}`, "it must lie inside (0, 1)", "give H below 1"));

/** Cov(B_s, B_t), s, t >= 0. */
export function fractionalCovariance(s: number, t: number, hurst: number): number {
  const power = 2 * hurst;
  return 0.5 * (t ** power + s ** power - Math.abs(t - s) ** power);
}

/**
 * Autocovariance of unit fractional noise at a whole lag:
 * (|k + 1|^2H - 2 |k|^2H + |k - 1|^2H) / 2. From lag 50 by its series in 1 / k^2, since the second
 * difference of large powers loses every digit.
 */
export function fractionalNoiseAutocovariance(lag: number, hurst: number): number {
  const k = Math.abs(lag);
  const power = 2 * hurst;
  if (k < 50) return 0.5 * ((k + 1) ** power - 2 * k ** power + Math.abs(k - 1) ** power);
  let binomial = (power * (power - 1)) / 2;
  let sum = 0;
  for (let j = 2; j <= 14; j += 2) {
    sum += binomial * k ** -j;
    binomial *= ((power - j) * (power - j - 1)) / ((j + 1) * (j + 2));
  }
  return k ** power * sum;
}

/** Eigenvalues of the circulant matrix of size 2 n that holds the covariance of n steps; n a power of two. */
export function fractionalNoiseEigenvalues(n: number, hurst: number): Float64Array {
  const row = Float64Array.from({ length: 2 * n }, (_, k) =>
    fractionalNoiseAutocovariance(Math.min(k, 2 * n - k), hurst),
  );
  return circulantEigenvalues(row);
}

export interface FractionalNoise {
  /** Length of a path. */
  readonly steps: number;
  /** Fills two independent paths of unit fractional noise. O(n log n), allocates nothing. */
  fillPair(random: Randomness, first: Float64Array, second: Float64Array): void;
}

/**
 * Sampler of `steps` steps by circulant embedding: Davies and Harte, Biometrika 74 (1987), in the
 * complex form of Dietrich and Newsam (1997), whose real and imaginary parts are two paths. The
 * eigenvalues are never negative (Craigmile 2003). Fails with out_of_range.
 */
export function fractionalNoise(steps: number, hurst: number): ModelResult<FractionalNoise> {
  const wrong = firstFailure(integerWithin("steps", steps, 1, 2 ** 24), checkHurst(hurst));
  if (wrong !== null) return refused(wrong);
  const half = powerOfTwo(steps);
  const transform = fourier(2 * half);
  const scales = fractionalNoiseEigenvalues(half, hurst).map((value) =>
    Math.sqrt(Math.max(0, value) / (2 * half)),
  );
  const data = new Float64Array(4 * half);
  const out = new Float64Array(4 * half);
  return ok({
    steps,
    fillPair(random, first, second) {
      if (first.length !== steps || second.length !== steps) {
        throw new RangeError(`a path of this sampler has ${steps} steps`);
      }
      for (let k = 0; k < scales.length; k += 1) {
        data[2 * k] = scales[k]! * standardNormal(random);
        data[2 * k + 1] = scales[k]! * standardNormal(random);
      }
      transform.forward(data, out);
      for (let t = 0; t < steps; t += 1) {
        first[t] = out[2 * t]!;
        second[t] = out[2 * t + 1]!;
      }
    },
  });
}

/**
 * Fills `out` with unit fractional noise step by step: each from its exact law given all before.
 * Hosking, Water Resources Research 20 (1984). O(n^2): the slow and independent way.
 */
export function fillFractionalNoiseBySteps(
  random: Randomness,
  hurst: number,
  out: Float64Array,
): void {
  const n = out.length;
  const weights = new Float64Array(n);
  const before = new Float64Array(n);
  let variance = 1;
  for (let t = 0; t < n; t += 1) {
    let mean = 0;
    if (t > 0) {
      let numerator = fractionalNoiseAutocovariance(t, hurst);
      for (let j = 0; j < t - 1; j += 1) {
        numerator -= before[j]! * fractionalNoiseAutocovariance(t - 1 - j, hurst);
      }
      const partial = numerator / variance;
      for (let j = 0; j < t - 1; j += 1) weights[j] = before[j]! - partial * before[t - 2 - j]!;
      weights[t - 1] = partial;
      before.set(weights.subarray(0, t));
      variance *= 1 - partial * partial;
      for (let j = 0; j < t; j += 1) mean += weights[j]! * out[t - 1 - j]!;
    }
    out[t] = mean + Math.sqrt(variance) * standardNormal(random);
  }
}

/** B at times dt, 2 dt, … from unit noise: partial sums times dt^H, into `out`. */
export function accumulateFractional(
  noise: Float64Array,
  dt: number,
  hurst: number,
  out: Float64Array,
): void {
  const scale = dt ** hurst;
  let sum = 0;
  for (let t = 0; t < noise.length; t += 1) {
    sum += noise[t]!;
    out[t] = scale * sum;
  }
}
