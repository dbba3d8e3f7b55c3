import type { BusCounters } from "../../bus/nats.ts";
import type { StreamsReport } from "../../bus/streams-report.ts";
import { durationBoundsNs } from "../../kernel/durations.ts";
import type { RegionReport } from "../../region/messages.ts";
import type { Samples } from "./samples.ts";

/** Why a request has no answer (Bus.request), shown from the start. */
const noFailures = { no_responders: 0, timeout: 0, disconnected: 0, busy: 0 } as const;

export function busSamples(into: Samples, report: RegionReport, bus: BusCounters | null): void {
  into.set("meridian_nats_connected", report.natsState === "connected" ? 1 : 0, {});
  into.set("meridian_nats_reconnects_total", report.reconnects, {});
  if (bus === null) return;
  into.set("meridian_nats_messages_total", bus.messagesIn, { direction: "in" });
  into.set("meridian_nats_messages_total", bus.messagesOut, { direction: "out" });
  into.set("meridian_nats_bytes_total", bus.bytesIn, { direction: "in" });
  into.set("meridian_nats_bytes_total", bus.bytesOut, { direction: "out" });
  into.set("meridian_nats_dropped_total", bus.dropped, {});
  into.set("meridian_nats_unflushed_bytes", bus.unflushedBytes, {});
  into.set("meridian_nats_requests_total", bus.requests, {});
  for (const [code, count] of Object.entries({ ...noFailures, ...bus.requestFailures })) {
    into.set("meridian_nats_request_failures_total", count, { code });
  }
  into.set("meridian_nats_requests_under_way", bus.requestsUnderWay, {});
  const buckets = { boundsNs: durationBoundsNs, ...bus.requestDurations };
  into.histogram("meridian_nats_request_seconds", buckets, {});
}

export function streamSamples(into: Samples, report: StreamsReport | null, nowMs: number): void {
  if (report === null) return;
  const { account, roundTripMs } = report;
  into.set("meridian_jetstream_report_failures_total", report.failures, {});
  if (report.takenUnixMs > 0) {
    const age = Math.max(0, nowMs - report.takenUnixMs) / 1_000;
    into.set("meridian_jetstream_report_age_seconds", age, {});
  }
  into.set(
    "meridian_nats_round_trip_seconds",
    roundTripMs === null ? null : roundTripMs / 1_000,
    {},
  );
  if (account !== null) {
    into.set("meridian_jetstream_storage_bytes", account.storageBytes, {});
    into.set("meridian_jetstream_memory_bytes", account.memoryBytes, {});
    into.set("meridian_jetstream_streams", account.streams, {});
    into.set("meridian_jetstream_consumers", account.consumers, {});
    into.set("meridian_jetstream_api_requests_total", account.apiRequests, {});
    into.set("meridian_jetstream_api_errors_total", account.apiErrors, {});
  }
  for (const one of report.streams) {
    const { stream } = one;
    into.set("meridian_stream_messages", one.messages, { stream });
    into.set("meridian_stream_bytes", one.bytes, { stream });
    into.set("meridian_stream_limit_bytes", one.limitBytes, { stream });
    into.set("meridian_stream_first_sequence", one.firstSequence, { stream });
    into.set("meridian_stream_last_sequence", one.lastSequence, { stream });
    into.set("meridian_stream_subjects", one.subjects, { stream });
    into.set("meridian_stream_consumers", one.consumers, { stream });
    into.set("meridian_stream_has_leader", one.hasLeader ? 1 : 0, { stream });
    into.set("meridian_stream_replicas", one.replicas, { stream });
    into.set("meridian_stream_replicas_current", one.replicasCurrent, { stream });
    into.set("meridian_stream_replica_lag_messages", one.replicaLag, { stream });
  }
}
