import { ok } from "../../kernel/result.ts";
import { bipowerVariation, realisedVariance } from "../microstructure/realised-measures.ts";
import {
  allFinite,
  atLeast,
  between,
  type Check,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
} from "../numerics/failure.ts";
import { finiteResult } from "../numerics/finite-result.ts";
import { gamma, normalCdf } from "../numerics/special-functions.ts";

/** mu_(4/3) = E|Z|^(4/3) of a standard normal: 2^(2/3) Gamma(7/6) / Gamma(1/2). */
export const FOUR_THIRDS_MOMENT = (2 ** (2 / 3) * gamma(7 / 6)) / gamma(0.5);
/** E|Z| of a standard normal. */
const ABSOLUTE_MOMENT = Math.sqrt(2 / Math.PI);

export interface JumpTest {
  readonly realisedVariance: number;
  /** With the factor n / (n - 1): without it the test rejects 5.8 % at a nominal 5 %. */
  readonly bipowerVariation: number;
  /** (RV - BV) / RV: the share of jumps in the variance; negative by chance. */
  readonly jumpShare: number;
  /** Standard normal without jumps; large with them. */
  readonly statistic: number;
  /** P(a standard normal exceeds the statistic). */
  readonly pValue: number;
}

/**
 * Did the price jump within the sample? The ratio test of Barndorff-Nielsen and Shephard (Journal of
 * Financial Econometrics 4, 2006) in the form of Huang and Tauchen (2005):
 *   z = (1 - BV / RV) / sqrt((pi^2 / 4 + pi - 5) / n max(1, TQ / BV^2)),
 * TQ = n mu_(4/3)^-3 sum (|r_i||r_(i-1)||r_(i-2)|)^(4/3). Returns of equal periods, in time order. O(n).
 * Refuses with `undefined` when the bipower variation is 0.
 */
export function jumpTest(returns: ArrayLike<number>): ModelResult<JumpTest> {
  const wrong = firstFailure(atLeast("returns", returns, 3), allFinite("returns", returns));
  if (wrong !== null) return refused(wrong);
  const n = returns.length;
  const rv = realisedVariance(returns);
  const bv = bipowerVariation(returns, { finiteSample: true });
  if (!rv.ok) return rv;
  if (!bv.ok) return bv;
  if (!(bv.value > 0)) return refused(noMovement("the bipower variation is 0"));
  let triple = 0;
  for (let i = 2; i < n; i += 1) {
    triple += Math.cbrt(Math.abs(returns[i]! * returns[i - 1]! * returns[i - 2]!)) ** 4;
  }
  const quarticity = (n * triple) / FOUR_THIRDS_MOMENT ** 3;
  const jumpShare = 1 - bv.value / rv.value;
  const spread = (Math.PI ** 2 / 4 + Math.PI - 5) / n;
  const statistic = jumpShare / Math.sqrt(spread * Math.max(1, quarticity / bv.value ** 2));
  const finite = finiteResult("statistic", statistic);
  if (!finite.ok) return finite;
  return ok({
    realisedVariance: rv.value,
    bipowerVariation: bv.value,
    jumpShare,
    statistic,
    pValue: normalCdf(-statistic),
  });
}

export interface JumpThreshold {
  /** C_n: where the largest of n statistics centres. */
  readonly centre: number;
  /** S_n: its scale. */
  readonly scale: number;
}

/** C_n and S_n of Lee and Mykland (2008), Lemma 1, for n >= 2 returns. */
export function leeMyklandConstants(n: number): JumpThreshold {
  const root = Math.sqrt(2 * Math.log(n));
  return {
    centre:
      root / ABSOLUTE_MOMENT -
      (Math.log(Math.PI) + Math.log(Math.log(n))) / (2 * ABSOLUTE_MOMENT * root),
    scale: 1 / (ABSOLUTE_MOMENT * root),
  };
}

/** -ln(-ln(1 - level)): the quantile of the standard Gumbel distribution. */
export const gumbelThreshold = (level: number): number => -Math.log(-Math.log1p(-level));

/** K of Lee and Mykland by sampling interval. Unverified source values. */
export const LEE_MYKLAND_WINDOWS = {
  daily: 16,
  hourly: 78,
  thirtyMinutes: 110,
  fifteenMinutes: 156,
  fiveMinutes: 270,
} as const;

export interface LeeMyklandJump {
  /** Index of the return in which the jump lies. */
  readonly index: number;
  /** The return over the local volatility; its sign is the jump's. */
  readonly statistic: number;
}

export interface LeeMyklandOptions {
  /** K: the volatility is taken from the K - 1 returns before; >= 3. */
  readonly window: number;
  /** Chance that a sample without jumps shows any, in (0, 1); default 1 %. */
  readonly level?: number;
}

/**
 * Which returns contain a jump? Lee and Mykland, Review of Financial Studies 21 (2008): L_i = r_i over
 * the root of sum |r_j||r_(j-1)| / (K - 2) over the K - 1 returns before it; a jump where
 * (|L_i| - C_n) / S_n exceeds the Gumbel quantile. The local variance is without the pi / 2 of a
 * bipower variation: C_n and S_n carry that constant. A small K rejects too often (1.2 % at 156 of a
 * nominal 1 %, 2.8 % at 78). The first K - 1 returns are not tested. O(n). Refuses with `undefined`
 * where the local volatility is 0.
 */
export function leeMyklandJumps(
  returns: ArrayLike<number>,
  { window, level = 0.01 }: LeeMyklandOptions,
): ModelResult<readonly LeeMyklandJump[]> {
  const wrong: Check = firstFailure(
    integerWithin("window", window, 3, 2 ** 31),
    between("level", level, 0, 1),
    atLeast("returns", returns, window),
    allFinite("returns", returns),
  );
  if (wrong !== null) return refused(wrong);
  const n = returns.length;
  const { centre, scale } = leeMyklandConstants(n);
  const threshold = centre + scale * gumbelThreshold(level);
  const product = (j: number): number => Math.abs(returns[j]! * returns[j - 1]!);
  const jumps: LeeMyklandJump[] = [];
  let sum = 0;
  for (let i = window - 1; i < n; i += 1) {
    if (i % window === window - 1) {
      // Summed anew once a window: rounding left by a large return that went out must not stay.
      sum = 0;
      for (let j = i - window + 2; j < i; j += 1) sum += product(j);
    } else {
      sum += product(i - 1) - product(i - window + 1);
    }
    if (!(sum > 0 && sum < Infinity)) {
      const finite = finiteResult("sum of |r_j||r_(j-1)|", sum);
      return finite.ok
        ? refused(noMovement(`the ${window - 1} returns before index ${i} are 0`))
        : finite;
    }
    const statistic = returns[i]! / Math.sqrt(sum / (window - 2));
    if (Math.abs(statistic) > threshold) {
      const finite = finiteResult("statistic", statistic);
      if (!finite.ok) return finite;
      jumps.push({ index: i, statistic });
    }
  }
  return ok(jumps);
}

const noMovement = (what: string) =>
  failure(
    "undefined",
    what,
    "without movement there is no volatility to measure a jump against",
    "drop periods without trades",
  );
