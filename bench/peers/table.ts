import { median, shown } from "../bench.ts";
import type { Compared, Measured, Round } from "./measure.ts";

/** How many times as fast ours is, one a repetition. */
export interface Ratios {
  /** Of our engine, by the time that passed: what the goals mean, and what neighbors on the machine disturb. */
  readonly passed: readonly number[];
  /** The same, of the best repetition of the peer and the best of our engine: the least disturbed ones. */
  readonly best: number;
  /** Of our engine, by processor time. Collectors and compilers of a peer count only for the pipeline. */
  readonly processor: readonly number[];
  /** Of the bridge, by the time that passed; null where that is not compared. */
  readonly bridge: readonly number[] | null;
}

export function ratiosOf({ rounds }: Compared): Ratios {
  const crossing = rounds.flatMap(({ peer, bridge }) =>
    bridge === null ? [] : [peer.passed / bridge],
  );
  const lowest = (of: "peer" | "engine") => Math.min(...rounds.map((one) => one[of].passed));
  return {
    best: lowest("peer") / lowest("engine"),
    passed: rounds.map((one) => one.peer.passed / one.engine.passed),
    processor: rounds.map((one) => one.peer.processor / one.engine.processor),
    bridge: crossing.length === 0 ? null : crossing,
  };
}

const titles = [
  "engine",
  "operations",
  "M/s",
  "ns, passed",
  "processor",
  "p50",
  "p99",
  "best ×",
  "engine ×",
  "by processor",
  "bridge ×",
] as const;

/** One line a peer, ours first; best and spread of all repetitions. */
export function tableLines(measured: Measured): string[] {
  const rows: string[][] = [[...titles]];
  for (const operations of new Set(measured.compared.map(({ rounds }) => operationsOf(rounds)))) {
    const ours = measured.compared
      .flatMap(({ rounds }) => rounds)
      .filter((one) => one.engine.operations === operations)
      .map((one) => one.engine);
    rows.push(["Meridian, engine", ...costs(ours), "", "", "", ""]);
  }
  const crossing = measured.compared.find(({ peer }) => peer.bridge !== null)?.rounds ?? [];
  const crossings = crossing.map((one) => one.bridge).filter((one) => one !== null);
  if (crossings.length > 0) {
    const rate = 1e3 / Math.min(...crossings);
    rows.push([
      "Meridian, bridge",
      "",
      rate.toFixed(3),
      span(crossings),
      "",
      "",
      "",
      "",
      "",
      "",
      "",
    ]);
  }
  for (const compared of measured.compared) {
    const { best, passed, processor, bridge } = ratiosOf(compared);
    rows.push([
      `${compared.peer.name} ${compared.peer.version}`,
      ...costs(compared.rounds.map((one) => one.peer)),
      shown(best),
      times(passed),
      times(processor),
      bridge === null ? "" : times(bridge),
    ]);
  }
  const widths = titles.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

const operationsOf = ([first]: readonly Round[]): number => first?.peer.operations ?? 0;

/** From operations to p99. */
function costs(all: readonly Round["peer"][]): string[] {
  const passed = all.map((one) => one.passed);
  const lowest = (of: (one: Round["peer"]) => number | null): string => {
    const values = all.map(of).filter((one) => one !== null);
    return values.length === 0 ? "–" : shown(Math.min(...values));
  };
  return [
    String(all[0]?.operations ?? 0),
    (1e3 / Math.min(...passed)).toFixed(3),
    span(passed),
    lowest((one) => one.processor),
    lowest((one) => one.p50),
    lowest((one) => one.p99),
  ];
}

const span = (values: readonly number[]): string =>
  `${shown(Math.min(...values))} … ${shown(Math.max(...values))}`;

/** The median, and the lowest and highest. */
const times = (values: readonly number[]): string =>
  `${shown(median(values))} (${shown(Math.min(...values))} … ${shown(Math.max(...values))})`;
