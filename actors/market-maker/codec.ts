import { z } from "zod";

import { wire } from "../../schemas/messages.ts";
import { traderEventCodec, traderStateCodec } from "../trading/codec.ts";
import { type LiveOrder, profitAt } from "../trading/ledger.ts";
import { midOf } from "../trading/market-view.ts";
import type { TraderReport } from "../trading/trader.ts";
import type { MarketMakerMemo } from "./messages.ts";

/**
 * Parameters as they come, texts by name (`--set gamma=0.1`). Market and account are common to all that
 * trade; the instrument's own bounds are checked where it is known.
 */
const number = (low: number, high: number) =>
  z
    .string()
    .regex(/^\d{1,15}(\.\d{1,15})?$/, "a number like 0.1")
    .transform(Number)
    .refine((value) => value >= low && value <= high, `from ${low} to ${high}`)
    .meta({ minimum: low, maximum: high });
const told = (unit: string, description: string) => ({ unit, description });
const integer = (low: number, high: number) =>
  number(low, high)
    .refine(Number.isInteger, "a whole number")
    .meta({ minimum: low, maximum: high, multipleOf: 1 });
const most = 2 ** 40;

export const parameterRules = z.strictObject({
  gamma: number(0, 100)
    .default(0.1)
    .meta(told("per tick and quote", "aversion to inventory: how far quotes move away from it")),
  kappa: number(1e-6, 1_000)
    .default(1.5)
    .meta(told("per tick", "how fast fills become rarer with distance")),
  arrivalRate: number(1e-6, 1e6).default(1).meta(told("fills/s", "at distance 0")),
  sigma: number(0, 1e6)
    .nullable()
    .default(null)
    .meta(told("ticks/√s", "volatility; as it is seen when left out")),
  horizon: number(0, 86_400).default(1).meta(told("s", "time over which inventory is a risk")),
  quantity: integer(1, most)
    .optional()
    .meta(told("units", "of each quote; ten lots when left out")),
  maximumInventory: integer(1, most)
    .optional()
    .meta(told("units", "net, long or short; ten quotes when left out")),
  interval: integer(100, 60_000).default(500).meta(told("ms", "between looks at the market")),
  tolerance: integer(0, 1_000_000)
    .default(0)
    .meta(told("ticks", "by which a quote may be off before it is renewed")),
  reference: integer(1, most)
    .nullable()
    .default(null)
    .meta(told("price units", "quoted around while the market has no mid")),
});

const memo: z.ZodType<MarketMakerMemo> = z.strictObject({}) as z.ZodType<MarketMakerMemo>;
export const eventCodec = traderEventCodec(memo);
export const stateCodec = traderStateCodec(memo);

const { StrategyReport } = wire.strategy.v1;

export function encodeReport(report: TraderReport, incarnation: number): Uint8Array {
  const { state, detail, trader, view, limit } = report;
  const { ledger } = trader;
  const mid = Math.round(midOf(view));
  return StrategyReport.encode({
    state,
    detail,
    inventory: ledger.inventory,
    cash: ledger.cash,
    profit: profitAt(ledger, mid),
    mid,
    bid: quoteOf(ledger.live, "buy"),
    ask: quoteOf(ledger.live, "sell"),
    sent: ledger.sent,
    fills: ledger.fills,
    incarnation,
    doubtful: ledger.doubtful,
    limit: limit.name,
    held: limit.held,
    limited: limit.refused,
  }).finish();
}

function quoteOf(live: readonly LiveOrder[], side: "buy" | "sell"): wire.strategy.v1.IQuote | null {
  const found = live.find((order) => order.side === side);
  if (found === undefined) return null;
  return { orderId: found.orderId, price: found.price, quantity: found.remaining };
}
