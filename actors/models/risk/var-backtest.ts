import {
  between,
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  notEmpty,
  refused,
} from "../numerics/failure.ts";
import { betaI, chiSquareQuantile, chiSquareSurvival } from "../numerics/incomplete-functions.ts";

/** A likelihood ratio and the chance of a larger one if the model is right. */
export interface RatioTest {
  readonly statistic: number;
  readonly pValue: number;
}

/** k ln x with 0 ln 0 = 0. */
const times = (count: number, share: number): number => (count === 0 ? 0 : count * Math.log(share));

function countsCheck(periods: number, exceptions: number, probability: number): Check {
  return firstFailure(
    integerWithin("periods", periods, 1, Number.MAX_SAFE_INTEGER),
    integerWithin("exceptions", exceptions, 0, periods),
    between("probability", probability, 0, 1),
  );
}

/**
 * Unconditional coverage: are `exceptions` losses beyond VaR among `periods` what `probability` = 1 -
 * confidence promises? -2 ln[(1 - p)^(T - N) p^N / ((1 - f)^(T - N) f^N)], f = N / T, chi-square with one degree
 * of freedom (Kupiec, J. Derivatives 3, 1995). O(1). Failures: out_of_range, not_finite.
 */
export function kupiecTest(
  periods: number,
  exceptions: number,
  probability: number,
): ModelResult<RatioTest> {
  const wrong = countsCheck(periods, exceptions, probability);
  if (wrong !== null) return refused(wrong);
  const f = exceptions / periods;
  const kept = periods - exceptions;
  const statistic =
    -2 *
    (kept * Math.log1p(-probability) +
      times(exceptions, probability) -
      times(kept, 1 - f) -
      times(exceptions, f));
  return { ok: true, value: ratio(statistic, 1) };
}

/** Rounding can leave a ratio just below 0. */
function ratio(statistic: number, degrees: number): RatioTest {
  const value = Math.max(0, statistic);
  return { statistic: value, pValue: chiSquareSurvival(value, degrees) };
}

/**
 * Fewest and most exceptions that the test does not reject at `level`. O(log T). Failures: as above;
 * undefined when every count is rejected.
 */
export function kupiecRegion(
  periods: number,
  probability: number,
  level = 0.05,
): ModelResult<{ readonly fewest: number; readonly most: number }> {
  const wrong = countsCheck(periods, 0, probability) ?? between("level", level, 0, 1);
  if (wrong !== null) return refused(wrong);
  const critical = chiSquareQuantile(1 - level, 1);
  const accepted = (exceptions: number): boolean => {
    const result = kupiecTest(periods, exceptions, probability);
    return result.ok && result.value.statistic < critical;
  };
  // The statistic falls to 0 at p T and rises beyond it.
  const centre = [Math.floor(probability * periods), Math.ceil(probability * periods)].find(
    accepted,
  );
  if (centre === undefined) {
    return refused(
      failure(
        "undefined",
        `no number of exceptions in ${periods} periods is accepted`,
        "so few periods cannot support the probability",
        "observe longer",
      ),
    );
  }
  const edge = (from: number, to: number): number => {
    let [inside, outside] = [from, to];
    if (accepted(outside)) return outside;
    while (Math.abs(outside - inside) > 1) {
      const middle = Math.trunc((inside + outside) / 2);
      if (accepted(middle)) inside = middle;
      else outside = middle;
    }
    return inside;
  };
  return { ok: true, value: { fewest: edge(centre, 0), most: edge(centre, periods) } };
}

export interface ConditionalCoverage {
  readonly unconditional: RatioTest;
  readonly independence: RatioTest;
  /** Their sum, chi-square with two degrees of freedom. */
  readonly conditional: RatioTest;
  /** n_ij: periods with outcome j after one with outcome i, 1 an exception; n00, n01, n10, n11. */
  readonly transitions: readonly [number, number, number, number];
}

/**
 * Do exceptions cluster? The independence test of Christoffersen, Int. Economic Review 39 (1998), equation 8: a
 * first-order Markov chain against one probability, over the n - 1 transitions; with coverage over all n
 * outcomes. `exceptions[t]` is 0 or 1. O(n). Failures: empty, too_short (one period), out_of_range.
 */
export function christoffersenTest(
  exceptions: Uint8Array,
  probability: number,
): ModelResult<ConditionalCoverage> {
  const empty = notEmpty("exceptions", exceptions);
  if (empty !== null) return refused(empty);
  if (exceptions.length < 2) {
    return refused(
      failure("too_short", "one period", "independence needs a transition", "observe longer"),
    );
  }
  const counts: [number, number, number, number] = [0, 0, 0, 0];
  let hits = 0;
  for (const [index, hit] of exceptions.entries()) {
    const wrong = integerWithin(`exceptions[${index}]`, hit, 0, 1);
    if (wrong !== null) return refused(wrong);
    hits += hit;
    if (index > 0) counts[2 * exceptions[index - 1]! + hit]! += 1;
  }
  const coverage = kupiecTest(exceptions.length, hits, probability);
  if (!coverage.ok) return coverage;
  const [n00, n01, n10, n11] = counts;
  const all = (n01 + n11) / (n00 + n01 + n10 + n11);
  const after0 = n01 / Math.max(1, n00 + n01);
  const after1 = n11 / Math.max(1, n10 + n11);
  const independent = times(n00 + n10, 1 - all) + times(n01 + n11, all);
  const markov =
    times(n00, 1 - after0) + times(n01, after0) + times(n10, 1 - after1) + times(n11, after1);
  const independence = ratio(-2 * (independent - markov), 1);
  return {
    ok: true,
    value: {
      unconditional: coverage.value,
      independence,
      conditional: ratio(coverage.value.statistic + independence.statistic, 2),
      transitions: counts,
    },
  };
}

export type TrafficLight = "green" | "yellow" | "red";

/**
 * The zones of the Basel Committee ("Supervisory framework for the use of backtesting", 1996): yellow from the
 * number of exceptions whose cumulative binomial chance reaches 95 %, red from 99.99 %. At 250 periods and 1 %
 * yellow begins at 5 and red at 10. O(1). Failures: as kupiecTest.
 */
export function trafficLight(
  periods: number,
  exceptions: number,
  probability: number,
): ModelResult<TrafficLight> {
  const wrong = countsCheck(periods, exceptions, probability);
  if (wrong !== null) return refused(wrong);
  // P(X <= N) = 1 - I_p(N + 1, T - N).
  const cumulative =
    exceptions === periods ? 1 : 1 - betaI(exceptions + 1, periods - exceptions, probability);
  if (cumulative < 0.95) return { ok: true, value: "green" };
  return { ok: true, value: cumulative < 0.9999 ? "yellow" : "red" };
}
