import type { Randomness } from "../../kernel/ports/randomness.ts";
import {
  allFinite,
  type Check,
  finite,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refused,
  within,
} from "../numerics/failure.ts";
import { openUnit, standardNormal } from "../random/distributions.ts";
import { normalQuantile } from "../numerics/special-functions.ts";

/** dS = r S dt + sqrt v S dW, dv = kappa (theta - v) dt + epsilon sqrt v dB, d<W, B> = rho dt. */
export interface Heston {
  readonly spot: number;
  readonly rate: number;
  /** v_0, per unit of time, > 0. */
  readonly variance: number;
  /** kappa > 0. */
  readonly reversion: number;
  /** theta > 0. */
  readonly meanVariance: number;
  /** epsilon > 0. */
  readonly volatilityOfVariance: number;
  /** rho, -1 to 1. */
  readonly correlation: number;
}

export function hestonCheck(model: Heston): Check {
  return firstFailure(
    positive("spot", model.spot),
    finite("rate", model.rate),
    positive("variance", model.variance),
    positive("reversion", model.reversion),
    positive("meanVariance", model.meanVariance),
    positive("volatilityOfVariance", model.volatilityOfVariance),
    within("correlation", model.correlation, -1, 1),
  );
}

/** psi_c of Andersen: where the quadratic sampling of the variance gives way to the exponential one. */
const switching = 1.5;

/** What does not change from step to step. */
interface StepConstants {
  readonly fade: number;
  readonly variancePerLevel: number;
  readonly varianceConstant: number;
  readonly drift: number;
  readonly k0: number;
  readonly k1: number;
  readonly k2: number;
  readonly k3: number;
  readonly k4: number;
  readonly martingale: boolean;
}

function constantsOf(model: Heston, h: number, martingale: boolean): StepConstants {
  const { reversion: kappa, meanVariance: theta, volatilityOfVariance: epsilon } = model;
  const rho = model.correlation;
  const fade = Math.exp(-kappa * h);
  const closed = -Math.expm1(-kappa * h);
  const slope = 0.5 * h * ((kappa * rho) / epsilon - 0.5);
  return {
    fade,
    variancePerLevel: (epsilon * epsilon * fade * closed) / kappa,
    varianceConstant: (theta * epsilon * epsilon * closed * closed) / (2 * kappa),
    drift: model.rate * h,
    k0: (-rho * kappa * theta * h) / epsilon,
    k1: slope - rho / epsilon,
    k2: slope + rho / epsilon,
    k3: 0.5 * h * (1 - rho * rho),
    k4: 0.5 * h * (1 - rho * rho),
    martingale,
  };
}

export interface HestonPaths {
  readonly horizon: number;
  /** Steps to the horizon. */
  readonly steps: number;
  /** Leaves the martingale correction out, to show its effect; default false. */
  readonly withoutMartingaleCorrection?: boolean;
}

/**
 * Prices at the horizon by the quadratic-exponential scheme of Andersen, "Simple and efficient simulation of the Heston
 * stochastic volatility model", J. Computational Finance 11 (2008), with central weights and the martingale correction of
 * its section 4.3: the discounted price has its mean exactly, at any step, where the correction exists (else, for
 * strong positive correlation, the step goes without it as the paper says). Fills `out`, one price a path; two
 * random numbers a step, no allocation. Failures: out_of_range, not_finite.
 */
export function hestonPrices(
  model: Heston,
  { horizon, steps, withoutMartingaleCorrection = false }: HestonPaths,
  random: Randomness,
  out: Float64Array,
): ModelResult<Float64Array> {
  const wrong = firstFailure(
    hestonCheck(model),
    positive("horizon", horizon),
    integerWithin("steps", steps, 1, 1e7),
  );
  if (wrong !== null) return refused(wrong);
  const constants = constantsOf(model, horizon / steps, !withoutMartingaleCorrection);
  const state = Float64Array.of(Math.log(model.spot), model.variance);
  for (let path = 0; path < out.length; path += 1) {
    state[0] = Math.log(model.spot);
    state[1] = model.variance;
    for (let step = 0; step < steps; step += 1) {
      advance(model, constants, state, openUnit(random), standardNormal(random));
    }
    out[path] = Math.exp(state[0]);
  }
  const overflow = allFinite("prices", out);
  if (overflow !== null) return refused(overflow);
  return { ok: true, value: out };
}

/** One step of (ln S, v) by a uniform number for the variance and a normal one for the price. */
function advance(
  model: Heston,
  constants: StepConstants,
  state: Float64Array,
  uniform: number,
  normal: number,
): void {
  const { k1, k2, k3, k4 } = constants;
  const variance = state[1]!;
  const mean = model.meanVariance + (variance - model.meanVariance) * constants.fade;
  const psi = (variance * constants.variancePerLevel + constants.varianceConstant) / (mean * mean);
  const tilt = k2 + 0.5 * k4;
  let next: number;
  let logMoment = Number.NaN;
  if (psi <= switching) {
    const twice = 2 / psi;
    const square = twice - 1 + Math.sqrt(twice * (twice - 1));
    const scale = mean / (1 + square);
    next = scale * (Math.sqrt(square) + normalQuantile(uniform)) ** 2;
    const room = 1 - 2 * tilt * scale;
    if (room > 0) logMoment = (tilt * square * scale) / room - 0.5 * Math.log(room);
  } else {
    const atZero = (psi - 1) / (psi + 1);
    const decay = (1 - atZero) / mean;
    next = uniform <= atZero ? 0 : Math.log((1 - atZero) / (1 - uniform)) / decay;
    if (tilt < decay) logMoment = Math.log(atZero + (decay * (1 - atZero)) / (decay - tilt));
  }
  const corrected = constants.martingale && !Number.isNaN(logMoment);
  const k0 = corrected ? -logMoment - (k1 + 0.5 * k3) * variance : constants.k0;
  state[0]! +=
    constants.drift +
    k0 +
    k1 * variance +
    k2 * next +
    Math.sqrt(Math.max(0, k3 * variance + k4 * next)) * normal;
  state[1] = next;
}
