/**
 * What the exact solutions of this folder have in common. Avellaneda–Stoikov, Guéant–Lehalle–Tapia and
 * Cartea–Jaimungal all turn, by a change of variable, into one linear equation over the inventories
 * q = -Q..Q, with s the time that is left:
 *
 *   dv_q/ds = -killing_q v_q + up_q v_{q+1} + down_q v_{q-1},     v_q(0) given,
 *   bid(q) = bidPremium + (ln v_q - ln v_{q+1}) / k,   ask(q) = askPremium + (ln v_q - ln v_{q-1}) / k
 *
 * (Guéant, Lehalle, Fernandez-Tapia 2013, Propositions 1 and 2 and Theorems 1 and 2).
 */
import {
  allFinite,
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
import {
  type Tridiagonal,
  tridiagonalCheck,
  tridiagonalGrowth,
} from "../numerics/tridiagonal-growth.ts";
import { groundState } from "../numerics/tridiagonal-ground-state.ts";
import type { InventoryLots, PerPrice, Price, QuoteDistances, Seconds } from "./quotes.ts";

export interface InventoryControl {
  /** Q: no bid at Q lots, no ask at -Q. */
  readonly inventoryBound: InventoryLots;
  /** 2 Q + 1 levels, index q + Q, per second. */
  readonly generator: Tridiagonal;
  /** ln v_q when no time is left. */
  readonly terminal: Float64Array;
  /** k. */
  readonly arrivalDecay: PerPrice;
  readonly bidPremium: Price;
  readonly askPremium: Price;
}

/** Quotes of every inventory, index q + Q. */
export interface QuoteLadder {
  readonly inventoryBound: InventoryLots;
  /** ln v_q; in the stationary ladder 0 at q = 0. */
  readonly logValue: Float64Array;
  /** Distances; Infinity at q = Q, where no bid is quoted (a quote that far is never filled). */
  readonly bid: Float64Array;
  /** Infinity at q = -Q. */
  readonly ask: Float64Array;
}

/** Ten times the sane range; beyond it take larger lots. */
export const MAX_INVENTORY_BOUND = 1_000;

/** Codes: not_finite, out_of_range, wrong_shape. */
export function controlCheck(control: InventoryControl): Check {
  const { inventoryBound, generator, terminal } = control;
  return (
    firstFailure(
      integerWithin("inventoryBound", inventoryBound, 1, MAX_INVENTORY_BOUND),
      positive("arrivalDecay", control.arrivalDecay),
      allFinite("premiums", [control.bidPremium, control.askPremium]),
      allFinite("terminal", terminal),
    ) ??
    (terminal.length === 2 * inventoryBound + 1 && generator.killing.length === terminal.length
      ? null
      : failure(
          "wrong_shape",
          `${generator.killing.length} levels for an inventory bound of ${inventoryBound}`,
          "there is one level for each inventory from -Q to Q",
          "give 2 Q + 1 levels",
        )) ??
    tridiagonalCheck(generator)
  );
}

/** Writes the quotes of h = ln v into 2 Q + 1 places of `bid` and `ask` from `offset`. Allocates nothing. */
export function writeQuotesOf(
  control: InventoryControl,
  h: Float64Array,
  bid: Float64Array,
  ask: Float64Array,
  offset: number,
): void {
  const { arrivalDecay, bidPremium, askPremium } = control;
  const last = h.length - 1;
  for (let index = 0; index <= last; index += 1) {
    const here = h[index]!;
    bid[offset + index] =
      index < last ? bidPremium + (here - h[index + 1]!) / arrivalDecay : Number.POSITIVE_INFINITY;
    ask[offset + index] =
      index > 0 ? askPremium + (here - h[index - 1]!) / arrivalDecay : Number.POSITIVE_INFINITY;
  }
}

function ladderOf(control: InventoryControl, logValue: Float64Array): ModelResult<QuoteLadder> {
  if (!logValue.every(Number.isFinite)) {
    return refused(
      failure(
        "not_finite",
        "the value function",
        "it left the range of floating point at these parameters",
        "bring riskAversion, arrivalDecay and inventoryBound into their sane ranges",
      ),
    );
  }
  const bid = new Float64Array(logValue.length);
  const ask = new Float64Array(logValue.length);
  writeQuotesOf(control, logValue, bid, ask, 0);
  return { ok: true, value: { inventoryBound: control.inventoryBound, logValue, bid, ask } };
}

/**
 * The exact quotes with `timeLeft` seconds to the horizon, by a positive series in ln v. Codes: those of
 * controlCheck; not_finite when parameters are so extreme that v overflows. O(Q * timeLeft * spread of the
 * killing rates).
 */
export function solveControl(
  control: InventoryControl,
  timeLeft: Seconds,
): ModelResult<QuoteLadder> {
  const wrong = notNegative("timeLeft", timeLeft) ?? controlCheck(control);
  if (wrong !== null) return refused(wrong);
  const h = control.terminal.slice();
  tridiagonalGrowth(control.generator).advance(h, timeLeft);
  return ladderOf(control, h);
}

/**
 * The same by Runge–Kutta on h = ln v, dh_q/ds = -killing_q + up_q e^(h_{q+1} - h_q) + down_q e^(h_{q-1} -
 * h_q): shares nothing with the above, for tests. Code not_converged besides: more steps are needed.
 */
export function solveControlByRungeKutta(
  control: InventoryControl,
  timeLeft: Seconds,
  steps: number,
): ModelResult<QuoteLadder> {
  const wrong = notNegative("timeLeft", timeLeft) ?? controlCheck(control);
  if (wrong !== null) return refused(wrong);
  const { killing, up, down } = control.generator;
  const last = killing.length - 1;
  const result = integrate(
    (_, h, slope) => {
      for (let index = 0; index <= last; index += 1) {
        const above = index < last ? up[index]! * Math.exp(h[index + 1]! - h[index]!) : 0;
        const below = index > 0 ? down[index]! * Math.exp(h[index - 1]! - h[index]!) : 0;
        slope[index] = above + below - killing[index]!;
      }
    },
    control.terminal,
    0,
    timeLeft,
    steps,
  );
  return result.ok ? ladderOf(control, result.value) : result;
}

/**
 * The quotes far from the horizon, from the ground state (GLFT 2013, Theorem 2). All rates of events must
 * be above 0. Codes: those of controlCheck. O(120 Q).
 */
export function stationaryQuotes(control: InventoryControl): ModelResult<QuoteLadder> {
  const wrong = controlCheck(control);
  if (wrong !== null) return refused(wrong);
  const { killing, up, down } = control.generator;
  const last = killing.length - 1;
  for (let index = 0; index < last; index += 1) {
    if (up[index]! > 0 && down[index + 1]! > 0) continue;
    return refused(
      failure(
        "undefined",
        `a rate of 0 at inventory ${index - control.inventoryBound}`,
        "inventories that are never left or reached have no stationary quotes",
        "give rates above 0 on both sides",
      ),
    );
  }
  return ladderOf(control, groundState(control.generator, control.inventoryBound).h);
}

/** What to quote while holding `inventory` lots; null on a side at its bound. Code: out_of_range. */
export function quotesAt(
  ladder: QuoteLadder,
  inventory: InventoryLots,
): ModelResult<QuoteDistances> {
  const { inventoryBound: bound } = ladder;
  const wrong = integerWithin("inventory", inventory, -bound, bound);
  if (wrong !== null) return refused(wrong);
  const index = inventory + bound;
  return {
    ok: true,
    value: {
      bid: inventory < bound ? ladder.bid[index]! : null,
      ask: inventory > -bound ? ladder.ask[index]! : null,
    },
  };
}
