import { type BenchOptions, BenchVoid, type Figure, figure, type Report } from "../bench.ts";
import { type PeerAnswer, type PeerTimings, playPeers, preparePeers } from "./peers.ts";
import {
  type Book,
  book,
  featureWork,
  hawkesFitName,
  hawkesPath,
  hawkesWork,
  hestonWork,
  quoteWork,
  revaluedName,
  riskWork,
  type Work,
} from "./work.ts";
import type { Arrivals } from "../../actors/models/point-processes/hawkes.ts";

/** What the models cost, and Python libraries for the same work where there are any. */
export async function runModels({ quick, repeats }: BenchOptions): Promise<Report> {
  const arrivals = hawkesPath(quick);
  const portfolio = book(quick);
  const works = [
    ...quoteWork(quick),
    featureWork(quick),
    ...hawkesWork(arrivals),
    ...riskWork(portfolio),
    hestonWork(quick),
  ];
  const figures = works.flatMap((work) => measured(work, repeats));
  const notThere = quick ? "a quick run leaves Python out" : await preparePeers();
  const peers = notThere === null ? await playPeers(requestOf(arrivals, portfolio, repeats)) : null;
  if (peers !== null) compared(peers, works, portfolio);
  return {
    workload: [
      `${arrivals.times.length} arrivals of two types and ${portfolio.count} scenarios of 50 assets, from seeds; one thread`,
      "each answer is compared with the closed form, or with the one before, and each likelihood with the other library's",
    ],
    figures: [...figures, ...(peers === null ? [] : peerFigures(peers, arrivals, portfolio))],
    notes: [
      notThere ??
        "hawkes-rs 0.1.2 (Rust, L-BFGS over the logarithms as ours) and numpy 2.4.6, one thread each",
      "one run before the measured ones; processor time is of the whole process, its collector and compiler included",
    ],
  };
}

function measured({ name, unit, times, goal, run, check }: Work, repeats: number): Figure[] {
  check(run());
  const scale = (unit === "ns" ? 1e6 : 1) / times;
  const [passed, processor]: [number[], number[]] = [[], []];
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    // Single runs of microseconds would measure the clock.
    let [count, elapsed] = [0, 0];
    const start = { passed: performance.now(), processor: process.cpuUsage() };
    do {
      check(run());
      count += 1;
      elapsed = performance.now() - start.passed;
    } while (elapsed < 20);
    const { user, system } = process.cpuUsage(start.processor);
    passed.push((elapsed * scale) / count);
    processor.push((((user + system) / 1e3) * scale) / count);
  }
  return both(name, unit, passed, processor, goal);
}

function both(
  name: string,
  unit: string,
  passed: readonly number[],
  processor: readonly number[],
  goal?: number,
): Figure[] {
  return [
    figure(`${name}, time passed`, unit, "lower", passed, goal),
    figure(`${name}, processor time`, unit, "lower", processor),
  ];
}

const requestOf = ({ times, types, horizon }: Arrivals, portfolio: Book, repeats: number) => ({
  repeats,
  hawkes: { times: Array.from(times), types: Array.from(types), horizon },
  valueAtRisk: {
    weights: Array.from(portfolio.weights),
    covariance: Array.from(portfolio.covariance),
    count: portfolio.count,
  },
});

function compared(peers: PeerAnswer, works: readonly Work[], { exact, error }: Book): void {
  const ours = works.find(({ name }) => name.startsWith("Hawkes, maximum"))?.run() ?? Number.NaN;
  for (const { answer } of peers.hawkes) {
    if (Math.abs(answer - ours) <= 1e-6 * Math.abs(ours)) continue;
    throw new BenchVoid(`hawkes-rs has a likelihood of ${answer}, ours is ${ours}`);
  }
  for (const { answer } of peers.valueAtRisk) {
    if (Math.abs(answer - exact) <= 5 * error) continue;
    throw new BenchVoid(`numpy has a value at risk of ${answer}, the closed form ${exact}`);
  }
}

function peerFigures(peers: PeerAnswer, arrivals: Arrivals, { count }: Book): Figure[] {
  const times = (name: string, timings: PeerTimings): Figure[] =>
    both(
      name,
      "ms",
      timings.map(({ passed }) => passed),
      timings.map(({ processor }) => processor),
    );
  return [
    ...times(`hawkes-rs: ${hawkesFitName(arrivals)}`, peers.hawkes),
    ...times(`numpy: ${revaluedName(count)}`, peers.valueAtRisk),
  ];
}
