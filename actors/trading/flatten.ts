import { type Ledger, type Order } from "./ledger.ts";
import type { MarketView } from "./market-view.ts";
import type { Instrument } from "./messages.ts";

/**
 * Pure. What brings the inventory to nothing: what rests goes first, then it is traded against the other side's best
 * price, at once or not at all; what is left is tried again at the next look. `done`: less than a lot is left.
 */
export function flattening(
  { live, inventory }: Ledger,
  view: MarketView,
  { lot, maximumQuantity }: Pick<Instrument, "lot" | "maximumQuantity">,
): { readonly orders: readonly Order[]; readonly done: boolean } {
  const orders: Order[] = live.map(({ orderId }) => ({ kind: "cancel", orderId }));
  // What a cancel finds gone has been filled: only then is the inventory known.
  if (orders.length > 0) return { orders, done: false };
  const most = Math.floor(maximumQuantity / lot) * lot;
  const quantity = Math.min(most, Math.floor(Math.abs(inventory) / lot) * lot);
  if (quantity === 0) return { orders, done: true };
  const side = inventory > 0 ? "sell" : "buy";
  const price = side === "sell" ? view.bid : view.ask;
  if (price === 0) return { orders, done: false };
  return { orders: [{ kind: "place", side, price, quantity, timeInForce: "ioc" }], done: false };
}
