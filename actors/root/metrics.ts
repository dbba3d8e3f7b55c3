import { Counter, Gauge, Registry } from "prom-client";

import type { KernelCounters } from "../kernel/actor.ts";
import { journalLag } from "../region/decide.ts";
import type { RegionReport } from "../region/messages.ts";
import { DoorMetrics } from "./door-metrics.ts";
import type { DoorsMeasured } from "./doors.ts";
import type { FlowCounts } from "./flow-host.ts";
import type { AlertCounts } from "./latency-alerts.ts";

/** What a scrape shows. */
export interface Measured {
  readonly report: RegionReport;
  readonly flow: ReadonlyMap<string, FlowCounts>;
  /** Null before the actors are started. */
  readonly kernel: KernelCounters | null;
  /** Doors beside NATS; absent and null before they are open. */
  readonly doors?: DoorsMeasured | null;
  /** Of the markets that had a latency alert. */
  readonly alerts: ReadonlyMap<string, AlertCounts>;
}

/**
 * Prometheus text, made from the same report as the status. Everything is read at the scrape: nothing
 * counts twice and no timer runs between scrapes.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly contentType = this.#registry.contentType;

  readonly #ready = this.#gauge("meridian_ready", "1 when all markets take orders");
  readonly #connected = this.#gauge("meridian_nats_connected", "1 when connected to NATS");
  readonly #reconnects = this.#counter("meridian_nats_reconnects_total", "Reconnects to NATS");
  readonly #deadLetters = this.#counter("meridian_dead_letters_total", "Undeliverable messages");
  readonly #routerRefusals = this.#counter(
    "meridian_cell_refusals_total",
    "Requests refused outside the markets",
    ["code"],
  );
  readonly #restarts = this.#counter("meridian_actor_restarts_total", "Restarts of actors");
  readonly #failures = this.#counter("meridian_actor_failures_total", "Failures of actors");
  readonly #escalations = this.#counter(
    "meridian_supervisor_escalations_total",
    "Supervisors above their intensity",
  );
  readonly #autoShutdowns = this.#counter(
    "meridian_supervisor_auto_shutdowns_total",
    "Supervisors ended by a significant child",
  );
  readonly #delivered = this.#counter("meridian_actor_messages_total", "Messages worked on");
  readonly #parked = this.#counter(
    "meridian_actor_messages_parked_total",
    "Messages put aside because their actor kept failing on them",
  );
  readonly #actorRefusals = this.#counter(
    "meridian_actor_refusals_total",
    "Messages and calls refused between actors",
    ["code"],
  );
  readonly #lateErrors = this.#counter(
    "meridian_actor_late_errors_total",
    "Errors of actors that had ended",
  );
  readonly #open = this.#gauge("meridian_market_open", "1 when the market is open", ["market"]);
  readonly #orders = this.#counter("meridian_market_orders_total", "Orders accepted", ["market"]);
  readonly #trades = this.#counter("meridian_market_trades_total", "Executions", ["market"]);
  readonly #volume = this.#counter("meridian_market_volume_total", "Quantity units", ["market"]);
  readonly #refusals = this.#counter("meridian_market_refusals_total", "Refusals by code", [
    "market",
    "code",
  ]);
  readonly #sequence = this.#gauge("meridian_market_sequence", "Journal position by stage", [
    "market",
    "stage",
  ]);
  readonly #lag = this.#gauge("meridian_journal_lag_commands", "Matched but not safe yet", [
    "market",
  ]);
  readonly #resting = this.#gauge("meridian_market_resting_orders", "Resting orders", ["market"]);
  readonly #latency = this.#gauge("meridian_latency_seconds", "Latency since the start", [
    "market",
    "kind",
    "quantile",
  ]);
  readonly #isSlow = this.#gauge(
    "meridian_latency_alert",
    "1 while the market is slower than it usually is",
    ["market"],
  );
  readonly #alerts = this.#counter("meridian_latency_alerts_total", "Latency alerts by cause", [
    "market",
    "cause",
  ]);
  readonly #flowSent = this.#counter("meridian_flow_commands_total", "Commands of the flow", [
    "market",
  ]);
  readonly #flowSkipped = this.#counter(
    "meridian_flow_skipped_total",
    "Arrivals of the flow left out because the market answered slowly",
    ["market"],
  );
  readonly #doors = new DoorMetrics(this.#registry);
  readonly #cpu = this.#counter("process_cpu_seconds_total", "User and system time");
  readonly #memory = this.#gauge("process_resident_memory_bytes", "Resident memory");
  readonly #heap = this.#gauge("nodejs_heap_used_bytes", "JavaScript heap in use");
  readonly #started = this.#gauge("process_start_time_seconds", "Start, Unix time");

  async render(measured: Measured): Promise<string> {
    this.#registry.resetMetrics();
    this.#cell(measured);
    for (const market of measured.report.markets) this.#market(market);
    for (const [market, counts] of measured.flow) {
      this.#flowSent.inc({ market }, counts.sent);
      this.#flowSkipped.inc({ market }, counts.skipped);
      this.#quantiles(market, "flow", counts.latency);
    }
    this.#doors.show(measured.doors ?? null);
    for (const [market, { stands, raised }] of measured.alerts) {
      this.#isSlow.set({ market }, stands ? 1 : 0);
      for (const [cause, count] of Object.entries(raised))
        this.#alerts.inc({ market, cause }, count);
    }
    this.#process();
    return await this.#registry.metrics();
  }

  #cell({ report, kernel }: Measured): void {
    this.#ready.set(report.ready ? 1 : 0);
    this.#connected.set(report.natsState === "connected" ? 1 : 0);
    this.#reconnects.inc(report.reconnects);
    this.#deadLetters.inc(report.deadLetters);
    if (kernel !== null) this.#actors(kernel);
    this.#started.set(report.startedUnixMs / 1_000);
    for (const [code, count] of Object.entries(report.refusals)) {
      this.#routerRefusals.inc({ code }, count);
    }
  }

  #actors(kernel: KernelCounters): void {
    this.#restarts.inc(kernel.restarts);
    this.#failures.inc(kernel.failures);
    this.#escalations.inc(kernel.escalations);
    this.#autoShutdowns.inc(kernel.autoShutdowns);
    this.#delivered.inc(kernel.delivered);
    this.#parked.inc(kernel.parked);
    this.#lateErrors.inc(kernel.lateErrors);
    for (const [code, count] of Object.entries(kernel.refusals)) {
      this.#actorRefusals.inc({ code }, count);
    }
  }

  #market(report: RegionReport["markets"][number]): void {
    const { market } = report.definition;
    this.#open.set({ market }, report.state === "open" ? 1 : 0);
    this.#orders.inc({ market }, report.orders);
    this.#trades.inc({ market }, report.trades);
    this.#volume.inc({ market }, report.volume);
    for (const [code, count] of Object.entries(report.refusals)) {
      this.#refusals.inc({ market, code }, count);
    }
    this.#sequence.set({ market, stage: "matched" }, report.matched);
    this.#sequence.set({ market, stage: "durable" }, report.durable);
    this.#sequence.set({ market, stage: "committed" }, report.committed);
    this.#lag.set({ market }, journalLag(report));
    this.#resting.set({ market }, report.restingOrders);
    this.#quantiles(market, "service", report.serviceTime);
    this.#quantiles(market, "acknowledgement", report.acknowledgement);
  }

  #quantiles(
    market: string,
    kind: string,
    latency: RegionReport["markets"][number]["serviceTime"],
  ): void {
    this.#latency.set({ market, kind, quantile: "0.5" }, latency.p50 / 1e9);
    this.#latency.set({ market, kind, quantile: "0.99" }, latency.p99 / 1e9);
    this.#latency.set({ market, kind, quantile: "0.999" }, latency.p999 / 1e9);
    this.#latency.set({ market, kind, quantile: "1" }, latency.maximum / 1e9);
  }

  #process(): void {
    const { user, system } = process.cpuUsage();
    this.#cpu.inc((user + system) / 1e6);
    const { rss, heapUsed } = process.memoryUsage();
    this.#memory.set(rss);
    this.#heap.set(heapUsed);
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }
  #counter<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
  ): Counter<L> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }
}
