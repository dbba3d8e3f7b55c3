import { z } from "zod";

import { ok, type Result, refuse } from "../../kernel/result.ts";

/** A backtest as the command line asks for it. Times in nanoseconds unless named otherwise. */
const request = z.strictObject({
  file: z.string().min(1),
  format: z.enum(["lobster", "binance"]),
  compressed: z.boolean(),
  /** Price levels a LOBSTER file covers; null where they are not known. */
  levels: z.int().min(1).max(9_999).nullable(),
  engine: z.enum(["native", "portable", "any"]),
  strategy: z.enum(["touch", "inventory"]),
  quantity: z.int().min(1),
  inventoryBound: z.int().min(1),
  /** Ticks behind the best price, of the touch maker. */
  depth: z.int().min(0),
  riskAversion: z.number().min(0),
  volatility: z.number().min(0),
  arrivalDecay: z.number().positive(),
  horizonSeconds: z.number().positive(),
  decaySeconds: z.number().positive(),
  bucketLots: z.number().positive(),
  feedLatencyNs: z.int().min(0),
  orderLatencyNs: z.int().min(0),
  /** Sigma of the logarithm of every latency; 0 makes them constant. */
  jitter: z.number().min(0).max(3),
  seed: z.int().min(0),
  decisionIntervalNs: z.int().min(0),
  sampleNs: z.int().min(1_000),
  markoutsNs: z.array(z.int().min(1)).min(1).max(16),
  makerFeePpm: z.number(),
  takerFeePpm: z.number(),
  queue: z.enum(["newest_first", "proportional", "oldest_first"]),
  quantityDecimals: z.int().min(0).max(8),
  /** Price units of a tick; null for the one the file's prices suggest. */
  tick: z.int().min(1).nullable(),
  /** Folder for the plots; null for none. */
  plots: z.string().min(1).nullable(),
});

export type BacktestRequest = z.infer<typeof request>;

/** Failure code: usage. */
export function parseRequest(text: string): Result<BacktestRequest> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse("usage", "the request is no JSON", "meridian backtest --help");
  }
  const parsed = request.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const [issue] = parsed.error.issues;
  return refuse(
    "usage",
    `${issue?.path.join(".") ?? "request"}: ${issue?.message ?? "not understood"}`,
    "meridian backtest --help",
  );
}
