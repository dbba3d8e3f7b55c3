import {
  between,
  finite,
  firstFailure,
  type ModelResult,
  notNegative,
  refused,
} from "../numerics/failure.ts";
import { studentDensity, studentQuantile } from "../numerics/incomplete-functions.ts";
import { normalDensity, normalQuantile } from "../numerics/special-functions.ts";
import type { TailRisk } from "./historical.ts";

/**
 * Normal losses of `mean` and standard deviation `deviation`: VaR = mean + z deviation, ES = mean +
 * phi(z) / (1 - c) deviation (McNeil, Frey & Embrechts, "Quantitative risk management", 2015, examples 2.11
 * and 2.14). O(1). Failures: not_finite, out_of_range.
 */
export function normalRisk(confidence: number, deviation: number, mean = 0): ModelResult<TailRisk> {
  const wrong = firstFailure(
    between("confidence", confidence, 0, 1),
    notNegative("deviation", deviation),
    finite("mean", mean),
  );
  if (wrong !== null) return refused(wrong);
  const quantile = normalQuantile(confidence);
  return answered({
    valueAtRisk: mean + quantile * deviation,
    expectedShortfall: mean + (normalDensity(quantile) / (1 - confidence)) * deviation,
  });
}

/**
 * Student t losses with `degrees` > 2 of freedom, scaled so that `deviation` is their standard deviation:
 * ES of the unscaled t is f(q) (nu + q^2) / ((nu - 1)(1 - c)) (the same, example 2.15). O(1). Failures: as above.
 */
export function studentRisk(
  confidence: number,
  degrees: number,
  deviation: number,
  mean = 0,
): ModelResult<TailRisk> {
  const wrong = firstFailure(
    between("confidence", confidence, 0, 1),
    between("degrees", degrees, 2, Infinity),
    notNegative("deviation", deviation),
    finite("mean", mean),
  );
  if (wrong !== null) return refused(wrong);
  const scale = deviation * Math.sqrt((degrees - 2) / degrees);
  const quantile = studentQuantile(confidence, degrees);
  const tail =
    (studentDensity(quantile, degrees) * (degrees + quantile ** 2)) /
    ((degrees - 1) * (1 - confidence));
  return answered({
    valueAtRisk: mean + quantile * scale,
    expectedShortfall: mean + tail * scale,
  });
}

/** A deviation near the largest number has a risk beyond it. */
function answered(risk: TailRisk): ModelResult<TailRisk> {
  const overflow =
    finite("the value at risk", risk.valueAtRisk) ??
    finite("the expected shortfall", risk.expectedShortfall);
  return overflow === null ? { ok: true, value: risk } : refused(overflow);
}
