import { join } from "node:path";
import { z } from "zod";
import { repository } from "../test/support/shared-data.ts";
import { best, type Figure, median } from "./bench.ts";
import { floorSchema } from "./machine.ts";

/** The figures that were kept, one JSON object a line, the newest last. */
export const history = join(repository, "bench", "history.ndjson");

export const historySchema = z.strictObject({
  date: z.iso.datetime(),
  /** With `-dirty`: not what the commit alone does. */
  commit: z.string(),
  /** With how noisy it was before, during and after the run. */
  machine: z.strictObject({
    processor: z.string(),
    processors: z.number(),
    kernel: z.string(),
    node: z.string(),
    floors: z.array(floorSchema).length(2),
    share: z.strictObject({ others: z.number(), stolen: z.number(), loadAverage: z.number() }),
  }),
  bench: z.string(),
  figures: z.array(
    z.strictObject({
      name: z.string(),
      unit: z.string(),
      better: z.enum(["lower", "higher"]),
      median: z.number(),
      best: z.number(),
      values: z.array(z.number()).min(1),
      goal: z.number().optional(),
    }),
  ),
});
type HistoryEntry = z.infer<typeof historySchema>;

/** The line of one run. */
export function historyLine(
  date: Date,
  run: Omit<HistoryEntry, "date" | "figures"> & { readonly figures: readonly Figure[] },
): string {
  const figures = run.figures.map((one) => ({
    ...one,
    median: median(one.values),
    best: best(one),
  }));
  return `${JSON.stringify({ date: date.toISOString(), ...run, figures })}\n`;
}
