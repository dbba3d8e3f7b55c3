import {
  finite,
  firstFailure,
  type ModelResult,
  positive,
  refusal,
  refused,
} from "../numerics/failure.ts";
import { type Heston, hestonCheck } from "./heston.ts";

interface Complex {
  readonly re: number;
  readonly im: number;
}
const complex = (re: number, im: number): Complex => ({ re, im });
const add = (a: Complex, b: Complex): Complex => complex(a.re + b.re, a.im + b.im);
const subtract = (a: Complex, b: Complex): Complex => complex(a.re - b.re, a.im - b.im);
const multiply = (a: Complex, b: Complex): Complex =>
  complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
const scale = (a: Complex, by: number): Complex => complex(a.re * by, a.im * by);
function divide(a: Complex, b: Complex): Complex {
  const size = b.re * b.re + b.im * b.im;
  return complex((a.re * b.re + a.im * b.im) / size, (a.im * b.re - a.re * b.im) / size);
}
const exponential = (a: Complex): Complex =>
  complex(Math.exp(a.re) * Math.cos(a.im), Math.exp(a.re) * Math.sin(a.im));
/** ln(1 + a), exact for small a. */
const logarithmOfOneMore = (a: Complex): Complex =>
  complex(0.5 * Math.log1p(2 * a.re + a.re * a.re + a.im * a.im), Math.atan2(a.im, 1 + a.re));
/** The root with a real part >= 0. */
function squareRoot(a: Complex): Complex {
  const size = Math.hypot(a.re, a.im);
  const re = Math.sqrt(0.5 * (size + Math.abs(a.re)));
  if (re === 0) return complex(0, 0);
  const im = Math.abs(a.im) / (2 * re);
  const sign = a.im < 0 ? -1 : 1;
  return a.re >= 0 ? complex(re, sign * im) : complex(im, sign * re);
}

/**
 * ln E exp(i z ln(S_T / F)), F the forward, in the form of Albrecher, Mayer, Schoutens & Tistaert, "The little Heston
 * trap" (2007), whose logarithm does not cross its cut. beta - d is taken as epsilon^2 times a quotient, and the
 * logarithm as that of one and a small number, so that nothing cancels where epsilon is small.
 */
function logCharacteristic(model: Heston, horizon: number, z: Complex): Complex {
  const { reversion: kappa, volatilityOfVariance: epsilon, correlation: rho } = model;
  const squared = epsilon * epsilon;
  const iz = complex(-z.im, z.re);
  const beta = subtract(complex(kappa, 0), scale(iz, rho * epsilon));
  const potential = add(iz, multiply(z, z));
  // d = sqrt(beta^2 + epsilon^2 (i z + z^2))
  const d = squareRoot(add(multiply(beta, beta), scale(potential, squared)));
  const plus = add(beta, d);
  /** (beta - d) / epsilon^2. */
  const minus = scale(divide(potential, plus), -1);
  const g = scale(divide(minus, plus), squared);
  const fading = exponential(scale(d, -horizon));
  const one = complex(1, 0);
  const faded = subtract(one, fading);
  const inner = logarithmOfOneMore(divide(multiply(g, faded), subtract(one, g)));
  const constant = scale(
    subtract(scale(minus, horizon), scale(inner, 2 / squared)),
    kappa * model.meanVariance,
  );
  const slope = multiply(minus, divide(faded, subtract(one, multiply(g, fading))));
  return add(constant, scale(slope, model.variance));
}

/** Width of the trapezium rule. */
const width = 0.05;
const nodeLimit = 400_000;

/**
 * Price of a European call: S - sqrt(S K) e^(-r T / 2) / pi times the integral over u > 0 of Re[e^(i u k) phi(u - i / 2)] /
 * (u^2 + 1 / 4), k = ln(S / K) + r T (Lewis, "A simple option formula for general jump-diffusion and other exponential
 * Levy processes", 2001, equation 3.11). The integrand is analytic in a strip of half width 1/2, in which the
 * trapezium rule of width h has error exp(-pi / h): below 1e-27 at 0.05. Ends where the integrand is below 1e-17 of
 * its start. Absolute error about 1e-14 S. Failures: out_of_range, not_finite, not_converged.
 */
export function hestonCall(model: Heston, strike: number, horizon: number): ModelResult<number> {
  const wrong = firstFailure(
    hestonCheck(model),
    positive("strike", strike),
    positive("horizon", horizon),
  );
  if (wrong !== null) return refused(wrong);
  const moneyness = Math.log(model.spot / strike) + model.rate * horizon;
  let sum = 0;
  for (let node = 0; node < nodeLimit; node += 1) {
    const u = node * width;
    const value = logCharacteristic(model, horizon, complex(u, -0.5));
    const density = Math.exp(value.re) / (u * u + 0.25);
    if (Number.isNaN(density)) break;
    sum += (node === 0 ? 0.5 : 1) * density * Math.cos(value.im + u * moneyness);
    if (density < 1e-17) {
      const discounted = Math.sqrt(model.spot * strike) * Math.exp(-0.5 * model.rate * horizon);
      const price = model.spot - (discounted / Math.PI) * width * sum;
      const overflow = finite("the price", price);
      return overflow === null ? { ok: true, value: price } : refused(overflow);
    }
  }
  return refusal(
    "not_converged",
    `the integral over u to ${nodeLimit * width}`,
    "the characteristic function falls too slowly: hardly any variance to the horizon",
    "value so short an option by its intrinsic value",
  );
}
