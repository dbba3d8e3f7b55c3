import type { Randomness } from "../../kernel/ports/randomness.ts";
import { ok } from "../../kernel/result.ts";
import {
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
  within,
} from "../numerics/failure.ts";
import { type Fourier, fourier, multiply, powerOfTwo } from "../numerics/fourier.ts";
import { standardNormal } from "../random/distributions.ts";

/**
 * Rough Bergomi: Bayer, Friz and Gatheral, "Pricing under rough volatility", Quantitative Finance 16
 * (2016), with a flat forward variance:
 *   V_t = xi exp(eta Y_t - eta^2 t^2H / 2),  Y_t = sqrt(2H) int_0^t (t - s)^(H - 1/2) dW_s,
 *   d ln S = -V / 2 dt + sqrt(V) (rho dW + sqrt(1 - rho^2) dW'), S_0 = 1.
 * Time in years, variance per year. Published for equity indices: H = 0.07, eta = 1.9, rho = -0.9,
 * xi = 0.235^2 (unverified source values).
 */
export interface RoughBergomiParameters {
  /** H in [0.001, 1/2]. */
  readonly hurst: number;
  /** Volatility of volatility, in [0, 10^6]. */
  readonly eta: number;
  /** Correlation of price and volatility, in [-1, 1]. */
  readonly rho: number;
  /** Forward variance, in [10^-12, 10^6]. */
  readonly forwardVariance: number;
}

/** Variance of dW_1, its covariance with int_0^dt (dt - s)^a dW_s, and the variance of that. */
export function hybridCovariance(dt: number, exponent: number): readonly [number, number, number] {
  const a = exponent;
  return [dt, dt ** (a + 1) / (a + 1), dt ** (2 * a + 1) / (2 * a + 1)];
}

/** b_k, k >= 2: where (b_k dt)^a stands for the kernel on cell k with the least squared error. */
export function hybridPoint(k: number, exponent: number): number {
  const a = exponent;
  if (a === 0) return k;
  return ((k ** (a + 1) - (k - 1) ** (a + 1)) / (a + 1)) ** (1 / a);
}

export interface RoughBergomiSimulator {
  /** A path has steps + 1 values, the first at time 0. */
  readonly steps: number;
  /**
   * Fills V and ln S at times 0, dt, 2 dt, … (arrays of steps + 1). O(n log n), allocates nothing.
   * Three normals a step.
   */
  fillPath(random: Randomness, variances: Float64Array, logPrices: Float64Array): void;
}

/**
 * Hybrid scheme with one exact cell: Bennedsen, Lunde and Pakkanen, Finance and Stochastics 21 (2017),
 * kappa = 1; the rest of the convolution by the Fourier transform. The variance of
 * Y is 0.1 % off at 312 steps a year. The price takes the variance at the start of each step. The
 * ranges, and a horizon from 10^-6 to 10^4 years, keep every path within the doubles.
 */
export function roughBergomi(
  parameters: RoughBergomiParameters,
  grid: { readonly horizon: number; readonly steps: number },
): ModelResult<RoughBergomiSimulator> {
  const { hurst, eta, rho, forwardVariance } = parameters;
  const { horizon, steps } = grid;
  const wrong = firstFailure(
    within("hurst", hurst, 1e-3, 0.5),
    within("eta", eta, 0, 1e6),
    within("rho", rho, -1, 1),
    within("forwardVariance", forwardVariance, 1e-12, 1e6),
    within("horizon", horizon, 1e-6, 1e4),
    integerWithin("steps", steps, 1, 2 ** 22),
  );
  if (wrong !== null) return refused(wrong);
  const dt = horizon / steps;
  const a = hurst - 0.5;
  const [variance, covariance, cellVariance] = hybridCovariance(dt, a);
  const onShock = covariance / Math.sqrt(variance);
  const own = Math.sqrt(Math.max(0, cellVariance - onShock * onShock));
  const kernel = kernelSpectrum(steps, dt, a);
  const { transform, spectrum, data, out } = kernel;
  const shocks = new Float64Array(steps);
  const cells = new Float64Array(steps);
  const across = Math.sqrt(1 - rho * rho);
  const root = Math.sqrt(dt);
  return ok({
    steps,
    fillPath(random, variances, logPrices) {
      if (variances.length !== steps + 1 || logPrices.length !== steps + 1) {
        throw new RangeError(`a path of this simulator has ${steps + 1} values`);
      }
      data.fill(0);
      for (let i = 0; i < steps; i += 1) {
        const z = standardNormal(random);
        shocks[i] = root * z;
        cells[i] = onShock * z + own * standardNormal(random);
        data[2 * i] = shocks[i]!;
      }
      transform.forward(data, out);
      multiply(out, spectrum, data);
      transform.inverse(data, out);
      variances[0] = forwardVariance;
      logPrices[0] = 0;
      for (let i = 1; i <= steps; i += 1) {
        const y = Math.sqrt(2 * hurst) * (cells[i - 1]! + out[2 * (i - 1)]!);
        const drift = 0.5 * eta * eta * (i * dt) ** (2 * hurst);
        variances[i] = forwardVariance * Math.exp(eta * y - drift);
        const v = variances[i - 1]!;
        const w = rho * shocks[i - 1]! + across * root * standardNormal(random);
        logPrices[i] = logPrices[i - 1]! - 0.5 * v * dt + Math.sqrt(v) * w;
      }
    },
  });
}

interface Kernel {
  readonly transform: Fourier;
  readonly spectrum: Float64Array;
  readonly data: Float64Array;
  readonly out: Float64Array;
}

/** Transform of (b_k dt)^a at places k - 1 = 1, 2, …; place 0 is the exact cell's. */
function kernelSpectrum(steps: number, dt: number, exponent: number): Kernel {
  const transform = fourier(powerOfTwo(2 * steps));
  const data = new Float64Array(2 * transform.size);
  const spectrum = new Float64Array(2 * transform.size);
  for (let k = 2; k <= steps; k += 1) {
    data[2 * (k - 1)] = (hybridPoint(k, exponent) * dt) ** exponent;
  }
  transform.forward(data, spectrum);
  return { transform, spectrum, data, out: new Float64Array(2 * transform.size) };
}
