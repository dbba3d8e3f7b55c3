import { z } from "zod";

import { MAX_PRICE_TICKS } from "../kernel/units.ts";
import type { DesiredQuotes } from "../models/backtest/strategy.ts";
import { refuse, type Result } from "../kernel/result.ts";
import { traderEventCodec, traderStateCodec } from "../trading/codec.ts";
import type { CustomStrategyMemo } from "./messages.ts";

/** Largest file of a strategy, in bytes. */
export const MAXIMUM_SOURCE_BYTES = 48 * 1_024;
/** What a strategy may remember, in bytes of JSON. */
export const MAXIMUM_STATE_BYTES = 16 * 1_024;

const integer = (low: number, high: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "a whole number")
    .transform(Number)
    .refine((value) => value >= low && value <= high, `from ${low} to ${high}`)
    .meta({ minimum: low, maximum: high, multipleOf: 1 });
const told = (unit: string, description: string) => ({ unit, description });
const most = 2 ** 40;

/** Parameters as they come, texts by name. Market and account are common to all that trade. */
export const parameterRules = z.strictObject({
  source: z
    .string()
    .min(1)
    .refine(
      (text) => Buffer.byteLength(text) <= MAXIMUM_SOURCE_BYTES,
      `at most ${MAXIMUM_SOURCE_BYTES} bytes`,
    )
    .meta({ description: "the strategy, in TypeScript", format: "typescript" }),
  quantity: integer(1, most)
    .optional()
    .meta(told("units", "of each quote; ten lots when left out")),
  maximumInventory: integer(1, most)
    .optional()
    .meta(told("units", "net, long or short; ten quotes when left out")),
  interval: integer(100, 60_000).default(500).meta(told("ms", "between decisions")),
});

const memo: z.ZodType<CustomStrategyMemo> = z.strictObject({ state: z.json() });
export const eventCodec = traderEventCodec(memo);
export const stateCodec = traderStateCodec(memo);

const quote = z.strictObject({
  price: z.int().min(1).max(MAX_PRICE_TICKS),
  quantity: z.int().min(0).max(most),
});
const decision = z.strictObject({
  state: z.json(),
  desired: z.strictObject({
    bid: quote.nullable(),
    ask: quote.nullable(),
    take: quote.extend({ side: z.enum(["buy", "sell"]) }).nullable(),
  }),
});

/** Checks what a strategy's process answered: nothing of it is trusted. Failure code: strategy_failed. */
export function checkDecision(
  answer: unknown,
): Result<{ readonly state: unknown; readonly desired: DesiredQuotes }> {
  const parsed = decision.safeParse(answer);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join(".") ?? "";
    return refuse(
      "strategy_failed",
      `its decision is none: ${where}: ${issue?.message ?? ""}`,
      "decide returns { state, desired: { bid, ask, take } }, prices in ticks, quantities in lots",
    );
  }
  const bytes = Buffer.byteLength(JSON.stringify(parsed.data.state));
  if (bytes <= MAXIMUM_STATE_BYTES) return { ok: true, value: parsed.data };
  return refuse(
    "strategy_failed",
    `its state has ${bytes} bytes of JSON; ${MAXIMUM_STATE_BYTES} is the most`,
    "remember less",
  );
}
