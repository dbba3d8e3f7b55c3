/**
 * The dealer who sees a short-term drift of the mid: Cartea, Jaimungal and Penalva (2015), section 10.4.2, after
 * Cartea, Jaimungal and Ricci, "Buy low, sell high", SIAM J. Financial Mathematics 5 (2014). The mid moves by
 * dS = a dt + sigma dW, and its drift by
 *
 *   da = -zeta a dt + eta dW + eps dM+ - eps dM-,
 *
 * M+ and M- the market orders that buy and sell. With H(D) = exp(-1 + kappa D) / kappa the equation is
 *
 *   dh/ds = a q - phi q^2 - zeta a h_a + eta^2 h_aa / 2
 *         + lam+ { H(h(a+eps, q-1) - h(a+eps, q)) + h(a+eps, q) - h(a, q) }
 *         + lam- { H(h(a-eps, q+1) - h(a-eps, q)) + h(a-eps, q) - h(a, q) },      h = -alpha q^2 at the horizon,
 *   ask = 1/kappa - h(a+eps, q-1) + h(a+eps, q),   bid = 1/kappa - h(a-eps, q+1) + h(a-eps, q).
 *
 * Solved on a grid in a: central differences where they are monotone (zeta |a| step <= eta^2) and upwind ones
 * elsewhere, linear interpolation for the jumps, Runge–Kutta in time. The grid ends, reflecting, at `width`
 * stationary standard deviations of a (project choice: 4). Second order where central, first where upwind.
 */
import {
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
  type Check,
} from "../numerics/failure.ts";
import { integrate } from "../numerics/ordinary-differential.ts";
import type { CarteaJaimungalParameters } from "./cartea-jaimungal.ts";
import { carteaJaimungalControl } from "./cartea-jaimungal.ts";
import type { InventoryLots, Seconds } from "./quotes.ts";

export interface ShortTermAlphaParameters
  extends Omit<CarteaJaimungalParameters, "buyImpact" | "sellImpact" | "drift"> {
  /** zeta >= 0: how fast the drift dies away. */
  readonly meanReversion: number;
  /** eta >= 0: price per second^(3/2). */
  readonly alphaVolatility: number;
  /** eps >= 0: what a market order adds to the drift, in its direction; price per second. */
  readonly alphaJump: number;
  /** Largest |a| of the grid, price per second; by default 4 stationary standard deviations. */
  readonly alphaBound?: number;
}

export interface AlphaSurface {
  readonly inventoryBound: InventoryLots;
  /** The grid runs from -alphaBound to alphaBound in `points` equal steps. */
  readonly alphaBound: number;
  readonly points: number;
  /** h at point (2 Q + 1) + q + Q. */
  readonly value: Float64Array;
  /** Infinity where nothing is quoted. */
  readonly bid: Float64Array;
  readonly ask: Float64Array;
}

/** Stationary standard deviation of the drift: sqrt((eta^2 + (lam+ + lam-) eps^2) / (2 zeta)). */
function stationaryDeviation(parameters: ShortTermAlphaParameters): number {
  const { buyRate, sellRate, alphaVolatility: eta, alphaJump: eps } = parameters;
  return Math.sqrt((eta * eta + (buyRate + sellRate) * eps * eps) / (2 * parameters.meanReversion));
}

function alphaCheck(parameters: ShortTermAlphaParameters, bound: number, points: number): Check {
  return (
    firstFailure(
      notNegative("meanReversion", parameters.meanReversion),
      notNegative("alphaVolatility", parameters.alphaVolatility),
      notNegative("alphaJump", parameters.alphaJump),
      integerWithin("points", points, 3, 10_001),
    ) ??
    (bound > 0 && Number.isFinite(bound)
      ? null
      : failure(
          "undefined",
          `a grid bound of ${bound}`,
          "the drift has no stationary deviation to scale the grid by",
          "give alphaBound, or meanReversion > 0 with alphaVolatility or alphaJump > 0",
        )) ??
    (points % 2 === 1
      ? positive("alphaBound", bound)
      : failure("out_of_range", `points = ${points}`, "no point lies at 0", "give an odd number"))
  );
}

/** Where a jump from each grid point lands: the point below, and the share of the one above. Ends hold. */
function landing(points: number, shift: number): { from: Int32Array; share: Float64Array } {
  const from = new Int32Array(points);
  const share = new Float64Array(points);
  for (let point = 0; point < points; point += 1) {
    const target = Math.max(0, Math.min(points - 1, point + shift));
    from[point] = Math.min(points - 2, Math.floor(target));
    share[point] = target - from[point]!;
  }
  return { from, share };
}

interface Grid {
  readonly size: number;
  readonly points: number;
  readonly step: number;
  readonly bound: number;
  readonly up: { from: Int32Array; share: Float64Array };
  readonly down: { from: Int32Array; share: Float64Array };
}

/**
 * The surface of h and of the quotes with `timeLeft` to the horizon, on `points` (odd) grid points of the drift.
 * Steps in time follow from stability. Codes: not_finite, out_of_range, undefined, not_converged. O(points^3 Q)
 * when the diffusion dictates the step, O(points^2 Q) otherwise.
 */
export function solveShortTermAlpha(
  parameters: ShortTermAlphaParameters,
  timeLeft: Seconds,
  points: number,
): ModelResult<AlphaSurface> {
  const control = carteaJaimungalControl(parameters);
  if (!control.ok) return control;
  const bound = parameters.alphaBound ?? 4 * stationaryDeviation(parameters);
  const wrong = alphaCheck(parameters, bound, points) ?? notNegative("timeLeft", timeLeft);
  if (wrong !== null) return refused(wrong);
  const { inventoryBound, terminal } = control.value;
  const { arrivalDecay } = parameters;
  const size = 2 * inventoryBound + 1;
  const step = (2 * bound) / (points - 1);
  const grid: Grid = {
    size,
    points,
    step,
    bound,
    up: landing(points, parameters.alphaJump / step),
    down: landing(points, -parameters.alphaJump / step),
  };
  const start = new Float64Array(points * size);
  for (let index = 0; index < start.length; index += 1) {
    start[index] = terminal[index % size]! / arrivalDecay;
  }
  const solved = integrate(
    (_, h, slope) => writeSlope(parameters, grid, h, slope),
    start,
    0,
    timeLeft,
    Math.max(1, Math.ceil(timeLeft * fastestRate(parameters, grid))),
  );
  if (!solved.ok) return solved;
  return { ok: true, value: surfaceOf(parameters, grid, solved.value) };
}

/** Bounds the rates of the scheme; a Runge–Kutta step of one over it is stable. */
function fastestRate(parameters: ShortTermAlphaParameters, { step, bound }: Grid): number {
  const { alphaVolatility: eta, meanReversion: zeta, arrivalDecay, inventoryBound } = parameters;
  const { runningPenalty, terminalPenalty, buyRate, sellRate } = parameters;
  const diffusion = (eta * eta) / (step * step);
  const transport = (zeta * bound) / step;
  const held = runningPenalty * inventoryBound ** 2 + bound * inventoryBound;
  // Fills at the edge of a steep terminal penalty are the fastest events there are.
  const pressed = Math.exp(arrivalDecay * terminalPenalty * (2 * inventoryBound - 1));
  return diffusion + transport + arrivalDecay * held + (buyRate + sellRate) * (1 + pressed);
}

/** h at the drift where a jump lands. */
function landed(h: Float64Array, size: number, from: number, share: number, level: number): number {
  const below = h[from * size + level]!;
  return share === 0 ? below : below + share * (h[(from + 1) * size + level]! - below);
}

function writeSlope(
  parameters: ShortTermAlphaParameters,
  { size, points, step, bound, up, down }: Grid,
  h: Float64Array,
  slope: Float64Array,
): void {
  const { buyRate, sellRate, arrivalDecay: kappa, runningPenalty, inventoryBound } = parameters;
  const { meanReversion: zeta, alphaVolatility: eta } = parameters;
  const diffusion = (eta * eta) / (2 * step * step);
  for (let point = 0; point < points; point += 1) {
    const alpha = point * step - bound;
    const pull = -zeta * alpha;
    const central = Math.abs(pull) * step <= eta * eta;
    for (let level = 0; level < size; level += 1) {
      const index = point * size + level;
      const here = h[index]!;
      // Reflecting ends: the point beyond mirrors the one inside.
      const above = h[point + 1 < points ? index + size : index - size]!;
      const below = h[point > 0 ? index - size : index + size]!;
      const q = level - inventoryBound;
      let rate = alpha * q - runningPenalty * q * q + diffusion * (above - 2 * here + below);
      if (central) rate += (pull * (above - below)) / (2 * step);
      else rate += (pull > 0 ? pull * (above - here) : pull * (here - below)) / step;
      const bought = landed(h, size, up.from[point]!, up.share[point]!, level);
      rate += buyRate * (bought - here);
      if (level > 0) {
        const less = landed(h, size, up.from[point]!, up.share[point]!, level - 1);
        rate += (buyRate / kappa) * Math.exp(kappa * (less - bought) - 1);
      }
      const sold = landed(h, size, down.from[point]!, down.share[point]!, level);
      rate += sellRate * (sold - here);
      if (level + 1 < size) {
        const more = landed(h, size, down.from[point]!, down.share[point]!, level + 1);
        rate += (sellRate / kappa) * Math.exp(kappa * (more - sold) - 1);
      }
      slope[index] = rate;
    }
  }
}

function surfaceOf(
  { arrivalDecay, inventoryBound }: ShortTermAlphaParameters,
  { size, points, bound, up, down }: Grid,
  value: Float64Array,
): AlphaSurface {
  const bid = new Float64Array(value.length).fill(Number.POSITIVE_INFINITY);
  const ask = new Float64Array(value.length).fill(Number.POSITIVE_INFINITY);
  for (let point = 0; point < points; point += 1) {
    const at = (side: Grid["up"], level: number): number =>
      landed(value, size, side.from[point]!, side.share[point]!, level);
    for (let level = 0; level < size; level += 1) {
      const index = point * size + level;
      if (level + 1 < size) bid[index] = 1 / arrivalDecay - at(down, level + 1) + at(down, level);
      if (level > 0) ask[index] = 1 / arrivalDecay - at(up, level - 1) + at(up, level);
    }
  }
  return { inventoryBound, alphaBound: bound, points, value, bid, ask };
}

/**
 * Distances at a drift between grid points, by linear interpolation, held beyond the ends: into[0] = bid,
 * into[1] = ask. Allocates nothing; O(1). |inventory| <= Q and a finite drift are the caller's to see to.
 */
export function lookUpAlphaQuotes(
  { inventoryBound, alphaBound, points, bid, ask }: AlphaSurface,
  alpha: number,
  inventory: InventoryLots,
  into: Float64Array,
): void {
  const size = 2 * inventoryBound + 1;
  const position = ((alpha + alphaBound) / (2 * alphaBound)) * (points - 1);
  const held = position > 0 ? (position < points - 1 ? position : points - 1) : 0;
  const from = Math.min(points - 2, Math.floor(held));
  const share = held - from;
  const index = from * size + inventory + inventoryBound;
  // Both ends of a side that is not quoted are Infinity, and their difference is not a number.
  into[0] =
    inventory < inventoryBound
      ? bid[index]! + share * (bid[index + size]! - bid[index]!)
      : Infinity;
  into[1] =
    inventory > -inventoryBound
      ? ask[index]! + share * (ask[index + size]! - ask[index]!)
      : Infinity;
}
