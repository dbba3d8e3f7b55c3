import { BenchVoid, type Figure, figure, type Report, type RunBench } from "../bench.ts";
import { type Compared, measurePeers, type Measured } from "./measure.ts";
import { ratiosOf } from "./table.ts";

/** Engines that registries serve as libraries, beside ours, on the same workload in the same run. */
export const runPeers: RunBench = async (options) => peersReport(await measurePeers(options));

/** Throws BenchVoid when there is nothing to report. */
export function peersReport(measured: Measured): Report {
  if (measured.compared.length === 0) {
    throw new BenchVoid(`no peer can be run: ${missingLines(measured).join("; ")}`);
  }
  return {
    workload: workloadLines(measured),
    figures: measured.compared.flatMap(figuresOf),
    notes: [...checkLines(measured), ...missingLines(measured)],
  };
}

export function workloadLines({ compared, compiler }: Measured): string[] {
  const checked = compared.map(({ peer, rounds }) => {
    const played = rounds[0]?.peer;
    return `${peer.name}: ${played?.operations} operations, ${played?.trades} trades, volume ${played?.volume}, hash ${played?.hash}, as stated`;
  });
  return [
    "W narrow: 50,000 live orders, blocks of 16 ticks; a replace counts as one operation, also where the peer needs two calls",
    ...checked,
    `our engine: ${compiler}, the same trades; before each peer it plays as many operations`,
  ];
}

/** What each does besides matching. */
export function checkLines({ compared }: Measured): string[] {
  return [
    "our engine: state, band and size limits, owner, pools, digest of the state; every event written, best prices told; no balances, no self-trade prevention",
    ...compared.map(({ peer }) => `${peer.name}: ${peer.checks}`),
  ];
}

export function missingLines({ missing }: Measured): string[] {
  return missing.map(({ peer, reason }) => `${peer.name} is left out: ${reason}`);
}

function figuresOf(compared: Compared): Figure[] {
  const { peer, rounds } = compared;
  const { passed, processor, bridge } = ratiosOf(compared);
  const cost = (name: string, values: readonly number[]): Figure =>
    figure(`${peer.name}, ${name}`, "ns", "lower", values);
  const quantiles = (["p50", "p99"] as const).flatMap((name) => {
    const values = rounds.map((one) => one.peer[name]).filter((one) => one !== null);
    return values.length === 0 ? [] : [cost(name, values)];
  });
  const ratio = (name: string, values: readonly number[], goal: number | null): Figure =>
    figure(`${name} to ${peer.name}`, "×", "higher", values, goal ?? undefined);
  return [
    cost(
      "mean, time passed",
      rounds.map((one) => one.peer.passed),
    ),
    cost(
      "mean, processor time",
      rounds.map((one) => one.peer.processor),
    ),
    ...quantiles,
    ratio("engine", passed, peer.engineGoal),
    ratio("engine, processor time,", processor, null),
    ...(bridge === null ? [] : [ratio("bridge", bridge, peer.bridge?.goal ?? null)]),
  ];
}
