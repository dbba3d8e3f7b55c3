import type { Randomness } from "../../kernel/ports/randomness.ts";
import {
  allPositive,
  between,
  type Check,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
  sameLength,
} from "../numerics/failure.ts";
import { historicalRisk, sampleCheck, type TailRisk } from "./historical.ts";

function inputsCheck(
  losses: Float64Array,
  deviations: Float64Array,
  forecast: number,
  confidence: number,
): Check {
  return firstFailure(
    sampleCheck(losses, confidence),
    sameLength("losses", losses, "deviations", deviations),
    allPositive("deviations", deviations),
    positive("forecast", forecast),
  );
}

/**
 * Filtered historical simulation over one period (Barone-Adesi, Giannopoulos & Vosper, J. Futures Markets 19,
 * 1999): each loss is divided by the deviation that was forecast for it and multiplied by the forecast for
 * the next period. With one constant deviation it is the historical risk exactly. O(n log n). Failures:
 * those of historicalRisk, wrong_shape, out_of_range (a deviation that is not positive).
 */
export function filteredRisk(
  losses: Float64Array,
  deviations: Float64Array,
  forecast: number,
  confidence: number,
): ModelResult<TailRisk> {
  const wrong = inputsCheck(losses, deviations, forecast, confidence);
  if (wrong !== null) return refused(wrong);
  return historicalRisk(
    losses.map((loss, index) => loss * (forecast / deviations[index]!)),
    confidence,
  );
}

/** h' = w + a e^2 + b h, the recursion of GARCH(1,1); a + b may be 1. */
export interface VarianceRecursion {
  readonly w: number;
  readonly a: number;
  readonly b: number;
}

/**
 * The same over `horizon` periods: `count` paths of standardised losses drawn with replacement, each period's
 * loss feeding the variance of the next. The answer is the risk of the summed losses. O(count horizon).
 * Failures: as above.
 */
export function filteredHorizonRisk(
  losses: Float64Array,
  deviations: Float64Array,
  forecast: number,
  confidence: number,
  recursion: VarianceRecursion,
  paths: { readonly horizon: number; readonly count: number; readonly random: Randomness },
): ModelResult<TailRisk> {
  const wrong = firstFailure(
    inputsCheck(losses, deviations, forecast, confidence),
    notNegative("w", recursion.w),
    between("a + b", recursion.a + recursion.b, -Number.EPSILON, 1 + 1e-12),
    notNegative("a", recursion.a),
    notNegative("b", recursion.b),
    integerWithin("horizon", paths.horizon, 1, 10_000),
    integerWithin("count", paths.count, 1, 100_000_000),
  );
  if (wrong !== null) return refused(wrong);
  const standardised = losses.map((loss, index) => loss / deviations[index]!);
  const sums = new Float64Array(paths.count);
  for (let path = 0; path < sums.length; path += 1) {
    let variance = forecast * forecast;
    let sum = 0;
    for (let period = 0; period < paths.horizon; period += 1) {
      const drawn = standardised[paths.random.below(standardised.length)]!;
      const loss = Math.sqrt(variance) * drawn;
      sum += loss;
      variance = recursion.w + recursion.a * loss * loss + recursion.b * variance;
    }
    sums[path] = sum;
  }
  return historicalRisk(sums, confidence);
}
