import { type BenchOptions, BenchVoid, type Figure, figure, type Report } from "../bench.ts";
import { type Library, libraries } from "./libraries.ts";
import { p50, p99, type Requests, requests } from "./request.ts";
import type { Played, Sizes } from "./subject.ts";

/** What issue and README state as goals. */
const goals = {
  spawnUs: 20,
  bytes: 5_000,
  messagesPerSecond: 200_000,
  requestUs: 1_000,
  crashUs: 1_000,
} as const;

const full: Sizes & { readonly requests: number } = {
  actors: 100_000,
  messages: 1_000_000,
  crashes: 5_000,
  requests: 5_000,
};
const quickest: typeof full = { actors: 2_000, messages: 20_000, crashes: 50, requests: 50 };

type Rounds = readonly Played[];

/** The kernel beside raw XState, nact, Erlang and Pekko, each repetition one after the other, then requests over NATS. */
export async function runActors({ quick, repeats }: BenchOptions): Promise<Report> {
  const sizes = quick ? quickest : full;
  const rounds = new Map<Library["name"], Played[]>();
  const missing: string[] = [];
  for (const library of libraries) {
    const reason = await library.prepare();
    if (reason === null) rounds.set(library.name, []);
    else missing.push(`${library.name} is left out: ${reason}`);
  }
  const asked: Requests[] = [];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const library of libraries) {
      const played = rounds.get(library.name);
      if (played === undefined) continue;
      const one = await library.play(sizes);
      if (one.spawned !== sizes.actors || one.messages !== sizes.messages) {
        throw new BenchVoid(`${library.name} did ${one.spawned} actors, ${one.messages} messages`);
      }
      played.push(one);
    }
    asked.push(await requests(sizes.requests));
  }
  return {
    workload: [
      `${sizes.actors} idle actors of one type in one process, supervised where the library supervises; then ${sizes.messages} messages to the first 1,000 in turn, from one sender; then ${sizes.crashes} times a message that crashes an actor and one that its next life works on`,
      `each library in a process of its own, all once in each repetition, warmed by 2,000 actors and 20,000 messages; heap after collection`,
      `${sizes.requests} requests over a real nats-server on loopback, one at a time, 64 bytes, to an actor through its mailbox and to a bare subscription in turn; both ends in one process`,
    ],
    figures: [
      ...[...rounds].flatMap(([name, played]) => figuresOf(name, played)),
      ...[...rounds]
        .filter(([name]) => name !== "kernel")
        .flatMap(([name, played]) => ratios(name, rounds.get("kernel") ?? [], played)),
      ...requestFigures(asked),
    ],
    notes: [
      ...missing,
      "ratios are of two runs of the same repetition, kernel over the other: below 1 the kernel takes less; they survive what others on the machine take, times passed do not",
      "raw XState has no mailbox, supervisor or restart, nact no bounded mailbox, intensity or shutdown time; an Erlang process is scheduled preemptively, and its messages are copied; Pekko has threads for all processors, a mailbox without a bound, and no restarts of a group",
    ],
  };
}

function figuresOf(name: Library["name"], played: Rounds): readonly Figure[] {
  const ours = name === "kernel" ? goals : null;
  const lower = (what: string, unit: string, value: (one: Played) => number, goal?: number) =>
    figure(`${name}: ${what}`, unit, "lower", played.map(value), goal);
  const crashes = played.some(({ crashP50Us }) => crashP50Us !== null);
  return [
    lower("spawn, processor time", "µs", (one) => one.spawnProcessorUs, ours?.spawnUs),
    lower("spawn, time passed", "µs", (one) => one.spawnPassedUs),
    lower("heap an actor", "bytes", (one) => one.heapBytes, ours?.bytes),
    lower("process an actor", "bytes", (one) => one.processBytes),
    figure(
      `${name}: messages`,
      "/s",
      "higher",
      played.map((one) => one.messagesPerSecond),
      ours?.messagesPerSecond,
    ),
    lower("a message, processor time", "ns", (one) => one.messageProcessorNs),
    ...(crashes
      ? [
          lower("crash to restarted, p50", "µs", (one) => one.crashP50Us ?? 0, ours?.crashUs),
          lower("crash to restarted, p99", "µs", (one) => one.crashP99Us ?? 0),
        ]
      : []),
  ];
}

function ratios(name: Library["name"], kernel: Rounds, other: Rounds): readonly Figure[] {
  const ratio = (what: string, value: (one: Played) => number) =>
    figure(
      `kernel over ${name}: ${what}`,
      "×",
      "lower",
      kernel.map((one, index) => value(one) / value(other[index] ?? one)),
    );
  return [
    ratio("spawn, processor time", (one) => one.spawnProcessorUs),
    ratio("heap an actor", (one) => one.heapBytes),
    ratio("a message, processor time", (one) => one.messageProcessorNs),
  ];
}

function requestFigures(asked: readonly Requests[]): readonly Figure[] {
  const of = (name: string, value: (one: Requests) => number, goal?: number): Figure =>
    figure(name, "µs", "lower", asked.map(value), goal);
  return [
    of("request over NATS to an actor, p50", (one) => p50(one.actor), goals.requestUs),
    of("request over NATS to an actor, p99", (one) => p99(one.actor)),
    of("request over NATS to a bare subscription, p50", (one) => p50(one.bare)),
    figure(
      "actor over bare subscription, p50",
      "×",
      "lower",
      asked.map((one) => p50(one.actor) / p50(one.bare)),
    ),
  ];
}
