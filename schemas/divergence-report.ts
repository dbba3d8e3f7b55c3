import { z } from "zod";

const sequence = z.int().positive();

/** What a cell writes beside records that the accepted chain has cut off (`quarantine-FIRST-LAST.json`). */
export const divergenceReportSchema = z.object({
  market: z.string(),
  /** Id of the log that they were in. */
  log: z.string(),
  reason: z.string(),
  /** Sequences of the records; `last` below `first`: the log had nothing that the chain has not. */
  first: sequence,
  last: sequence.or(z.literal(0)),
  /** Where the accepted chain was when it was found. */
  accepted: z.object({ lastSequence: z.int().min(0), epoch: z.int().min(0), hash: z.string() }),
});
export type DivergenceReport = z.infer<typeof divergenceReportSchema>;
