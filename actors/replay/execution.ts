import type { Fill, Outcome } from "../../schemas/sdk/orders.ts";
import type { Ledger, LiveOrder } from "./ledger.ts";
import type { Execution } from "./events.ts";

/**
 * Why an execution of the file hit something else in the exchange:
 * - older_order_first: by time priority another order at the price was served before the file's
 *   (the venue did not always fill the oldest order);
 * - larger_than_rest: the file's order came first but had less left than the file executed;
 * - unfilled: the exchange found less to trade than the file executed;
 * - foreign_order: an order that is not the replay's was hit;
 * - not_resting: the file's order is not in the book (nothing was sent).
 */
export type MissCategory =
  | "older_order_first"
  | "larger_than_rest"
  | "unfilled"
  | "foreign_order"
  | "not_resting";

/** An order of the replay with what an immediate-or-cancel order took from it. */
export interface Hit {
  readonly order: LiveOrder;
  readonly quantity: number;
  readonly remaining: number;
}

/** What an immediate-or-cancel order did, compared with the file's execution. */
export interface ExecutionVerdict {
  /** Null: it hit the file's order and no other, with the file's size. */
  readonly miss: MissCategory | null;
  /** Lots taken from the file's order. */
  readonly taken: number;
  /** What is left of the file's order. */
  readonly remaining: number;
  /** The replay's other orders that were hit. */
  readonly wrong: readonly Hit[];
}

/** Compares the fills of the outcome with the execution of `target`. */
export function judge(
  ledger: Ledger,
  execution: Execution,
  target: LiveOrder,
  outcome: Outcome,
): ExecutionVerdict {
  const wrong: Hit[] = [];
  let taken = 0;
  let remaining = target.remaining;
  let foreign = false;
  let first: LiveOrder | undefined;
  for (const fill of fillsOf(ledger, execution, outcome)) {
    const order = ledger.byOrderId(fill.makerOrderId);
    first ??= order;
    if (order === undefined) {
      foreign = true;
    } else if (order === target) {
      taken += fill.quantity;
      remaining = fill.makerRemaining;
    } else {
      wrong.push({ order, quantity: fill.quantity, remaining: fill.makerRemaining });
    }
  }
  return { miss: missOf(), taken, remaining, wrong };

  function missOf(): MissCategory | null {
    if (taken === execution.size) return null;
    if (foreign) return "foreign_order";
    if (first === undefined) return "unfilled";
    return first === target
      ? wrong.length > 0
        ? "larger_than_rest"
        : "unfilled"
      : "older_order_first";
  }
}

/**
 * The fills of an outcome. The repeated outcome of a resent command says how much was executed but
 * not against whom: then it is price-time priority among the replay's orders that tells.
 */
function fillsOf(ledger: Ledger, execution: Execution, outcome: Outcome): readonly Fill[] {
  if (!outcome.repeated || outcome.executed === 0) return outcome.fills;
  const fills: Fill[] = [];
  let due = outcome.executed;
  for (const order of ledger.best(execution.side)) {
    if (due === 0 || order.orderId === null) break;
    const quantity = Math.min(due, order.remaining);
    due -= quantity;
    fills.push({
      makerOrderId: order.orderId,
      price: order.price,
      quantity,
      makerRemaining: order.remaining - quantity,
    });
  }
  return fills;
}
