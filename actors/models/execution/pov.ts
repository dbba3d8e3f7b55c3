import { type QuantityLots, quantityLots } from "../../kernel/units.ts";
import { firstFailure, integerWithin, type ModelResult, refused } from "../numerics/failure.ts";
import {
  type BasisPoints,
  childQuantity,
  type ParentOrder,
  participationLimit,
  type Progress,
} from "./parent-order.ts";

export interface PovParameters {
  /** Share of the whole volume, own trades included: 1 to 9,999 basis points. */
  readonly share: BasisPoints;
  /**
   * Catch-up band in lots, >= 1: nothing is sent while the schedule is behind by less, so that not
   * every print causes an order of one lot. The last lots of the parent are sent whatever the band.
   */
  readonly band: QuantityLots;
  /** Largest child in lots, >= 1. */
  readonly maximumChild: QuantityLots;
}

/**
 * Percentage of volume: lots to send now. `marketVolume` is all volume since the start as the feed
 * counts it, own trades included; they are taken out before the share is taken (no self-counting),
 * so the target is share / (1 - share) of the others' volume and own / all <= share holds after any
 * fill. O(1). Failures: out_of_range (also: less market volume than own fills).
 */
export function povChild(
  parameters: PovParameters,
  parent: ParentOrder,
  progress: Progress,
  marketVolume: QuantityLots,
): ModelResult<QuantityLots> {
  const wrong = firstFailure(
    integerWithin("band", parameters.band, 1, Number.MAX_SAFE_INTEGER),
    integerWithin("maximumChild", parameters.maximumChild, 1, Number.MAX_SAFE_INTEGER),
    integerWithin("marketVolume", marketVolume, progress.filled, Number.MAX_SAFE_INTEGER),
  );
  if (wrong !== null) return refused(wrong);
  const others = quantityLots(marketVolume - progress.filled);
  const target = participationLimit(parameters.share, others);
  if (!target.ok) return target;
  const child = childQuantity(parent, progress, target.value);
  const remaining = parent.quantity - progress.filled - progress.working;
  if (child < Math.min(parameters.band, remaining)) return { ok: true, value: quantityLots(0) };
  return { ok: true, value: quantityLots(Math.min(child, parameters.maximumChild)) };
}
