import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  failure,
  firstFailure,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";
import { brentMinimum } from "../numerics/optimise.ts";

/**
 * A level that walks at random, seen through noise: y_t = level_t + e_t, level_(t+1) = level_t + d_t.
 * Durbin and Koopman, "Time Series Analysis by State Space Methods" (2nd ed. 2012), chapter 2. The
 * efficient price below a noisy one, or a smooth reading of any feature. Variances have the square of
 * the unit of y.
 */
export interface LocalLevelParameters {
  /** Variance of e_t, > 0. */
  readonly noiseVariance: number;
  /** Variance of d_t, >= 0. */
  readonly levelVariance: number;
}

/** What is known of the level after an observation. */
export interface LevelState {
  readonly level: number;
  readonly variance: number;
}

export interface LocalLevelFilter {
  /** E[level_t | y_1 … y_t]. */
  readonly filtered: Float64Array;
  /** Var[level_t | y_1 … y_t]; one step ahead it is this plus the variance of the level. */
  readonly filteredVariance: Float64Array;
  /** E[level_t | all]. */
  readonly smoothed: Float64Array;
  /** Var[level_t | all]. */
  readonly smoothedVariance: Float64Array;
  /** Diffuse log-likelihood: of y_2 … y_n, the first having fixed the level. */
  readonly logLikelihood: number;
}

/** One step of the filter, O(1): predicts by `levelVariance`, then weighs the observation. */
export function updateLevel(
  before: LevelState | null,
  observation: number,
  { noiseVariance, levelVariance }: LocalLevelParameters,
): LevelState {
  if (before === null) return { level: observation, variance: noiseVariance };
  const predicted = before.variance + levelVariance;
  const gain = predicted / (predicted + noiseVariance);
  return {
    level: before.level + gain * (observation - before.level),
    // Joseph's form: a sum of two non-negative parts, so that rounding cannot make it negative.
    variance: (1 - gain) ** 2 * predicted + gain * gain * noiseVariance,
  };
}

/** Gain the filter settles to: the weight of the newest observation. O(1). */
export function steadyGain({ noiseVariance, levelVariance }: LocalLevelParameters): number {
  const ratio = levelVariance / noiseVariance;
  const predicted = 0.5 * (ratio + Math.sqrt(ratio * ratio + 4 * ratio));
  return predicted / (1 + predicted);
}

/**
 * Kalman filter with a diffuse start, and the fixed-interval smoother (Rauch, Tung and Striebel
 * 1965). O(n). Fails with not_finite, too_short (< 2), out_of_range.
 */
export function filterLocalLevel(
  observations: ArrayLike<number>,
  parameters: LocalLevelParameters,
): ModelResult<LocalLevelFilter> {
  const wrong = firstFailure(
    atLeast("observations", observations, 2),
    allFinite("observations", observations),
    positive("noiseVariance", parameters.noiseVariance),
    notNegative("levelVariance", parameters.levelVariance),
  );
  if (wrong !== null) return refused(wrong);
  const n = observations.length;
  const filtered = new Float64Array(n);
  const filteredVariance = new Float64Array(n);
  filterInto(observations, parameters, filtered, filteredVariance);
  const { logLikelihood } = innovations(observations, parameters);
  const finite = finiteResult("log-likelihood", logLikelihood);
  if (!finite.ok) return finite;
  const smoothed = filtered.slice();
  const smoothedVariance = filteredVariance.slice();
  for (let t = n - 2; t >= 0; t -= 1) {
    const predicted = filteredVariance[t]! + parameters.levelVariance;
    const weight = filteredVariance[t]! / predicted;
    smoothed[t]! += weight * (smoothed[t + 1]! - filtered[t]!);
    smoothedVariance[t]! += weight * weight * (smoothedVariance[t + 1]! - predicted);
  }
  return ok({
    filtered,
    filteredVariance,
    smoothed,
    smoothedVariance,
    logLikelihood,
  });
}

/** What updateLevel gives, step after step, without an object for each. */
function filterInto(
  y: ArrayLike<number>,
  { noiseVariance, levelVariance }: LocalLevelParameters,
  filtered: Float64Array,
  filteredVariance: Float64Array,
): void {
  let level = y[0]!;
  let variance = noiseVariance;
  filtered[0] = level;
  filteredVariance[0] = variance;
  for (let t = 1; t < y.length; t += 1) {
    const predicted = variance + levelVariance;
    const gain = predicted / (predicted + noiseVariance);
    level += gain * (y[t]! - level);
    variance = (1 - gain) ** 2 * predicted + gain * gain * noiseVariance;
    filtered[t] = level;
    filteredVariance[t] = variance;
  }
}

/** The likelihood by the innovations, and the noise variance that would maximise it at this ratio. */
function innovations(
  y: ArrayLike<number>,
  { noiseVariance, levelVariance }: LocalLevelParameters,
): { readonly logLikelihood: number; readonly scaled: number } {
  let level = y[0]!;
  let variance = noiseVariance;
  let logs = 0;
  let squares = 0;
  for (let t = 1; t < y.length; t += 1) {
    const predicted = variance + levelVariance;
    const total = predicted + noiseVariance;
    const surprise = y[t]! - level;
    logs += Math.log(total);
    squares += (surprise * surprise) / total;
    level += (predicted / total) * surprise;
    variance = (predicted * noiseVariance) / total;
  }
  const seen = y.length - 1;
  return {
    logLikelihood: -0.5 * (seen * Math.log(2 * Math.PI) + logs + squares),
    scaled: (noiseVariance * squares) / seen,
  };
}

export interface LocalLevelFit extends LocalLevelParameters {
  readonly logLikelihood: number;
}

/**
 * Maximum likelihood: the noise variance is concentrated out (Durbin and Koopman, section 2.10.2) and
 * the logarithm of the ratio of the variances found by Brent's method over [1e-10, 1e10]. Fails with
 * `undefined` on observations that are all equal.
 */
export function fitLocalLevel(observations: ArrayLike<number>): ModelResult<LocalLevelFit> {
  const wrong = firstFailure(
    atLeast("observations", observations, 3),
    allFinite("observations", observations),
  );
  if (wrong !== null) return refused(wrong);
  const parametersAt = (logRatio: number): LocalLevelParameters => {
    const ratio = Math.exp(logRatio);
    const { scaled } = innovations(observations, { noiseVariance: 1, levelVariance: ratio });
    return { noiseVariance: scaled, levelVariance: ratio * scaled };
  };
  const scale = finiteResult("variance", parametersAt(0).noiseVariance);
  if (!scale.ok) return scale;
  if (scale.value === 0) {
    return refused(
      failure(
        "undefined",
        "observations",
        "they are all equal: no variance can be told from them",
        "give observations that move",
      ),
    );
  }
  const loss = (logRatio: number): number =>
    -innovations(observations, parametersAt(logRatio)).logLikelihood;
  const edge = 10 * Math.LN10;
  // The likelihood may have a second, flat maximum at the edges; the best of three parts is taken.
  let best: LocalLevelFit | null = null;
  for (const [low, high] of [
    [-edge, -edge / 3],
    [-edge / 3, edge / 3],
    [edge / 3, edge],
  ] as const) {
    const found = brentMinimum(loss, low, high, 1e-9);
    if (!found.ok) return found;
    if (best === null || -found.value.value > best.logLikelihood) {
      best = { ...parametersAt(found.value.at), logLikelihood: -found.value.value };
    }
  }
  return ok(best!);
}
