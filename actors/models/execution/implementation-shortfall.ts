import type { PriceTicks, QuantityLots } from "../../kernel/units.ts";
import { failure, type ModelResult, refused } from "../numerics/failure.ts";

/** Money as ticks times lots: an integer of any size. */
export type TickLots = bigint;

export interface Fill {
  readonly price: PriceTicks;
  readonly quantity: QuantityLots;
}

export interface ShortfallInputs {
  readonly side: "buy" | "sell";
  /** Lots that were decided on. */
  readonly quantity: QuantityLots;
  /** p0: the price when the decision was made. */
  readonly decisionPrice: PriceTicks;
  /** The price when the first child reached the market; the decision's when there was no delay. */
  readonly arrivalPrice: PriceTicks;
  /** pT: the price at which what is left is valued. */
  readonly finalPrice: PriceTicks;
  readonly fills: readonly Fill[];
  readonly fees: TickLots;
}

/** Costs are positive where the portfolio on paper did better than the real one. */
export interface ImplementationShortfall {
  /** Filled lots times the move from decision to arrival. */
  readonly delay: TickLots;
  /** Filled lots at their prices against the arrival price. */
  readonly trading: TickLots;
  /** Unfilled lots times the move from decision to the end. */
  readonly opportunity: TickLots;
  readonly fees: TickLots;
  readonly total: TickLots;
  /** total over the paper value of the order, in basis points, rounded towards zero to a hundredth. */
  readonly basisPoints: number;
}

/**
 * Perold, "The implementation shortfall: paper versus reality", J. Portfolio Management 14 (1988), split at
 * the arrival (Wagner & Edwards 1993): total = s sum q (p - p0) + s (Q - sum q) (pT - p0) + fees, s = 1 for a
 * purchase and -1 for a sale. Exact in integers. O(fills). Failures: out_of_range (no quantity, or more
 * filled than was decided on).
 */
export function implementationShortfall(
  inputs: ShortfallInputs,
): ModelResult<ImplementationShortfall> {
  const sign = inputs.side === "buy" ? 1n : -1n;
  const [decision, arrival] = [BigInt(inputs.decisionPrice), BigInt(inputs.arrivalPrice)];
  const quantity = BigInt(inputs.quantity);
  let [filled, traded] = [0n, 0n];
  for (const fill of inputs.fills) {
    filled += BigInt(fill.quantity);
    traded += BigInt(fill.quantity) * (BigInt(fill.price) - arrival);
  }
  if (quantity === 0n || filled > quantity) {
    return refused(
      failure(
        "out_of_range",
        `${filled} lots filled of ${quantity}`,
        "an order has at least one lot, and no more than all of it is filled",
        "give the fills of this order only",
      ),
    );
  }
  const delay = sign * filled * (arrival - decision);
  const trading = sign * traded;
  const opportunity = sign * (quantity - filled) * (BigInt(inputs.finalPrice) - decision);
  const total = delay + trading + opportunity + inputs.fees;
  const hundredths = (total * 1_000_000n) / (quantity * decision);
  return {
    ok: true,
    value: {
      delay,
      trading,
      opportunity,
      fees: inputs.fees,
      total,
      basisPoints: Number(hundredths) / 100,
    },
  };
}
