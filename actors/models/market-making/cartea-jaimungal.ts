/**
 * Cartea, Jaimungal and Penalva, "Algorithmic and High-Frequency Trading" (2015), chapter 10: the dealer
 * maximises E[X + Q S - alpha Q^2 - phi integral of Q^2]. Market orders that buy come with the rate lam+ and
 * hit his ask, those that sell with lam- and hit his bid; a quote at the distance d is filled with the
 * probability exp(-kappa d). With h = ln(w) / kappa the equation is linear, dw/ds = A w (eq. 10.11),
 *
 *   A_qq = -phi kappa q^2,   A_{q,q-1} = lam+ / e,   A_{q,q+1} = lam- / e,   w_q(0) = exp(-alpha kappa q^2).
 *
 * Adverse selection (section 10.4): every market order moves the mid by eps+ or eps- in its direction, filled
 * or not. Off-diagonals lam± exp(-1 - kappa eps±), diagonal + kappa (lam+ eps+ - lam- eps-) q, quotes + eps±:
 * own derivation from the equation of the book.
 */
import {
  finite,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";
import type { GaussianJumps } from "./avellaneda-stoikov-exact.ts";
import {
  type InventoryControl,
  MAX_INVENTORY_BOUND,
  type QuoteLadder,
} from "./inventory-control.ts";
import type { InventoryLots, PerPrice, PerSecond, Price, PricePerRootSecond } from "./quotes.ts";

export interface CarteaJaimungalParameters {
  /** lam+ > 0: market orders that buy; they fill the ask. */
  readonly buyRate: PerSecond;
  /** lam- > 0: market orders that sell; they fill the bid. */
  readonly sellRate: PerSecond;
  /** kappa > 0. */
  readonly arrivalDecay: PerPrice;
  /** phi >= 0: price per lot^2 and second. */
  readonly runningPenalty: number;
  /** alpha >= 0: price per lot^2 at the horizon. */
  readonly terminalPenalty: number;
  /** Q >= 1. */
  readonly inventoryBound: InventoryLots;
  /** eps+ >= 0: mean move of the mid, upwards, at each market order that buys; 0 by default. */
  readonly buyImpact?: Price;
  /** eps- >= 0: mean move downwards at each market order that sells; 0 by default. */
  readonly sellImpact?: Price;
  /** Mean move of the mid per second besides the impacts; 0 by default. */
  readonly drift?: number;
}

/** The control problem for solveControl, stationaryQuotes or a table. Codes: not_finite, out_of_range. O(Q). */
export function carteaJaimungalControl(
  parameters: CarteaJaimungalParameters,
): ModelResult<InventoryControl> {
  const { buyRate, sellRate, arrivalDecay, runningPenalty, terminalPenalty } = parameters;
  const { inventoryBound, buyImpact = 0, sellImpact = 0, drift = 0 } = parameters;
  const wrong = firstFailure(
    positive("buyRate", buyRate),
    positive("sellRate", sellRate),
    positive("arrivalDecay", arrivalDecay),
    notNegative("runningPenalty", runningPenalty),
    notNegative("terminalPenalty", terminalPenalty),
    integerWithin("inventoryBound", inventoryBound, 1, MAX_INVENTORY_BOUND),
    notNegative("buyImpact", buyImpact),
    notNegative("sellImpact", sellImpact),
    finite("drift", drift),
  );
  if (wrong !== null) return refused(wrong);
  const size = 2 * inventoryBound + 1;
  const trend = drift + buyRate * buyImpact - sellRate * sellImpact;
  const inventory = (index: number): number => index - inventoryBound;
  return {
    ok: true,
    value: {
      inventoryBound,
      generator: {
        killing: Float64Array.from({ length: size }, (_, index) => {
          const q = inventory(index);
          return arrivalDecay * (runningPenalty * q * q - trend * q);
        }),
        // One lot more is bought from market orders that sell.
        up: new Float64Array(size).fill(
          sellRate * Math.exp(-1 - arrivalDecay * sellImpact),
          0,
          size - 1,
        ),
        down: new Float64Array(size).fill(buyRate * Math.exp(-1 - arrivalDecay * buyImpact), 1),
      },
      terminal: Float64Array.from(
        { length: size },
        (_, index) => -terminalPenalty * arrivalDecay * inventory(index) ** 2,
      ),
      arrivalDecay,
      bidPremium: 1 / arrivalDecay + sellImpact,
      askPremium: 1 / arrivalDecay + buyImpact,
    },
  };
}

/** h(t, q) = ln(w_q) / kappa: what the dealer expects on top of X + Q S. Code: out_of_range. O(1). */
export function expectedReward(
  parameters: CarteaJaimungalParameters,
  ladder: QuoteLadder,
  inventory: InventoryLots,
): ModelResult<number> {
  const { inventoryBound, logValue } = ladder;
  const wrong = integerWithin("inventory", inventory, -inventoryBound, inventoryBound);
  if (wrong !== null) return refused(wrong);
  return { ok: true, value: logValue[inventory + inventoryBound]! / parameters.arrivalDecay };
}

/**
 * phi = gamma (sigma^2 + nu sJ^2) / 2: the penalty that makes this model the risk-neutral dealer of
 * Guéant–Lehalle–Tapia (xi = 0) with risk aversion gamma, the mid jumping too if it does. Codes: not_finite,
 * out_of_range. O(1).
 */
export function penaltyOfRiskAversion(
  riskAversion: PerPrice,
  volatility: PricePerRootSecond,
  jumps: GaussianJumps = { rate: 0, deviation: 0 },
): ModelResult<number> {
  const wrong = firstFailure(
    notNegative("riskAversion", riskAversion),
    notNegative("volatility", volatility),
    notNegative("jumps.rate", jumps.rate),
    notNegative("jumps.deviation", jumps.deviation),
  );
  if (wrong !== null) return refused(wrong);
  const variance = volatility * volatility + jumps.rate * jumps.deviation * jumps.deviation;
  return { ok: true, value: (riskAversion * variance) / 2 };
}
