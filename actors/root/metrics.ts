import { Registry } from "prom-client";

import type { BusCounters } from "../bus/nats.ts";
import type { ServersReport } from "../bus/servers-report.ts";
import type { StreamsReport } from "../bus/streams-report.ts";
import type { ActorSystem } from "../kernel/actor.ts";
import type { MatchingEngine } from "../kernel/ports/matching-engine.ts";
import type { RegionReport } from "../region/messages.ts";
import type { DoorsMeasured } from "./doors.ts";
import type { FlowCounts } from "./flow-host.ts";
import type { AlertCounts } from "./latency-alerts.ts";
import { busSamples, streamSamples } from "./metrics/bus.ts";
import {
  cellSamples,
  type HostingMeasured,
  kernelSamples,
  riskSamples,
  traceSamples,
} from "./metrics/cell.ts";
import { edgeSamples } from "./metrics/edges.ts";
import { flowSamples, marketSamples, standbySamples } from "./metrics/market.ts";
import { ProcessSamples } from "./metrics/process.ts";
import { serverSamples, serviceSamples } from "./metrics/servers.ts";
import type { ServiceCount } from "./service-counts.ts";
import { alertSamples, engineMarketSamples, engineSamples } from "./metrics/reactor.ts";
import type { TraceCounts } from "./tracing.ts";
import { register, Samples } from "./metrics/samples.ts";

/** What a scrape shows. Null: not there yet. */
export interface Measured {
  readonly report: RegionReport;
  readonly flow: ReadonlyMap<string, FlowCounts>;
  readonly system: ActorSystem | null;
  readonly hosting: HostingMeasured | null;
  /** Of the markets that had a latency alert. */
  readonly alerts: ReadonlyMap<string, AlertCounts>;
  readonly engine?: MatchingEngine | null;
  /** Doors beside NATS. */
  readonly doors?: DoorsMeasured | null;
  readonly bus?: BusCounters | null;
  readonly streams?: StreamsReport | null;
  /** The nats-servers of the region. */
  readonly servers?: ServersReport | null;
  /** Requests to what the cell serves beside orders. */
  readonly services?: readonly ServiceCount[];
  /** Null: no order is traced. */
  readonly traces?: TraceCounts | null;
  readonly dataDirectory?: string | null;
}

/**
 * Prometheus text. Everything is read at the scrape from where it is counted anyway: nothing counts
 * twice, and the hot path does not know of it.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #process = new ProcessSamples();
  readonly contentType = this.#registry.contentType;
  #samples = new Samples();
  #scrapes = 0;
  #leftOut = 0;
  #tookSeconds = 0;

  constructor() {
    register(this.#registry, () => this.#samples);
  }

  close(): void {
    this.#process.close();
  }

  async render(measured: Measured): Promise<string> {
    const begun = performance.now();
    const samples = new Samples();
    this.#scrapes += 1;
    this.#fill(samples, measured);
    this.#leftOut += samples.leftOut;
    samples.set("meridian_scrapes_total", this.#scrapes, {});
    samples.set("meridian_scrape_seconds", this.#tookSeconds, {});
    samples.set("meridian_scrape_series_left_out_total", this.#leftOut, {});
    this.#samples = samples;
    const text = await this.#registry.metrics();
    this.#tookSeconds = (performance.now() - begun) / 1_000;
    return text;
  }

  #fill(into: Samples, measured: Measured): void {
    const { report, engine = null } = measured;
    cellSamples(into, report, measured.hosting);
    riskSamples(into, measured.hosting?.risk ?? null);
    traceSamples(into, measured.traces ?? null);
    kernelSamples(into, measured.system);
    for (const market of report.markets) {
      marketSamples(into, market);
      engineMarketSamples(into, engine, market);
    }
    for (const market of report.standbys) standbySamples(into, market);
    flowSamples(into, measured.flow);
    engineSamples(into, engine);
    const names = report.markets.map(({ definition }) => definition.market);
    alertSamples(into, names, measured.alerts);
    busSamples(into, report, measured.bus ?? null);
    streamSamples(into, measured.streams ?? null, Date.now());
    serverSamples(into, measured.servers ?? null, Date.now());
    serviceSamples(into, measured.services ?? []);
    edgeSamples(into, measured.doors ?? null);
    this.#process.sample(into, report.startedUnixMs, measured.dataDirectory ?? null);
  }
}
