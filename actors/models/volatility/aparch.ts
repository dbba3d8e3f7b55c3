import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  between,
  type Check,
  finite,
  firstFailure,
  type ModelResult,
  notNegative,
  positive,
  refused,
  within,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";
import { nelderMead } from "../numerics/optimise.ts";
import { gamma as gammaFunction } from "../numerics/special-functions.ts";
import { fitGarch } from "./garch-fit.ts";

/**
 * Asymmetric power ARCH(1,1): Ding, Granger and Engle, Journal of Empirical Finance 1 (1993).
 *
 *   r_t = mu + e_t,  e_t ~ N(0, s_t^2),
 *   s_t^delta = omega + alpha (|e_(t-1)| - gamma e_(t-1))^delta + beta s_(t-1)^delta
 *
 * delta = 2 and gamma = 0 is GARCH. Before the sample s_0^2 = e_0^2 = mean(e^2) at the present mu, and
 * e_0 has no sign (project choice). Returns in any unit.
 */
export interface AparchParameters {
  readonly mu: number;
  /** > 0. */
  readonly omega: number;
  /** >= 0. */
  readonly alpha: number;
  /** Inside (-1, 1); positive where falls stir more than rises. */
  readonly gamma: number;
  /** >= 0. */
  readonly beta: number;
  /** Power, in [0.1, 10]. */
  readonly delta: number;
}

export interface AparchPath {
  /** s_t^2. */
  readonly variances: Float64Array;
  /** s_(n+1)^2. */
  readonly nextVariance: number;
  /** Gaussian, with the 2 pi. */
  readonly logLikelihood: number;
}

const checkAparch = (p: AparchParameters): Check =>
  firstFailure(
    finite("mu", p.mu),
    positive("omega", p.omega),
    notNegative("alpha", p.alpha),
    between("gamma", p.gamma, -1, 1),
    notNegative("beta", p.beta),
    within("delta", p.delta, 0.1, 10),
  );

/**
 * alpha E(|z| - gamma z)^delta + beta for standard normal z: below 1 the mean of s^delta exists.
 */
export function aparchPersistence({ alpha, gamma, beta, delta }: AparchParameters): number {
  const powers = (1 + gamma) ** delta + (1 - gamma) ** delta;
  const moment =
    (powers * 2 ** ((delta - 1) / 2) * gammaFunction((delta + 1) / 2)) / Math.sqrt(2 * Math.PI);
  return alpha * moment + beta;
}

/** Writes s_1^2 … s_n^2 into `out`, the log-likelihood and s_(n+1)^2 into `ends`. Allocates nothing. */
function walk(
  returns: ArrayLike<number>,
  { mu, omega, alpha, gamma, beta, delta }: AparchParameters,
  out: Float64Array,
  ends: Float64Array,
): void {
  const n = returns.length;
  let before = 0;
  for (let t = 0; t < n; t += 1) before += (returns[t]! - mu) ** 2 / n;
  let power = omega + (alpha + beta) * before ** (delta / 2);
  let sum = n * Math.log(2 * Math.PI);
  for (let t = 0; t < n; t += 1) {
    const variance = power ** (2 / delta);
    const e = returns[t]! - mu;
    out[t] = variance;
    sum += Math.log(variance) + (e * e) / variance;
    power = omega + alpha * (Math.abs(e) - gamma * e) ** delta + beta * power;
  }
  ends[0] = -0.5 * sum;
  ends[1] = power ** (2 / delta);
}

/** Variances and likelihood at given parameters. O(n). */
export function aparchPath(
  returns: ArrayLike<number>,
  parameters: AparchParameters,
): ModelResult<AparchPath> {
  const wrong = firstFailure(
    atLeast("returns", returns, 1),
    allFinite("returns", returns),
    checkAparch(parameters),
  );
  if (wrong !== null) return refused(wrong);
  const variances = new Float64Array(returns.length);
  const ends = new Float64Array(2);
  walk(returns, parameters, variances, ends);
  const logLikelihood = finiteResult("log-likelihood", ends[0]!);
  if (!logLikelihood.ok) return logLikelihood;
  return ok({ variances, nextVariance: ends[1]!, logLikelihood: logLikelihood.value });
}

export interface AparchFit {
  readonly parameters: AparchParameters;
  readonly logLikelihood: number;
}

/**
 * Maximum likelihood by Nelder-Mead from the fitted GARCH, at delta 2 and at delta 1; the likelier
 * counts. Persistence stays below 1 (project choice). Needs 50 returns. About 3,000 passes of O(n).
 * Fails as fitGarch does, and with not_converged.
 */
export function fitAparch(returns: ArrayLike<number>): ModelResult<AparchFit> {
  const garch = fitGarch(returns);
  if (!garch.ok) return garch;
  const { mu, omega, alpha, beta } = garch.value.parameters;
  const unit = Math.sqrt(omega / Math.max(1e-6, 1 - alpha - beta));
  const scaled = Float64Array.from(returns, (one) => one / unit);
  const variances = new Float64Array(scaled.length);
  const ends = new Float64Array(2);
  const loss = (x: Float64Array): number => {
    walk(scaled, parametersOf(x), variances, ends);
    return -ends[0]!;
  };
  const rest = Math.max(1e-3, 1 - alpha - beta);
  let best: AparchParameters | null = null;
  let lowest = Infinity;
  for (const delta of [2, 1]) {
    const news = Math.max(0.01, alpha);
    const start = [
      mu / unit,
      Math.log(rest),
      Math.log(news / rest),
      0,
      Math.log(Math.max(0.01, beta) / rest),
      Math.log(delta),
    ];
    const found = nelderMead(loss, start, { steps: [0.1, 0.3, 0.3, 0.3, 0.3, 0.3] });
    if (!found.ok) return found;
    if (found.value.value < lowest) {
      lowest = found.value.value;
      best = parametersOf(found.value.point);
    }
  }
  const inner = best!;
  const parameters = {
    ...inner,
    mu: unit * inner.mu,
    omega: unit ** inner.delta * inner.omega,
  };
  const path = aparchPath(returns, parameters);
  return path.ok ? ok({ parameters, logLikelihood: path.value.logLikelihood }) : path;
}

/** (mu, ln omega, logit of alpha's share, artanh gamma, logit of beta, ln delta), shares summing below 1. */
function parametersOf(x: Float64Array): AparchParameters {
  const gamma = Math.tanh(x[3]!);
  const delta = Math.min(10, Math.max(0.1, Math.exp(x[5]!)));
  const [news, old] = [Math.exp(x[2]!), Math.exp(x[4]!)];
  const total = 1 + news + old;
  const moment = aparchPersistence({ mu: 0, omega: 1, alpha: 1, gamma, beta: 0, delta });
  return {
    mu: x[0]!,
    omega: Math.exp(x[1]!),
    alpha: news / total / moment,
    gamma,
    beta: old / total,
    delta,
  };
}
