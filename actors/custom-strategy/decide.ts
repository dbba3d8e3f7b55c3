import type { DesiredQuotes } from "../models/backtest/strategy.ts";
import type { Planner } from "../trading/decide.ts";
import type { Ledger, LiveOrder, Order, Side } from "../trading/ledger.ts";
import type { Instrument } from "../trading/messages.ts";
import type {
  CustomAdvice,
  CustomStrategyMemo,
  CustomStrategyParameters,
  CustomStrategyStart,
} from "./messages.ts";

const sides = ["buy", "sell"] as const;

/**
 * Pure. What rests becomes what the strategy wants, within the bounds it was spawned with: an order at the
 * wanted price stays and keeps its place, every other one of that side is canceled first. While the
 * strategy fails nothing of it rests; when it has failed for good it stops.
 */
export function customStrategyPlanner({
  parameters,
  instrument,
}: CustomStrategyStart): Planner<CustomStrategyMemo> {
  return ({ ledger, memo, advice }) => {
    const said = advice as CustomAdvice | undefined;
    if (said === undefined) return null;
    if (said.type === "failed") {
      if (said.final) return { orders: [], memo, stop: true };
      const orders = ledger.live.map(cancelOf);
      return orders.length === 0 ? null : { orders, memo };
    }
    const orders = ordersFor(said.desired, ledger, parameters, instrument);
    const next: CustomStrategyMemo = { state: said.state };
    const same = JSON.stringify(next) === JSON.stringify(memo);
    return orders.length === 0 && same ? null : { orders, memo: next };
  };
}

function ordersFor(
  desired: DesiredQuotes,
  ledger: Ledger,
  parameters: CustomStrategyParameters,
  instrument: Instrument,
): readonly Order[] {
  const { tick } = instrument;
  const cancels: Order[] = [];
  const places: Order[] = [];
  for (const side of sides) {
    const wanted = side === "buy" ? desired.bid : desired.ask;
    const quantity = bounded(wanted?.quantity ?? 0, side, ledger, parameters, instrument);
    const price = (wanted?.price ?? 0) * tick;
    const keeps = quantity > 0 && inBand(price, instrument);
    const resting = ledger.live.filter((order) => order.side === side);
    const kept = keeps ? resting.find((order) => order.price === price) : undefined;
    cancels.push(...resting.filter((order) => order !== kept).map(cancelOf));
    if (keeps && kept === undefined) {
      places.push({ kind: "place", side, price, quantity, timeInForce: "day" });
    }
  }
  const { take } = desired;
  if (take !== null) {
    const quantity = bounded(take.quantity, take.side, ledger, parameters, instrument);
    const price = take.price * tick;
    if (quantity > 0 && inBand(price, instrument)) {
      places.push({ kind: "place", side: take.side, price, quantity, timeInForce: "ioc" });
    }
  }
  // Cancels first: a new quote must not meet an old one of one's own.
  return [...cancels, ...places];
}

/** Quantity units of an order for so many lots, cut to what the bounds allow, in whole lots. */
function bounded(
  lots: number,
  side: Side,
  { inventory }: Ledger,
  { quantity, maximumInventory }: CustomStrategyParameters,
  { lot }: Instrument,
): number {
  const room = maximumInventory - (side === "buy" ? inventory : -inventory);
  const units = Math.min(lots * lot, quantity, Math.max(0, room));
  return Math.floor(units / lot) * lot;
}

const inBand = (price: number, { bandLow, bandHigh }: Instrument): boolean =>
  price >= bandLow && price <= bandHigh;

const cancelOf = ({ orderId }: LiveOrder): Order => ({ kind: "cancel", orderId });
