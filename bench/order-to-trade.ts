import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { z } from "zod";
import { repository } from "../test/support/shared-data.ts";
import { type BenchOptions, BenchVoid, type Report, figure, median } from "./bench.ts";
import { type Histogram, bootstrapRatio, merge, quantileOf, share, total } from "./histogram.ts";
import { latencyPlot } from "./plot.ts";
import { hostProgram, runProgram } from "./programs.ts";

const histogramSchema = z.array(z.tuple([z.number(), z.number()]));
const outputSchema = z.object({
  clientFifo: z.boolean(),
  reactorFifo: z.boolean(),
  clientProcessor: z.number(),
  reactorProcessor: z.number(),
  operations: z.number(),
  passes: z.number(),
  trades: z.number(),
  eventsPerOrder: z.number(),
  throughput: z.number(),
  matchThread: z.object({
    minorFaults: z.number(),
    majorFaults: z.number(),
    voluntarySwitches: z.number(),
    involuntarySwitches: z.number(),
  }),
  hiccupsClient: histogramSchema,
  hiccupsReactor: histogramSchema,
  bursts: z
    .array(
      z.object({
        pingPong: histogramSchema,
        echo: histogramSchema,
        engine: histogramSchema,
        trades: histogramSchema,
      }),
    )
    .min(2),
  open: z.array(
    z.object({
      rate: z.number(),
      orders: z.number(),
      ringFull: z.number(),
      latency: histogramSchema,
    }),
  ),
});
type Output = z.infer<typeof outputSchema>;

/** A round trip of a cache line below this is one between neighbours (bench/README.md). */
const NEAR_NS = 250;
/** Of the requirements: in the near regime. */
const goals = { p50: 250, p99: 500, p999: 2_000, openP50: 400, ratio: 1.5, throughput: 5_000_000 };
const plots = join(repository, "build", "bench");

/**
 * Order in → trade out, over shared memory, from a client in another process: closed loop in bursts
 * beside bursts through empty rings, open loop at five rates, and as fast as it goes.
 */
export async function runOrderToTrade({ quick, repeats }: BenchOptions): Promise<Report> {
  const sizes = quick
    ? ["--operations", "100000", "--bursts", "2", "--burst-ms", "10", "--open-ms", "20"]
    : ["--operations", "4000000", "--bursts", String(Math.max(2, 6 * repeats))];
  const text = await runProgram("order_to_trade", ["--host", hostProgram, ...sizes]);
  const output = outputSchema.parse(JSON.parse(text));
  const dropped = output.open.filter(({ orders, latency }) => total(latency) !== orders);
  if (dropped.length > 0) throw new BenchVoid("an open loop lost orders");
  return {
    workload: workloadLines(output),
    figures: [...closedFigures(output), ...openFigures(output), ...throughputFigures(output)],
    notes: [...notes(output), ...plotFiles(output)],
  };
}

function workloadLines(output: Output): string[] {
  return [
    `W narrow: ${output.operations} operations over a book of 50,000, ${output.eventsPerOrder} events each, ${output.trades} trades; ${output.passes} passes, each with the events, trades and digest of the recording`,
    "an order: submitted by one process, checked, matched and journalled by the reactor in another, until its last event is read; the client has the market's whole stream",
    "closed loop: the next order leaves when the last event of the one before was read. Open loop: from the moment an order was meant to leave, so waiting counts",
    "as fast as it goes: a whole pass in runs of 900,000 orders, the journal catching up between them",
    `an empty ring: the same slots, cursors and loop, and a process that gives each command back; ${output.bursts.length} bursts of each, in turn`,
  ];
}

const quantiles = (all: readonly Histogram[], at: number): number[] =>
  all.map((one) => quantileOf(one, at));

function closedFigures({ bursts }: Output) {
  const engine = bursts.map((burst) => burst.engine);
  const trades = bursts.map((burst) => burst.trades);
  const echo = bursts.map((burst) => burst.echo);
  // Of the best third, because the tail of the others is the machine's.
  const best = quantiles(engine, 0.999).sort((a, b) => a - b);
  const third = best.slice(0, Math.max(1, Math.floor(best.length / 3)));
  const ratios = bursts.map(
    (burst) => quantileOf(burst.engine, 0.99) / quantileOf(burst.echo, 0.99),
  );
  return [
    figure("closed loop, p50", "ns", "lower", quantiles(engine, 0.5), goals.p50),
    figure("closed loop, p99", "ns", "lower", quantiles(engine, 0.99), goals.p99),
    figure("closed loop, p99.9", "ns", "lower", quantiles(engine, 0.999)),
    figure("closed loop, p99.9, best third of bursts", "ns", "lower", third, goals.p999),
    figure("closed loop, orders that trade, p50", "ns", "lower", quantiles(trades, 0.5)),
    figure("closed loop, orders that trade, p99", "ns", "lower", quantiles(trades, 0.99)),
    figure("empty ring, p50", "ns", "lower", quantiles(echo, 0.5)),
    figure("empty ring, p99", "ns", "lower", quantiles(echo, 0.99)),
    figure("empty ring, p99.9", "ns", "lower", quantiles(echo, 0.999)),
    figure("p99 over that of the empty ring, burst by burst", "×", "lower", ratios, goals.ratio),
  ];
}

function openFigures({ open }: Output) {
  return open.flatMap(({ rate, latency }) => {
    const name = `open loop ${rate / 1e6} M/s`;
    const isGoal = rate === 1_000_000;
    return [
      figure(
        `${name}, p50`,
        "ns",
        "lower",
        [quantileOf(latency, 0.5)],
        isGoal ? goals.openP50 : undefined,
      ),
      figure(`${name}, p99`, "ns", "lower", [quantileOf(latency, 0.99)]),
      figure(`${name}, p99.9`, "ns", "lower", [quantileOf(latency, 0.999)]),
      figure(`${name}, above 1 µs`, "%", "lower", [100 * share(latency, 1_000)]),
    ];
  });
}

const throughputFigures = ({ throughput }: Output) => [
  figure(
    "orders through ring and engine, none lost",
    "/s",
    "higher",
    [throughput],
    goals.throughput,
  ),
];

function notes(output: Output): string[] {
  const { bursts, matchThread, open } = output;
  const round = quantiles(
    bursts.map((burst) => burst.pingPong),
    0.5,
  );
  const near = round.filter((one) => one < NEAR_NS).length;
  const fifo =
    output.clientFifo && output.reactorFifo
      ? "SCHED_FIFO for both during bursts of less than a second"
      : "SCHED_FIFO was refused (it needs CAP_SYS_NICE): others shared both processors, and every tail is theirs";
  const p99 = (one: readonly Histogram[]): number[] => quantiles(one, 0.99);
  const ratio = bootstrapRatio(
    p99(bursts.map((burst) => burst.engine)),
    p99(bursts.map((burst) => burst.echo)),
  );
  const waits = open.filter(({ ringFull }) => ringFull > 0);
  return [
    `client on processor ${output.clientProcessor}, match thread on ${output.reactorProcessor}; ${fifo}`,
    `cache lines: ${near} of ${bursts.length} bursts near (round trip of a line ${Math.round(median(round))} ns at the median, ${Math.round(Math.min(...round))} to ${Math.round(Math.max(...round))}); the goals are for the near regime`,
    `ratio of the medians of p99: ${ratio.ratio.toFixed(2)}, 95 % of 10,000 resamples between ${ratio.low.toFixed(2)} and ${ratio.high.toFixed(2)}`,
    `an idle spinner with the same priority, gaps above 1 µs: client's processor ${gaps(output.hiccupsClient)}; reactor's ${gaps(output.hiccupsReactor)}`,
    `match thread over all passes: ${matchThread.minorFaults} minor and ${matchThread.majorFaults} major page faults, ${matchThread.voluntarySwitches} sleeps, ${matchThread.involuntarySwitches} times put off its processor`,
    waits.length === 0
      ? "no order of an open loop found its ring full"
      : `open loops found the ring full at ${waits.map(({ rate, ringFull }) => `${rate / 1e6} M/s (${ringFull} times)`).join(", ")}; no order was lost`,
  ];
}

function gaps(histogram: Histogram): string {
  if (total(histogram) === 0) return "none";
  const [p50, p99] = [quantileOf(histogram, 0.5), quantileOf(histogram, 0.99)];
  const longest = histogram.at(-1)?.[0] ?? 0;
  return `${total(histogram)}, p50 ${(p50 / 1e3).toFixed(1)}, p99 ${(p99 / 1e3).toFixed(1)}, longest ${(longest / 1e3).toFixed(0)} µs`;
}

function plotFiles(output: Output): string[] {
  mkdirSync(plots, { recursive: true });
  const write = (name: string, svg: string): string => {
    const file = join(plots, name);
    writeFileSync(file, svg);
    return relative(repository, file);
  };
  const of = (pick: (burst: Output["bursts"][number]) => Histogram): Histogram =>
    merge(output.bursts.map(pick));
  const closed = write(
    "order-to-trade-closed.svg",
    latencyPlot("Order to last event, closed loop", [
      { name: "reactor, all orders", histogram: of((burst) => burst.engine) },
      { name: "reactor, orders that trade", histogram: of((burst) => burst.trades) },
      { name: "empty ring", histogram: of((burst) => burst.echo) },
      { name: "idle spinner's gaps", histogram: output.hiccupsReactor },
    ]),
  );
  const open = write(
    "order-to-trade-open.svg",
    latencyPlot("Order to last event, open loop, from the intended time", [
      ...output.open.map(({ rate, latency }) => ({
        name: `${rate / 1e6} M/s`,
        histogram: latency,
      })),
      { name: "idle spinner's gaps", histogram: output.hiccupsReactor },
    ]),
  );
  return [`plots: ${closed}, ${open}`];
}
