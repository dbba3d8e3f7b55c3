/**
 * Diffusions whose law over a step of any length is known: no step error. `h` is the length of the step in the unit of
 * the parameters. They throw no refusal in a loop: check the parameters once with the checks beside them.
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import { type Check, finite, firstFailure, notNegative, positive } from "../numerics/failure.ts";
import { noncentralChiSquare } from "../random/distributions.ts";

/** dS = mu S dt + sigma S dW. */
export interface GeometricBrownian {
  readonly drift: number;
  readonly volatility: number;
}

export const geometricBrownianCheck = ({ drift, volatility }: GeometricBrownian): Check =>
  firstFailure(finite("drift", drift), notNegative("volatility", volatility));

/** S exp((mu - sigma^2 / 2) h + sigma dW) for a given Brownian increment. */
export function geometricBrownianStep(
  { drift, volatility }: GeometricBrownian,
  price: number,
  h: number,
  increment: number,
): number {
  return price * Math.exp((drift - 0.5 * volatility * volatility) * h + volatility * increment);
}

/** dX = k (m - X) dt + s dW. */
export interface OrnsteinUhlenbeck {
  /** k >= 0; 0 is a Brownian motion. */
  readonly reversion: number;
  /** m. */
  readonly mean: number;
  /** s >= 0. */
  readonly volatility: number;
}

export const ornsteinUhlenbeckCheck = (process: OrnsteinUhlenbeck): Check =>
  firstFailure(
    notNegative("reversion", process.reversion),
    finite("mean", process.mean),
    notNegative("volatility", process.volatility),
  );

/** x e^(-k h) + m (1 - e^(-k h)) + s sqrt((1 - e^(-2 k h)) / (2 k)) Z (Uhlenbeck & Ornstein 1930). */
export function ornsteinUhlenbeckStep(
  { reversion, mean, volatility }: OrnsteinUhlenbeck,
  x: number,
  h: number,
  normal: number,
): number {
  const closed = -Math.expm1(-reversion * h);
  const variance = reversion === 0 ? h : -Math.expm1(-2 * reversion * h) / (2 * reversion);
  return x + (mean - x) * closed + volatility * Math.sqrt(variance) * normal;
}

/** dX = k (theta - X) dt + s sqrt X dW, X >= 0. */
export interface CoxIngersollRoss {
  /** k > 0. */
  readonly reversion: number;
  /** theta > 0. */
  readonly mean: number;
  /** s > 0. 2 k theta >= s^2 keeps X above 0; below that X touches 0 and the law holds all the same. */
  readonly volatility: number;
}

export const coxIngersollRossCheck = (process: CoxIngersollRoss): Check =>
  firstFailure(
    positive("reversion", process.reversion),
    positive("mean", process.mean),
    positive("volatility", process.volatility),
  );

/**
 * c times a noncentral chi-square of 4 k theta / s^2 degrees and noncentrality x e^(-k h) / c, c = s^2 (1 - e^(-k h)) / (4 k)
 * (Cox, Ingersoll & Ross 1985; Glasserman 2004, section 3.4).
 */
export function coxIngersollRossStep(
  { reversion, mean, volatility }: CoxIngersollRoss,
  x: number,
  h: number,
  random: Randomness,
): number {
  const scale = (volatility * volatility * -Math.expm1(-reversion * h)) / (4 * reversion);
  const degrees = (4 * reversion * mean) / (volatility * volatility);
  return scale * noncentralChiSquare(random, degrees, (x * Math.exp(-reversion * h)) / scale);
}

/** x e^(-k h) + theta (1 - e^(-k h)). */
export function coxIngersollRossMean(
  { reversion, mean }: CoxIngersollRoss,
  x: number,
  h: number,
): number {
  return x + (mean - x) * -Math.expm1(-reversion * h);
}

/** x s^2 e^(-k h) (1 - e^(-k h)) / k + theta s^2 (1 - e^(-k h))^2 / (2 k). */
export function coxIngersollRossVariance(
  { reversion, mean, volatility }: CoxIngersollRoss,
  x: number,
  h: number,
): number {
  const closed = -Math.expm1(-reversion * h);
  const squared = volatility * volatility;
  return (
    (x * squared * (1 - closed) * closed) / reversion +
    (mean * squared * closed * closed) / (2 * reversion)
  );
}
