import { gamma, hurwitzZeta } from "../numerics/special-functions.ts";

/**
 * Spectral density of unit fractional noise at frequency 0 < l <= pi, 0 < hurst < 1; its integral over
 * [-pi, pi] is 1. Sinai (1976):
 *   2 sin(pi H) Gamma(2H + 1)(1 - cos l) / (2 pi) sum over j of |l + 2 pi j|^(-2H - 1),
 * the sum being (2 pi)^(-2H-1) [zeta(2H + 1, x) + zeta(2H + 1, 1 - x)], x = l / 2 pi (Hurwitz). Cut at
 * |j| <= 2000 it would be 15 % low at H = 0.1, l = 3.
 */
export function fractionalNoiseSpectrum(frequency: number, hurst: number): number {
  const s = 2 * hurst + 1;
  const x = frequency / (2 * Math.PI);
  return density(frequency, hurst, hurwitzZeta(s, x) + hurwitzZeta(s, 1 - x));
}

/** `sum` is the one of |j + x|^(-2H - 1) over all whole j. */
function density(frequency: number, hurst: number, sum: number): number {
  const s = 2 * hurst + 1;
  // 1 - cos l = 2 sin^2(l / 2), without the cancellation at low frequencies.
  const gain = 2 * Math.sin(frequency / 2) ** 2;
  return (Math.sin(Math.PI * hurst) * gamma(s) * gain * sum) / (Math.PI * (2 * Math.PI) ** s);
}

/** Degree of the polynomial below: its error is about 13.9^-14, 1e-16. */
const DEGREE = 13;

/**
 * The same at the Fourier frequencies 2 pi j / n, j = 1 .. out.length, into `out`. All terms of the sum
 * but |x|^(-2H - 1) are an even function of x with its nearest singularity at 1, so that a Chebyshev
 * polynomial in x^2 on [0, 1/4] stands for 2 n zeta functions. O(n); agrees to 1e-13.
 */
export function fillFractionalNoiseSpectrum(n: number, hurst: number, out: Float64Array): void {
  const s = 2 * hurst + 1;
  const coefficients = chebyshev((u) => {
    const x = Math.sqrt(u);
    return hurwitzZeta(s, 1 + x) + hurwitzZeta(s, 1 - x);
  });
  const scale = density(Math.PI, hurst, 1) / 2;
  for (let j = 1; j <= out.length; j += 1) {
    const x = j / n;
    const z = 8 * x * x - 1;
    let [here, before] = [0, 0];
    for (let k = DEGREE; k >= 1; k -= 1) {
      const next = 2 * z * here - before + coefficients[k]!;
      before = here;
      here = next;
    }
    const rest = z * here - before + coefficients[0]!;
    out[j - 1] = scale * 2 * Math.sin(Math.PI * x) ** 2 * (x ** -s + rest);
  }
}

/** Chebyshev coefficients of f on [0, 1/4], the first one halved. */
function chebyshev(f: (u: number) => number): Float64Array {
  const nodes = DEGREE + 1;
  const values = Float64Array.from({ length: nodes }, (_, i) =>
    f((1 + Math.cos((Math.PI * (i + 0.5)) / nodes)) / 8),
  );
  return values.map((_, k) => {
    let sum = 0;
    for (let i = 0; i < nodes; i += 1) {
      sum += values[i]! * Math.cos((Math.PI * k * (i + 0.5)) / nodes);
    }
    return ((k === 0 ? 1 : 2) * sum) / nodes;
  });
}
