import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  type Check,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refused,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";

/**
 * Integrated variance of a log price over the span of the sample, from its n returns. A result is a
 * variance over the whole span, not per unit of time. `returns` are differences of log prices, in
 * time order. All are O(n), the kernel O(n bandwidth); none allocates.
 */

/** Realised variance: sum of squared returns. Biased by 2 n times the variance of noise. */
export function realisedVariance(returns: ArrayLike<number>): ModelResult<number> {
  const wrong = check(returns, 1);
  return wrong === null
    ? finiteResult("realised variance", sumOfProducts(returns, 0))
    : refused(wrong);
}

/**
 * Bipower variation (pi / 2) sum |r_i||r_(i-1)|, which jumps leave unmoved in the limit. Barndorff-
 * Nielsen and Shephard, Journal of Financial Econometrics 2 (2004). With `finiteSample` (the default
 * is without) times n / (n - 1), n the number of returns, which makes it unbiased for a constant
 * volatility.
 */
export function bipowerVariation(
  returns: ArrayLike<number>,
  { finiteSample = false }: { readonly finiteSample?: boolean } = {},
): ModelResult<number> {
  const wrong = check(returns, 2);
  if (wrong !== null) return refused(wrong);
  let sum = 0;
  for (let i = 1; i < returns.length; i += 1) sum += Math.abs(returns[i]! * returns[i - 1]!);
  const factor = finiteSample ? returns.length / (returns.length - 1) : 1;
  return finiteResult("bipower variation", (Math.PI / 2) * factor * sum);
}

/**
 * Two-scale realised variance: mean over the `scales` grids of their realised variances, less
 * nbar / n times the one of all returns, nbar = (n - scales + 1) / scales. Zhang, Mykland and
 * Aït-Sahalia, JASA 100 (2005), eq. 55; with `adjusted` divided by 1 - nbar / n (their eq. 64).
 */
export function twoScaleVariance(
  returns: ArrayLike<number>,
  scales: number,
  { adjusted = false }: { readonly adjusted?: boolean } = {},
): ModelResult<number> {
  const n = returns.length;
  const wrong = firstFailure(check(returns, 2), integerWithin("scales", scales, 2, Math.max(2, n)));
  if (wrong !== null) return refused(wrong);
  let slow = 0;
  let window = 0;
  for (let i = 0; i < n; i += 1) {
    window += returns[i]!;
    if (i >= scales) window -= returns[i - scales]!;
    if (i >= scales - 1) slow += window * window;
  }
  const share = (n - scales + 1) / scales / n;
  const variance = slow / scales - share * sumOfProducts(returns, 0);
  return finiteResult("two-scale variance", adjusted ? variance / (1 - share) : variance);
}

/**
 * Variance of the noise on each log price, RV / (2 n): consistent as n grows (Zhang, Mykland and
 * Aït-Sahalia 2005); too high by what the price itself moves in one period, halved.
 */
export function noiseVariance(returns: ArrayLike<number>): ModelResult<number> {
  const variance = realisedVariance(returns);
  return variance.ok ? ok(variance.value / (2 * returns.length)) : variance;
}

/**
 * Bandwidth of the realised kernel that is best under a constant volatility, 3.5134 xi^(4/5) n^(3/5)
 * with xi^2 = noise variance / integrated variance. Barndorff-Nielsen, Hansen, Lunde and Shephard,
 * Econometrics Journal 12 (2009). Its kernel is for one that averages at the ends; without
 * that a wider one biases less. Rounded up, at most n - 1.
 */
export function parzenBandwidth(returns: number, noiseToSignal: number): ModelResult<number> {
  const wrong = firstFailure(
    integerWithin("returns", returns, 1, 2 ** 31),
    positive("noiseToSignal", noiseToSignal),
  );
  if (wrong !== null) return refused(wrong);
  const best = 3.5134 * noiseToSignal ** 0.4 * returns ** 0.6;
  return ok(Math.min(returns - 1, Math.ceil(best)));
}

/** Parzen's kernel on [0, 1]. */
export function parzen(x: number): number {
  if (x > 1) return 0;
  return x <= 0.5 ? 1 - 6 * x * x * (1 - x) : 2 * (1 - x) ** 3;
}

/**
 * Realised kernel with Parzen's weights k(h / (H + 1)), without averaging at the ends. Barndorff-
 * Nielsen, Hansen, Lunde and Shephard, Econometrica 76 (2008); never negative. Noise of variance v
 * biases it by about 12 n v / (H + 1)^2.
 */
export function realisedKernel(returns: ArrayLike<number>, bandwidth: number): ModelResult<number> {
  const wrong = firstFailure(
    check(returns, 1),
    integerWithin("bandwidth", bandwidth, 0, Math.max(0, returns.length - 1)),
  );
  if (wrong !== null) return refused(wrong);
  let sum = sumOfProducts(returns, 0);
  for (let h = 1; h <= bandwidth; h += 1) {
    sum += 2 * parzen(h / (bandwidth + 1)) * sumOfProducts(returns, h);
  }
  return finiteResult("realised kernel", sum);
}

/**
 * Pre-averaged realised variance with weights g(x) = min(x, 1 - x) over kn = floor(theta sqrt(n))
 * returns. Jacod, Li, Mykland, Podolskij and Vetter, Stochastic Processes and their Applications 119
 * (2009); with the finite-sample values of psi_1 and psi_2. Needs kn >= 2.
 */
export function preAveragedVariance(
  returns: ArrayLike<number>,
  theta = 1 / 3,
): ModelResult<number> {
  const n = returns.length;
  const kn = Math.floor(theta * Math.sqrt(n));
  const wrong = firstFailure(
    check(returns, 4),
    positive("theta", theta),
    integerWithin("kn = floor(theta sqrt(n))", kn, 2, n),
  );
  if (wrong !== null) return refused(wrong);
  const weight = (j: number): number => Math.min(j / kn, 1 - j / kn);
  let psi1 = 0;
  let psi2 = 0;
  for (let j = 1; j <= kn; j += 1) {
    psi1 += kn * (weight(j) - weight(j - 1)) ** 2;
    psi2 += weight(j) ** 2 / kn;
  }
  let squares = 0;
  for (let i = 0; i + kn - 1 <= n; i += 1) {
    let average = 0;
    for (let j = 1; j < kn; j += 1) average += weight(j) * returns[i + j - 1]!;
    squares += average * average;
  }
  const noise = (psi1 / (2 * psi2 * kn * kn)) * sumOfProducts(returns, 0);
  return finiteResult("pre-averaged variance", (n / ((n - kn + 2) * psi2 * kn)) * squares - noise);
}

/** sum of r_i r_(i - lag). */
function sumOfProducts(returns: ArrayLike<number>, lag: number): number {
  let sum = 0;
  for (let i = lag; i < returns.length; i += 1) sum += returns[i]! * returns[i - lag]!;
  return sum;
}

const check = (returns: ArrayLike<number>, least: number): Check =>
  firstFailure(atLeast("returns", returns, least), allFinite("returns", returns));
