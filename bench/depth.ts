import { z } from "zod";
import { type BenchOptions, type Figure, type Report, figure } from "./bench.ts";
import { runProgram } from "./programs.ts";

const nanoseconds = z.number();
const latencies = z.object({ count: z.number(), p50: nanoseconds, p99: nanoseconds });
const outputSchema = z.object({
  operations: z.number(),
  batch: z.number(),
  intervalUs: z.number(),
  compiler: z.string(),
  processor: z.number(),
  readerProcessor: z.number(),
  courses: z.array(
    z.object({
      readers: z.number(),
      fastestWithout: nanoseconds,
      fastestWith: nanoseconds,
      repetitions: z.array(
        z.object({
          without: nanoseconds,
          with: nanoseconds,
          topsShare: z.number(),
          snapshots: latencies,
          readers: z.array(
            z.object({
              stoppedTops: z.number(),
              tops: latencies,
              reads: latencies,
              answers: latencies,
            }),
          ),
        }),
      ),
    }),
  ),
});
type Output = z.infer<typeof outputSchema>;
type Course = Output["courses"][number];
type Repetition = Course["repetitions"][number];

/** What readers of depth cost the engine, and how long they wait. */
export async function runDepth({ quick, repeats }: BenchOptions): Promise<Report> {
  const operations = quick ? 40_000 : 1_000_000;
  const words = ["--operations", String(operations), "--repetitions", String(repeats)];
  const output = outputSchema.parse(JSON.parse(await runProgram("depth", words)));
  return {
    workload: [
      `W narrow: ${output.operations} operations, published after each ${output.batch}; at most one snapshot in ${output.intervalUs} µs; every replay ended with the same digest`,
    ],
    figures: output.courses.flatMap(figuresOf),
    notes: [
      `${output.compiler}, the writer pinned to processor ${output.processor}, all readers to ${output.readerProcessor}; readers never pause, also beside the replays that only match`,
      ...output.courses.map(
        ({ readers, fastestWithout, fastestWith }) =>
          `${counted(readers)}: the fastest of each 2,048 operations, without their snapshots, ${fastestWithout} ns an operation matching only, ${fastestWith} ns publishing`,
      ),
      ...output.courses.flatMap(notesOf),
    ],
  };
}

const counted = (readers: number): string =>
  readers === 1 ? "1 reader" : `${readers === 0 ? "no" : readers} readers`;

function figuresOf({ readers, repetitions }: Course): Figure[] {
  const name = counted(readers);
  const lowest = (what: string, value: (one: Repetition) => number | null): Figure[] => {
    const values = repetitions.map(value).filter((one) => one !== null);
    return values.length === 0 ? [] : [figure(`${name}: ${what}`, "ns", "lower", values)];
  };
  return [
    ...lowest("matching only, processor time", (one) => one.without),
    ...lowest("and publishing, processor time", (one) => one.with),
    ...lowest("a snapshot, for the writer, p50", (one) =>
      one.snapshots.count === 0 ? null : one.snapshots.p50,
    ),
    ...(["tops", "reads", "answers"] as const).flatMap((kind) =>
      (["p50", "p99"] as const).flatMap((share) =>
        lowest(`${titles[kind]}, ${share}`, (one) => meanOf(one, kind, share)),
      ),
    ),
  ];
}

const titles = {
  tops: "best bid and offer",
  reads: "a snapshot that is there",
  answers: "a snapshot that was asked for",
} as const;

/** Mean over the readers that met it; null when none did. */
function meanOf(one: Repetition, kind: keyof typeof titles, share: "p50" | "p99"): number | null {
  const values = one.readers.flatMap((reader) =>
    reader[kind].count === 0 ? [] : [reader[kind][share]],
  );
  if (values.length === 0) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function notesOf({ readers, repetitions }: Course): string[] {
  const stopped = repetitions.flatMap((one) => one.readers.map((reader) => reader.stoppedTops));
  const sum = stopped.reduce((total, one) => total + one, 0);
  return sum === 0
    ? []
    : [`${counted(readers)}: ${sum} times the writer was stopped while it wrote the top`];
}
