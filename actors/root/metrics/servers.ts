import type { ServersReport } from "../../bus/servers-report.ts";
import { durationBoundsNs } from "../../kernel/durations.ts";
import type { ServiceCount } from "../service-counts.ts";
import type { Samples } from "./samples.ts";

/** The nats-servers of the region as they told of themselves last. */
export function serverSamples(into: Samples, report: ServersReport | null, nowMs: number): void {
  if (report === null) return;
  into.set("meridian_server_report_failures_total", report.failures, {});
  if (report.takenUnixMs === 0) return;
  const age = Math.max(0, nowMs - report.takenUnixMs) / 1_000;
  into.set("meridian_server_report_age_seconds", age, {});
  for (const one of report.servers) {
    const labels = { server: one.server };
    into.set("meridian_server_uptime_seconds", one.uptimeSeconds, labels);
    into.set("meridian_server_processor_ratio", one.processor, labels);
    into.set("meridian_server_memory_bytes", one.memoryBytes, labels);
    into.set("meridian_server_connections", one.connections, labels);
    into.set("meridian_server_connections_total", one.connectionsEver, labels);
    into.set("meridian_server_subscriptions", one.subscriptions, labels);
    into.set("meridian_server_routes", one.routes, labels);
    into.set("meridian_server_leaf_nodes", one.leafNodes, labels);
    into.set("meridian_server_slow_consumers_total", one.slowConsumers, labels);
    into.set("meridian_server_messages_total", one.messagesIn, { ...labels, direction: "in" });
    into.set("meridian_server_messages_total", one.messagesOut, { ...labels, direction: "out" });
    into.set("meridian_server_bytes_total", one.bytesIn, { ...labels, direction: "in" });
    into.set("meridian_server_bytes_total", one.bytesOut, { ...labels, direction: "out" });
    const { jetStream } = one;
    if (jetStream === null) continue;
    into.set("meridian_server_jetstream_storage_bytes", jetStream.storageBytes, labels);
    into.set("meridian_server_jetstream_reserved_bytes", jetStream.reservedBytes, labels);
    into.set("meridian_server_jetstream_limit_bytes", jetStream.limitBytes, labels);
    into.set("meridian_server_jetstream_memory_bytes", jetStream.memoryBytes, labels);
    into.set("meridian_server_jetstream_streams", jetStream.streams, labels);
    into.set("meridian_server_jetstream_consumers", jetStream.consumers, labels);
    into.set("meridian_server_jetstream_requests_total", jetStream.apiRequests, labels);
    into.set("meridian_server_jetstream_errors_total", jetStream.apiErrors, labels);
    into.set("meridian_server_has_meta_leader", jetStream.hasMetaLeader ? 1 : 0, labels);
  }
}

export function serviceSamples(into: Samples, services: readonly ServiceCount[]): void {
  for (const { service, requests, answers } of services) {
    for (const [verb, count] of requests) {
      into.set("meridian_service_requests_total", count, { service, verb });
    }
    const buckets = { boundsNs: durationBoundsNs, ...answers };
    into.histogram("meridian_service_answer_seconds", buckets, { service });
  }
}
