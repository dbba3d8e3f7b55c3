import { z } from "zod";
import { type BenchOptions, type Report, figure } from "./bench.ts";
import { bootstrapRatio, groupedQuantileOf, total } from "./histogram.ts";
import { hostProgram, runProgram } from "./programs.ts";

const histogramSchema = z.array(z.tuple([z.number(), z.number()]));
const outputSchema = z.object({
  fifo: z.boolean(),
  orders: z.number(),
  passes: z.number(),
  pairs: z.array(z.object({ on: histogramSchema, off: histogramSchema })).min(1),
});

/** The requirement: a median less than 2 % higher. */
const SHIFT_GOAL = 1.02;

/** Order to last event over shared memory with the market's metrics on and off, burst by burst. */
export async function runMetrics({ quick, repeats }: BenchOptions): Promise<Report> {
  const sizes = quick
    ? ["--operations", "100000", "--pairs", "2", "--burst-ms", "10"]
    : ["--operations", "4000000", "--pairs", String(12 * repeats)];
  const text = await runProgram("metrics_cost", ["--host", hostProgram, ...sizes]);
  const { fifo, orders, passes, pairs } = outputSchema.parse(JSON.parse(text));
  const at = (side: "on" | "off", share: number): number[] =>
    pairs.map((pair) => groupedQuantileOf(pair[side], share));
  const each = (share: number): number[] =>
    at("on", share).map((on, pair) => on / (at("off", share)[pair] ?? Number.NaN));
  const told = (name: string, share: number): string => {
    const { ratio, low, high } = bootstrapRatio(at("on", share), at("off", share));
    return `ratio of the medians of ${name}, on over off: ${ratio.toFixed(4)}, 95 % of 10,000 resamples between ${low.toFixed(4)} and ${high.toFixed(4)}`;
  };
  const counted = (side: "on" | "off"): number =>
    pairs.reduce((sum, pair) => sum + total(pair[side]), 0);
  return {
    workload: [
      `W narrow, one order at a time as in order-to-trade; ${orders} orders in ${pairs.length} pairs of bursts, metrics on (${counted("on")} orders) and off (${counted("off")}) in turn in one market, which goes first alternating; ${passes} passes, each with the events and digest of the recording`,
    ],
    figures: [
      figure("metrics on, p50", "ns", "lower", at("on", 0.5)),
      figure("metrics off, p50", "ns", "lower", at("off", 0.5)),
      figure("metrics on, p99", "ns", "lower", at("on", 0.99)),
      figure("metrics off, p99", "ns", "lower", at("off", 0.99)),
      figure("p50 on over off, pair by pair", "×", "lower", each(0.5), SHIFT_GOAL),
      figure("p99 on over off, pair by pair", "×", "lower", each(0.99)),
    ],
    notes: [
      told("p50", 0.5),
      told("p99", 0.99),
      "quantiles are spread over a step of the counter, which is coarser than the difference that matters",
      "off: no histogram, no counter, no stamp but those of the sequencer",
      fifo
        ? "SCHED_FIFO for both during bursts"
        : "SCHED_FIFO was refused (it needs CAP_SYS_NICE): others shared both processors",
    ],
  };
}
