/**
 * Experiments that are looked at while they run, and with less noise.
 * Mixture sequential probability ratio test: Johari, Koomen, Pekelis and Walsh, "Always valid inference",
 * Operations Research 70 (2022), eq. (6). Controlled experiments with pre-experiment data: Deng, Xu, Kohavi
 * and Walker, "Improving the sensitivity of online controlled experiments", WSDM 2013.
 */
import { ok } from "../../kernel/result.ts";
import {
  allFinite,
  atLeast,
  finite,
  firstFailure,
  type ModelResult,
  positive,
  refusal,
  refused,
  sameLength,
} from "../numerics/failure.ts";

/**
 * ln of the likelihood ratio sqrt(v / (v + t2)) exp(t2 d^2 / (2 v (v + t2))): d the difference seen, v the
 * variance of its estimate, t2 the variance of the normal law that true differences are mixed over. O(1).
 * Failure codes: not_finite, out_of_range.
 */
export function mixtureLogRatio(
  difference: number,
  variance: number,
  mixing: number,
): ModelResult<number> {
  const wrong = firstFailure(
    finite("difference", difference),
    positive("variance", variance),
    positive("mixing", mixing),
  );
  if (wrong !== null) return refused(wrong);
  const both = variance + mixing;
  return ok(
    0.5 * Math.log(variance / both) + (mixing * difference * difference) / (2 * variance * both),
  );
}

/**
 * The p-value that may be looked at after every observation: the least 1 / ratio so far. It never rises, and
 * falls below alpha with a chance of at most alpha when there is no difference, whenever one stops. O(1).
 */
export function alwaysValid(pValueBefore: number, logRatio: number): number {
  return Math.min(pValueBefore, Math.exp(-logRatio), 1);
}

export interface Adjusted {
  /** theta = cov(y, x) / var(x). */
  readonly theta: number;
  /** y - theta (x - mean x): same mean as y. */
  readonly values: Float64Array;
  /** Variance of `values` over that of y: 1 - r^2. */
  readonly varianceRatio: number;
}

/**
 * Takes out of y what a covariate x, measured before the experiment, explains. Both arms must be adjusted
 * by one theta and one mean of x: pool them. O(n). Failure codes: wrong_shape, too_short (< 2), not_finite,
 * undefined (x or y never varies).
 */
export function adjustByCovariate(
  y: ArrayLike<number>,
  x: ArrayLike<number>,
): ModelResult<Adjusted> {
  const wrong = firstFailure(
    atLeast("y", y, 2),
    sameLength("x", x, "y", y),
    allFinite("y", y),
    allFinite("x", x),
  );
  if (wrong !== null) return refused(wrong);
  const count = y.length;
  let [meanX, meanY] = [0, 0];
  for (let at = 0; at < count; at += 1) {
    meanX += x[at]! / count;
    meanY += y[at]! / count;
  }
  let [xx, xy, yy] = [0, 0, 0];
  for (let at = 0; at < count; at += 1) {
    const [dx, dy] = [x[at]! - meanX, y[at]! - meanY];
    xx += dx * dx;
    xy += dx * dy;
    yy += dy * dy;
  }
  if (xx === 0 || yy === 0) {
    return refusal(
      "undefined",
      xx === 0 ? "x" : "y",
      "it never varies, so nothing of it can be explained",
      "leave the covariate out",
    );
  }
  const theta = xy / xx;
  const values = Float64Array.from({ length: count }, (_, at) => y[at]! - theta * (x[at]! - meanX));
  return ok({ theta, values, varianceRatio: 1 - (xy * xy) / (xx * yy) });
}
