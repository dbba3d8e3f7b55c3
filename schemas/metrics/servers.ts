import type { MetricFamily } from "./definition.ts";

const gauge = (unit: MetricFamily["unit"], help: string) =>
  ({ type: "gauge", unit, help, owner: "actors/bus", labels: ["server"] }) as const;
const counter = (unit: MetricFamily["unit"], help: string) =>
  ({ type: "counter", unit, help, owner: "actors/bus", labels: ["server"] }) as const;
const byDirection = (unit: MetricFamily["unit"], help: string) =>
  ({ type: "counter", unit, help, owner: "actors/bus", labels: ["server", "direction"] }) as const;

/** The nats-servers of the region, asked when somebody scrapes; each cell shows those of its region. */
export const serverFamilies = {
  meridian_server_uptime_seconds: gauge("seconds", "How long the nats-server has run"),
  meridian_server_processor_ratio: gauge("ratio", "Part of one processor that the server uses"),
  meridian_server_memory_bytes: gauge("bytes", "Memory of the server's process"),
  meridian_server_connections: gauge("one", "Clients connected to the server"),
  meridian_server_connections_total: counter("one", "Clients that have connected to the server"),
  meridian_server_subscriptions: gauge("one", "Subscriptions that the server knows"),
  meridian_server_routes: gauge("one", "Connections to other servers of its cluster"),
  meridian_server_leaf_nodes: gauge("one", "Edge sites connected to the server"),
  meridian_server_slow_consumers_total: counter(
    "one",
    "Clients that the server has cut off because they did not read",
  ),
  meridian_server_messages_total: byDirection("messages", "Messages of the server by direction"),
  meridian_server_bytes_total: byDirection("bytes", "Bytes of the server by direction"),
  meridian_server_jetstream_storage_bytes: gauge("bytes", "Disk used by streams on the server"),
  meridian_server_jetstream_reserved_bytes: gauge(
    "bytes",
    "Disk that streams on the server may use by their limits",
  ),
  meridian_server_jetstream_limit_bytes: gauge("bytes", "Disk that the server gives to streams"),
  meridian_server_jetstream_memory_bytes: gauge("bytes", "Memory used by streams on the server"),
  meridian_server_jetstream_streams: gauge("one", "Streams of which the server has a replica"),
  meridian_server_jetstream_consumers: gauge("one", "Consumers of streams on the server"),
  meridian_server_jetstream_requests_total: counter(
    "one",
    "Requests to JetStream's interface that the server answered",
  ),
  meridian_server_jetstream_errors_total: counter("one", "Of those, answered with an error"),
  meridian_server_has_meta_leader: gauge(
    "one",
    "1 when the server knows a leader of JetStream's metadata",
  ),
  meridian_server_report_age_seconds: {
    type: "gauge",
    unit: "seconds",
    help: "Age of what is told of servers",
    owner: "actors/bus",
  },
  meridian_server_report_failures_total: {
    type: "counter",
    unit: "one",
    help: "Questions to the region's servers that got no answer",
    owner: "actors/bus",
  },
} as const satisfies Readonly<Record<string, MetricFamily>>;

/** What a cell answers to requests beside orders: operations, control, risk limits, actors. */
export const serviceFamilies = {
  meridian_service_requests_total: {
    type: "counter",
    unit: "one",
    help: "Requests to a service of the cell, by service and verb",
    owner: "actors/root",
    labels: ["service", "verb"],
  },
  meridian_service_answer_seconds: {
    type: "histogram",
    unit: "seconds",
    help: "From a request to a service of the cell to its answer",
    owner: "actors/root",
    labels: ["service"],
  },
} as const satisfies Readonly<Record<string, MetricFamily>>;
