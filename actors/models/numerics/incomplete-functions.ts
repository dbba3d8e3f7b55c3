import { lnGamma, stirlingRest } from "./special-functions.ts";

/**
 * Incomplete gamma and beta functions and the distributions that rest on them. Domain errors, NaN
 * included, throw a RangeError; relative error is below 1e-12 for parameters up to 1e4.
 */
const EPSILON = 2 ** -52;
const TINY = 2 ** -1000;
const MOST_TERMS = 100_000;

function domain(holds: boolean, what: string, value: number): void {
  if (!holds) throw new RangeError(`${what}, not ${value}`);
}

/** ln(1 + u) - u without cancellation near 0, u > -1. */
function log1pMinus(u: number): number {
  if (Math.abs(u) > 0.3) return Math.log1p(u) - u;
  let power = u;
  let sum = 0;
  for (let n = 2; n < 100; n += 1) {
    power *= -u;
    const term = power / n;
    sum += term;
    if (Math.abs(term) < EPSILON * Math.abs(sum)) break;
  }
  return sum;
}

/** x^a e^-x / Gamma(a + 1): through the deviance for large a, where the plain form loses digits. */
function gammaFactor(a: number, x: number): number {
  if (a < 10) return Math.exp(a * Math.log(x) - x - lnGamma(a + 1));
  return Math.exp(a * log1pMinus((x - a) / a) - stirlingRest(a)) / Math.sqrt(2 * Math.PI * a);
}

/** Regularised lower incomplete gamma P(a, x), a > 0, x >= 0 (DLMF 8.2.4). */
export function gammaP(a: number, x: number): number {
  checkGamma(a, x);
  if (x === 0) return 0;
  return x < a + 1 ? gammaSeries(a, x) : 1 - gammaFraction(a, x);
}

/** Regularised upper incomplete gamma Q(a, x) = 1 - P(a, x), accurate in its tail. */
export function gammaQ(a: number, x: number): number {
  checkGamma(a, x);
  if (x === 0) return 1;
  return x < a + 1 ? 1 - gammaSeries(a, x) : gammaFraction(a, x);
}

function checkGamma(a: number, x: number): void {
  domain(a > 0 && a < Infinity, "an incomplete gamma takes a positive finite shape", a);
  domain(x >= 0 && x < Infinity, "an incomplete gamma takes a finite number of 0 or more", x);
}

/** DLMF 8.7.1. */
function gammaSeries(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; n < MOST_TERMS && term > EPSILON * sum * 0.1; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return gammaFactor(a, x) * sum;
}

/** DLMF 8.9.2 in its contracted form, by the modified method of Lentz. */
function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < MOST_TERMS; n += 1) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / away(an * d + b);
    c = away(b + an / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < EPSILON * 2) break;
  }
  return gammaFactor(a, x) * a * h;
}

const away = (value: number): number => (Math.abs(value) < TINY ? TINY : value);

/**
 * Regularised incomplete beta I_x(a, b), a, b > 0, 0 <= x <= 1, by the continued fraction of
 * DLMF 8.17.22 on the side where it converges fast.
 */
export function betaI(a: number, b: number, x: number): number {
  return betaBothTails(a, b, x, 1 - x);
}

/** I_x(a, b) from x and y = 1 - x, so that neither needs to be a rounded difference. */
function betaBothTails(a: number, b: number, x: number, y: number): number {
  domain(a > 0 && a < Infinity, "an incomplete beta takes a positive finite a", a);
  domain(b > 0 && b < Infinity, "an incomplete beta takes a positive finite b", b);
  domain(x >= 0 && x <= 1, "an incomplete beta takes a number from 0 to 1", x);
  if (x === 0 || y === 1) return 0;
  if (y === 0 || x === 1) return 1;
  const factor = Math.exp(
    a * Math.log(x) + b * Math.log(y) + lnGamma(a + b) - lnGamma(a) - lnGamma(b),
  );
  return x < (a + 1) / (a + b + 2)
    ? (factor * betaFraction(a, b, x)) / a
    : 1 - (factor * betaFraction(b, a, y)) / b;
}

function betaFraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < MOST_TERMS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < EPSILON * 2) break;
  }
  return h;
}

/** P(X <= x) for a chi-square with `degrees` > 0 degrees of freedom, x >= 0. */
export const chiSquareCdf = (x: number, degrees: number): number => gammaP(degrees / 2, x / 2);

/** P(X > x) for a chi-square: the p-value of a likelihood ratio. */
export const chiSquareSurvival = (x: number, degrees: number): number => gammaQ(degrees / 2, x / 2);

/** P(T > t) for a Student t with `degrees` > 0 degrees of freedom, every finite t. */
export function studentSurvival(t: number, degrees: number): number {
  domain(Number.isFinite(t), "studentSurvival takes a finite number", t);
  domain(degrees > 0 && degrees < Infinity, "degrees of freedom are positive and finite", degrees);
  const square = t * t;
  const tail =
    0.5 *
    betaBothTails(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square));
  return t >= 0 ? tail : 1 - tail;
}

/** P(T <= t) for a Student t. */
export const studentCdf = (t: number, degrees: number): number => studentSurvival(-t, degrees);

/** Density of a Student t. */
export function studentDensity(t: number, degrees: number): number {
  domain(Number.isFinite(t), "studentDensity takes a finite number", t);
  domain(degrees > 0 && degrees < Infinity, "degrees of freedom are positive and finite", degrees);
  const ln =
    lnGamma((degrees + 1) / 2) -
    lnGamma(degrees / 2) -
    0.5 * Math.log(degrees * Math.PI) -
    ((degrees + 1) / 2) * Math.log1p((t * t) / degrees);
  return Math.exp(ln);
}

/** Quantile of a Student t, 0 < p < 1, degrees >= 0.1: bisection on the tail, then Newton's steps. */
export function studentQuantile(p: number, degrees: number): number {
  domain(p > 0 && p < 1, "a quantile takes a probability inside (0, 1)", p);
  domain(degrees >= 0.1 && degrees < Infinity, "degrees of freedom are 0.1 or more", degrees);
  if (p === 0.5) return 0;
  const tail = Math.min(p, 1 - p);
  const size = inverse(
    tail,
    (t) => studentSurvival(t, degrees),
    (t) => studentDensity(t, degrees),
  );
  return p < 0.5 ? -size : size;
}

/** Quantile of a chi-square, 0 < p < 1. */
export function chiSquareQuantile(p: number, degrees: number): number {
  domain(p > 0 && p < 1, "a quantile takes a probability inside (0, 1)", p);
  const density = (x: number): number =>
    x === 0 ? Infinity : (gammaFactor(degrees / 2, x / 2) * (degrees / 2)) / x;
  return inverse(1 - p, (x) => chiSquareSurvival(x, degrees), density);
}

/** x >= 0 at which the falling `survival` equals `tail`. */
function inverse(
  tail: number,
  survival: (x: number) => number,
  density: (x: number) => number,
): number {
  let low = 0;
  let high = 1;
  while (survival(high) > tail) {
    low = high;
    high *= 2;
  }
  let x = 0.5 * (low + high);
  for (let step = 0; step < 200; step += 1) {
    const excess = survival(x) - tail;
    if (excess > 0) low = x;
    else high = x;
    const newton = x + excess / density(x);
    const next = newton > low && newton < high ? newton : 0.5 * (low + high);
    if (Math.abs(next - x) <= EPSILON * Math.abs(next) || high - low <= EPSILON * high) return next;
    x = next;
  }
  return x;
}

/**
 * P(sup of a Brownian bridge's size > x): the p-value of a Kolmogorov-Smirnov statistic D of n values
 * is this at x = (sqrt(n) + 0.12 + 0.11 / sqrt(n)) D (Stephens 1970). x >= 0.
 */
export function kolmogorovSurvival(x: number): number {
  domain(x >= 0 && x < Infinity, "kolmogorovSurvival takes a finite number of 0 or more", x);
  if (x < 0.04) return 1;
  if (x < 1) {
    // The alternating series converges slowly here; its theta transform does not.
    let sum = 0;
    for (let k = 1; k <= 20; k += 2) sum += Math.exp((-k * k * Math.PI * Math.PI) / (8 * x * x));
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  let sum = 0;
  for (let k = 1; k <= 10; k += 1) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * x * x);
  return sum;
}
