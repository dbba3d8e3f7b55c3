import { z } from "zod";

import { MAX_ORDER_LOTS, MAX_PRICE_TICKS } from "../kernel/units.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DefinitionInput, MarketDefinition } from "./messages.ts";

const token = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,32}$/, "must be 1 to 32 characters of A-Z, a-z, 0-9, _ and -");
const positive = z
  .int("must be a whole number up to 2^53 - 1")
  .min(1, "must be at least 1")
  .max(Number.MAX_SAFE_INTEGER);
/** 100 % of notional, in hundredths of a basis point. */
const wholeNotional = 1_000_000;
const fee = z.int().min(-wholeNotional).max(wholeNotional);

const fields = z.strictObject({
  market: token,
  home: token,
  group: token,
  shard: z.int().min(0).max(15, "must be 0 … 15"),
  currency: token,
  priceDecimals: z.int().min(0).max(9, "must be 0 … 9"),
  tick: positive,
  lot: positive,
  bandLow: positive,
  bandHigh: positive,
  maximumQuantity: positive,
  orderCapacity: z
    .int()
    .min(1)
    .max(2 ** 24 - 2, "must be 1 … 16777214"),
  mode: z.enum(["matched", "durable", "replicated"], "must be matched, durable or replicated"),
  calendar: z.literal("always", 'must be "always"'),
  makerFeeBpsE2: fee,
  takerFeeBpsE2: fee,
});

const definitionSchema = fields.superRefine((definition, context) => {
  const { tick, lot, bandLow, bandHigh, maximumQuantity } = definition;
  const fault = (field: keyof MarketDefinition, message: string): void =>
    context.addIssue({ code: "custom", path: [field], message });
  const lowestTicks = Math.ceil(bandLow / tick);
  const highestTicks = Math.floor(bandHigh / tick);
  if (bandHigh < bandLow) fault("bandHigh", `must be at least bandLow (${bandLow})`);
  else if (highestTicks < lowestTicks)
    fault("tick", "no multiple of the tick lies within the bands");
  if (highestTicks > MAX_PRICE_TICKS) {
    fault("bandHigh", `is ${highestTicks} ticks; at most ${MAX_PRICE_TICKS} are possible`);
  }
  const maximumLots = Math.floor(maximumQuantity / lot);
  if (maximumLots < 1) fault("maximumQuantity", `must be at least one lot (${lot})`);
  if (maximumLots > MAX_ORDER_LOTS) {
    fault("maximumQuantity", `is ${maximumLots} lots; at most ${MAX_ORDER_LOTS} are possible`);
  }
});

/** Failure code: definition_invalid, naming each field that is wrong and why. */
export function checkDefinition(input: DefinitionInput): Result<MarketDefinition> {
  const parsed = definitionSchema.safeParse(input);
  if (parsed.success) return ok(parsed.data);
  const faults = parsed.error.issues.map(
    (issue) => `${issue.path.join(".") || "definition"}: ${issue.message}`,
  );
  return refuse("definition_invalid", faults.join("; "), "correct these fields and send it again");
}

/** Names of the fields in which two definitions differ. */
export function differingFields(a: MarketDefinition, b: MarketDefinition): readonly string[] {
  return (Object.keys(fields.shape) as (keyof MarketDefinition)[]).filter(
    (field) => a[field] !== b[field],
  );
}
