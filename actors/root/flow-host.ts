import { build, type Histogram } from "hdr-histogram-js";

import type { ActorDefinition, ActorSystem } from "../kernel/actor.ts";
import type { LatencySummary } from "../kernel/ports/matching-engine.ts";
import type { MarketDefinition } from "../region/messages.ts";
import type { StrategyMachine } from "../strategy/machine.ts";
import type { FlowCounters, StrategyMessage, StrategyStart } from "../strategy/messages.ts";
import { paths } from "./tree.ts";

export type StrategyDefinition = ActorDefinition<
  StrategyStart,
  StrategyMessage,
  never,
  StrategyMachine
>;

/** Accounts of the background flow, out of the way of accounts that people choose. */
const makerAccount = 4_000_000_001;
const takerAccount = 4_000_000_002;

/** What the flow of one market has done since the cell started. */
export interface FlowCounts {
  readonly sent: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly skipped: number;
  /** Request sent to reply received, nanoseconds. */
  readonly latency: LatencySummary;
}

class Counts implements FlowCounters {
  #sent = 0;
  #skipped = 0;
  readonly #refused = new Map<string, number>();
  readonly #latency: Histogram = build({
    lowestDiscernibleValue: 1_000,
    highestTrackableValue: 3_600_000_000_000,
    numberOfSignificantValueDigits: 2,
  });

  sent(commands: number): void {
    this.#sent += commands;
  }
  refused(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }
  skipped(arrivals: number): void {
    this.#skipped += arrivals;
  }
  answered(latency: number): void {
    this.#latency.recordValue(Math.min(latency, 3_600_000_000_000));
  }

  read(): FlowCounts {
    const at = (percentile: number): number => this.#latency.getValueAtPercentile(percentile);
    const count = this.#latency.totalCount;
    return {
      sent: this.#sent,
      refused: Object.fromEntries(this.#refused),
      skipped: this.#skipped,
      latency: {
        count,
        p50: count === 0 ? 0 : at(50),
        p99: count === 0 ? 0 : at(99),
        p999: count === 0 ? 0 : at(99.9),
        maximum: count === 0 ? 0 : this.#latency.maxValue,
      },
    };
  }
}

/** The background flow of a cell: pausing it, and what it has done; both outlive actor restarts. */
export class BackgroundFlow {
  readonly #region: string;
  readonly #markets: readonly string[];
  readonly #counts = new Map<string, Counts>();
  #paused: boolean;

  constructor(region: string, markets: readonly string[], paused: boolean) {
    this.#region = region;
    this.#markets = markets;
    this.#paused = paused;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Tells the flow actors; one that is between two restarts asks when it starts. */
  pause(paused: boolean, system: ActorSystem, definition: StrategyDefinition): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    for (const market of this.#markets) {
      const flow = system.find(definition, paths.flow(this.#region, market));
      if (flow.ok) flow.value.send({ type: "pause", paused });
    }
  }

  counters(market: string): FlowCounters {
    const known = this.#counts.get(market);
    if (known !== undefined) return known;
    const made = new Counts();
    this.#counts.set(market, made);
    return made;
  }

  totals(): { readonly sent: number; readonly refused: number } {
    let sent = 0;
    let refused = 0;
    for (const { sent: commands, refused: codes } of this.byMarket().values()) {
      sent += commands;
      for (const count of Object.values(codes)) refused += count;
    }
    return { sent, refused };
  }

  byMarket(): ReadonlyMap<string, FlowCounts> {
    return new Map([...this.#counts].map(([market, counts]) => [market, counts.read()]));
  }
}

/** `start` of the flow of each market; each has a seed of its own. */
export function flowStarts(
  region: string,
  markets: readonly MarketDefinition[],
  flow: { readonly seed: number; readonly rate: number },
): readonly StrategyStart[] {
  return markets.map((definition) => {
    const { market, tick, lot, bandLow, bandHigh, maximumQuantity } = definition;
    return {
      region,
      market,
      makerAccount,
      takerAccount,
      seed: seedOf(flow.seed, market),
      rate: flow.rate,
      tick,
      lot,
      bandLow,
      bandHigh,
      maximumQuantity,
    };
  });
}

/** FNV-1a over the seed and the name: the same flow for the same seed, another one per market. */
export function seedOf(seed: number, market: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${seed}:${market}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash;
}
