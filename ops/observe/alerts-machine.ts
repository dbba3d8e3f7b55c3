import type { AlertRule } from "./rules.ts";

const acme = { market: "ACME" } as const;
const gauge = (name: string, usual: number | null, bad: number | null) => ({ name, usual, bad });

/** The reactor, NATS, the process, the machine, and the monitoring itself. */
export const machineAlerts: readonly AlertRule[] = [
  {
    alert: "MarketSlow",
    expr: "meridian_latency_alert == 1",
    for: "10s",
    severity: "page",
    runbook: "RB-03",
    summary:
      "A market is slower than it usually is; meridian_latency_alerts_total names the cause.",
    trial: { series: [gauge('meridian_latency_alert{market="ACME"}', 0, 1)], labels: acme },
  },
  {
    alert: "EventRingStalls",
    expr: "increase(meridian_reactor_event_ring_stalls_total[5m]) > 0",
    for: "0s",
    severity: "ticket",
    runbook: "RB-03",
    summary: "Matching waited because nobody took its events.",
    trial: {
      series: [gauge('meridian_reactor_event_ring_stalls_total{market="ACME"}', 0, 1)],
      labels: acme,
    },
  },
  {
    alert: "RingNearlyFull",
    expr: "meridian_reactor_ring_used > 0.8 * meridian_reactor_ring_slots",
    for: "1m",
    severity: "ticket",
    runbook: "RB-03",
    summary: "A ring of a market is four fifths full.",
    trial: {
      series: [
        gauge('meridian_reactor_ring_used{market="ACME",ring="events"}', 10, 900),
        gauge('meridian_reactor_ring_slots{market="ACME",ring="events"}', 1_000, 1_000),
      ],
      labels: { ...acme, ring: "events" },
    },
  },
  {
    alert: "ReactorStuck",
    expr: "increase(meridian_reactor_stuck_total[5m]) > 0",
    for: "0s",
    severity: "page",
    runbook: "RB-03",
    summary: "A thread of the reactor made no turn.",
    trial: {
      series: [gauge('meridian_reactor_stuck_total{cause="busy"}', 0, 1)],
      labels: { cause: "busy" },
    },
  },
  {
    alert: "MemoryLate",
    expr: "increase(meridian_reactor_late_slabs_total[10m]) > 0",
    for: "0s",
    severity: "ticket",
    runbook: "RB-03",
    summary: "Matching waited for memory that was not ready in time.",
    trial: {
      series: [gauge('meridian_reactor_late_slabs_total{market="ACME"}', 0, 1)],
      labels: acme,
    },
  },
  {
    alert: "ClockJumped",
    expr: "increase(meridian_clock_restarts_total[10m]) > 0",
    for: "0s",
    severity: "ticket",
    runbook: "RB-09",
    summary: "The processor's counter had to be measured anew: the machine was moved or paused.",
    trial: { series: [gauge("meridian_clock_restarts_total{}", 0, 1)] },
  },
  {
    alert: "WallClockSteps",
    expr: "abs(delta(meridian_clock_wall_shift_seconds[5m])) > 0.5",
    for: "0s",
    severity: "ticket",
    runbook: "RB-09",
    summary: "The wall clock has moved by more than half a second in five minutes.",
    trial: {
      series: [gauge("meridian_clock_wall_shift_seconds{}", 0, 3)],
      steps: { usual: 20, bad: 2, after: 20 },
    },
  },
  {
    alert: "NatsDisconnected",
    expr: "meridian_nats_connected == 0",
    for: "10s",
    severity: "page",
    runbook: "RB-08",
    summary: "A cell has no connection to NATS.",
    trial: { series: [gauge("meridian_nats_connected{}", 1, 0)] },
  },
  {
    alert: "NatsReconnects",
    expr: "increase(meridian_nats_reconnects_total[15m]) > 5",
    for: "0s",
    severity: "ticket",
    runbook: "RB-08",
    summary: "A cell loses its connection again and again.",
    trial: { series: [gauge("meridian_nats_reconnects_total{}", 0, 2)] },
  },
  {
    alert: "NatsRequestsFail",
    expr: 'sum by (region, cell) (increase(meridian_nats_request_failures_total{code=~"timeout|busy"}[5m])) > 20',
    for: "0s",
    severity: "ticket",
    runbook: "RB-08",
    summary: "Requests of a cell get no answer in time.",
    trial: { series: [gauge('meridian_nats_request_failures_total{code="timeout"}', 0, 10)] },
  },
  {
    alert: "MessagesDropped",
    expr: "increase(meridian_nats_dropped_total[5m]) > 100",
    for: "0s",
    severity: "ticket",
    runbook: "RB-08",
    summary: "A cell drops messages because its server takes none.",
    trial: { series: [gauge("meridian_nats_dropped_total{}", 0, 100)] },
  },
  {
    alert: "StreamWithoutLeader",
    expr: "meridian_stream_has_leader == 0",
    for: "30s",
    severity: "page",
    runbook: "RB-08",
    summary: "A stream has no leader: nothing can be stored in it.",
    trial: {
      series: [gauge('meridian_stream_has_leader{stream="KV_LEASE"}', 1, 0)],
      labels: { stream: "KV_LEASE" },
    },
  },
  {
    alert: "StreamReplicasMissing",
    expr: "meridian_stream_replicas_current < meridian_stream_replicas",
    for: "2m",
    severity: "page",
    runbook: "RB-08",
    summary: "A replica of a stream is behind or out of reach: one more and it cannot be written.",
    trial: {
      series: [
        gauge('meridian_stream_replicas_current{stream="KV_LEASE"}', 3, 2),
        gauge('meridian_stream_replicas{stream="KV_LEASE"}', 3, 3),
      ],
      labels: { stream: "KV_LEASE" },
    },
  },
  {
    alert: "StreamNearlyFull",
    expr: "meridian_stream_bytes > 0.8 * (meridian_stream_limit_bytes > 0)",
    for: "5m",
    severity: "ticket",
    runbook: "RB-08",
    summary: "A stream holds four fifths of what it may.",
    trial: {
      series: [
        gauge('meridian_stream_bytes{stream="JRN_atlas_00"}', 10, 900),
        gauge('meridian_stream_limit_bytes{stream="JRN_atlas_00"}', 1_000, 1_000),
      ],
      labels: { stream: "JRN_atlas_00" },
    },
  },
  {
    alert: "StreamsUnknown",
    expr: "meridian_jetstream_report_age_seconds > 60",
    for: "1m",
    severity: "ticket",
    runbook: "RB-08",
    summary: "JetStream has not told the state of the streams for a minute.",
    trial: { series: [gauge("meridian_jetstream_report_age_seconds{}", 5, 120)] },
  },
  {
    alert: "DiskNearlyFull",
    expr: "meridian_disk_available_bytes < 0.1 * meridian_disk_size_bytes",
    for: "1m",
    severity: "page",
    runbook: "RB-07",
    summary: "Less than a tenth of the disk is free.",
    trial: {
      series: [
        gauge('meridian_disk_available_bytes{disk="data"}', 500, 50),
        gauge('meridian_disk_size_bytes{disk="data"}', 1_000, 1_000),
      ],
      labels: { disk: "data" },
    },
  },
  {
    alert: "DiskFullSoon",
    expr: "predict_linear(meridian_disk_available_bytes[1h], 4 * 3600) < 0",
    for: "10m",
    severity: "page",
    runbook: "RB-07",
    summary: "At this pace the disk is full within four hours.",
    trial: {
      series: [gauge('meridian_disk_available_bytes{disk="data"}', 100, 50)],
      labels: { disk: "data" },
      steps: { usual: 60, bad: 20, after: 75 },
    },
  },
  {
    alert: "InodesNearlyGone",
    expr: "meridian_disk_inodes_available < 0.05 * (meridian_disk_inodes > 0)",
    for: "5m",
    severity: "ticket",
    runbook: "RB-07",
    summary: "Less than a twentieth of the inodes is free.",
    trial: {
      series: [
        gauge('meridian_disk_inodes_available{disk="data"}', 500, 5),
        gauge('meridian_disk_inodes{disk="data"}', 1_000, 1_000),
      ],
      labels: { disk: "data" },
    },
  },
  {
    alert: "FileDescriptorsNearlyGone",
    expr: "process_open_fds > 0.8 * process_max_fds",
    for: "5m",
    severity: "ticket",
    runbook: "RB-10",
    summary: "A cell has four fifths of the file descriptors open that it may.",
    trial: {
      series: [gauge("process_open_fds{}", 10, 900), gauge("process_max_fds{}", 1_000, 1_000)],
    },
  },
  {
    alert: "HeapNearlyFull",
    expr: "nodejs_heap_used_bytes > 0.85 * nodejs_heap_limit_bytes",
    for: "2m",
    severity: "page",
    runbook: "RB-10",
    summary: "The JavaScript heap is nearly full; then the process ends.",
    trial: {
      series: [
        gauge("nodejs_heap_used_bytes{}", 10, 900),
        gauge("nodejs_heap_limit_bytes{}", 1_000, 1_000),
      ],
    },
  },
  {
    alert: "EventLoopBlocked",
    expr: "nodejs_eventloop_delay_p99_seconds > 0.2",
    for: "1m",
    severity: "ticket",
    runbook: "RB-10",
    summary: "The event loop is late by 200 ms: renewals and replies wait for it.",
    trial: { series: [gauge("nodejs_eventloop_delay_p99_seconds{}", 0.01, 0.5)] },
  },
  {
    alert: "ProcessorStolen",
    expr: "rate(meridian_host_steal_seconds_total[5m]) > 0.2 * meridian_host_processors",
    for: "5m",
    severity: "ticket",
    runbook: "RB-10",
    summary: "The hypervisor gives a fifth of the processors to others.",
    trial: {
      series: [
        gauge("meridian_host_steal_seconds_total{}", 0, 60),
        gauge("meridian_host_processors{}", 2, 2),
      ],
    },
  },
  {
    alert: "FeedPacketsDropped",
    expr: "increase(meridian_itch_packets_dropped_total[5m]) > 0",
    for: "0s",
    severity: "ticket",
    runbook: "RB-11",
    summary: "The kernel did not take packets of the feed; receivers ask for them again.",
    trial: {
      series: [gauge('meridian_itch_packets_dropped_total{market="ACME"}', 0, 5)],
      labels: acme,
    },
  },
  {
    alert: "MembersTurnedAway",
    expr: "increase(meridian_ouch_turned_away_total[10m]) > 0",
    for: "0s",
    severity: "ticket",
    runbook: "RB-11",
    summary: "Order entry has no place for another connection.",
    trial: {
      series: [gauge('meridian_ouch_turned_away_total{market="ACME"}', 0, 1)],
      labels: acme,
    },
  },
  {
    alert: "SeriesLeftOut",
    expr: "increase(meridian_scrape_series_left_out_total[10m]) > 0",
    for: "0s",
    severity: "ticket",
    runbook: "RB-12",
    summary: "A label has more values than it may: some series are missing.",
    trial: { series: [gauge("meridian_scrape_series_left_out_total{}", 0, 3)] },
  },
  {
    alert: "RegionSilent",
    expr: 'count by (region) (last_over_time(up{job="meridian-cell"}[1h])) unless count by (region) (up{job="meridian-cell"})',
    for: "0s",
    severity: "page",
    runbook: "RB-12",
    summary:
      "A region that was seen within the hour tells nothing any more: what is shown of it is old.",
    trial: {
      series: [gauge('up{job="meridian-cell"}', 1, null)],
      hasCell: false,
      labels: { region: "home" },
    },
  },
];

/** Those about regions that tell nothing: only who hears all regions can know. */
export const globalAlerts: readonly string[] = ["RegionSilent"];
