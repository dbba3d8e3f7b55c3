/**
 * Price impact of order flow: Kyle, "Continuous auctions and insider trading", Econometrica 53 (1985),
 * estimated as the slope of price changes on signed volume (Hasbrouck 2007, section 7.3) with the
 * heteroskedasticity- and autocorrelation-consistent errors of Newey and West (1987).
 */
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  firstFailure,
  integerWithin,
  type ModelResult,
  refusal,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import { leastSquares, neweyWestErrors } from "../numerics/least-squares.ts";

export interface ImpactRegression {
  /** Ticks per lot (per square root of a lot for `square_root`). */
  readonly lambda: number;
  /** Of lambda, in its unit. */
  readonly standardError: number;
  /** Ticks per interval without flow. */
  readonly intercept: number;
}

export type ImpactForm = "linear" | "square_root";

/**
 * dP = a + lambda x + e, x the signed volume of an interval or sign(x) sqrt|x|. `priceChanges` in ticks,
 * `signedVolumes` in lots, one a time interval; `lags` of the errors, 0 … n - 1 (0 is White's).
 * O(n lags). Failure codes: wrong_shape, too_short (< 3), not_finite, out_of_range, singular (flow that
 * never varies).
 */
export function kyleLambda(
  priceChanges: ArrayLike<number>,
  signedVolumes: ArrayLike<number>,
  lags: number,
  form: ImpactForm = "linear",
): ModelResult<ImpactRegression> {
  const wrong = firstFailure(
    sameLength("signedVolumes", signedVolumes, "priceChanges", priceChanges),
    atLeast("priceChanges", priceChanges, 3),
    allFinite("priceChanges", priceChanges),
    allFinite("signedVolumes", signedVolumes),
    integerWithin("lags", lags, 0, Math.max(0, priceChanges.length - 1)),
  );
  if (wrong !== null) return refused(wrong);
  if (!varies(signedVolumes)) {
    return refusal(
      "singular",
      `signedVolumes are all ${signedVolumes[0]}`,
      "an impact shows only where the flow differs from one interval to another",
      "take other intervals",
    );
  }
  const design = new Float64Array(2 * priceChanges.length);
  for (let at = 0; at < priceChanges.length; at += 1) {
    const volume = signedVolumes[at]!;
    design[2 * at] = 1;
    design[2 * at + 1] =
      form === "linear" ? volume : Math.sign(volume) * Math.sqrt(Math.abs(volume));
  }
  const fit = leastSquares(design, Float64Array.from(priceChanges));
  if (!fit.ok) return fit;
  const errors = neweyWestErrors(design, fit.value, lags);
  if (!errors.ok) return errors;
  return ok({
    intercept: fit.value.coefficients[0]!,
    lambda: fit.value.coefficients[1]!,
    standardError: errors.value[1]!,
  });
}

function varies(values: ArrayLike<number>): boolean {
  for (let at = 1; at < values.length; at += 1) if (values[at] !== values[0]) return true;
  return false;
}
