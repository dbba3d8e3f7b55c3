import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  allPositive,
  atLeast,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
} from "../numerics/failure.ts";
import { periodogram } from "../numerics/fourier.ts";
import { brentMinimum } from "../numerics/optimise.ts";
import {
  fillFractionalNoiseSpectrum,
  fractionalNoiseSpectrum,
} from "./fractional-noise-spectrum.ts";

/** Two estimators of the Hurst exponent, one from moments of differences, one from the spectrum. */

export interface StructureOptions {
  /** Orders q of the moments, > 0; default 0.5, 1, 1.5, 2, 3. */
  readonly orders?: readonly number[];
  /** Lags 1 … lags; default 30. */
  readonly lags?: number;
}

export interface StructureFit {
  /** zeta_q: slope of ln m(q, lag) on ln lag, by order. */
  readonly slopes: Float64Array;
  /** H of zeta_q = q H: the regression through the origin, sum q zeta_q / sum q^2. */
  readonly hurst: number;
  /** Slope of zeta_q on q with a constant: the same H where the process has one scaling. */
  readonly slope: number;
}

/**
 * Gatheral, Jaisson and Rosenbaum, "Volatility is rough", Quantitative Finance 18 (2018), section 2:
 * m(q, lag) = mean |x_(t+lag) - x_t|^q over all overlapping differences. x is a log volatility, equally
 * spaced. On fractional Brownian motion of 2^14 values the standard deviation of H is 0.004 to 0.011.
 * O(n lags orders). Fails with too_short, not_finite, out_of_range, and `undefined` where x does not move.
 */
export function structureHurst(
  x: ArrayLike<number>,
  options: StructureOptions = {},
): ModelResult<StructureFit> {
  const orders = options.orders ?? [0.5, 1, 1.5, 2, 3];
  const lags = options.lags ?? 30;
  const wrong = firstFailure(
    integerWithin("lags", lags, 2, 2 ** 24),
    atLeast("orders", orders, 2),
    allPositive("orders", orders),
    atLeast("x", x, lags + 2),
    allFinite("x", x),
  );
  if (wrong !== null) return refused(wrong);
  const lnLags = Float64Array.from({ length: lags }, (_, i) => Math.log(i + 1));
  const lnMoments = orders.map(() => new Float64Array(lags));
  for (let lag = 1; lag <= lags; lag += 1) {
    const count = x.length - lag;
    const sums = new Float64Array(orders.length);
    for (let t = 0; t < count; t += 1) {
      const size = Math.abs(x[t + lag]! - x[t]!);
      for (let q = 0; q < orders.length; q += 1) sums[q]! += size ** orders[q]!;
    }
    for (let q = 0; q < orders.length; q += 1) lnMoments[q]![lag - 1] = Math.log(sums[q]! / count);
  }
  const slopes = Float64Array.from(lnMoments, (moments) => slopeOf(lnLags, moments));
  if (!slopes.every(Number.isFinite)) {
    return refused(
      failure("undefined", "x", "at some lag it does not move", "give a series that moves"),
    );
  }
  let [products, squares] = [0, 0];
  orders.forEach((q, i) => {
    products += q * slopes[i]!;
    squares += q * q;
  });
  return ok({
    slopes,
    hurst: products / squares,
    slope: slopeOf(Float64Array.from(orders), slopes),
  });
}

/** Slope of the least squares line with a constant. */
function slopeOf(x: Float64Array, y: Float64Array): number {
  const n = x.length;
  const meanX = x.reduce((a, b) => a + b, 0) / n;
  const meanY = y.reduce((a, b) => a + b, 0) / n;
  let [products, squares] = [0, 0];
  for (let i = 0; i < n; i += 1) {
    products += (x[i]! - meanX) * (y[i]! - meanY);
    squares += (x[i]! - meanX) ** 2;
  }
  return products / squares;
}

export interface WhittleFit {
  readonly hurst: number;
  /** Standard error of it for a Gaussian series. */
  readonly standardError: number;
  /** Variance of one increment. */
  readonly variance: number;
}

/**
 * Whittle's approximate likelihood of fractional noise of unknown variance: minimises
 * ln mean(I / f) + mean ln f over the Fourier frequencies, f the spectrum at H in [0.01, 0.99]. Fox
 * and Taqqu, Annals of Statistics 14 (1986); Beran (1994), chapter 6. `increments` are those of the
 * fractional Brownian motion; their mean does not matter. O(n log n), and about 40 spectra.
 * Needs 16 values. Fails with too_short, not_finite, `undefined` (no movement).
 */
export function whittleHurst(increments: ArrayLike<number>): ModelResult<WhittleFit> {
  const wrong = firstFailure(
    atLeast("increments", increments, 16),
    allFinite("increments", increments),
  );
  if (wrong !== null) return refused(wrong);
  const n = increments.length;
  const power = periodogram(increments);
  if (!(power.reduce((a, b) => a + b, 0) > 0)) {
    return refused(
      failure("undefined", "increments", "they do not vary", "give a series that moves"),
    );
  }
  const spectrum = new Float64Array(power.length);
  const moments = (hurst: number): { readonly ratio: number; readonly logs: number } => {
    fillFractionalNoiseSpectrum(n, hurst, spectrum);
    let [ratio, logs] = [0, 0];
    for (let j = 0; j < power.length; j += 1) {
      ratio += power[j]! / spectrum[j]! / power.length;
      logs += Math.log(spectrum[j]!) / power.length;
    }
    return { ratio, logs };
  };
  const found = brentMinimum(
    (hurst) => {
      const { ratio, logs } = moments(hurst);
      return Math.log(ratio) + logs;
    },
    0.01,
    0.99,
    1e-6,
  );
  if (!found.ok) return found;
  const hurst = found.value.at;
  return ok({
    hurst,
    standardError: whittleError(hurst, n),
    variance: moments(hurst).ratio,
  });
}

/** sqrt(2 / n) over the standard deviation, over frequencies, of d ln f / dH (Beran 1994, chapter 5). */
function whittleError(hurst: number, n: number): number {
  const cells = 512;
  const step = Math.min(1e-4, hurst / 4, (1 - hurst) / 4);
  let [sum, squares] = [0, 0];
  for (let j = 0; j < cells; j += 1) {
    const l = (Math.PI * (j + 0.5)) / cells;
    const slope =
      Math.log(
        fractionalNoiseSpectrum(l, hurst + step) / fractionalNoiseSpectrum(l, hurst - step),
      ) /
      (2 * step);
    sum += slope / cells;
    squares += (slope * slope) / cells;
  }
  return Math.sqrt(2 / n / (squares - sum * sum));
}
