import { z } from "zod";
import { type BenchOptions, type Figure, type Report, figure, median } from "./bench.ts";
import { runProgram } from "./programs.ts";

const cases = ["narrow", "wide", "deep"] as const;

const nanoseconds = z.number();
const outputSchema = z.object({
  case: z.enum(cases),
  live: z.number(),
  block: z.number(),
  operations: z.number(),
  events: z.number(),
  trades: z.number(),
  volume: z.number(),
  hash: z.string(),
  isStated: z.boolean(),
  compiler: z.string(),
  processor: z.number(),
  clock: z.object({ tickNs: nanoseconds, stepNs: nanoseconds, readTwiceNs: nanoseconds }),
  repetitions: z.array(
    z.object({
      passed: nanoseconds,
      processor: nanoseconds,
      p50: nanoseconds,
      p99: nanoseconds,
      p999: nanoseconds,
      maximum: nanoseconds,
    }),
  ),
});
type Output = z.infer<typeof outputSchema>;

const costSchema = z.object({
  operations: z.number(),
  limits: z.array(z.object({ name: z.string(), nanoseconds: z.array(nanoseconds).nonempty() })),
});

/** What one command costs the engine alone: no ring to it, no journal, no JavaScript. */
export async function runEngine({ quick, repeats }: BenchOptions): Promise<Report> {
  const outputs: Output[] = [];
  for (const name of cases) {
    // Deep fills a book of a million orders first, so that its quick form has few operations.
    const operations = quick ? (name === "deep" ? 1_000 : 100_000) : 2_000_000;
    const words = [name, "--operations", String(operations), "--repetitions", String(repeats)];
    outputs.push(outputSchema.parse(JSON.parse(await runProgram("engine_workload", words))));
  }
  const [first] = outputs;
  const turns = quick ? ["--operations", "20000", "--repetitions", "2"] : [];
  const costs = costSchema.parse(JSON.parse(await runProgram("risk_cost", turns)));
  return {
    workload: [
      ...outputs.map(workloadLine),
      `cost of limits: W narrow, ${costs.operations} operations, ${costs.limits[0]?.nanoseconds.length ?? 0} turns of all sets`,
    ],
    figures: [...outputs.flatMap(figuresOf), ...costFigures(costs)],
    notes:
      first === undefined
        ? []
        : [
            costNote(costs),
            `${first.compiler}, pinned to processor ${first.processor}; the clock has steps of ${first.clock.stepNs} ns, and reading it twice costs ${first.clock.readTwiceNs} ns, subtracted`,
          ],
  };
}

type Costs = z.infer<typeof costSchema>;

function costFigures({ limits }: Costs): Figure[] {
  return limits.map(({ name, nanoseconds: taken }) =>
    figure(`limits: ${name}`, "ns", "lower", taken),
  );
}

/** What each set of limits adds to a command: differences within a turn, so that noise of minutes cancels out. */
function costNote({ limits }: Costs): string {
  const [none, ...sets] = limits;
  const costs = sets.map(({ name, nanoseconds: taken }) => {
    const added = taken.map((value, turn) => value - (none?.nanoseconds[turn] ?? Number.NaN));
    return `${name} ${median(added).toFixed(1)}`;
  });
  return `limits add to a command, ns, median of the differences within a turn: ${costs.join(", ")}`;
}

function workloadLine(output: Output): string {
  const agreement = output.isStated
    ? "as stated for this case"
    : "as the reference book in the generator (nothing is stated for this case)";
  return `W ${output.case}: ${output.live} live orders, blocks of ${output.block} ticks, ${output.operations} operations, ${(output.events / output.operations).toFixed(2)} events each; ${output.trades} trades, volume ${output.volume}, hash ${output.hash}, ${agreement}`;
}

function figuresOf(output: Output): Figure[] {
  const lowest = (name: string, value: (one: Output["repetitions"][number]) => number): Figure =>
    figure(`${output.case} ${name}`, "ns", "lower", output.repetitions.map(value));
  return [
    lowest("mean, time passed", (one) => one.passed),
    lowest("mean, processor time", (one) => one.processor),
    lowest("p50", (one) => one.p50),
    lowest("p99", (one) => one.p99),
    lowest("p99.9", (one) => one.p999),
  ];
}
