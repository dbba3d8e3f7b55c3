import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  notEmpty,
  positive,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";
import { lbfgs, numericalGradient } from "../numerics/optimise.ts";
import { checkTransition } from "./hidden-markov.ts";

/**
 * Autoregression around a mean that switches between K regimes: Hamilton, Econometrica 57 (1989).
 *
 *   y_t - mu(S_t) = sum over i of phi_i (y_(t-i) - mu(S_(t-i))) + e_t,  e_t ~ N(0, deviation^2)
 *
 * The state is the regime of this period and of the p before it: K^(p+1) values.
 */
export interface SwitchingMean {
  /** transition[i][j] = P(regime j next | regime i now), rows summing to 1. */
  readonly transition: readonly (readonly number[])[];
  /** Mean of each regime. */
  readonly means: readonly number[];
  /** phi_1 … phi_p, p >= 1. Without them the model is the one of hidden-markov.ts. */
  readonly autoregression: readonly number[];
  /** > 0. */
  readonly deviation: number;
}

export interface SwitchingProbabilities {
  /** P(S_t = k | y up to t), entry (t - p) K + k for t = p … n - 1. */
  readonly filtered: Float64Array;
  /** P(S_t = k | all), likewise. */
  readonly smoothed: Float64Array;
  /** Of y_(p+1) … y_n given the first p. */
  readonly logLikelihood: number;
}

/** Largest number of states. */
const MOST_STATES = 4096;

function check(y: ArrayLike<number>, model: SwitchingMean): Check {
  const { transition, means, autoregression, deviation } = model;
  return firstFailure(
    notEmpty("means", means),
    sameLength("transition", transition, "means", means),
    ...checkTransition(transition, means),
    allFinite("means", means),
    notEmpty("autoregression", autoregression),
    allFinite("autoregression", autoregression),
    positive("deviation", deviation),
    integerWithin("K^(p + 1)", means.length ** (autoregression.length + 1), 1, MOST_STATES),
    atLeast("observations", y, autoregression.length + 1),
    allFinite("observations", y),
  );
}

/**
 * Long-run probabilities of a chain, by squaring its matrix until rows agree. Null where they depend
 * on the start (a chain that falls apart or only alternates).
 */
export function stationaryProbabilities(
  transition: readonly (readonly number[])[],
): Float64Array | null {
  const k = transition.length;
  let power = Float64Array.from(transition.flat());
  for (let step = 0; step < 64; step += 1) {
    const next = new Float64Array(k * k);
    for (let i = 0; i < k; i += 1) {
      let sum = 0;
      for (let j = 0; j < k; j += 1) {
        for (let l = 0; l < k; l += 1) next[i * k + j]! += power[i * k + l]! * power[l * k + j]!;
        sum += next[i * k + j]!;
      }
      for (let j = 0; j < k; j += 1) next[i * k + j]! /= sum;
    }
    power = next;
    const agree = power.every((one, at) => Math.abs(one - power[at % k]!) < 1e-15);
    if (agree) return power.slice(0, k);
  }
  return null;
}

/** State index: S_t + K S_(t-1) + K^2 S_(t-2) + … */
interface Workspace {
  readonly regimes: number;
  readonly states: number;
  /** mu(S_t) - sum of phi_i mu(S_(t-i)) of each state. */
  readonly centres: Float64Array;
  readonly filtered: Float64Array;
  readonly predicted: Float64Array;
}

function workspace(model: SwitchingMean, n: number): Workspace {
  const regimes = model.means.length;
  const order = model.autoregression.length;
  const states = regimes ** (order + 1);
  const periods = n - order;
  return {
    regimes,
    states,
    centres: new Float64Array(states),
    filtered: new Float64Array(periods * states),
    predicted: new Float64Array(periods * states),
  };
}

function centre(model: SwitchingMean, { regimes, states, centres }: Workspace): void {
  for (let state = 0; state < states; state += 1) {
    let rest = Math.floor(state / regimes);
    centres[state] = model.means[state % regimes]!;
    for (const phi of model.autoregression) {
      centres[state]! -= phi * model.means[rest % regimes]!;
      rest = Math.floor(rest / regimes);
    }
  }
}

/** Probability of each state before the first observation that counts: the chain at rest. */
function firstPrediction(model: SwitchingMean, space: Workspace, start: Float64Array): void {
  const { regimes, states, predicted } = space;
  const order = model.autoregression.length;
  for (let state = 0; state < states; state += 1) {
    let after = state % regimes;
    let rest = Math.floor(state / regimes);
    let probability = 1;
    for (let i = 0; i < order; i += 1) {
      const before = rest % regimes;
      probability *= model.transition[before]![after]!;
      after = before;
      rest = Math.floor(rest / regimes);
    }
    predicted[state] = probability * start[after]!;
  }
}

/** Hamilton's filter over the workspace; returns the log-likelihood. O(n K^(p+2)). */
function filter(
  y: ArrayLike<number>,
  model: SwitchingMean,
  space: Workspace,
  start: Float64Array,
): number {
  const { regimes, states, centres, filtered, predicted } = space;
  const order = model.autoregression.length;
  const { deviation } = model;
  centre(model, space);
  firstPrediction(model, space, start);
  let logLikelihood = 0;
  for (let t = order; t < y.length; t += 1) {
    const at = (t - order) * states;
    let own = y[t]!;
    for (let i = 0; i < order; i += 1) own -= model.autoregression[i]! * y[t - 1 - i]!;
    let top = -Infinity;
    for (let state = 0; state < states; state += 1) {
      const z = (own - centres[state]!) / deviation;
      filtered[at + state] = -0.5 * z * z;
      if (predicted[at + state]! > 0) top = Math.max(top, filtered[at + state]!);
    }
    let sum = 0;
    for (let state = 0; state < states; state += 1) {
      const density = Math.exp(filtered[at + state]! - top);
      filtered[at + state] = predicted[at + state]! > 0 ? predicted[at + state]! * density : 0;
      sum += filtered[at + state]!;
    }
    for (let state = 0; state < states; state += 1) filtered[at + state]! /= sum;
    logLikelihood += top + Math.log(sum);
    if (t + 1 < y.length) predict(model, space, at, regimes);
  }
  return logLikelihood - (y.length - order) * Math.log(deviation * Math.sqrt(2 * Math.PI));
}

/** P(next states | y up to t) from the filtered states at `at`. */
function predict(model: SwitchingMean, space: Workspace, at: number, regimes: number): void {
  const { states, filtered, predicted } = space;
  const kept = states / regimes;
  for (let recent = 0; recent < kept; recent += 1) {
    let sum = 0;
    for (let oldest = 0; oldest < regimes; oldest += 1) {
      sum += filtered[at + recent + kept * oldest]!;
    }
    const row = model.transition[recent % regimes]!;
    for (let next = 0; next < regimes; next += 1) {
      predicted[at + states + next + regimes * recent] = sum * row[next]!;
    }
  }
}

const noRest = failure(
  "undefined",
  "transition",
  "the chain has no long-run probabilities to start from",
  "give a chain that can pass from any regime to any other",
);

/**
 * Filtered and smoothed probabilities of the regimes. The smoother runs back over the joint states
 * (Kim 1994), which for a state that remembers p regimes is exact. O(n K^(p+2)). Fails with empty,
 * wrong_shape, out_of_range (more than 4,096 states), too_short, not_finite, and `undefined` where the
 * chain has no long-run probabilities.
 */
export function switchingProbabilities(
  observations: ArrayLike<number>,
  model: SwitchingMean,
): ModelResult<SwitchingProbabilities> {
  const wrong = check(observations, model);
  if (wrong !== null) return refused(wrong);
  const start = stationaryProbabilities(model.transition);
  if (start === null) return refused(noRest);
  const space = workspace(model, observations.length);
  const logLikelihood = finiteResult("log-likelihood", filter(observations, model, space, start));
  if (!logLikelihood.ok) return logLikelihood;
  const filtered = marginal(space.filtered, space);
  smoothBack(model, space);
  return ok({
    filtered,
    smoothed: marginal(space.filtered, space),
    logLikelihood: logLikelihood.value,
  });
}

/** Turns the filtered states of the workspace into smoothed ones, from the last period back. */
function smoothBack(model: SwitchingMean, space: Workspace): void {
  const { regimes, states, filtered, predicted } = space;
  const kept = states / regimes;
  for (let at = filtered.length - 2 * states; at >= 0; at -= states) {
    const after = at + states;
    for (let state = 0; state < states; state += 1) {
      const recent = state % kept;
      const row = model.transition[recent % regimes]!;
      const own = filtered[at + state]!;
      let sum = 0;
      for (let next = 0; next < regimes; next += 1) {
        const to = after + next + regimes * recent;
        // The share of this state in what was predicted is at most 1, however small both are.
        if (predicted[to]! > 0) sum += ((own * row[next]!) / predicted[to]!) * filtered[to]!;
      }
      filtered[at + state] = sum;
    }
  }
}

/** Sums over all but the regime of the period itself. */
function marginal(joint: Float64Array, { regimes, states }: Workspace): Float64Array {
  const out = new Float64Array((joint.length / states) * regimes);
  for (let i = 0; i < joint.length; i += 1) {
    out[Math.floor(i / states) * regimes + ((i % states) % regimes)]! += joint[i]!;
  }
  return out;
}

export interface SwitchingFit {
  readonly model: SwitchingMean;
  readonly logLikelihood: number;
}

/**
 * Maximum likelihood from `start` by L-BFGS with numerical gradients, over logits of the rows of the
 * transition matrix, means, phi and ln deviation. About 100 (K^2 + p) passes of the filter. A
 * transition that starts at 0 stays there. Fails as switchingProbabilities does, and with
 * not_converged.
 */
export function fitSwitchingMean(
  observations: ArrayLike<number>,
  start: SwitchingMean,
): ModelResult<SwitchingFit> {
  const wrong = check(observations, start);
  if (wrong !== null) return refused(wrong);
  const space = workspace(start, observations.length);
  const loss = (x: Float64Array): number => {
    const model = modelOf(x, start);
    const rest = stationaryProbabilities(model.transition);
    if (rest === null) return Infinity;
    return -filter(observations, model, space, rest);
  };
  const found = lbfgs(
    (x, gradient) => {
      gradient.set(numericalGradient(loss, x));
      return loss(x);
    },
    coordinatesOf(start),
    { gradientTolerance: 1e-5 },
  );
  if (!found.ok) return found;
  return ok({ model: modelOf(found.value.point, start), logLikelihood: -found.value.value });
}

function coordinatesOf(model: SwitchingMean): Float64Array {
  const logits = model.transition.flatMap((row, i) =>
    row.filter((_, j) => j !== i).map((one) => Math.log(one / row[i]!)),
  );
  return Float64Array.of(
    ...logits,
    ...model.means,
    ...model.autoregression,
    Math.log(model.deviation),
  );
}

function modelOf(x: Float64Array, shape: SwitchingMean): SwitchingMean {
  const k = shape.means.length;
  const transition = shape.means.map((_, i) => {
    const others = Array.from(x.subarray(i * (k - 1), (i + 1) * (k - 1)), Math.exp);
    const weights = [...others.slice(0, i), 1, ...others.slice(i)];
    const sum = weights.reduce((total, one) => total + one, 0);
    return weights.map((one) => one / sum);
  });
  const rest = Array.from(x.subarray(k * (k - 1)));
  return {
    transition,
    means: rest.slice(0, k),
    autoregression: rest.slice(k, -1),
    deviation: Math.exp(rest.at(-1)!),
  };
}
