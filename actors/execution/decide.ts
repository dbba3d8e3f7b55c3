import { unreachable } from "../kernel/result.ts";
import {
  durationNs,
  MAX_PRICE_TICKS,
  priceTicks,
  type QuantityLots,
  quantityLots,
  type TimestampNs,
} from "../kernel/units.ts";
import {
  childQuantity,
  type ParentOrder,
  type Progress,
  scheduledBy,
  type Slice,
  withinLimit,
} from "../models/execution/parent-order.ts";
import { povChild } from "../models/execution/pov.ts";
import { twapSchedule } from "../models/execution/twap.ts";
import type { Plan, Planner } from "../trading/decide.ts";
import type { Ledger } from "../trading/ledger.ts";
import type { MarketView } from "../trading/market-view.ts";
import type { ExecutionMemo, ExecutionParameters, ExecutionStart } from "./messages.ts";

/** Quantity units done so far. */
export const executedOf = (ledger: Ledger, side: "buy" | "sell"): number =>
  side === "buy" ? ledger.bought : ledger.sold;

/** Pure. What the market has traded since the start, as far as its count was seen. */
export function counted(memo: ExecutionMemo, view: MarketView): ExecutionMemo {
  if (view.volume === null || view.volume === memo.counted) return memo;
  // A count below the last one began anew with the market's cell: all of it is new.
  const more = view.volume >= memo.counted ? view.volume - memo.counted : view.volume;
  return { ...memo, volume: memo.volume + more, counted: view.volume };
}

/**
 * Pure. The first plan only notes when it began. Then a child at the other side's price, within the limit,
 * for what the schedule says is behind; it trades at once or not at all, so nothing rests between two
 * looks and the parent is never over-filled.
 */
export function executionPlanner(start: ExecutionStart): Planner<ExecutionMemo> {
  const { parameters, instrument } = start;
  const { lot, tick, maximumQuantity } = instrument;
  const slices = slicesOf(parameters, lot);
  return ({ ledger, memo, view, now }): Plan<ExecutionMemo> | null => {
    if (executedOf(ledger, parameters.side) >= parameters.quantity) {
      return { orders: [], memo, done: true };
    }
    if (memo === null) {
      // A share of the volume needs to know where the count stands.
      if (view.volume === null && parameters.schedule.kind === "pov") return null;
      const begun = { startedAt: String(now), volume: 0, counted: view.volume ?? 0 };
      return { orders: [], memo: begun };
    }
    const next = counted(memo, view);
    const parent = parentOf(parameters, tick, lot);
    const progress = progressOf(ledger, parameters, lot);
    const due = dueNow(parameters, slices, parent, progress, next, now, lot);
    const quantity = Math.min(due * lot, maximumQuantity - (maximumQuantity % lot));
    const price = childPrice(parent, view, tick);
    if (quantity <= 0 || price === null) return null;
    const { side } = parameters;
    return {
      orders: [{ kind: "place", side, price, quantity, timeInForce: "ioc" }],
      memo: next,
    };
  };
}

/** Quantity units that ought to be done by now, for the report. */
export function scheduledNow(
  parameters: ExecutionParameters,
  memo: ExecutionMemo | null,
  executed: number,
  now: TimestampNs,
  lot: number,
): number {
  if (memo === null) return 0;
  const { schedule, quantity } = parameters;
  if (schedule.kind === "twap") {
    return scheduledBy(slicesOf(parameters, lot), elapsed(memo, now)) * lot;
  }
  const others = Math.max(0, memo.volume - executed);
  return Math.min(quantity, Math.floor((schedule.share * others) / (10_000 - schedule.share)));
}

function slicesOf({ schedule, quantity }: ExecutionParameters, lot: number): readonly Slice[] {
  if (schedule.kind !== "twap") return [];
  const planned = twapSchedule({
    quantity: quantityLots(quantity / lot),
    duration: durationNs(schedule.durationSeconds * 1e9),
    slices: schedule.slices,
  });
  // The bounds of the parameters are within those of the model.
  if (!planned.ok) throw new Error(planned.failure.reason);
  return planned.value;
}

function dueNow(
  parameters: ExecutionParameters,
  slices: readonly Slice[],
  parent: ParentOrder,
  progress: Progress,
  memo: ExecutionMemo,
  now: TimestampNs,
  lot: number,
): QuantityLots {
  const { schedule } = parameters;
  switch (schedule.kind) {
    case "twap":
      return childQuantity(parent, progress, scheduledBy(slices, elapsed(memo, now)));
    case "pov": {
      const child = povChild(
        {
          share: schedule.share,
          band: quantityLots(Math.max(1, Math.floor(schedule.band / lot))),
          maximumChild: quantityLots(Math.max(1, Math.floor(schedule.maximumChild / lot))),
        },
        parent,
        progress,
        // Own trades of before a restart of the market's count may not be in it.
        quantityLots(Math.max(progress.filled, Math.floor(memo.volume / lot))),
      );
      return child.ok ? child.value : quantityLots(0);
    }
    default:
      return unreachable(schedule);
  }
}

function parentOf(
  { side, quantity, limit }: ExecutionParameters,
  tick: number,
  lot: number,
): ParentOrder {
  const ticks = limit === null ? null : onTick(limit / tick, side);
  return { side, quantity: quantityLots(quantity / lot), limit: ticks };
}

/** A limit between two ticks is the one that is no worse. */
const onTick = (ticks: number, side: "buy" | "sell") =>
  priceTicks(
    Math.min(MAX_PRICE_TICKS, Math.max(1, side === "buy" ? Math.floor(ticks) : Math.ceil(ticks))),
  );

const progressOf = (ledger: Ledger, { side }: ExecutionParameters, lot: number): Progress => ({
  filled: quantityLots(executedOf(ledger, side) / lot),
  working: quantityLots(0),
});

/** The other side's best price, or the limit when that is worse; null: nobody is on the other side. */
function childPrice(parent: ParentOrder, view: MarketView, tick: number): number | null {
  const opposite = parent.side === "buy" ? view.ask : view.bid;
  if (opposite <= 0) return null;
  const price = withinLimit(parent, priceTicks(Math.round(opposite / tick)));
  const ticks = opposite / tick;
  // Behind the limit a child would trade with nobody.
  if (parent.side === "buy" ? price < ticks : price > ticks) return null;
  return price * tick;
}

const elapsed = (memo: ExecutionMemo, now: TimestampNs): number =>
  Math.max(0, Number(now - BigInt(memo.startedAt)));
