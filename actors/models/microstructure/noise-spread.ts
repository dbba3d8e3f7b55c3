import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refused,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";

/**
 * Spread as the noise on an efficient log price, from the mean squared changes over several lags.
 * Brouty, Garcin and Roccaro, "Estimation of bid-ask spreads in the presence of serial dependence",
 * arXiv 2407.17401; the formulas come from an implementation by others, the paper's own text was not
 * at hand. A spread here is relative to the price; an estimate of its square below zero comes back as
 * the negative of the root of its size, so that averages over samples stay unbiased in sign.
 */

const signedRoot = (x: number): number => Math.sign(x) * Math.sqrt(Math.abs(x));

/** V(lag): mean of (x_(t+lag) - x_t)^2 over all t, overlapping. O(n). */
export function meanSquaredChange(logPrices: ArrayLike<number>, lag: number): number {
  const count = logPrices.length - lag;
  let sum = 0;
  for (let t = 0; t < count; t += 1) sum += (logPrices[t + lag]! - logPrices[t]!) ** 2;
  return sum / count;
}

/**
 * Brownian price, white noise: V(L) = L sigma^2 + S^2 / 2, so
 * S^2 = 2 (L' V(L) - L V(L')) / (L' - L).
 */
export function whiteNoiseSpread(
  logPrices: ArrayLike<number>,
  lag = 1,
  otherLag = 2 * lag,
): ModelResult<number> {
  const wrong = check(logPrices, lag, otherLag);
  if (wrong !== null) return refused(wrong);
  return finiteResult(
    "spread",
    whiteNoiseSpreadOfMoments(
      lag,
      meanSquaredChange(logPrices, lag),
      otherLag,
      meanSquaredChange(logPrices, otherLag),
    ),
  );
}

/** The same from V(L) and V(L'), L != L'. */
export function whiteNoiseSpreadOfMoments(
  lag: number,
  moment: number,
  otherLag: number,
  otherMoment: number,
): number {
  return fractionalSpreadOfMoments(lag, moment, otherLag, otherMoment, 0.5);
}

export interface FractionalSpread {
  readonly spread: number;
  /** Hurst exponent of the efficient price: given, or estimated. */
  readonly hurst: number;
}

/**
 * Fractional Brownian price, white noise: V(L) = L^(2H) sigma^2 + S^2 / 2, so
 * S^2 = 2 (L'^(2H) V(L) - L^(2H) V(L')) / (L'^(2H) - L^(2H)). Where `hurst` is not given it is
 * (1/2) log2 [(V(4L) - V(2L)) / (V(2L) - V(L))], refused with `undefined` when the ratio is not
 * positive; given, it must be positive.
 */
export function fractionalSpread(
  logPrices: ArrayLike<number>,
  lag = 1,
  otherLag = 2 * lag,
  hurst?: number,
): ModelResult<FractionalSpread> {
  const wrong = firstFailure(
    check(logPrices, lag, Math.max(otherLag, hurst === undefined ? 4 * lag : 0)),
    check(logPrices, lag, otherLag),
    hurst === undefined ? null : positive("hurst", hurst),
  );
  if (wrong !== null) return refused(wrong);
  const moment = meanSquaredChange(logPrices, lag);
  const other = meanSquaredChange(logPrices, otherLag);
  const exponent =
    hurst === undefined
      ? hurstOfMoments(
          moment,
          meanSquaredChange(logPrices, 2 * lag),
          meanSquaredChange(logPrices, 4 * lag),
        )
      : ok(hurst);
  if (!exponent.ok) return exponent;
  const spread = finiteResult(
    "spread",
    fractionalSpreadOfMoments(lag, moment, otherLag, other, exponent.value),
  );
  return spread.ok ? ok({ spread: spread.value, hurst: exponent.value }) : spread;
}

/** The same from V(L), V(L') and H > 0. */
export function fractionalSpreadOfMoments(
  lag: number,
  moment: number,
  otherLag: number,
  otherMoment: number,
  hurst: number,
): number {
  const own = lag ** (2 * hurst);
  const others = otherLag ** (2 * hurst);
  return signedRoot((2 * (others * moment - own * otherMoment)) / (others - own));
}

/** H from V(L), V(2L), V(4L): the white noise cancels in the differences. */
export function hurstOfMoments(first: number, second: number, fourth: number): ModelResult<number> {
  const ratio = (fourth - second) / (second - first);
  if (ratio > 0 && ratio < Infinity && ratio !== 1) return ok(0.5 * Math.log2(ratio));
  return refused(
    failure(
      "undefined",
      `(V(4L) - V(2L)) / (V(2L) - V(L)) = ${ratio}`,
      "mean squared changes must grow with the lag for a Hurst exponent to exist",
      "use more prices or a larger lag, or give the exponent",
    ),
  );
}

export interface OrnsteinUhlenbeckSpread {
  readonly spread: number;
  /** Correlation of the noise of successive prices. */
  readonly noiseCorrelation: number;
}

/**
 * Brownian price, noise that reverts (Ornstein-Uhlenbeck): V(L) = L sigma^2 + (S^2 / 2)(1 - rho^L).
 * (2 V(2L) - V(4L)) / (2 V(L) - V(2L)) = (1 + rho^L)^2 gives rho, and
 * S^2 = 2 (L' V(L) - L V(L')) / (L' (1 - rho^L) - L (1 - rho^L')). Refused with `undefined` where the
 * ratio is negative or rho^L does not lie inside (-1, 1), or is negative with an even L.
 */
export function ornsteinUhlenbeckSpread(
  logPrices: ArrayLike<number>,
  lag = 1,
  otherLag = 2 * lag,
): ModelResult<OrnsteinUhlenbeckSpread> {
  const wrong = firstFailure(check(logPrices, lag, 4 * lag), check(logPrices, lag, otherLag));
  if (wrong !== null) return refused(wrong);
  const moment = meanSquaredChange(logPrices, lag);
  const correlation = noiseCorrelationOfMoments(
    lag,
    moment,
    meanSquaredChange(logPrices, 2 * lag),
    meanSquaredChange(logPrices, 4 * lag),
  );
  if (!correlation.ok) return correlation;
  const spread = finiteResult(
    "spread",
    ornsteinUhlenbeckSpreadOfMoments(
      lag,
      moment,
      otherLag,
      meanSquaredChange(logPrices, otherLag),
      correlation.value,
    ),
  );
  return spread.ok ? ok({ spread: spread.value, noiseCorrelation: correlation.value }) : spread;
}

/** rho from V(L), V(2L), V(4L): what the Brownian part adds cancels. */
export function noiseCorrelationOfMoments(
  lag: number,
  first: number,
  second: number,
  fourth: number,
): ModelResult<number> {
  const ratio = (2 * second - fourth) / (2 * first - second);
  const power = Math.sqrt(ratio) - 1;
  if (Math.abs(power) < 1 && (power >= 0 || lag % 2 === 1)) {
    return ok(Math.sign(power) * Math.abs(power) ** (1 / lag));
  }
  return refused(
    failure(
      "undefined",
      `(2 V(2L) - V(4L)) / (2 V(L) - V(2L)) = ${ratio}`,
      "it must be the square of 1 + rho^L with |rho| < 1",
      "use more prices, another lag, or the estimator for white noise",
    ),
  );
}

/** S from V(L), V(L') and rho. */
export function ornsteinUhlenbeckSpreadOfMoments(
  lag: number,
  moment: number,
  otherLag: number,
  otherMoment: number,
  noiseCorrelation: number,
): number {
  const noise = otherLag * (1 - noiseCorrelation ** lag) - lag * (1 - noiseCorrelation ** otherLag);
  return signedRoot((2 * (otherLag * moment - lag * otherMoment)) / noise);
}

function check(logPrices: ArrayLike<number>, lag: number, otherLag: number) {
  return firstFailure(
    integerWithin("lag", lag, 1, 2 ** 31),
    integerWithin("otherLag", otherLag, 1, 2 ** 31),
    lag === otherLag
      ? failure(
          "out_of_range",
          `otherLag = ${otherLag}`,
          "two lags must differ",
          "give another lag",
        )
      : null,
    atLeast("logPrices", logPrices, Math.max(lag, otherLag) + 2),
    allFinite("logPrices", logPrices),
  );
}
