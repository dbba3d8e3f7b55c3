/**
 * Hansen, "A test for superior predictive ability", J. Business & Economic Statistics 23 (2005): is any of several
 * forecasts better than the benchmark, all looked at together? arXiv 2507.05749 chooses the kernel of its Hawkes
 * process so: each kernel in turn is the benchmark, and the one that is not rejected stays. Losses in any unit, the
 * same for all; one per period, in time order.
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import {
  allFinite,
  atLeast,
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
  sameLength,
  within,
} from "../numerics/failure.ts";

export interface SuperiorAbility {
  /** max(0, max over k of sqrt(n) mean d_k / omega_k), d_k the benchmark's loss less that of forecast k. */
  readonly statistic: number;
  /** Probability under the null, by the three recentrings of the paper: lower <= consistent <= upper. */
  readonly lower: number;
  readonly consistent: number;
  readonly upper: number;
}

export interface SuperiorAbilityOptions {
  /** Mean length of a block of the stationary bootstrap (Politis, Romano 1994), >= 1; 1 is for independent losses. */
  readonly blockLength: number;
  readonly resamples: number;
}

function lossesCheck(benchmark: Float64Array, losses: readonly Float64Array[]): Check {
  return firstFailure(
    atLeast("benchmark", benchmark, 8),
    atLeast("losses", losses, 1),
    allFinite("benchmark", benchmark),
    ...losses.flatMap((one, k) => [
      sameLength(`losses[${k}]`, one, "benchmark", benchmark),
      allFinite(`losses[${k}]`, one),
    ]),
  );
}

const meanOf = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Variance of sqrt(n) times the mean under the stationary bootstrap, in closed form (Hansen 2005, section 3). O(n^2). */
function bootstrapVariance(values: Float64Array, mean: number, restart: number): number {
  const n = values.length;
  let variance = 0;
  for (let lag = 0; lag < n; lag += 1) {
    const weight = ((n - lag) / n) * (1 - restart) ** lag + (lag / n) * (1 - restart) ** (n - lag);
    if (lag > 0 && weight < 1e-15) continue;
    let product = 0;
    for (let t = lag; t < n; t += 1) product += (values[t]! - mean) * (values[t - lag]! - mean);
    variance += ((lag === 0 ? 1 : 2 * weight) * product) / n;
  }
  return variance;
}

/**
 * The test of the benchmark against all other forecasts. A small probability says that one of them is better.
 * Codes: too_short (8 periods), wrong_shape, not_finite, out_of_range, undefined (a forecast whose losses are the
 * benchmark's but for a constant). O(n^2 m + resamples n m) for n periods and m forecasts.
 */
export function superiorPredictiveAbility(
  benchmark: Float64Array,
  losses: readonly Float64Array[],
  { blockLength, resamples }: SuperiorAbilityOptions,
  random: Randomness,
): ModelResult<SuperiorAbility> {
  const wrong =
    lossesCheck(benchmark, losses) ??
    firstFailure(
      within("blockLength", blockLength, 1, benchmark.length),
      integerWithin("resamples", resamples, 1, 10_000_000),
    );
  if (wrong !== null) return refused(wrong);
  const n = benchmark.length;
  const differences = losses.map((one) => one.map((loss, t) => benchmark[t]! - loss));
  const means = differences.map(meanOf);
  const deviations = differences.map((d, k) =>
    Math.sqrt(bootstrapVariance(d, means[k]!, 1 / blockLength)),
  );
  const still = deviations.findIndex((deviation) => !(deviation > 0));
  if (still >= 0) {
    return refused(
      failure(
        "undefined",
        `losses[${still}]`,
        "they differ from the benchmark's by a constant",
        "leave that forecast out",
      ),
    );
  }
  const root = Math.sqrt(n);
  const statistic = means.reduce(
    (most, mean, k) => Math.max(most, (root * mean) / deviations[k]!),
    0,
  );
  // Forecasts that are clearly worse than the benchmark say nothing about the best one.
  const threshold = -Math.sqrt(2 * Math.log(Math.log(n)));
  const centres = means.map((mean, k) => ({
    lower: Math.max(0, mean),
    consistent: (root * mean) / deviations[k]! >= threshold ? mean : 0,
    upper: mean,
  }));
  const beyond = { lower: 0, consistent: 0, upper: 0 };
  const names = ["lower", "consistent", "upper"] as const;
  const indices = new Int32Array(n);
  for (let resample = 0; resample < resamples; resample += 1) {
    drawBlocks(indices, 1 / blockLength, random);
    const most = { lower: 0, consistent: 0, upper: 0 };
    for (let k = 0; k < differences.length; k += 1) {
      const d = differences[k]!;
      let sum = 0;
      for (let t = 0; t < n; t += 1) sum += d[indices[t]!]!;
      for (const name of names) {
        const value = (root * (sum / n - centres[k]![name])) / deviations[k]!;
        if (value > most[name]) most[name] = value;
      }
    }
    for (const name of names) if (most[name] > statistic) beyond[name] += 1;
  }
  return {
    ok: true,
    value: {
      statistic,
      lower: beyond.lower / resamples,
      consistent: beyond.consistent / resamples,
      upper: beyond.upper / resamples,
    },
  };
}

/** Blocks of geometric length that wrap around the end. */
function drawBlocks(indices: Int32Array, restart: number, random: Randomness): void {
  const n = indices.length;
  for (let t = 0; t < n; t += 1) {
    const fresh = t === 0 || random.unit() < restart;
    indices[t] = fresh ? random.below(n) : (indices[t - 1]! + 1) % n;
  }
}
