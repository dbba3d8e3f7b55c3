/**
 * Market making in several correlated assets: Guéant, "Optimal market making", Applied Mathematical Finance 24
 * (2017), and the closed form of Bergault, Evangelista, Guéant and Vieira, "Closed-form approximations in
 * multi-asset market making", arXiv 1810.04383. The value is taken as theta(q) = -q' M q - const, each asset's
 * Hamiltonian as its second-order Taylor polynomial at 0, which gives
 *
 *   dM/dt = 4 M Dg M - gamma Sigma / 2,   Dg = diag(D_i A_i k_i C_i),   C_i = (1 + xi D_i/k_i)^-(k_i/(xi D_i) + 1)
 *
 * and, far from the horizon, M = Dg^-1/2 (Dg^1/2 (gamma Sigma / 8) Dg^1/2)^1/2 Dg^-1/2. Inventories are in units
 * (multiples of the lot D_i). An approximation: within 3e-4 of the exact two-asset solution at the parameters of
 * the tests, and equal to the single-asset closed form for one asset or for uncorrelated ones.
 */
import {
  allFinite,
  allPositive,
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  notEmpty,
  notNegative,
  refused,
  sameLength,
  type Check,
} from "../numerics/failure.ts";
import { Matrix, squareRoot, symmetricCheck, symmetricEigen } from "../numerics/linear-algebra.ts";
import { integrate } from "../numerics/ordinary-differential.ts";
import { fillDamping, fillPremium, type PerPrice, type Price, type Seconds } from "./quotes.ts";

export interface MultiAssetParameters {
  /** gamma >= 0. */
  readonly riskAversion: PerPrice;
  /** xi >= 0; gamma by default. */
  readonly fillRiskAversion?: PerPrice;
  /** Sigma: covariance of the mids' moves, price^2 per second; symmetric positive semidefinite, d x d. */
  readonly covariance: Matrix;
  /** A_i > 0, per second. */
  readonly arrivalRates: readonly number[];
  /** k_i > 0, per price. */
  readonly arrivalDecays: readonly number[];
  /** D_i > 0, units per fill; all 1 by default. */
  readonly lots?: readonly number[];
}

/** What quotes are made of: bid_i = c_i + 2 (M q)_i + D_i M_ii, ask_i = c_i - 2 (M q)_i + D_i M_ii. */
export interface MultiAssetValue {
  readonly assets: number;
  /** M, row by row, price per unit^2. */
  readonly curvature: Float64Array;
  /** c_i = ln(1 + xi D_i / k_i) / (xi D_i). */
  readonly premiums: Float64Array;
  readonly lots: Float64Array;
}

export const MAX_ASSETS = 500;

function parametersCheck(parameters: MultiAssetParameters, lots: readonly number[]): Check {
  const { covariance, arrivalRates, arrivalDecays } = parameters;
  return (
    firstFailure(
      notNegative("riskAversion", parameters.riskAversion),
      notNegative("fillRiskAversion", parameters.fillRiskAversion ?? 0),
      notEmpty("arrivalRates", arrivalRates),
      integerWithin("assets", arrivalRates.length, 1, MAX_ASSETS),
      sameLength("arrivalDecays", arrivalDecays, "arrivalRates", arrivalRates),
      sameLength("lots", lots, "arrivalRates", arrivalRates),
      allPositive("arrivalRates", arrivalRates),
      allPositive("arrivalDecays", arrivalDecays),
      allPositive("lots", lots),
    ) ??
    (covariance.rows === arrivalRates.length
      ? null
      : failure(
          "wrong_shape",
          `a covariance of ${covariance.rows} assets for ${arrivalRates.length} arrival rates`,
          "they must agree",
          "give one row for each asset",
        )) ??
    symmetricCheck("covariance", covariance)
  );
}

interface Coefficients {
  readonly lots: readonly number[];
  readonly premiums: Float64Array;
  /** D_i A_i k_i C_i. */
  readonly flows: Float64Array;
}

function coefficientsOf(parameters: MultiAssetParameters): ModelResult<Coefficients> {
  const { arrivalRates, arrivalDecays, riskAversion } = parameters;
  const { fillRiskAversion = riskAversion, lots = arrivalRates.map(() => 1) } = parameters;
  const wrong = parametersCheck(parameters, lots);
  if (wrong !== null) return refused(wrong);
  const premiums = new Float64Array(lots.length);
  const flows = new Float64Array(lots.length);
  for (const [i, lot] of lots.entries()) {
    const risk = fillRiskAversion * lot;
    const decay = arrivalDecays[i]!;
    premiums[i] = fillPremium(risk, decay);
    flows[i] = (lot * arrivalRates[i]! * decay) / fillDamping(risk, decay);
  }
  return { ok: true, value: { lots, premiums, flows } };
}

/** Quotes far from the horizon. Codes: not_finite, out_of_range, wrong_shape, not_positive_definite. O(d^3). */
export function stationaryMultiAsset(
  parameters: MultiAssetParameters,
): ModelResult<MultiAssetValue> {
  const coefficients = coefficientsOf(parameters);
  if (!coefficients.ok) return coefficients;
  const { lots, premiums, flows } = coefficients.value;
  const assets = lots.length;
  const scaled = Matrix.zeros(assets, assets);
  for (let i = 0; i < assets; i += 1) {
    for (let j = 0; j < assets; j += 1) {
      const weight = Math.sqrt(flows[i]! * flows[j]!);
      const covariance = (parameters.covariance.get(i, j) + parameters.covariance.get(j, i)) / 2;
      scaled.set(i, j, (parameters.riskAversion / 8) * covariance * weight);
    }
  }
  const root = squareRoot("covariance", scaled);
  if (!root.ok) return root;
  const curvature = new Float64Array(assets * assets);
  for (let i = 0; i < assets; i += 1) {
    for (let j = 0; j < assets; j += 1) {
      curvature[i * assets + j] = root.value.get(i, j) / Math.sqrt(flows[i]! * flows[j]!);
    }
  }
  return {
    ok: true,
    value: { assets, curvature, premiums, lots: Float64Array.from(lots) },
  };
}

/**
 * Quotes with `timeLeft` to a horizon at which inventory is worth the mid less q' P q (P: `terminalPenalty`, the
 * zero matrix by default): the Riccati equation by Runge–Kutta in `steps` steps. Codes: as above, and
 * not_converged (more steps are needed). O(steps * d^3).
 */
export function multiAssetAt(
  parameters: MultiAssetParameters,
  timeLeft: Seconds,
  steps: number,
  terminalPenalty?: Matrix,
): ModelResult<MultiAssetValue> {
  const coefficients = coefficientsOf(parameters);
  if (!coefficients.ok) return coefficients;
  const { lots, premiums, flows } = coefficients.value;
  const assets = lots.length;
  const wrong =
    notNegative("timeLeft", timeLeft) ??
    (terminalPenalty === undefined ? null : terminalCheck(terminalPenalty, assets));
  if (wrong !== null) return refused(wrong);
  const start = new Float64Array(assets * assets);
  const risk = new Float64Array(assets * assets);
  for (let i = 0; i < assets; i += 1) {
    for (let j = 0; j < assets; j += 1) {
      start[i * assets + j] = terminalPenalty?.get(i, j) ?? 0;
      risk[i * assets + j] = (parameters.riskAversion / 2) * parameters.covariance.get(i, j);
    }
  }
  const solved = integrate(
    (_, m, slope) => {
      for (let i = 0; i < assets; i += 1) {
        for (let j = 0; j < assets; j += 1) {
          let product = 0;
          for (let l = 0; l < assets; l += 1) {
            product += m[i * assets + l]! * flows[l]! * m[l * assets + j]!;
          }
          slope[i * assets + j] = risk[i * assets + j]! - 4 * product;
        }
      }
    },
    start,
    0,
    timeLeft,
    steps,
  );
  if (!solved.ok) return solved;
  return {
    ok: true,
    value: { assets, curvature: solved.value, premiums, lots: Float64Array.from(lots) },
  };
}

function terminalCheck(penalty: Matrix, assets: number): Check {
  return penalty.rows === assets
    ? symmetricCheck("terminalPenalty", penalty)
    : failure(
        "wrong_shape",
        `a terminal penalty of ${penalty.rows} assets for ${assets}`,
        "they must agree",
        "give one row for each asset",
      );
}

export interface MultiAssetQuotes {
  /** Distances below each mid. */
  readonly bids: Float64Array;
  /** Distances above each mid. */
  readonly asks: Float64Array;
}

/** Quotes of all assets for inventories in units. Codes: wrong_shape, not_finite. O(d^2). */
export function multiAssetQuotes(
  value: MultiAssetValue,
  inventories: ArrayLike<number>,
): ModelResult<MultiAssetQuotes> {
  const wrong = firstFailure(
    sameLength("inventories", inventories, "assets", value.lots),
    allFinite("inventories", inventories),
  );
  if (wrong !== null) return refused(wrong);
  const bids = new Float64Array(value.assets);
  const asks = new Float64Array(value.assets);
  writeMultiAssetQuotes(value, Float64Array.from(inventories), bids, asks);
  return { ok: true, value: { bids, asks } };
}

/** The same into the caller's arrays, arguments checked before. Allocates nothing. O(d^2). */
export function writeMultiAssetQuotes(
  { assets, curvature, premiums, lots }: MultiAssetValue,
  inventories: Float64Array,
  bids: Float64Array,
  asks: Float64Array,
): void {
  for (let i = 0; i < assets; i += 1) {
    const lean = 2 * marginal(curvature, assets, inventories, i);
    const width = premiums[i]! + lots[i]! * curvature[i * assets + i]!;
    bids[i] = width + lean;
    asks[i] = width - lean;
  }
}

/** (M q)_i. */
function marginal(
  curvature: Float64Array,
  assets: number,
  inventories: Float64Array,
  asset: number,
): number {
  let sum = 0;
  for (let j = 0; j < assets; j += 1) sum += curvature[asset * assets + j]! * inventories[j]!;
  return sum;
}

/**
 * Standard deviation of the inventory, in units, along the direction in which these quotes let it wander furthest:
 * (4 k m)^(-1/2) with m the smallest eigenvalue of M and k the smallest decay. Own derivation: with quotes linear in
 * q and one k the fills leave the law exp(-2 k q' M q), a Gaussian of covariance M^-1 / (4 k), exactly so for one
 * asset; with several k it bounds the deviation. Bounds for an exact solution, or limits, should leave four of
 * them (project choice). Codes: wrong_shape, undefined (no risk aversion), those of the checks. O(d^3).
 */
export function inventoryDeviation(
  { assets, curvature }: MultiAssetValue,
  arrivalDecays: readonly number[],
): ModelResult<number> {
  const wrong = firstFailure(
    integerWithin("arrivalDecays", arrivalDecays.length, assets, assets),
    allPositive("arrivalDecays", arrivalDecays),
  );
  if (wrong !== null) return refused(wrong);
  const matrix = Matrix.zeros(assets, assets);
  for (let i = 0; i < assets; i += 1) {
    for (let j = 0; j < assets; j += 1) matrix.set(i, j, curvature[i * assets + j]!);
  }
  const eigen = symmetricEigen("M", matrix);
  if (!eigen.ok) return eigen;
  const smallest = eigen.value.values[0]!;
  if (!(smallest > 0)) {
    return refused(
      failure(
        "undefined",
        `M has the eigenvalue ${smallest}`,
        "nothing holds the inventory back in that direction",
        "give riskAversion > 0 and a positive definite covariance",
      ),
    );
  }
  return { ok: true, value: 1 / Math.sqrt(4 * Math.min(...arrivalDecays) * smallest) };
}

/**
 * Whether a covariance that is estimated as time goes (an EWMA, DCC) has moved so far from the one that M was built
 * with that M must be built anew: Frobenius norm of the difference over that of the built one. 5 % by default
 * (project choice, as for the volatility of one asset). The matrices are of one shape.
 */
export function covarianceMoved(built: Matrix, current: Matrix, tolerance = 0.05): boolean {
  return Matrix.sub(current, built).norm("frobenius") > tolerance * built.norm("frobenius");
}

/** What one lot of an asset costs to trade at once, per unit. */
export interface HedgeCost {
  readonly halfSpread: Price;
  readonly fee: Price;
}

export interface Hedge {
  readonly asset: number;
  /** Signed units: one lot, positive to buy. */
  readonly quantity: number;
  /** What the hedge adds to the value, its cost taken off; > 0, in price times units. */
  readonly gain: number;
}

/**
 * The market order of one lot that adds most to the value, or null inside the no-trade band, where
 * 2 |(M q)_j| - D_j M_jj <= half spread_j + fee_j for every asset. With correlation the best asset to trade
 * need not be the one that is held. Costs are per unit (project choice). Codes: wrong_shape, not_finite,
 * out_of_range. O(d^2).
 */
export function bestHedge(
  value: MultiAssetValue,
  inventories: ArrayLike<number>,
  costs: readonly HedgeCost[],
): ModelResult<Hedge | null> {
  const wrong = firstFailure(
    sameLength("inventories", inventories, "assets", value.lots),
    sameLength("costs", costs, "assets", value.lots),
    allFinite("inventories", inventories),
    ...costs.flatMap(({ halfSpread, fee }, j) => [
      notNegative(`costs[${j}].halfSpread`, halfSpread),
      // A rebate is a negative fee, and bounded by what is crossed.
      notNegative(`costs[${j}].halfSpread + fee`, halfSpread + fee),
    ]),
  );
  if (wrong !== null) return refused(wrong);
  const held = Float64Array.from(inventories);
  let best: Hedge | null = null;
  for (const [asset, { halfSpread, fee }] of costs.entries()) {
    const pressure = marginal(value.curvature, value.assets, held, asset);
    const lot = value.lots[asset]!;
    const benefit = 2 * Math.abs(pressure) - lot * value.curvature[asset * value.assets + asset]!;
    const gain = lot * (benefit - halfSpread - fee);
    if (gain > (best?.gain ?? 0)) {
      best = { asset, quantity: pressure > 0 ? -lot : lot, gain };
    }
  }
  return { ok: true, value: best };
}
