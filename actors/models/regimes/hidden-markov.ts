import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  type Check,
  failure,
  firstFailure,
  type ModelResult,
  notEmpty,
  positive,
  refused,
  sameLength,
  within,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";

/**
 * Hidden Markov model of K regimes with normal observations. Rabiner, "A tutorial on hidden Markov
 * models", Proceedings of the IEEE 77 (1989). Densities are taken relative to the likeliest regime of
 * each time, in logarithms, so that neither long series nor far observations underflow.
 */
export interface GaussianRegimes {
  /** transition[i][j] = P(regime j next | regime i now): rows of probabilities that sum to 1. */
  readonly transition: readonly (readonly number[])[];
  /** Probabilities of the first regime. */
  readonly initial: readonly number[];
  /** Mean of an observation in each regime. */
  readonly means: readonly number[];
  /** Its standard deviation, > 0. */
  readonly deviations: readonly number[];
}

export interface RegimeProbabilities {
  /** P(regime k at t | y_1 … y_t), entry t K + k: what is known at t. */
  readonly filtered: Float64Array;
  /** P(regime k at t | all), entry t K + k. */
  readonly smoothed: Float64Array;
  readonly logLikelihood: number;
}

/** Rows must sum to 1 within this. */
const SUM_TOLERANCE = 1e-9;

export function checkRegimes(model: GaussianRegimes): Check {
  const { transition, initial, means, deviations } = model;
  return (
    firstFailure(
      notEmpty("initial", initial),
      sameLength("transition", transition, "initial", initial),
      sameLength("means", means, "initial", initial),
      sameLength("deviations", deviations, "initial", initial),
      allFinite("means", means),
      probabilities("initial", initial),
    ) ??
    firstFailure(
      ...deviations.map((one, k) => positive(`deviations[${k}]`, one)),
      ...checkTransition(transition, initial),
    )
  );
}

/** Rows of as many probabilities as there are regimes, summing to 1. */
export const checkTransition = (
  transition: readonly (readonly number[])[],
  regimes: readonly number[],
): readonly Check[] => [
  ...transition.map((row, i) => sameLength(`transition[${i}]`, row, "the regimes", regimes)),
  ...transition.map((row, i) => probabilities(`transition[${i}]`, row)),
];

function probabilities(name: string, values: readonly number[]): Check {
  const sum = values.reduce((total, one) => total + one, 0);
  return firstFailure(
    ...values.map((one, i) => within(`${name}[${i}]`, one, 0, 1)),
    Math.abs(sum - 1) <= SUM_TOLERANCE
      ? null
      : failure(
          "out_of_range",
          `the sum of ${name} = ${sum}`,
          "it must be 1",
          "scale the row to 1",
        ),
  );
}

const LN_SQRT_2PI = 0.5 * Math.log(2 * Math.PI);

/** ln of the normal density of y in each regime, into `out`. */
function logDensities(model: GaussianRegimes, y: number, out: Float64Array): void {
  for (let k = 0; k < out.length; k += 1) {
    const deviation = model.deviations[k]!;
    const z = (y - model.means[k]!) / deviation;
    out[k] = -LN_SQRT_2PI - Math.log(deviation) - 0.5 * z * z;
  }
}

/**
 * One step of the filter, O(K^2), no allocation: `probability` holds P(regime | past) of the time
 * before and then that of this time; `scratch` is of its length. With `first` the initial
 * probabilities take the place of the prediction. Returns ln p(y | past). For use while quoting: the
 * caller has checked the model, and that y lies within 1e150 deviations of some mean.
 */
export function updateRegimes(
  model: GaussianRegimes,
  y: number,
  probability: Float64Array,
  scratch: Float64Array,
  first: boolean,
): number {
  const regimes = probability.length;
  for (let j = 0; j < regimes; j += 1) {
    let sum = 0;
    if (first) sum = model.initial[j]!;
    else for (let i = 0; i < regimes; i += 1) sum += probability[i]! * model.transition[i]![j]!;
    scratch[j] = sum;
  }
  logDensities(model, y, probability);
  let top = -Infinity;
  for (let k = 0; k < regimes; k += 1) {
    if (scratch[k]! > 0 && probability[k]! > top) top = probability[k]!;
  }
  let sum = 0;
  for (let k = 0; k < regimes; k += 1) {
    probability[k] = scratch[k]! > 0 ? scratch[k]! * Math.exp(probability[k]! - top) : 0;
    sum += probability[k]!;
  }
  for (let k = 0; k < regimes; k += 1) probability[k]! /= sum;
  return top + Math.log(sum);
}

/** Scaled forward and backward recursions. O(n K^2). Fails with empty, not_finite, out_of_range, wrong_shape. */
export function regimeProbabilities(
  observations: ArrayLike<number>,
  model: GaussianRegimes,
): ModelResult<RegimeProbabilities> {
  const wrong = firstFailure(
    notEmpty("observations", observations),
    allFinite("observations", observations),
    checkRegimes(model),
  );
  if (wrong !== null) return refused(wrong);
  const found = forwardBackward(observations, model, null);
  const finite = finiteResult("log-likelihood", found.logLikelihood);
  return finite.ok ? ok(found) : finite;
}

/** With `pairs` also adds sum over t of P(regime i at t, regime j at t + 1 | all) to entry i K + j. */
function forwardBackward(
  y: ArrayLike<number>,
  model: GaussianRegimes,
  pairs: Float64Array | null,
): RegimeProbabilities {
  const n = y.length;
  const regimes = model.initial.length;
  const filtered = new Float64Array(n * regimes);
  const probability = new Float64Array(regimes);
  const scratch = new Float64Array(regimes);
  let logLikelihood = 0;
  for (let t = 0; t < n; t += 1) {
    logLikelihood += updateRegimes(model, y[t]!, probability, scratch, t === 0);
    filtered.set(probability, t * regimes);
  }
  // Smoothing by the ratio of smoothed to predicted probabilities (Kim 1994) needs no second density.
  const smoothed = filtered.slice();
  for (let t = n - 2; t >= 0; t -= 1) {
    const here = t * regimes;
    for (let j = 0; j < regimes; j += 1) {
      let predicted = 0;
      for (let i = 0; i < regimes; i += 1)
        predicted += filtered[here + i]! * model.transition[i]![j]!;
      scratch[j] = predicted;
    }
    for (let i = 0; i < regimes; i += 1) {
      let sum = 0;
      for (let j = 0; j < regimes; j += 1) {
        // The share of regime i in what was predicted is at most 1, however small both are.
        const share =
          scratch[j]! > 0 ? (filtered[here + i]! * model.transition[i]![j]!) / scratch[j]! : 0;
        const joint = share * smoothed[here + regimes + j]!;
        sum += joint;
        if (pairs !== null) pairs[i * regimes + j]! += joint;
      }
      smoothed[here + i] = sum;
    }
  }
  return { filtered, smoothed, logLikelihood };
}

export interface RegimePath {
  /** The single likeliest sequence of regimes. */
  readonly regimes: Uint8Array;
  /** ln of the joint density of it and the observations. */
  readonly logJoint: number;
}

/** Viterbi's algorithm in logarithms, O(n K^2), up to 255 regimes. Ties go to the lower regime. */
export function likeliestRegimes(
  observations: ArrayLike<number>,
  model: GaussianRegimes,
): ModelResult<RegimePath> {
  const wrong = firstFailure(
    notEmpty("observations", observations),
    allFinite("observations", observations),
    checkRegimes(model),
    within("number of regimes", model.initial.length, 1, 255),
  );
  if (wrong !== null) return refused(wrong);
  const n = observations.length;
  const regimes = model.initial.length;
  const from = new Uint8Array(n * regimes);
  const density = new Float64Array(regimes);
  const lnTransition = model.transition.map((row) => row.map(Math.log));
  logDensities(model, observations[0]!, density);
  let score = density.map((one, k) => one + Math.log(model.initial[k]!));
  let before = new Float64Array(regimes);
  for (let t = 1; t < n; t += 1) {
    logDensities(model, observations[t]!, density);
    [before, score] = [score, before];
    for (let j = 0; j < regimes; j += 1) {
      let best = 0;
      for (let i = 1; i < regimes; i += 1) {
        if (before[i]! + lnTransition[i]![j]! > before[best]! + lnTransition[best]![j]!) best = i;
      }
      from[t * regimes + j] = best;
      score[j] = density[j]! + before[best]! + lnTransition[best]![j]!;
    }
  }
  let last = 0;
  for (let k = 1; k < regimes; k += 1) if (score[k]! > score[last]!) last = k;
  const joint = finiteResult("log joint density", score[last]!);
  if (!joint.ok) return joint;
  const path = new Uint8Array(n);
  path[n - 1] = last;
  for (let t = n - 1; t > 0; t -= 1) path[t - 1] = from[t * regimes + path[t]!]!;
  return ok({ regimes: path, logJoint: joint.value });
}

export interface RegimeFitOptions {
  /** Smallest variance of a regime, > 0; default 1e-6 of the variance of the observations. */
  readonly varianceFloor?: number;
  /** Rise of the log-likelihood that counts as none; default 1e-8. */
  readonly tolerance?: number;
  /** Default 2000. */
  readonly iterations?: number;
}

export interface RegimeFit {
  readonly model: GaussianRegimes;
  readonly logLikelihood: number;
  /** Of the model before each step: never falls. */
  readonly history: readonly number[];
}

/**
 * Baum-Welch from `start`: closed-form steps of the expectation-maximisation algorithm. The floor of
 * the variance keeps a regime from shrinking to one observation, where the likelihood has no bound.
 * A regime that loses all its weight keeps its parameters. O(n K^2) a step.
 */
export function fitRegimes(
  observations: ArrayLike<number>,
  start: GaussianRegimes,
  options: RegimeFitOptions = {},
): ModelResult<RegimeFit> {
  const wrong = firstFailure(
    atLeast("observations", observations, 2),
    allFinite("observations", observations),
    checkRegimes(start),
    options.varianceFloor === undefined ? null : positive("varianceFloor", options.varianceFloor),
  );
  if (wrong !== null) return refused(wrong);
  const variance = finiteResult("variance", varianceOf(observations));
  if (!variance.ok) return variance;
  const floor = options.varianceFloor ?? 1e-6 * variance.value;
  if (!(floor > 0)) {
    return refused(
      failure("undefined", "observations", "they do not vary", "give observations that vary"),
    );
  }
  const tolerance = options.tolerance ?? 1e-8;
  const history: number[] = [];
  let model = start;
  for (let step = 0; step < (options.iterations ?? 2000); step += 1) {
    const pairs = new Float64Array(start.initial.length ** 2);
    const { smoothed, logLikelihood } = forwardBackward(observations, model, pairs);
    const finite = finiteResult("log-likelihood", logLikelihood);
    if (!finite.ok) return finite;
    const before = history.at(-1);
    history.push(logLikelihood);
    if (before !== undefined && logLikelihood - before < tolerance) {
      return ok({ model, logLikelihood, history });
    }
    model = maximised(observations, model, smoothed, pairs, floor);
  }
  return refused(
    failure(
      "not_converged",
      `${history.length} steps`,
      `the likelihood still rises by ${tolerance} or more a step`,
      "allow more iterations, or start from another model",
    ),
  );
}

function varianceOf(y: ArrayLike<number>): number {
  let mean = 0;
  for (let t = 0; t < y.length; t += 1) mean += y[t]! / y.length;
  let variance = 0;
  for (let t = 0; t < y.length; t += 1) variance += (y[t]! - mean) ** 2 / y.length;
  return variance;
}

function maximised(
  y: ArrayLike<number>,
  before: GaussianRegimes,
  smoothed: Float64Array,
  pairs: Float64Array,
  floor: number,
): GaussianRegimes {
  const regimes = before.initial.length;
  const means: number[] = [];
  const deviations: number[] = [];
  for (let k = 0; k < regimes; k += 1) {
    let weight = 0;
    let sum = 0;
    for (let t = 0; t < y.length; t += 1) {
      weight += smoothed[t * regimes + k]!;
      sum += smoothed[t * regimes + k]! * y[t]!;
    }
    const mean = weight > 0 ? sum / weight : before.means[k]!;
    let squares = 0;
    for (let t = 0; t < y.length; t += 1)
      squares += smoothed[t * regimes + k]! * (y[t]! - mean) ** 2;
    means.push(mean);
    deviations.push(
      weight > 0 ? Math.sqrt(Math.max(floor, squares / weight)) : before.deviations[k]!,
    );
  }
  const transition = before.transition.map((row, i) => {
    const own = pairs.subarray(i * regimes, (i + 1) * regimes);
    const total = own.reduce((sum, one) => sum + one, 0);
    return total > 0 ? Array.from(own, (one) => one / total) : row;
  });
  const first = smoothed.subarray(0, regimes);
  const total = first.reduce((sum, one) => sum + one, 0);
  return { transition, initial: Array.from(first, (one) => one / total), means, deviations };
}
