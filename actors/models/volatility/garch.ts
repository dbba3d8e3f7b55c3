import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  type Check,
  failure,
  finite,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";

/**
 * GARCH(1,1), with the asymmetry of Glosten, Jagannathan and Runkle (Journal of Finance 48, 1993):
 *
 *   r_t = mu + e_t,  e_t ~ N(0, h_t),
 *   h_t = omega + (alpha + gamma 1{e_(t-1) < 0}) e_(t-1)^2 + beta h_(t-1)
 *
 * Bollerslev, Journal of Econometrics 31 (1986); gamma = 0 is his. Before the sample h_0 = e_0^2 =
 * mean(e^2) at the present mu, as in the benchmark of Fiorentini, Calzolari and Panattoni (Journal of
 * Applied Econometrics 11, 1996); for the asymmetry half of it counts as a fall (project choice).
 * Returns in any unit, one a period; variances have its square.
 */
export interface GarchParameters {
  /** Mean return. */
  readonly mu: number;
  /** Constant of the variance, > 0. */
  readonly omega: number;
  /** Weight of the last squared surprise, >= 0. */
  readonly alpha: number;
  /** What a fall adds to alpha; alpha + gamma >= 0. 0 gives the symmetric model. */
  readonly gamma: number;
  /** Weight of the last variance, >= 0. */
  readonly beta: number;
}

/** alpha + gamma / 2 + beta: below 1 the variance returns to its mean. */
export const persistence = ({ alpha, gamma, beta }: GarchParameters): number =>
  alpha + gamma / 2 + beta;

/** Mean of the variance, omega / (1 - persistence); infinite at a persistence of 1. */
export const unconditionalVariance = (parameters: GarchParameters): number =>
  persistence(parameters) < 1 ? parameters.omega / (1 - persistence(parameters)) : Infinity;

export function checkGarch(parameters: GarchParameters): Check {
  const { mu, omega, alpha, gamma, beta } = parameters;
  return firstFailure(
    finite("mu", mu),
    positive("omega", omega),
    notNegative("alpha", alpha),
    finite("gamma", gamma),
    notNegative("alpha + gamma", alpha + gamma),
    notNegative("beta", beta),
  );
}

/**
 * Writes h_1 … h_n into `out` (of the length of `returns`) and returns h_(n+1). Allocates nothing; the
 * caller has checked the input. O(n).
 */
export function garchVariancesInto(
  returns: ArrayLike<number>,
  { mu, omega, alpha, gamma, beta }: GarchParameters,
  out: Float64Array,
): number {
  const n = returns.length;
  let before = 0;
  for (let t = 0; t < n; t += 1) before += (returns[t]! - mu) ** 2 / n;
  let h = omega + (alpha + gamma / 2 + beta) * before;
  for (let t = 0; t < n; t += 1) {
    out[t] = h;
    const e = returns[t]! - mu;
    h = omega + (e < 0 ? alpha + gamma : alpha) * e * e + beta * h;
  }
  return h;
}

export interface GarchPath {
  /** h_1 … h_n. */
  readonly variances: Float64Array;
  /** e_t / sqrt(h_t): what filtered historical simulation draws from. */
  readonly standardised: Float64Array;
  /** h_(n+1). */
  readonly nextVariance: number;
  /** Gaussian, with the 2 pi. */
  readonly logLikelihood: number;
}

/** Variances, standardised surprises and likelihood at given parameters. O(n). */
export function garchPath(
  returns: ArrayLike<number>,
  parameters: GarchParameters,
): ModelResult<GarchPath> {
  const wrong = firstFailure(
    atLeast("returns", returns, 1),
    allFinite("returns", returns),
    checkGarch(parameters),
  );
  if (wrong !== null) return refused(wrong);
  const variances = new Float64Array(returns.length);
  const nextVariance = garchVariancesInto(returns, parameters, variances);
  const standardised = variances.map((h, t) => (returns[t]! - parameters.mu) / Math.sqrt(h));
  let sum = returns.length * Math.log(2 * Math.PI);
  for (let t = 0; t < variances.length; t += 1) {
    sum += Math.log(variances[t]!) + standardised[t]! ** 2;
  }
  const likelihood = finiteResult("log-likelihood", -0.5 * sum);
  if (!likelihood.ok) return likelihood;
  return ok({ variances, standardised, nextVariance, logLikelihood: likelihood.value });
}

/**
 * Variance expected 1 … horizon periods ahead of the last return, from h_(n+1):
 * s2 + p^(k-1) (h_(n+1) - s2) with p the persistence and s2 the unconditional variance; at p = 1 it
 * grows by omega each period. O(horizon).
 */
export function garchForecast(
  parameters: GarchParameters,
  nextVariance: number,
  horizon: number,
): ModelResult<Float64Array> {
  const wrong = firstFailure(
    checkGarch(parameters),
    positive("nextVariance", nextVariance),
    integerWithin("horizon", horizon, 1, 1e7),
  );
  if (wrong !== null) return refused(wrong);
  const p = persistence(parameters);
  const out = new Float64Array(horizon);
  let h = nextVariance;
  for (let k = 0; k < horizon; k += 1) {
    out[k] = h;
    h = parameters.omega + p * h;
  }
  if (Number.isFinite(h)) return ok(out);
  return refused(
    failure(
      "not_finite",
      `the variance ${horizon} periods ahead`,
      `with a persistence of ${p} it grows beyond a double`,
      "shorten the horizon",
    ),
  );
}
