import {
  allPositive,
  failure,
  finite,
  firstFailure,
  type ModelResult,
  notEmpty,
  notNegative,
  refused,
  sameLength,
  strictlySorted,
} from "../numerics/failure.ts";

/** Days, of the Basel Committee's market risk standard (chapter MAR33). */
export const baselHorizons: readonly number[] = [10, 20, 40, 60, 120];

/**
 * Expected shortfall over liquidity horizons (Basel Committee, "Minimum capital requirements for market risk", 2019, chapter MAR33):
 * sqrt(sum over j of (ES_j sqrt((LH_j - LH_(j-1)) / LH_1))^2), LH_0 = 0. `shortfalls[j]` is that of the whole
 * portfolio over the first horizon when only the risk factors whose own horizon is at least `horizons[j]` move, so
 * the first is that of all. O(horizons). Failures: empty, wrong_shape, unsorted, out_of_range, not_finite.
 */
export function liquidityShortfall(
  shortfalls: readonly number[],
  horizons: readonly number[] = baselHorizons,
): ModelResult<number> {
  const wrong = firstFailure(
    notEmpty("shortfalls", shortfalls),
    sameLength("shortfalls", shortfalls, "horizons", horizons),
    allPositive("horizons", horizons),
    strictlySorted("horizons", horizons),
    ...shortfalls.map((value, j) => notNegative(`shortfalls[${j}]`, value)),
  );
  if (wrong !== null) return refused(wrong);
  const base = horizons[0]!;
  let sum = 0;
  for (const [j, shortfall] of shortfalls.entries()) {
    sum += shortfall ** 2 * ((horizons[j]! - (j === 0 ? 0 : horizons[j - 1]!)) / base);
  }
  const overflow = finite("the shortfall", sum);
  return overflow === null ? { ok: true, value: Math.sqrt(sum) } : refused(overflow);
}

/**
 * The stressed shortfall of a full set of factors from a reduced one with a long history: ES_(reduced, stressed)
 * times max(1, ES_(full, now) / ES_(reduced, now)) (the same chapter). Failures: out_of_range, not_finite, undefined
 * (a reduced set that explains less than three quarters of the full one, which the standard does not accept).
 */
export function stressedShortfall(
  reducedStressed: number,
  fullNow: number,
  reducedNow: number,
): ModelResult<number> {
  const wrong = firstFailure(
    notNegative("reducedStressed", reducedStressed),
    notNegative("fullNow", fullNow),
    notNegative("reducedNow", reducedNow),
  );
  if (wrong !== null) return refused(wrong);
  if (reducedNow < 0.75 * fullNow || reducedNow === 0) {
    return refused(
      failure(
        "undefined",
        `a reduced shortfall of ${reducedNow} beside a full one of ${fullNow}`,
        "the reduced factors must explain at least 75 %",
        "add factors to the reduced set",
      ),
    );
  }
  const value = reducedStressed * Math.max(1, fullNow / reducedNow);
  const overflow = finite("the shortfall", value);
  return overflow === null ? { ok: true, value } : refused(overflow);
}
