import type { Randomness } from "../../kernel/ports/randomness.ts";
import { lnGamma, normalQuantile } from "../numerics/special-functions.ts";

/**
 * Samplers. Each takes numbers from the port only, so that a path follows from its seed; none keeps
 * state between calls, so that two callers never disturb each other. They throw a RangeError outside
 * the stated range: a model checks its parameters before it simulates.
 */

function check(holds: boolean, what: string, value: number): void {
  if (!holds) throw new RangeError(`${what}, not ${value}`);
}

/** Uniform on the open interval (0, 1): the port's number moved up by half of its spacing. */
export function openUnit(random: Randomness): number {
  return random.unit() + 2 ** -54;
}

/**
 * Standard normal by inversion of the distribution function (Wichura 1988, AS 241). One uniform
 * number for one normal number: antithetic and quasi-random use are possible, and a path does not
 * shift when another draw is added to it.
 */
export function standardNormal(random: Randomness): number {
  return normalQuantile(openUnit(random));
}

/** Fills `out` with independent standard normals; allocates nothing. */
export function fillStandardNormal(random: Randomness, out: Float64Array): void {
  for (let i = 0; i < out.length; i += 1) out[i] = normalQuantile(random.unit() + 2 ** -54);
}

/** Exponential of the given rate (> 0, per unit of time); mean 1 / rate. */
export function exponential(random: Randomness, rate: number): number {
  check(rate > 0 && rate < Infinity, "an exponential's rate is positive and finite", rate);
  return -Math.log(openUnit(random)) / rate;
}

/**
 * Gamma of the given shape and scale, both > 0; mean shape * scale. Marsaglia and Tsang, "A simple
 * method for generating gamma variables", ACM TOMS 26 (2000); below shape 1 by their section 6.
 */
export function gammaVariate(random: Randomness, shape: number, scale: number): number {
  check(shape > 0 && shape < Infinity, "a gamma's shape is positive and finite", shape);
  check(scale > 0 && scale < Infinity, "a gamma's scale is positive and finite", scale);
  if (shape < 1) {
    const boost = openUnit(random) ** (1 / shape);
    return gammaVariate(random, shape + 1, scale) * boost;
  }
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = standardNormal(random);
    const root = 1 + c * x;
    if (root <= 0) continue;
    const v = root ** 3;
    if (Math.log(openUnit(random)) < 0.5 * x * x + d - d * v + d * Math.log(v))
      return d * v * scale;
  }
}

/** Beta of shapes a, b > 0, from two gammas. */
export function betaVariate(random: Randomness, a: number, b: number): number {
  const x = gammaVariate(random, a, 1);
  return x / (x + gammaVariate(random, b, 1));
}

/** Chi-square with `degrees` > 0 degrees of freedom. */
export function chiSquare(random: Randomness, degrees: number): number {
  return gammaVariate(random, degrees / 2, 2);
}

/**
 * Noncentral chi-square, degrees > 0, noncentrality >= 0. Above one degree a squared shifted normal
 * and a central one; otherwise the Poisson mixture chi-square(degrees + 2 N), N ~ Poisson(nc / 2).
 * Glasserman, "Monte Carlo Methods in Financial Engineering" (2004), section 3.4.
 */
export function noncentralChiSquare(
  random: Randomness,
  degrees: number,
  noncentrality: number,
): number {
  check(degrees > 0 && degrees < Infinity, "degrees of freedom are positive and finite", degrees);
  check(
    noncentrality >= 0 && noncentrality < Infinity,
    "a noncentrality is finite and 0 or more",
    noncentrality,
  );
  if (degrees > 1) {
    const shifted = standardNormal(random) + Math.sqrt(noncentrality);
    return shifted * shifted + chiSquare(random, degrees - 1);
  }
  return chiSquare(random, degrees + 2 * poisson(random, noncentrality / 2));
}

/** Student t with `degrees` > 0 degrees of freedom (not scaled to unit variance). */
export function studentT(random: Randomness, degrees: number): number {
  return standardNormal(random) / Math.sqrt(chiSquare(random, degrees) / degrees);
}

/**
 * Poisson of the given mean (>= 0, at most 2^50). By counting unit-rate arrivals below mean 10;
 * above it by transformed rejection (PTRS: Hörmann, "The transformed rejection method for generating
 * Poisson random variables", Insurance: Mathematics and Economics 12 (1993)), O(1).
 */
export function poisson(random: Randomness, mean: number): number {
  check(mean >= 0 && mean <= 2 ** 50, "a Poisson's mean is from 0 to 2^50", mean);
  if (mean >= 10) return transformedRejection(random, mean);
  const limit = Math.exp(-mean);
  let product = openUnit(random);
  let count = 0;
  while (product > limit) {
    product *= openUnit(random);
    count += 1;
  }
  return count;
}

function transformedRejection(random: Randomness, mean: number): number {
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  const lnMean = Math.log(mean);
  for (;;) {
    const u = openUnit(random) - 0.5;
    const v = openUnit(random);
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (
      Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b) <=
      k * lnMean - mean - lnGamma(k + 1)
    ) {
      return k;
    }
  }
}

/** Index i with probability weights[i] / sum(weights): weights >= 0, sum > 0. O(n), no allocation. */
export function categorical(random: Randomness, weights: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i += 1) {
    const weight = weights[i]!;
    check(weight >= 0 && weight < Infinity, "a weight is finite and 0 or more", weight);
    sum += weight;
  }
  check(sum > 0 && sum < Infinity, "the sum of the weights is positive and finite", sum);
  let left = random.unit() * sum;
  let last = 0;
  for (let i = 0; i < weights.length; i += 1) {
    const weight = weights[i]!;
    if (weight === 0) continue;
    if (left < weight) return i;
    left -= weight;
    last = i;
  }
  // Rounding can leave a residue after the last one.
  return last;
}
