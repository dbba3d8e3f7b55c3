import { allFinite, failure, type ModelResult, refused } from "../numerics/failure.ts";
import { sampleCheck, tailOf } from "./historical.ts";
import { normalRisk } from "./parametric.ts";

export interface RiskComponents {
  readonly total: number;
  /** Part of the total that each position carries; they sum to it. */
  readonly components: Float64Array;
  /** Change of the total for a unit more of each position. */
  readonly marginals: Float64Array;
}

/**
 * Normal value at risk z sqrt(w'Sw) split by Euler's theorem: marginal z (Sw)_i / sqrt(w'Sw), component w_i
 * times it (Tasche 1999; Jorion, "Value at risk", 2007, chapter 7). `measure` "expectedShortfall" splits that.
 * O(n^2). Failures: wrong_shape, not_finite, out_of_range (confidence), undefined (no variance).
 */
export function normalComponents(
  weights: Float64Array,
  covariance: Float64Array,
  confidence: number,
  measure: "valueAtRisk" | "expectedShortfall" = "valueAtRisk",
): ModelResult<RiskComponents> {
  const n = weights.length;
  if (covariance.length !== n * n || n === 0) {
    return refused(
      failure(
        "wrong_shape",
        `a covariance of ${covariance.length} numbers for ${n} positions`,
        `${n * n} are needed`,
        "give a square matrix over the positions",
      ),
    );
  }
  const wrong = allFinite("weights", weights) ?? allFinite("covariance", covariance);
  if (wrong !== null) return refused(wrong);
  const unit = normalRisk(confidence, 1);
  if (!unit.ok) return unit;
  const slopes = new Float64Array(n);
  let variance = 0;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) slopes[i]! += covariance[i * n + j]! * weights[j]!;
    variance += weights[i]! * slopes[i]!;
  }
  if (variance <= 0) {
    return refused(
      failure(
        "undefined",
        `the portfolio's variance is ${variance}`,
        "a portfolio without risk has no parts of it",
        "give positions with a positive variance",
      ),
    );
  }
  const deviation = Math.sqrt(variance);
  const total = unit.value[measure] * deviation;
  const marginals = slopes.map((slope) => (unit.value[measure] * slope) / deviation);
  const components = marginals.map((marginal, i) => marginal * weights[i]!);
  const overflow =
    allFinite("total", [total]) ??
    allFinite("marginals", marginals) ??
    allFinite("components", components);
  return overflow === null
    ? { ok: true, value: { total, marginals, components } }
    : refused(overflow);
}

/**
 * Expected shortfall of scenarios split over positions: the mean of each position's loss over the portfolio's
 * tail, weighted as the shortfall itself weighs it, so that parts sum to the whole exactly.
 * `losses` is row-major, scenarios x positions. O(s log s + s n). Failures: wrong_shape, empty,
 * not_finite, out_of_range.
 */
export function scenarioComponents(
  losses: Float64Array,
  positions: number,
  confidence: number,
): ModelResult<RiskComponents> {
  const s = losses.length / positions;
  if (!Number.isInteger(s) || positions < 1) {
    return refused(
      failure(
        "wrong_shape",
        `${losses.length} losses of ${positions} positions`,
        "every scenario has a loss of each position",
        "give scenarios x positions losses",
      ),
    );
  }
  const wrong = sampleCheck(losses, confidence);
  if (wrong !== null) return refused(wrong);
  const totals = new Float64Array(s);
  for (let row = 0; row < s; row += 1) {
    for (let i = 0; i < positions; i += 1) totals[row]! += losses[row * positions + i]!;
  }
  const order = Uint32Array.from(totals, (_, row) => row);
  order.sort((a, b) => totals[b]! - totals[a]!);
  const beyond = s * (1 - confidence);
  const components = new Float64Array(positions);
  for (let at = 0, left = beyond; left > 0 && at < s; at += 1, left -= 1) {
    const weight = Math.min(1, left) / beyond;
    for (let i = 0; i < positions; i += 1) {
      components[i]! += weight * losses[order[at]! * positions + i]!;
    }
  }
  const total = tailOf(Float64Array.from(totals).sort(), confidence).expectedShortfall;
  const overflow = allFinite("components", components) ?? allFinite("total", [total]);
  if (overflow !== null) return refused(overflow);
  return { ok: true, value: { total, components, marginals: Float64Array.from(components) } };
}
