import { z } from "zod";
import { type BenchOptions, type Figure, type Report, figure } from "./bench.ts";
import { bootstrapRatio } from "./histogram.ts";
import { runProgram } from "./programs.ts";

const network = z.string();
const outputSchema = z.object({
  /** Why io_uring is not among the networks; empty when it is. */
  without: z.string(),
  many: z.array(
    z.object({
      network,
      connections: z.number(),
      rounds: z.number(),
      perSecond: z.number(),
      callsPerMessage: z.number(),
      roundP50: z.number(),
      roundP99: z.number(),
    }),
  ),
  batched: z.array(
    z.object({ network, batch: z.number(), perSecond: z.number(), callsPerMessage: z.number() }),
  ),
  single: z.array(z.object({ network, p50: z.number(), p99: z.number() })),
});
type Output = z.infer<typeof outputSchema>;

/** Goals of the issue: orders a second in batches, and acknowledgement beside a bare echo. */
const BATCHED_GOAL = 1_000_000;
const ECHO_RATIO_GOAL = 1.5;

/** Order entry over TCP on loopback: both networks in one run. */
export async function runEdge({ quick, repeats }: BenchOptions): Promise<Report> {
  const words = (
    quick
      ? "--messages 256 --connections 64 --batches 40 --blocks 2 --singles 100"
      : "--messages 100000 --connections 64,512,4096 --batches 40000 --blocks 10 --singles 1000"
  ).split(" ");
  const runs: Output[] = [];
  for (let run = 0; run < repeats; run += 1)
    runs.push(outputSchema.parse(JSON.parse(await runProgram("edge", words))));
  const [first] = runs;
  const missing = first?.without ?? "";
  return {
    workload: [
      "each client sends an order or the cancel of its last one, waits for the answer, and begins anew; every answer was counted",
    ],
    figures: [
      ...runs
        .flatMap(({ many }) =>
          many.map(({ network: name, connections }) => `${connections} clients, ${name}`),
        )
        .filter((name, index, all) => all.indexOf(name) === index)
        .flatMap((name) => figuresOfMany(name, runs)),
      ...figuresOfBatched(runs),
      ...figuresOfSingle(runs),
    ],
    notes: [
      "one thread is the edge and the matching engine and never waits, one is all clients; system calls are the server's in turns that found something to do",
      ...ratioNotes(runs.flatMap(({ single }) => single)),
      ...(missing === "" ? [] : [`without io_uring: ${missing}`]),
    ],
  };
}

/** Blocks of the echo and of each network took turns, so that what the machine did is in both. */
function ratioNotes(blocks: Output["single"]): string[] {
  const p50 = (name: string): number[] =>
    blocks.filter((one) => one.network === name).map((one) => one.p50);
  return networksOf(blocks)
    .filter((name) => name !== "echo")
    .map((name) => {
      const { ratio, low, high } = bootstrapRatio(p50(name), p50("echo"));
      return `order to acknowledgement over a bare echo, ${name}: ratio of the medians of p50 ${ratio.toFixed(2)}, 95 % of 10,000 resamples of the blocks between ${low.toFixed(2)} and ${high.toFixed(2)}`;
    });
}

function figuresOfMany(name: string, runs: readonly Output[]): Figure[] {
  const of = runs.flatMap(({ many }) =>
    many.filter((one) => `${one.connections} clients, ${one.network}` === name),
  );
  return [
    figure(
      `${name}: messages`,
      "1/s",
      "higher",
      of.map((one) => one.perSecond),
    ),
    figure(
      `${name}: system calls a message`,
      "",
      "lower",
      of.map((one) => one.callsPerMessage),
    ),
    figure(
      `${name}: round, p50`,
      "ns",
      "lower",
      of.map((one) => one.roundP50),
    ),
    figure(
      `${name}: round, p99`,
      "ns",
      "lower",
      of.map((one) => one.roundP99),
    ),
  ];
}

const networksOf = (entries: readonly { readonly network: string }[]): string[] => [
  ...new Set(entries.map((one) => one.network)),
];

function figuresOfBatched(runs: readonly Output[]): Figure[] {
  const all = runs.flatMap(({ batched }) => batched);
  return networksOf(all).flatMap((name) => {
    const of = all.filter((one) => one.network === name);
    const title = `64 messages a send, ${name}`;
    return [
      figure(
        title,
        "1/s",
        "higher",
        of.map((one) => one.perSecond),
        BATCHED_GOAL,
      ),
      figure(
        `${title}: system calls a message`,
        "",
        "lower",
        of.map((one) => one.callsPerMessage),
      ),
    ];
  });
}

function figuresOfSingle(runs: readonly Output[]): Figure[] {
  const all = runs.flatMap(({ single }) => single);
  const echoes = all.filter((one) => one.network === "echo");
  return networksOf(all).flatMap((name) => {
    const of = all.filter((one) => one.network === name);
    const title = name === "echo" ? "a bare echo" : `order to acknowledgement, ${name}`;
    const times = [
      figure(
        `${title}, p50`,
        "ns",
        "lower",
        of.map((one) => one.p50),
      ),
      figure(
        `${title}, p99`,
        "ns",
        "lower",
        of.map((one) => one.p99),
      ),
    ];
    if (name === "echo") return times;
    const ratios = of.map((one, index) => one.p50 / (echoes[index]?.p50 ?? Number.NaN));
    return [
      ...times,
      figure(`${title}, p50 beside the echo's`, "×", "lower", ratios, ECHO_RATIO_GOAL),
    ];
  });
}
