import { type PriceTicks, type QuantityLots, quantityLots } from "../../kernel/units.ts";
import { integerWithin, type ModelResult, refused } from "../numerics/failure.ts";

/** The order that a schedule works in children. */
export interface ParentOrder {
  readonly side: "buy" | "sell";
  readonly quantity: QuantityLots;
  /** Worst price a child may have; null: none. */
  readonly limit: PriceTicks | null;
}

/** What has become of a parent so far. */
export interface Progress {
  readonly filled: QuantityLots;
  /** Lots of children that are at the market or on their way there. */
  readonly working: QuantityLots;
}

/** A share in basis points, 1 to 9,999: an integer, so that a cap is kept to the lot. */
export type BasisPoints = number;

/** One piece of a schedule: `quantity` becomes due `due` after the start. */
export interface Slice {
  /** Nanoseconds since the start of the schedule. */
  readonly due: number;
  readonly quantity: QuantityLots;
}

const none = quantityLots(0);

/** Lots of the slices that are due `elapsed` nanoseconds after the start. O(slices). */
export function scheduledBy(slices: readonly Slice[], elapsed: number): QuantityLots {
  let sum = 0;
  for (const slice of slices) if (slice.due <= elapsed) sum += slice.quantity;
  return quantityLots(sum);
}

/**
 * Lots to send now: what `target` (lots that should be done by now) is ahead of what is done or
 * working, at most `allowance`. Whatever the target says, filled + working + child never exceeds the
 * parent, so that no sequence of fills over-fills it.
 */
export function childQuantity(
  parent: ParentOrder,
  progress: Progress,
  target: QuantityLots,
  allowance: QuantityLots | null = null,
): QuantityLots {
  const behind = Math.min(target, parent.quantity) - progress.filled - progress.working;
  if (behind <= 0) return none;
  return quantityLots(allowance === null ? behind : Math.min(behind, allowance));
}

/**
 * Lots that may be traded besides `others` so that own / (own + others) stays within the share:
 * floor(share * others / (10,000 - share)), exact for every quantity. Failure: out_of_range.
 */
export function participationLimit(
  share: BasisPoints,
  others: QuantityLots,
): ModelResult<QuantityLots> {
  const wrong = integerWithin("share", share, 1, 9_999);
  if (wrong !== null) return refused(wrong);
  const limit = (BigInt(share) * BigInt(others)) / BigInt(10_000 - share);
  const safe = limit > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(limit);
  return { ok: true, value: quantityLots(safe) };
}

/** What the share still allows beyond what is filled and working. Failure: out_of_range. */
export function participationAllowance(
  share: BasisPoints,
  others: QuantityLots,
  progress: Progress,
): ModelResult<QuantityLots> {
  const limit = participationLimit(share, others);
  if (!limit.ok) return limit;
  const left = limit.value - progress.filled - progress.working;
  return { ok: true, value: quantityLots(Math.max(0, left)) };
}

/** A price no worse than the parent's limit. */
export function withinLimit(parent: ParentOrder, price: PriceTicks): PriceTicks {
  if (parent.limit === null) return price;
  const worse = parent.side === "buy" ? price > parent.limit : price < parent.limit;
  return worse ? parent.limit : price;
}

export interface Child {
  readonly price: PriceTicks;
  readonly quantity: QuantityLots;
}

export type ChildAction =
  | { readonly type: "nothing" }
  | { readonly type: "place"; readonly child: Child }
  | { readonly type: "replace"; readonly child: Child }
  | { readonly type: "cancel" };

/**
 * What brings the working child to the wanted one. Once the market has done it, the answer is
 * "nothing": a repeated decision sends no second order.
 */
export function reconcile(wanted: Child | null, working: Child | null): ChildAction {
  const open = working === null || working.quantity === 0 ? null : working;
  if (wanted === null || wanted.quantity === 0) {
    return open === null ? { type: "nothing" } : { type: "cancel" };
  }
  if (open === null) return { type: "place", child: wanted };
  const same = open.price === wanted.price && open.quantity === wanted.quantity;
  return same ? { type: "nothing" } : { type: "replace", child: wanted };
}
