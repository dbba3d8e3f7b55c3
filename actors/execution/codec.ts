import { z } from "zod";

import { wire } from "../../schemas/messages.ts";
import type { TimestampNs } from "../kernel/units.ts";
import { traderEventCodec, traderStateCodec } from "../trading/codec.ts";
import type { TraderReport } from "../trading/trader.ts";
import { executedOf, scheduledNow } from "./decide.ts";
import type { ExecutionMemo, ExecutionParameters } from "./messages.ts";

/** Parameters as they come, texts by name (`--set duration=60`), by kind of schedule. */
const integer = (low: number, high: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "a whole number")
    .transform(Number)
    .refine((value) => value >= low && value <= high, `from ${low} to ${high}`)
    .meta({ minimum: low, maximum: high, multipleOf: 1 });
const told = (unit: string, description: string) => ({ unit, description });
const most = 2 ** 40;
const common = {
  side: z.enum(["buy", "sell"]).meta(told("", "of the parent order")),
  quantity: integer(1, most).meta(told("units", "of the parent order")),
  limit: integer(1, most)
    .nullable()
    .default(null)
    .meta(told("price units", "no child trades beyond it; none when left out")),
  interval: integer(100, 60_000).default(500).meta(told("ms", "between looks at the schedule")),
};

export const parameterRules = {
  twap: z.strictObject({
    ...common,
    duration: integer(1, 7 * 86_400).meta(told("s", "over which it is worked")),
    slices: integer(1, 100_000).default(60).meta(told("", "equal parts of the duration")),
  }),
  pov: z.strictObject({
    ...common,
    share: integer(1, 9_999).meta(told("bps", "of all volume")),
    band: integer(1, most).default(1).meta(told("units", "by which it may be behind")),
    maximumChild: integer(1, most)
      .optional()
      .meta(told("units", "of one child; all that is behind when left out")),
  }),
};

export function twapParameters(
  given: z.infer<(typeof parameterRules)["twap"]>,
): ExecutionParameters {
  const { side, quantity, limit, interval, duration, slices } = given;
  const schedule = { kind: "twap", durationSeconds: duration, slices } as const;
  return { side, quantity, limit, interval, schedule };
}

export function povParameters(given: z.infer<(typeof parameterRules)["pov"]>): ExecutionParameters {
  const { side, quantity, limit, interval, share, band, maximumChild = quantity } = given;
  return { side, quantity, limit, interval, schedule: { kind: "pov", share, band, maximumChild } };
}

const count = z.int().min(0);
const memo: z.ZodType<ExecutionMemo> = z.strictObject({
  startedAt: z.string().regex(/^\d{1,20}$/),
  volume: count,
  counted: count,
});
export const eventCodec = traderEventCodec(memo);
export const stateCodec = traderStateCodec(memo);

const { ExecutionReport } = wire.execution.v1;

export function encodeReport(
  report: TraderReport,
  of: {
    readonly parameters: ExecutionParameters;
    readonly lot: number;
    readonly incarnation: number;
    readonly now: TimestampNs;
  },
): Uint8Array {
  const { state, detail, trader, limit } = report;
  const { ledger } = trader;
  const { parameters, lot, incarnation, now } = of;
  const executed = executedOf(ledger, parameters.side);
  const remembered = trader.memo as ExecutionMemo | null;
  return ExecutionReport.encode({
    state,
    detail,
    quantity: parameters.quantity,
    executed,
    scheduled: scheduledNow(parameters, remembered, executed, now, lot),
    paid: ledger.cash,
    sent: ledger.sent,
    incarnation,
    limit: limit.name,
    held: limit.held,
    limited: limit.refused,
  }).finish();
}
