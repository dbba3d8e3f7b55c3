/**
 * Stationary quotes in closed form after Guéant, Lehalle and Fernandez-Tapia, "Dealing with the inventory
 * risk", Mathematics and Financial Economics 7 (2013), in the general form of Guéant, "Optimal market
 * making", Applied Mathematical Finance 24 (2017), arXiv 1605.01862, eqs. (4.6) and (4.7): fills of `lot`
 * units, and a risk parameter xi for the fills that may differ from the gamma of the inventory. It puts a
 * Gaussian in the place of the ground state of the exact solution (gueant-lehalle-tapia-stationary.ts).
 */
import {
  failure,
  finite,
  firstFailure,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";
import {
  fillDamping,
  fillPremium,
  marketCheck,
  type MarketParameters,
  type PerPrice,
  type Price,
  type TwoSidedQuotes,
} from "./quotes.ts";

/** Signed, in units; a fill changes it by one lot. With a lot of 1 units and lots are the same. */
export type InventoryUnits = number;

export interface GueantLehalleTapiaParameters extends MarketParameters {
  /**
   * xi >= 0. Equal to gamma (the default) for constant absolute risk aversion; 0 for a risk-neutral dealer
   * who pays gamma sigma^2 q^2 / 2 per second for holding q.
   */
  readonly fillRiskAversion?: PerPrice;
  /** D > 0: units per fill; 1 by default. */
  readonly lot?: number;
  /** mu: mean move of the mid per second; 0 by default. Needs gamma sigma^2 > 0 when it is not 0. */
  readonly drift?: number;
  /** Move of the mid against the dealer at each of his fills, >= 0; 0 by default. Section 5.2 of the paper. */
  readonly fillImpact?: Price;
}

/** bid = base + slope (2 q + D) / 2 - tilt; ask = base - slope (2 q - D) / 2 + tilt. */
export interface GueantLehalleTapiaCoefficients {
  readonly base: Price;
  /** Price per unit of inventory. */
  readonly slope: number;
  readonly tilt: Price;
  readonly lot: number;
}

/** Codes: not_finite, out_of_range. O(1). */
export function gueantLehalleTapiaCoefficients(
  parameters: GueantLehalleTapiaParameters,
): ModelResult<GueantLehalleTapiaCoefficients> {
  const { riskAversion, volatility, arrivalRate, arrivalDecay } = parameters;
  const { fillRiskAversion = riskAversion, lot = 1, drift = 0, fillImpact = 0 } = parameters;
  const inventoryCost = riskAversion * volatility * volatility;
  const wrong = firstFailure(
    marketCheck(parameters),
    notNegative("fillRiskAversion", fillRiskAversion),
    positive("lot", lot),
    finite("drift", drift),
    notNegative("fillImpact", fillImpact),
    drift !== 0 && inventoryCost === 0
      ? failure(
          "out_of_range",
          `drift = ${drift} with riskAversion * volatility^2 = 0`,
          "nothing holds the inventory back, and no stationary quotes exist",
          "give riskAversion > 0 and volatility > 0",
        )
      : null,
  );
  if (wrong !== null) return refused(wrong);
  const risk = fillRiskAversion * lot;
  const slope =
    Math.sqrt(
      (inventoryCost / (2 * arrivalRate * lot * arrivalDecay)) * fillDamping(risk, arrivalDecay),
    ) * Math.exp((arrivalDecay * fillImpact) / 4);
  return {
    ok: true,
    value: {
      base: fillPremium(risk, arrivalDecay) + fillImpact / 2,
      slope,
      tilt: drift === 0 ? 0 : (drift / inventoryCost) * slope,
      lot,
    },
  };
}

/** Distances for an inventory of q units. Codes: not_finite, out_of_range. O(1). */
export function gueantLehalleTapiaQuotes(
  parameters: GueantLehalleTapiaParameters,
  inventory: InventoryUnits,
): ModelResult<TwoSidedQuotes> {
  const coefficients = gueantLehalleTapiaCoefficients(parameters);
  if (!coefficients.ok) return coefficients;
  const wrong = finite("inventory", inventory);
  if (wrong !== null) return refused(wrong);
  const into = new Float64Array(2);
  writeGueantLehalleTapiaQuotes(coefficients.value, inventory, into);
  return { ok: true, value: { bid: into[0]!, ask: into[1]! } };
}

/** The same for a finite inventory: into[0] = bid, into[1] = ask. Allocates nothing. */
export function writeGueantLehalleTapiaQuotes(
  { base, slope, tilt, lot }: GueantLehalleTapiaCoefficients,
  inventory: InventoryUnits,
  into: Float64Array,
): void {
  into[0] = base + slope * (inventory + lot / 2) - tilt;
  into[1] = base - slope * (inventory - lot / 2) + tilt;
}

/** The form that practitioners tune: bid = mid - skew q - halfSpread, ask = mid - skew q + halfSpread. */
export interface HalfSpreadAndSkew {
  /** c1 = ln(1 + xi D / k) / (xi D). */
  readonly c1: Price;
  /** c2 = sqrt(gamma / (2 A D k) (1 + xi D / k)^(k / (xi D) + 1)), so that skew = sigma c2. */
  readonly c2: number;
  readonly halfSpread: Price;
  /** Price per unit of inventory. */
  readonly skew: number;
}

/**
 * The notation of the hftbacktest project (its GLFT example); the same quotes as above without drift and
 * impact. Codes: not_finite, out_of_range. O(1).
 */
export function halfSpreadAndSkew(
  parameters: Omit<GueantLehalleTapiaParameters, "drift" | "fillImpact">,
): ModelResult<HalfSpreadAndSkew> {
  const { volatility } = parameters;
  const unit = gueantLehalleTapiaCoefficients({
    ...parameters,
    volatility: 1,
    drift: 0,
    fillImpact: 0,
  });
  if (!unit.ok) return unit;
  const wrong = marketCheck(parameters);
  if (wrong !== null) return refused(wrong);
  const { base: c1, slope: c2, lot } = unit.value;
  const skew = volatility * c2;
  return { ok: true, value: { c1, c2, halfSpread: c1 + (lot / 2) * skew, skew } };
}
