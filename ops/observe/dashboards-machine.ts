import type { Dashboard } from "./dashboard.ts";
import { graph, ofMarket, quantiles, rate, rateBy, stat, value } from "./panels.ts";

const cellLegend = "{{cell}}";
const marketLegend = "{{market}}";

const reactor: Dashboard = {
  uid: "meridian-reactor",
  title: "Meridian: reactor",
  ofMarket: true,
  panels: [
    graph(
      "Service time",
      "s",
      ...quantiles("meridian_reactor_service_seconds", "market", ofMarket),
    ),
    graph("Stages", "s", ...quantiles("meridian_reactor_stage_seconds", "market, stage", ofMarket)),
    graph(
      "Commands",
      "ops",
      rate("meridian_reactor_commands_total", "{{market}} {{kind}}", ofMarket),
    ),
    graph(
      "Rings",
      "short",
      value("meridian_reactor_ring_used", "{{market}} {{ring}}", ofMarket),
      value("meridian_reactor_ring_slots", "{{market}} {{ring}} slots", ofMarket),
    ),
    graph(
      "Waiting and refusing",
      "ops",
      rate("meridian_reactor_event_ring_stalls_total", "{{market}} stalls", ofMarket),
      rate("meridian_reactor_command_ring_refusals_total", "{{market}} ring full", ofMarket),
      rate("meridian_reactor_late_slabs_total", "{{market}} memory late", ofMarket),
    ),
    graph(
      "Memory of the pools",
      "bytes",
      value("meridian_reactor_memory_backed_bytes", "{{market}} backed", ofMarket),
      value("meridian_reactor_memory_locked_bytes", "{{market}} locked", ofMarket),
    ),
    graph("Slabs", "ops", rate("meridian_reactor_slabs_total", marketLegend, ofMarket)),
    stat("Slower than usual", "short", value("meridian_latency_alert", marketLegend, ofMarket)),
    graph(
      "Latency alerts",
      "ops",
      rate("meridian_latency_alerts_total", "{{market}} {{cause}}", ofMarket),
    ),
    graph(
      "Median: usual, and at the last alert",
      "s",
      value("meridian_latency_usual_seconds", "{{market}} usual", ofMarket),
      value("meridian_latency_slow_seconds", "{{market}} at the last alert", ofMarket),
    ),
    graph("Hiccups of the machine", "s", ...quantiles("meridian_reactor_hiccup_seconds", "cell")),
    graph(
      "Threads",
      "ops",
      rate("meridian_reactor_parkings_total", "{{cell}} sleeps"),
      rate("meridian_reactor_stuck_total", "{{cell}} stuck, {{cause}}"),
      rate("meridian_reactor_forced_rests_total", "{{cell}} forced rests"),
      rate("meridian_reactor_placement_changes_total", "{{cell}} placed anew"),
    ),
    stat(
      "Placement",
      "short",
      value("meridian_reactor_split", "{{cell}} split"),
      value("meridian_reactor_pinned", "{{cell}} pinned"),
      value("meridian_reactor_fifo", "{{cell}} SCHED_FIFO"),
    ),
    graph(
      "Clocks",
      "s",
      value("meridian_clock_worst_error_seconds", "{{cell}} worst error"),
      value("meridian_clock_wall_shift_seconds", "{{cell}} shift of the wall clock"),
    ),
    graph(
      "Checks of the clock",
      "ops",
      rate("meridian_clock_checks_total", "{{cell}} checks"),
      rate("meridian_clock_restarts_total", "{{cell}} measured anew"),
    ),
  ],
};

const bus: Dashboard = {
  uid: "meridian-nats",
  title: "Meridian: NATS and JetStream",
  ofMarket: false,
  panels: [
    stat("Connected", "short", value("meridian_nats_connected", cellLegend)),
    graph("Reconnects", "ops", rate("meridian_nats_reconnects_total", cellLegend)),
    graph("Round trip", "s", value("meridian_nats_round_trip_seconds", cellLegend)),
    graph("Messages", "ops", rate("meridian_nats_messages_total", "{{cell}} {{direction}}")),
    graph("Bytes", "Bps", rate("meridian_nats_bytes_total", "{{cell}} {{direction}}")),
    graph(
      "Not sent",
      "short",
      value("meridian_nats_unflushed_bytes", "{{cell}} bytes under way"),
      rate("meridian_nats_dropped_total", "{{cell}} dropped a second"),
    ),
    graph(
      "Requests",
      "ops",
      rate("meridian_nats_requests_total", cellLegend),
      rate("meridian_nats_request_failures_total", "{{cell}} {{code}}"),
    ),
    graph("Requests under way", "short", value("meridian_nats_requests_under_way", cellLegend)),
    graph("Answers", "s", ...quantiles("meridian_nats_request_seconds", "cell")),
    graph("Messages in streams", "short", value("meridian_stream_messages", "{{stream}}")),
    graph(
      "Bytes in streams",
      "bytes",
      value("meridian_stream_bytes", "{{stream}}"),
      value("meridian_stream_limit_bytes", "{{stream}} at most"),
    ),
    graph(
      "Positions",
      "short",
      value("meridian_stream_first_sequence", "{{stream}} first"),
      value("meridian_stream_last_sequence", "{{stream}} last"),
    ),
    graph(
      "Subjects and consumers",
      "short",
      value("meridian_stream_subjects", "{{stream}} subjects"),
      value("meridian_stream_consumers", "{{stream}} consumers"),
    ),
    graph(
      "Replicas",
      "short",
      value("meridian_stream_has_leader", "{{stream}} has a leader"),
      value("meridian_stream_replicas", "{{stream}} all"),
      value("meridian_stream_replicas_current", "{{stream}} up to date"),
    ),
    graph("Lag of replicas", "short", value("meridian_stream_replica_lag_messages", "{{stream}}")),
    graph(
      "Followed markets behind",
      "s",
      value("meridian_standby_lag_seconds", "{{market}} in {{region}}"),
    ),
    graph(
      "Records behind",
      "short",
      value("meridian_standby_lag_records", "{{market}} in {{region}}"),
    ),
    graph(
      "JetStream",
      "bytes",
      value("meridian_jetstream_storage_bytes", "{{cell}} disk"),
      value("meridian_jetstream_memory_bytes", "{{cell}} memory"),
    ),
    graph(
      "Streams and consumers",
      "short",
      value("meridian_jetstream_streams", "{{cell}} streams"),
      value("meridian_jetstream_consumers", "{{cell}} consumers"),
    ),
    graph(
      "API",
      "ops",
      rate("meridian_jetstream_api_requests_total", "{{cell}} requests"),
      rate("meridian_jetstream_api_errors_total", "{{cell}} errors"),
      rate("meridian_jetstream_report_failures_total", "{{cell}} without an answer"),
    ),
    graph("Age of this", "s", value("meridian_jetstream_report_age_seconds", cellLegend)),
  ],
};

const serverLegend = "{{server}}";

const servers: Dashboard = {
  uid: "meridian-servers",
  title: "Meridian: servers and services",
  ofMarket: false,
  panels: [
    graph("Up for", "s", value("meridian_server_uptime_seconds", serverLegend)),
    graph("Processor", "percentunit", value("meridian_server_processor_ratio", serverLegend)),
    graph(
      "Memory",
      "bytes",
      value("meridian_server_memory_bytes", "{{server}} process"),
      value("meridian_server_jetstream_memory_bytes", "{{server}} streams"),
    ),
    graph(
      "Connected to it",
      "short",
      value("meridian_server_connections", "{{server}} clients"),
      value("meridian_server_routes", "{{server}} servers"),
      value("meridian_server_leaf_nodes", "{{server}} edge sites"),
    ),
    graph(
      "Comings and ends",
      "ops",
      rate("meridian_server_connections_total", "{{server}} connections"),
      rate("meridian_server_slow_consumers_total", "{{server}} cut off: too slow"),
    ),
    graph("Subscriptions", "short", value("meridian_server_subscriptions", serverLegend)),
    graph("Messages", "ops", rate("meridian_server_messages_total", "{{server}} {{direction}}")),
    graph("Bytes", "Bps", rate("meridian_server_bytes_total", "{{server}} {{direction}}")),
    graph(
      "Disk for streams",
      "bytes",
      value("meridian_server_jetstream_storage_bytes", "{{server}} used"),
      value("meridian_server_jetstream_reserved_bytes", "{{server}} promised"),
      value("meridian_server_jetstream_limit_bytes", "{{server}} at most"),
    ),
    graph(
      "Streams and consumers",
      "short",
      value("meridian_server_jetstream_streams", "{{server}} streams"),
      value("meridian_server_jetstream_consumers", "{{server}} consumers"),
    ),
    graph(
      "JetStream's interface",
      "ops",
      rate("meridian_server_jetstream_requests_total", "{{server}} requests"),
      rate("meridian_server_jetstream_errors_total", "{{server}} errors"),
    ),
    stat("Knows a meta leader", "short", value("meridian_server_has_meta_leader", serverLegend)),
    graph(
      "This itself",
      "short",
      value("meridian_server_report_age_seconds", "{{cell}} seconds old"),
      rate("meridian_server_report_failures_total", "{{cell}} without an answer"),
    ),
    graph(
      "Requests to services",
      "ops",
      rateBy("meridian_service_requests_total", "service, verb", "{{service}} {{verb}}"),
    ),
    graph("Answers of services", "s", ...quantiles("meridian_service_answer_seconds", "service")),
  ],
};

const edges: Dashboard = {
  uid: "meridian-edges",
  title: "Meridian: OUCH, ITCH and shared memory",
  ofMarket: true,
  panels: [
    graph(
      "Order entry",
      "ops",
      rate("meridian_ouch_commands_total", "{{market}} commands", ofMarket),
      rate("meridian_ouch_cancels_total", "{{market}} cancels", ofMarket),
      rate("meridian_ouch_packets_total", "{{market}} packets", ofMarket),
      rate("meridian_ouch_messages_total", "{{market}} messages", ofMarket),
    ),
    graph(
      "Members",
      "short",
      value("meridian_ouch_open_connections", "{{market}} connections", ofMarket),
      value("meridian_ouch_open_orders", "{{market}} orders", ofMarket),
    ),
    graph(
      "Refused at order entry",
      "ops",
      rate("meridian_ouch_turned_away_total", "{{market}} turned away", ofMarket),
      rate("meridian_ouch_ring_full_total", "{{market}} ring full", ofMarket),
      rate("meridian_ouch_orders_full_total", "{{market}} orders full", ofMarket),
      rate("meridian_ouch_commands_full_total", "{{market}} commands full", ofMarket),
      rate("meridian_ouch_unknown_orders_total", "{{market}} unknown orders", ofMarket),
      rate("meridian_ouch_repeated_references_total", "{{market}} repeated references", ofMarket),
    ),
    graph(
      "Ended connections",
      "ops",
      rate("meridian_ouch_closed_total", "{{market}} {{reason}}", ofMarket),
    ),
    graph("Position of the feed", "short", value("meridian_itch_sequence", marketLegend, ofMarket)),
    graph(
      "Feed",
      "ops",
      rate("meridian_itch_messages_total", "{{market}} messages", ofMarket),
      rate("meridian_itch_packets_total", "{{market}} packets", ofMarket),
      rate("meridian_itch_packets_dropped_total", "{{market}} packets dropped", ofMarket),
      rate("meridian_itch_unpriceable_total", "{{market}} unpriceable", ofMarket),
    ),
    graph(
      "Receivers catching up",
      "ops",
      rate("meridian_itch_requests_total", "{{market}} re-requests", ofMarket),
      rate("meridian_itch_replays_total", "{{market}} replays", ofMarket),
      rate("meridian_itch_snapshots_total", "{{market}} snapshots", ofMarket),
      rate("meridian_itch_snapshots_refused_total", "{{market}} snapshots refused", ofMarket),
    ),
    graph(
      "Clients over shared memory",
      "ops",
      rate("meridian_clients_accepted_total", "{{cell}} accepted"),
      rate("meridian_client_wakes_total", "{{cell}} wake-ups"),
      rate("meridian_clients_refused_total", "{{cell}} refused, {{code}}"),
      rate("meridian_clients_ended_total", "{{cell}} ended, {{reason}}"),
    ),
  ],
};

const machine: Dashboard = {
  uid: "meridian-machine",
  title: "Meridian: processes and machines",
  ofMarket: false,
  panels: [
    graph(
      "Processor",
      "short",
      rate("process_cpu_seconds_total", cellLegend),
      value("meridian_host_processors", "{{cell}} usable"),
    ),
    graph(
      "Memory",
      "bytes",
      value("process_resident_memory_bytes", "{{cell}} resident"),
      value("process_virtual_memory_bytes", "{{cell}} virtual"),
    ),
    graph(
      "Heap",
      "bytes",
      value("nodejs_heap_used_bytes", "{{cell}} used"),
      value("nodejs_heap_size_bytes", "{{cell}} size"),
      value("nodejs_heap_limit_bytes", "{{cell}} limit"),
    ),
    graph("Heap by space", "bytes", value("nodejs_heap_space_used_bytes", "{{cell}} {{space}}")),
    graph(
      "Memory outside the heap",
      "bytes",
      value("nodejs_external_memory_bytes", "{{cell}} external"),
      value("nodejs_array_buffer_bytes", "{{cell}} array buffers"),
    ),
    graph(
      "Event loop",
      "s",
      value("nodejs_eventloop_delay_p50_seconds", "{{cell}} p50"),
      value("nodejs_eventloop_delay_p99_seconds", "{{cell}} p99"),
      value("nodejs_eventloop_delay_max_seconds", "{{cell}} largest"),
    ),
    graph("Event loop busy", "percentunit", value("nodejs_eventloop_busy_ratio", cellLegend)),
    graph("Garbage collection", "s", rate("nodejs_gc_seconds_total", "{{cell}} {{kind}}")),
    graph("Garbage collections", "ops", rate("nodejs_gc_runs_total", "{{cell}} {{kind}}")),
    graph(
      "File descriptors and threads",
      "short",
      value("process_open_fds", "{{cell}} open"),
      value("process_max_fds", "{{cell}} at most"),
      value("process_threads", "{{cell}} threads"),
    ),
    graph("Page faults", "ops", rate("process_page_faults_total", "{{cell}} {{kind}}")),
    graph("Context switches", "ops", rate("process_context_switches_total", "{{cell}} {{kind}}")),
    graph("Disk transfers", "Bps", rate("process_disk_bytes_total", "{{cell}} {{direction}}")),
    graph(
      "Disk",
      "bytes",
      value("meridian_disk_size_bytes", "{{cell}} size"),
      value("meridian_disk_available_bytes", "{{cell}} free"),
    ),
    graph(
      "Inodes",
      "short",
      value("meridian_disk_inodes", "{{cell}} all"),
      value("meridian_disk_inodes_available", "{{cell}} free"),
    ),
    graph("Load of the host", "short", value("meridian_host_load", cellLegend)),
    graph("Memory of the host", "bytes", value("meridian_host_memory_available_bytes", cellLegend)),
    graph(
      "What the host takes away",
      "s",
      rate("meridian_host_steal_seconds_total", "{{cell}} stolen"),
      rate("meridian_host_pressure_seconds_total", "{{cell}} waiting for {{resource}}"),
    ),
    stat("Runs since", "dateTimeFromNow", {
      expr: 'process_start_time_seconds{region=~"$region"} * 1000',
      legend: cellLegend,
    }),
    stat("Node", "short", value("nodejs_version_info", "{{cell}} {{version}}")),
  ],
};

export const machineDashboards: readonly Dashboard[] = [reactor, bus, servers, edges, machine];
