/**
 * Quotes d(q, time left, regime) solved ahead, so that quoting is one read from an array. Time left is
 * rounded to the nearest of `buckets` + 1 equal grid points (project choice); beyond the horizon the last one
 * holds. Rebuilding writes into the table's own arrays: build into a spare and swap the reference, and a
 * reader never meets half a table.
 */
import {
  type Check,
  failure,
  finite,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";
import { rungeKutta } from "../numerics/ordinary-differential.ts";
import { tridiagonalGrowth } from "../numerics/tridiagonal-growth.ts";
import { MAX_REGIMES, type RegimeSystem } from "./cartea-jaimungal-regimes.ts";
import {
  controlCheck,
  type InventoryControl,
  stationaryQuotes,
  writeQuotesOf,
} from "./inventory-control.ts";
import type { InventoryLots, Seconds } from "./quotes.ts";

export interface QuoteTable {
  readonly inventoryBound: InventoryLots;
  /** 0 for quotes that do not depend on time. */
  readonly horizon: Seconds;
  readonly buckets: number;
  readonly regimes: number;
  /** Distances at (regime * (buckets + 1) + bucket) * (2 Q + 1) + q + Q; Infinity where nothing is quoted. */
  readonly bid: Float64Array;
  readonly ask: Float64Array;
}

/** 16 million distances a side are 128 MB: no table needs more. */
export const MAX_TABLE_ENTRIES = 2 ** 24;

/** Room for a table, nothing quoted yet. Codes: out_of_range, not_finite. */
export function emptyQuoteTable(
  inventoryBound: InventoryLots,
  horizon: Seconds,
  buckets: number,
  regimes: number,
): ModelResult<QuoteTable> {
  const entries = regimes * (buckets + 1) * (2 * inventoryBound + 1);
  const wrong = firstFailure(
    integerWithin("inventoryBound", inventoryBound, 1, MAX_TABLE_ENTRIES),
    integerWithin("regimes", regimes, 1, MAX_REGIMES),
    integerWithin("buckets", buckets, 0, MAX_TABLE_ENTRIES),
    buckets === 0 ? notNegative("horizon", horizon) : positive("horizon", horizon),
    integerWithin("entries", entries, 1, MAX_TABLE_ENTRIES),
  );
  if (wrong !== null) return refused(wrong);
  const nothing = (): Float64Array => new Float64Array(entries).fill(Number.POSITIVE_INFINITY);
  return {
    ok: true,
    value: { inventoryBound, horizon, buckets, regimes, bid: nothing(), ask: nothing() },
  };
}

function shapeCheck(table: QuoteTable, controls: readonly InventoryControl[]): Check {
  if (controls.length === table.regimes) {
    for (const control of controls) {
      const wrong = controlCheck(control);
      if (wrong !== null) return wrong;
    }
    if (controls.every(({ inventoryBound }) => inventoryBound === table.inventoryBound))
      return null;
  }
  return failure(
    "wrong_shape",
    `${controls.length} models for a table of ${table.regimes} regimes and ${table.inventoryBound} lots`,
    "a table holds one model for each regime, all of its inventory bound",
    "make another table",
  );
}

/**
 * Fills the table from models that do not switch (one per regime, each solved alone). Null when done. Codes:
 * wrong_shape and those of controlCheck; not_finite when a value overflows, and then the table is unusable.
 * O(regimes * Q * horizon * spread of the killing rates).
 */
export function rebuildQuoteTable(table: QuoteTable, controls: readonly InventoryControl[]): Check {
  const wrong = shapeCheck(table, controls);
  if (wrong !== null) return wrong;
  const size = 2 * table.inventoryBound + 1;
  for (const [regime, control] of controls.entries()) {
    const growth = tridiagonalGrowth(control.generator);
    const h = control.terminal.slice();
    for (let bucket = 0; bucket <= table.buckets; bucket += 1) {
      if (bucket > 0) growth.advance(h, table.horizon / table.buckets);
      const offset = (regime * (table.buckets + 1) + bucket) * size;
      writeQuotesOf(control, h, table.bid, table.ask, offset);
    }
    const overflow = h.find((value) => !Number.isFinite(value));
    if (overflow !== undefined) return finite("the value function", overflow);
  }
  return null;
}

/** Fills a table of 0 buckets with stationary quotes. Codes: as above, and undefined. O(120 Q) per regime. */
export function rebuildStationaryQuoteTable(
  table: QuoteTable,
  controls: readonly InventoryControl[],
): Check {
  const wrong =
    shapeCheck(table, controls) ??
    integerWithin("buckets of a stationary table", table.buckets, 0, 0);
  if (wrong !== null) return wrong;
  const size = 2 * table.inventoryBound + 1;
  for (const [regime, control] of controls.entries()) {
    const ladder = stationaryQuotes(control);
    if (!ladder.ok) return ladder.failure;
    table.bid.set(ladder.value.bid, regime * size);
    table.ask.set(ladder.value.ask, regime * size);
  }
  return null;
}

/**
 * Fills the table from regimes that switch, with `stepsPerBucket` Runge–Kutta steps between two grid points.
 * Codes: wrong_shape, out_of_range, not_converged (more steps are needed; the table is unusable).
 */
export function rebuildRegimeQuoteTable(
  table: QuoteTable,
  { controls, terminal, slope }: RegimeSystem,
  stepsPerBucket: number,
): Check {
  const wrong =
    shapeCheck(table, controls) ?? integerWithin("stepsPerBucket", stepsPerBucket, 1, 1e9);
  if (wrong !== null) return wrong;
  const size = 2 * table.inventoryBound + 1;
  const h = terminal.slice();
  const scaled = new Float64Array(size);
  const method = rungeKutta(h.length, slope);
  const step = table.buckets === 0 ? 0 : table.horizon / table.buckets / stepsPerBucket;
  for (let bucket = 0; bucket <= table.buckets; bucket += 1) {
    const steps = bucket > 0 ? stepsPerBucket : 0;
    for (let index = 0; index < steps; index += 1) method.step(0, h, step);
    if (!h.every(Number.isFinite)) {
      return failure(
        "not_converged",
        `${stepsPerBucket} steps per bucket`,
        "the solution left the finite numbers",
        "use more steps per bucket",
      );
    }
    for (const [regime, control] of controls.entries()) {
      for (let i = 0; i < size; i += 1) scaled[i] = h[regime * size + i]! * control.arrivalDecay;
      const offset = (regime * (table.buckets + 1) + bucket) * size;
      writeQuotesOf(control, scaled, table.bid, table.ask, offset);
    }
  }
  return null;
}

/**
 * into[0] = bid distance, into[1] = ask distance; Infinity is no quote. An inventory beyond the bound is
 * quoted on the side that brings it back only. Allocates nothing; O(1). The caller answers for finite
 * arguments and a regime of the table.
 */
export function lookUpQuotes(
  table: QuoteTable,
  inventory: InventoryLots,
  timeLeft: Seconds,
  regime: number,
  into: Float64Array,
): void {
  const { inventoryBound: bound, horizon, buckets, bid, ask } = table;
  let bucket = buckets;
  if (timeLeft < horizon) bucket = timeLeft > 0 ? Math.round((timeLeft / horizon) * buckets) : 0;
  const held = inventory > bound ? bound : inventory < -bound ? -bound : inventory;
  const index = (regime * (buckets + 1) + bucket) * (2 * bound + 1) + held + bound;
  into[0] = bid[index]!;
  into[1] = ask[index]!;
}

/**
 * Quotes when the regime is only known with the probabilities of a filter (regimes/): the mean of the regimes'
 * quotes (project choice; the other option is a look-up in the regime of mostLikely). A side that a regime with a
 * probability does not quote is not quoted. `scratch` holds 2. Allocates nothing; O(regimes).
 */
export function lookUpFilteredQuotes(
  table: QuoteTable,
  inventory: InventoryLots,
  timeLeft: Seconds,
  probabilities: Float64Array,
  into: Float64Array,
  scratch: Float64Array,
): void {
  into[0] = 0;
  into[1] = 0;
  for (let regime = 0; regime < table.regimes; regime += 1) {
    const probability = probabilities[regime]!;
    if (probability === 0) continue;
    lookUpQuotes(table, inventory, timeLeft, regime, scratch);
    into[0] += probability * scratch[0]!;
    into[1] += probability * scratch[1]!;
  }
}

/** The regime of the largest probability; of equal ones the first. */
export function mostLikely(probabilities: Float64Array): number {
  let best = 0;
  for (let regime = 1; regime < probabilities.length; regime += 1) {
    if (probabilities[regime]! > probabilities[best]!) best = regime;
  }
  return best;
}

/**
 * Whether the volatility has moved so far from the one the table was built with that it must be built anew:
 * |sigma - built| / built > tolerance. 5 % by default.
 */
export function volatilityMoved(built: number, current: number, tolerance = 0.05): boolean {
  return Math.abs(current - built) > tolerance * built;
}
