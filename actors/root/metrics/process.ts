import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import {
  constants,
  type EventLoopUtilization,
  monitorEventLoopDelay,
  performance,
  PerformanceObserver,
} from "node:perf_hooks";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";

import type { Samples } from "./samples.ts";

const gcKinds: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weak_callbacks"],
]);

/** How often the event loop is asked whether it is late, in milliseconds. */
const delayResolutionMs = 20;
/** Clock ticks of /proc a second: fixed by the kernel's interface. */
const ticksPerSecond = 100;
const pageBytes = 4_096;

/** The process, the runtime and the machine; what /proc does not tell is not shown. */
export class ProcessSamples {
  readonly #delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  readonly #gc = new Map<string, { runs: number; seconds: number }>();
  readonly #observer: PerformanceObserver;
  readonly #wallShiftOrigin = Date.now() - performance.now();
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();

  constructor() {
    this.#delay.enable();
    for (const kind of gcKinds.values()) this.#gc.set(kind, { runs: 0, seconds: 0 });
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { kind } = (entry as unknown as { readonly detail: { readonly kind: number } })
          .detail;
        const known = this.#gc.get(gcKinds.get(kind) ?? "");
        if (known === undefined) continue;
        known.runs += 1;
        known.seconds += entry.duration / 1_000;
      }
    });
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  close(): void {
    this.#delay.disable();
    this.#observer.disconnect();
  }

  /** `dataDirectory`: where the cell keeps its data; null: it keeps none. */
  sample(into: Samples, startedUnixMs: number, dataDirectory: string | null): void {
    into.set("process_start_time_seconds", startedUnixMs / 1_000, {});
    resourceSamples(into);
    heapSamples(into);
    this.#loopSamples(into);
    hostSamples(into);
    if (dataDirectory !== null) diskSamples(into, dataDirectory);
    const shiftMs = Date.now() - performance.now() - this.#wallShiftOrigin;
    into.set("meridian_clock_wall_shift_seconds", shiftMs / 1_000, {});
  }

  #loopSamples(into: Samples): void {
    const seconds = (ns: number): number => (Number.isFinite(ns) ? Math.max(ns, 0) / 1e9 : 0);
    into.set("nodejs_eventloop_delay_p50_seconds", seconds(this.#delay.percentile(50)), {});
    into.set("nodejs_eventloop_delay_p99_seconds", seconds(this.#delay.percentile(99)), {});
    into.set("nodejs_eventloop_delay_max_seconds", seconds(this.#delay.max), {});
    this.#delay.reset();
    const now = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    into.set("nodejs_eventloop_busy_ratio", since.utilization, {});
    for (const [kind, { runs, seconds: took }] of this.#gc) {
      into.set("nodejs_gc_runs_total", runs, { kind });
      into.set("nodejs_gc_seconds_total", took, { kind });
    }
  }
}

function resourceSamples(into: Samples): void {
  const usage = process.resourceUsage();
  into.set("process_cpu_seconds_total", (usage.userCPUTime + usage.systemCPUTime) / 1e6, {});
  into.set("process_page_faults_total", usage.minorPageFault, { kind: "minor" });
  into.set("process_page_faults_total", usage.majorPageFault, { kind: "major" });
  const voluntary = usage.voluntaryContextSwitches;
  into.set("process_context_switches_total", voluntary, { kind: "voluntary" });
  into.set("process_context_switches_total", usage.involuntaryContextSwitches, {
    kind: "involuntary",
  });
  into.set("process_resident_memory_bytes", process.memoryUsage.rss(), {});
  const [pages] = text("/proc/self/statm").split(" ");
  into.set("process_virtual_memory_bytes", number(pages, pageBytes), {});
  const status = text("/proc/self/status");
  into.set("process_threads", number(/^Threads:\s*(\d+)/m.exec(status)?.[1]), {});
  const limits = text("/proc/self/limits");
  into.set("process_max_fds", number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]), {});
  into.set("process_open_fds", entries("/proc/self/fd"), {});
  const io = text("/proc/self/io");
  const read = number(/^read_bytes: (\d+)/m.exec(io)?.[1]);
  into.set("process_disk_bytes_total", read, { direction: "in" });
  const written = number(/^write_bytes: (\d+)/m.exec(io)?.[1]);
  into.set("process_disk_bytes_total", written, { direction: "out" });
  into.set("nodejs_version_info", 1, { version: process.version });
}

function heapSamples(into: Samples): void {
  const heap = getHeapStatistics();
  into.set("nodejs_heap_used_bytes", heap.used_heap_size, {});
  into.set("nodejs_heap_size_bytes", heap.total_heap_size, {});
  into.set("nodejs_heap_limit_bytes", heap.heap_size_limit, {});
  for (const { space_name: name, space_used_size: used } of getHeapSpaceStatistics()) {
    into.set("nodejs_heap_space_used_bytes", used, { space: name.replace(/_space$/, "") });
  }
  const { external, arrayBuffers } = process.memoryUsage();
  into.set("nodejs_external_memory_bytes", external, {});
  into.set("nodejs_array_buffer_bytes", arrayBuffers, {});
}

function hostSamples(into: Samples): void {
  into.set("meridian_host_processors", availableParallelism(), {});
  into.set("meridian_host_load", loadavg()[0] ?? 0, {});
  const available = /^MemAvailable:\s*(\d+) kB/m.exec(text("/proc/meminfo"))?.[1];
  into.set("meridian_host_memory_available_bytes", number(available, 1_024), {});
  // proc(5): user nice system idle iowait irq softirq steal.
  const steal = /^cpu +(?:\d+ +){7}(\d+)/m.exec(text("/proc/stat"))?.[1];
  into.set("meridian_host_steal_seconds_total", number(steal, 1 / ticksPerSecond), {});
  for (const resource of ["cpu", "io", "memory"]) {
    const total = /^some .*total=(\d+)/m.exec(text(`/proc/pressure/${resource}`))?.[1];
    into.set("meridian_host_pressure_seconds_total", number(total, 1e-6), { resource });
  }
}

function diskSamples(into: Samples, directory: string): void {
  try {
    const { bsize, blocks, bavail, files, ffree } = statfsSync(directory);
    const label = { disk: "data" };
    into.set("meridian_disk_size_bytes", blocks * bsize, label);
    into.set("meridian_disk_available_bytes", bavail * bsize, label);
    into.set("meridian_disk_inodes", files, label);
    into.set("meridian_disk_inodes_available", ffree, label);
  } catch {
    // A disk that cannot be asked shows nothing, which an alert notices.
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function entries(path: string): number | null {
  try {
    return readdirSync(path).length;
  } catch {
    return null;
  }
}

const number = (digits: string | undefined, unit = 1): number | null =>
  digits === undefined || digits === "" ? null : Number(digits) * unit;
