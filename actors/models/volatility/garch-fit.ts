import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  failure,
  firstFailure,
  type ModelResult,
  refused,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";
import { choleskyFactor, Matrix, solve } from "../numerics/linear-algebra.ts";
import { lbfgs } from "../numerics/optimise.ts";
import { type GarchParameters, garchPath } from "./garch.ts";

/** Order of the parameters in gradients, Hessians and standard errors. */
export const GARCH_NAMES = ["mu", "omega", "alpha", "gamma", "beta"] as const;

/**
 * Gaussian log-likelihood and its analytic gradient with respect to (mu, omega, alpha, gamma, beta),
 * written into `gradient`. With `outer` also the sum of the outer products of the n scores, rows
 * first (5 x 5). The recursions of Fiorentini, Calzolari and Panattoni (1996). O(n); allocates
 * nothing but where `outer` is given.
 */
export function garchScore(
  returns: ArrayLike<number>,
  { mu, omega, alpha, gamma, beta }: GarchParameters,
  gradient: Float64Array,
  outer?: Float64Array,
): number {
  const n = returns.length;
  let before = 0;
  let mean = 0;
  for (let t = 0; t < n; t += 1) {
    before += (returns[t]! - mu) ** 2 / n;
    mean += (returns[t]! - mu) / n;
  }
  const weight = alpha + gamma / 2 + beta;
  let h = omega + weight * before;
  let [dMu, dOmega, dAlpha, dGamma, dBeta] = [-2 * weight * mean, 1, before, before / 2, before];
  gradient.fill(0);
  outer?.fill(0);
  const score = outer === undefined ? null : new Float64Array(5);
  let sum = n * Math.log(2 * Math.PI);
  for (let t = 0; t < n; t += 1) {
    const e = returns[t]! - mu;
    const square = e * e;
    sum += Math.log(h) + square / h;
    const slope = (-0.5 * (1 - square / h)) / h;
    const ofMu = slope * dMu + e / h;
    gradient[0]! += ofMu;
    gradient[1]! += slope * dOmega;
    gradient[2]! += slope * dAlpha;
    gradient[3]! += slope * dGamma;
    gradient[4]! += slope * dBeta;
    if (score !== null) {
      score[0] = ofMu;
      score[1] = slope * dOmega;
      score[2] = slope * dAlpha;
      score[3] = slope * dGamma;
      score[4] = slope * dBeta;
      addOuter(outer!, score);
    }
    const own = e < 0 ? alpha + gamma : alpha;
    dMu = -2 * own * e + beta * dMu;
    dOmega = 1 + beta * dOmega;
    dAlpha = square + beta * dAlpha;
    dGamma = (e < 0 ? square : 0) + beta * dGamma;
    dBeta = h + beta * dBeta;
    h = omega + own * square + beta * h;
  }
  return -0.5 * sum;
}

function addOuter(outer: Float64Array, score: Float64Array): void {
  for (let i = 0; i < 5; i += 1) {
    for (let j = 0; j < 5; j += 1) outer[5 * i + j]! += score[i]! * score[j]!;
  }
}

/** In the order of GARCH_NAMES; 0 for a gamma that was held at 0. */
export interface GarchErrors {
  /** From the Hessian. */
  readonly standard: Float64Array;
  /** Sandwich of Bollerslev and Wooldridge (1992), right also when surprises are not normal. */
  readonly robust: Float64Array;
}

export interface GarchFit {
  readonly parameters: GarchParameters;
  readonly logLikelihood: number;
  /**
   * Null where the likelihood has no curvature at its maximum: at the edge of the parameters. With
   * alpha = 0, say, beta cannot be told.
   */
  readonly errors: GarchErrors | null;
  readonly iterations: number;
}

export interface GarchFitOptions {
  /** Fits gamma too; default false. */
  readonly asymmetric?: boolean;
}

/**
 * Maximum likelihood by L-BFGS with analytic gradients from the best of nine starts. The weights are
 * written as shares (alpha / 2, (alpha + gamma) / 2, beta, rest) of 1, so that they stay positive and
 * the persistence stays below 1 (project choice). Needs 50 returns or more. Refuses with `undefined`
 * returns that do not vary.
 */
export function fitGarch(
  returns: ArrayLike<number>,
  { asymmetric = false }: GarchFitOptions = {},
): ModelResult<GarchFit> {
  const wrong = firstFailure(atLeast("returns", returns, 50), allFinite("returns", returns));
  if (wrong !== null) return refused(wrong);
  const n = returns.length;
  let mean = 0;
  for (let t = 0; t < n; t += 1) mean += returns[t]! / n;
  let variance = 0;
  for (let t = 0; t < n; t += 1) variance += (returns[t]! - mean) ** 2 / n;
  const finite = finiteResult("variance", variance);
  if (!finite.ok) return finite;
  const scale = Math.sqrt(variance);
  if (!(scale > 1e-13 * Math.abs(mean)) || scale === 0) {
    return refused(failure("undefined", "returns", "they do not vary", "give returns that vary"));
  }
  const scaled = Float64Array.from(returns, (one) => (one - mean) / scale);
  const objective = garchObjective(scaled, asymmetric);
  const found = lbfgs(objective, bestStart(objective, asymmetric), {
    gradientTolerance: 1e-9 * n,
    iterations: 2000,
  });
  if (!found.ok) return found;
  const inner = parametersOf(found.value.point, asymmetric);
  const parameters = {
    ...inner,
    mu: mean + scale * inner.mu,
    omega: scale * scale * inner.omega,
  };
  const path = garchPath(returns, parameters);
  if (!path.ok) return path;
  const errors = garchErrors(scaled, inner, asymmetric);
  const units = Float64Array.of(scale, scale * scale, 1, 1, 1);
  return ok({
    parameters,
    logLikelihood: path.value.logLikelihood,
    errors: errors && {
      standard: errors.standard.map((one, i) => one * units[i]!),
      robust: errors.robust.map((one, i) => one * units[i]!),
    },
    iterations: found.value.iterations,
  });
}

/** (mu, ln omega, logits of the shares against the rest) -> parameters. */
function parametersOf(x: Float64Array, asymmetric: boolean): GarchParameters {
  const [mu, omega] = [x[0]!, Math.exp(x[1]!)];
  const shares = Array.from(x.subarray(2), Math.exp);
  const total = 1 + shares.reduce((sum, one) => sum + one, 0);
  if (!asymmetric) {
    const [alpha, beta] = shares as [number, number];
    return { mu, omega, alpha: alpha / total, gamma: 0, beta: beta / total };
  }
  const [rise, fall, beta] = shares as [number, number, number];
  return {
    mu,
    omega,
    alpha: (2 * rise) / total,
    gamma: (2 * (fall - rise)) / total,
    beta: beta / total,
  };
}

type Objective = (x: Float64Array, gradient: Float64Array) => number;

/** Minus the log-likelihood in the free coordinates, gradient by the chain rule. */
function garchObjective(returns: Float64Array, asymmetric: boolean): Objective {
  const slope = new Float64Array(5);
  return (x, gradient) => {
    const parameters = parametersOf(x, asymmetric);
    const value = garchScore(returns, parameters, slope);
    const [dMu, dOmega, dAlpha, dGamma, dBeta] = slope as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    const { omega, alpha, gamma, beta } = parameters;
    gradient[0] = -dMu;
    gradient[1] = -dOmega * omega;
    // With a share s_i, d share_j / d logit_i = s_i (1{i = j} - s_j).
    const slopes = asymmetric ? [2 * (dAlpha - dGamma), 2 * dGamma, dBeta] : [dAlpha, dBeta];
    const shares = asymmetric ? [alpha / 2, (alpha + gamma) / 2, beta] : [alpha, beta];
    const mean = slopes.reduce((sum, one, i) => sum + one * shares[i]!, 0);
    shares.forEach((share, i) => (gradient[2 + i] = -share * (slopes[i]! - mean)));
    return -value;
  };
}

function bestStart(objective: Objective, asymmetric: boolean): Float64Array {
  let best = new Float64Array(0);
  let lowest = Infinity;
  for (const sum of [0.7, 0.9, 0.98]) {
    for (const alpha of [0.03, 0.08, 0.2]) {
      const rest = 1 - sum;
      const news = asymmetric ? [alpha / 2, alpha / 2] : [alpha];
      const logits = [...news, sum - alpha].map((share) => Math.log(share / rest));
      const start = Float64Array.of(0, Math.log(rest), ...logits);
      const value = objective(start, new Float64Array(start.length));
      if (value < lowest) [best, lowest] = [start, value];
    }
  }
  return best;
}

/** Standard errors at the maximum: Hessian by central differences of the analytic gradient. */
function garchErrors(
  returns: Float64Array,
  parameters: GarchParameters,
  asymmetric: boolean,
): GarchErrors | null {
  const free = asymmetric ? [0, 1, 2, 3, 4] : [0, 1, 2, 4];
  const centre = GARCH_NAMES.map((name) => parameters[name]);
  const gradientAt = (i: number, by: number): Float64Array => {
    const moved = centre.map((one, at) => (at === i ? one + by : one));
    const [mu, omega, alpha, gamma, beta] = moved as [number, number, number, number, number];
    const out = new Float64Array(5);
    garchScore(returns, { mu, omega, alpha, gamma, beta }, out);
    return out;
  };
  const hessian = Matrix.zeros(free.length, free.length);
  free.forEach((i, row) => {
    const step = 1e-5 * Math.max(Math.abs(centre[i]!), 1e-2);
    const [above, below] = [gradientAt(i, step), gradientAt(i, -step)];
    free.forEach((j, column) => hessian.set(row, column, (below[j]! - above[j]!) / (2 * step)));
  });
  const information = Matrix.add(hessian, hessian.transpose()).mul(0.5);
  if (!choleskyFactor("the information matrix", information).ok) return null;
  const inverse = solve("the information matrix", information, Matrix.eye(free.length));
  if (!inverse.ok) return null;
  const outer = new Float64Array(25);
  garchScore(returns, parameters, new Float64Array(5), outer);
  const scores = new Matrix(free.map((i) => free.map((j) => outer[5 * i + j]!)));
  const sandwich = inverse.value.mmul(scores).mmul(inverse.value);
  const spread = (matrix: Matrix): Float64Array => {
    const out = new Float64Array(5);
    free.forEach((i, row) => (out[i] = Math.sqrt(matrix.get(row, row))));
    return out;
  };
  return { standard: spread(inverse.value), robust: spread(sandwich) };
}
