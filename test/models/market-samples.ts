import type { PriceBars } from "../../actors/models/microstructure/edge-spread.ts";
import type { GaussianRegimes } from "../../actors/models/regimes/hidden-markov.ts";
import { certain } from "../../actors/models/numerics/failure.ts";
import {
  categorical,
  fillStandardNormal,
  standardNormal,
} from "../../actors/models/random/distributions.ts";
import type { ModelRandomness } from "../../actors/models/random/generator.ts";
import {
  accumulateFractional,
  fractionalNoise,
} from "../../actors/models/volatility/fractional-brownian.ts";
import type { GarchParameters } from "../../actors/models/volatility/garch.ts";

/** Samples whose parameters are known, to hold estimators against. */

/** A random walk of deviation sigma a step, seen at bid or ask; sides repeat with correlation rho. */
export function bouncingPrices(
  random: ModelRandomness,
  n: number,
  { spread, rho, sigma }: { readonly spread: number; readonly rho: number; readonly sigma: number },
): Float64Array {
  let efficient = 100;
  let side = random.unit() < 0.5 ? -1 : 1;
  return Float64Array.from({ length: n }, () => {
    efficient += sigma * standardNormal(random);
    if (random.unit() < (1 - rho) / 2) side = -side;
    return efficient + (side * spread) / 2;
  });
}

/**
 * Efficient log price (fractional Brownian of exponent `hurst`, deviation sigma a step) under noise of
 * deviation spread / 2 that reverts with correlation rho.
 */
export function noisyLogPrices(
  random: ModelRandomness,
  n: number,
  sample: {
    readonly spread: number;
    readonly rho: number;
    readonly sigma: number;
    readonly hurst: number;
  },
): Float64Array {
  const steps = new Float64Array(n);
  if (sample.hurst === 0.5) fillStandardNormal(random, steps);
  else certain(fractionalNoise(n, sample.hurst)).fillPair(random, steps, new Float64Array(n));
  accumulateFractional(steps, 1, sample.hurst, steps);
  const own = Math.sqrt(1 - sample.rho ** 2);
  let noise = standardNormal(random);
  return steps.map((one) => {
    noise = sample.rho * noise + own * standardNormal(random);
    return sample.sigma * one + (sample.spread / 2) * noise;
  });
}

/** Bars of `ticks` trades each, at bid or ask around a random walk of 2 % a bar. */
export function tradedBars(
  random: ModelRandomness,
  rows: number,
  { ticks, spread }: { readonly ticks: number; readonly spread: number },
): PriceBars {
  const [open, high, low, close] = Array.from({ length: 4 }, () => new Float64Array(rows)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let log = 0;
  for (let t = 0; t < rows; t += 1) {
    for (let k = 0; k < ticks; k += 1) {
      log += (0.02 / Math.sqrt(ticks)) * standardNormal(random);
      const price = Math.exp(log) * (1 + (random.unit() < 0.5 ? spread : -spread) / 2);
      if (k === 0) {
        open[t] = price;
        high[t] = price;
        low[t] = price;
      }
      high[t] = Math.max(high[t]!, price);
      low[t] = Math.min(low[t]!, price);
      close[t] = price;
    }
  }
  return { open, high, low, close };
}

export interface NoisyDay {
  readonly returns: Float64Array;
  readonly integratedVariance: number;
}

/**
 * A day of n returns of a Heston price (kappa 5, theta 0.04, eps 0.5, rho -0.5, a year of 252 days)
 * under independent noise whose variance is a thousandth of the integrated variance.
 */
export function noisyDay(random: ModelRandomness, n: number): NoisyDay {
  const dt = 1 / 252 / n;
  let v = 0.04;
  let integratedVariance = 0;
  const seen = new Float64Array(n + 1);
  for (let i = 1; i <= n; i += 1) {
    const z = standardNormal(random);
    const w = -0.5 * z + Math.sqrt(0.75) * standardNormal(random);
    integratedVariance += v * dt;
    seen[i] = seen[i - 1]! + Math.sqrt(v * dt) * z;
    v = Math.max(0, v + 5 * (0.04 - v) * dt + 0.5 * Math.sqrt(v * dt) * w);
  }
  const noise = Math.sqrt(0.001 * integratedVariance);
  for (let i = 0; i <= n; i += 1) seen[i]! += noise * standardNormal(random);
  const returns = Float64Array.from({ length: n }, (_, i) => seen[i + 1]! - seen[i]!);
  return { returns, integratedVariance };
}

export function garchReturns(random: ModelRandomness, n: number, p: GarchParameters): Float64Array {
  let h = p.omega / (1 - p.alpha - p.gamma / 2 - p.beta);
  return Float64Array.from({ length: n }, () => {
    const e = Math.sqrt(h) * standardNormal(random);
    h = p.omega + (e < 0 ? p.alpha + p.gamma : p.alpha) * e * e + p.beta * h;
    return p.mu + e;
  });
}

export interface RegimeSample {
  readonly observations: Float64Array;
  readonly regimes: Uint8Array;
}

export function regimeSample(
  random: ModelRandomness,
  n: number,
  model: GaussianRegimes,
): RegimeSample {
  const regimes = new Uint8Array(n);
  const observations = new Float64Array(n);
  for (let t = 0; t < n; t += 1) {
    const weights = t === 0 ? model.initial : model.transition[regimes[t - 1]!]!;
    const k = categorical(random, weights);
    regimes[t] = k;
    observations[t] = model.means[k]! + model.deviations[k]! * standardNormal(random);
  }
  return { observations, regimes };
}

/** Standardised shocks of two assets whose correlation follows DCC's own recursion. */
export function correlatedShocks(
  random: ModelRandomness,
  n: number,
  { a, b, mean }: { readonly a: number; readonly b: number; readonly mean: number },
): number[][] {
  let [q11, q12, q22] = [1, mean, 1];
  return Array.from({ length: n }, () => {
    const rho = q12 / Math.sqrt(q11 * q22);
    const x = standardNormal(random);
    const y = rho * x + Math.sqrt(1 - rho * rho) * standardNormal(random);
    q11 = 1 - a - b + a * x * x + b * q11;
    q12 = (1 - a - b) * mean + a * x * y + b * q12;
    q22 = 1 - a - b + a * y * y + b * q22;
    return [x, y];
  });
}
