import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
} from "../numerics/failure.ts";
import {
  fitRegimes,
  type GaussianRegimes,
  type RegimeFit,
  type RegimeFitOptions,
} from "./hidden-markov.ts";

/** Chance that a start gives a regime to last another period (project choice). */
const STAY = 0.95;

/**
 * Starts for the fit of `count` regimes: observations in groups of equal number by their level, and by
 * their distance from the median: near regimes of different mean, and near regimes of different
 * spread (project choice). Fits from the two that disagree say that the maximum found is a local one.
 * O(n log n). Fails with too_short (fewer than 4 a regime), not_finite, out_of_range (1 … 20 regimes),
 * `undefined` (observations do not vary).
 */
export function regimeStarts(
  observations: ArrayLike<number>,
  count: number,
): ModelResult<readonly GaussianRegimes[]> {
  const wrong = firstFailure(
    integerWithin("count", count, 1, 20),
    atLeast("observations", observations, 4 * count),
    allFinite("observations", observations),
  );
  if (wrong !== null) return refused(wrong);
  const byLevel = Float64Array.from(observations).sort();
  const n = byLevel.length;
  const spread = byLevel[n - 1]! - byLevel[0]!;
  if (!(spread > 0)) {
    return refused(
      failure("undefined", "observations", "they do not vary", "give observations that vary"),
    );
  }
  const median = byLevel[Math.floor(n / 2)]!;
  const bySize = byLevel.slice().sort((a, b) => Math.abs(a - median) - Math.abs(b - median));
  return ok([startOf(byLevel, count, spread), startOf(bySize, count, spread)]);
}

function startOf(sorted: Float64Array, count: number, spread: number): GaussianRegimes {
  const means: number[] = [];
  const deviations: number[] = [];
  for (let k = 0; k < count; k += 1) {
    const group = sorted.subarray(
      Math.floor((k * sorted.length) / count),
      Math.floor(((k + 1) * sorted.length) / count),
    );
    const mean = group.reduce((sum, one) => sum + one / group.length, 0);
    const variance = group.reduce((sum, one) => sum + (one - mean) ** 2 / group.length, 0);
    means.push(mean);
    deviations.push(Math.max(Math.sqrt(variance), 1e-3 * spread));
  }
  const leave = count === 1 ? 0 : (1 - STAY) / (count - 1);
  return {
    transition: means.map((_, i) =>
      means.map((__, j) => (i === j ? 1 - leave * (count - 1) : leave)),
    ),
    initial: means.map(() => 1 / count),
    means,
    deviations,
  };
}

/**
 * The likeliest of the fits from both starts, its regimes in the order of rising deviation. Fails as
 * regimeStarts does, and with not_converged where neither fit converges.
 */
export function fitRegimesByStarts(
  observations: ArrayLike<number>,
  count: number,
  options: RegimeFitOptions = {},
): ModelResult<RegimeFit> {
  const starts = regimeStarts(observations, count);
  if (!starts.ok) return starts;
  const fits = starts.value.map((start) => fitRegimes(observations, start, options));
  let best: RegimeFit | null = null;
  for (const fit of fits) {
    if (fit.ok && (best === null || fit.value.logLikelihood > best.logLikelihood)) best = fit.value;
  }
  if (best === null) return fits[0]!;
  return ok({ ...best, model: byDeviation(best.model) });
}

/** The same model with its regimes renumbered from the calmest to the wildest. */
export function byDeviation(model: GaussianRegimes): GaussianRegimes {
  const order = model.deviations
    .map((_, k) => k)
    .sort((a, b) => model.deviations[a]! - model.deviations[b]!);
  const pick = (values: readonly number[]): number[] => order.map((k) => values[k]!);
  return {
    transition: order.map((k) => pick(model.transition[k]!)),
    initial: pick(model.initial),
    means: pick(model.means),
    deviations: pick(model.deviations),
  };
}
