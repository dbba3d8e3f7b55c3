import { NativeEngine, type NativeMarket, octaveEndsNs } from "../../../native/index.ts";
import type { Histogram } from "../../../native/index.ts";
import { commandKinds } from "../../../native/slots.ts";
import type { LatencyCause, MatchingEngine } from "../../kernel/ports/matching-engine.ts";
import type { MarketReport } from "../../region/messages.ts";
import type { AlertCounts } from "../latency-alerts.ts";
import type { Buckets, Samples } from "./samples.ts";

const causes: readonly LatencyCause[] = [
  "unknown",
  "page_faults",
  "steal",
  "ring_full",
  "cancel_burst",
  "disk",
];

/** Octaves that are shown: 63 ns … 8.6 s; what is shorter is in the first, what is longer above all. */
const firstShown = 1;
const lastShown = 28;
const shownEndsNs = octaveEndsNs.slice(firstShown, lastShown + 1);

function shown({ counts, sumNs }: Histogram): Buckets {
  const below = counts.slice(0, firstShown).reduce((sum, count) => sum + count, 0);
  const inside = counts.slice(firstShown, lastShown + 1);
  const above = counts.slice(lastShown + 1).reduce((sum, count) => sum + count, 0);
  return {
    boundsNs: shownEndsNs,
    counts: [below + (inside[0] ?? 0), ...inside.slice(1), above],
    sumNs,
  };
}

/** Of the threads. The portable engine has none, and nothing of this is shown. */
export function engineSamples(into: Samples, engine: MatchingEngine | null): void {
  if (!(engine instanceof NativeEngine)) return;
  const { placement, stuck, forcedRests, clock } = engine.health();
  into.histogram("meridian_reactor_hiccup_seconds", shown(engine.hiccupHistogram()), {});
  into.set("meridian_reactor_parkings_total", engine.parkings(), {});
  into.set("meridian_reactor_stuck_total", stuck.busy, { cause: "busy" });
  into.set("meridian_reactor_stuck_total", stuck.starved, { cause: "starved" });
  into.set("meridian_reactor_forced_rests_total", forcedRests, {});
  into.set("meridian_reactor_placement_changes_total", placement.changes, {});
  into.set("meridian_reactor_split", placement.isSplit ? 1 : 0, {});
  into.set("meridian_reactor_pinned", placement.isPinned ? 1 : 0, {});
  into.set("meridian_reactor_fifo", placement.isFifo ? 1 : 0, {});
  into.set("meridian_clock_checks_total", clock.checks, {});
  into.set("meridian_clock_worst_error_seconds", clock.worstErrorNs / 1e9, {});
  into.set("meridian_clock_restarts_total", clock.restarts, {});
}

/** Of a market, if the native engine has it open. */
export function engineMarketSamples(
  into: Samples,
  engine: MatchingEngine | null,
  report: MarketReport,
): void {
  if (!(engine instanceof NativeEngine)) return;
  const { market: name } = report.definition;
  const market = engine.market(name);
  if (market === null || market.closing !== null) return;
  durationSamples(into, name, market);
  ringSamples(into, name, market);
  logSamples(into, name, market, report.committed);
}

function durationSamples(into: Samples, market: string, engine: NativeMarket): void {
  const { histograms, committedRecords } = engine.histograms();
  const { service, commit, sequence, match, handOn } = histograms;
  into.histogram("meridian_reactor_service_seconds", shown(service), { market });
  for (const [stage, histogram] of Object.entries({ sequence, match, hand_on: handOn })) {
    into.histogram("meridian_reactor_stage_seconds", shown(histogram), { market, stage });
  }
  into.histogram("meridian_journal_commit_seconds", shown(commit), { market });
  into.set("meridian_journal_records_total", committedRecords, { market });
  const { commands, alert } = engine.latency();
  for (const [number, kind] of commandKinds.entries()) {
    const label = { market, kind: kind ?? "unreadable" };
    into.set("meridian_reactor_commands_total", commands[number] ?? 0, label);
  }
  into.set("meridian_latency_usual_seconds", alert.usual / 1e9, { market });
  into.set("meridian_latency_slow_seconds", alert.p50 / 1e9, { market });
}

function ringSamples(into: Samples, market: string, engine: NativeMarket): void {
  const { commands, events, eventRingStalls, memory } = engine.statistics();
  for (const [ring, use] of Object.entries({ commands, events })) {
    into.set("meridian_reactor_ring_slots", use.capacity, { market, ring });
    into.set("meridian_reactor_ring_used", use.used, { market, ring });
  }
  into.set("meridian_reactor_event_ring_stalls_total", eventRingStalls, { market });
  into.set("meridian_reactor_memory_backed_bytes", memory.backedBytes, { market });
  into.set("meridian_reactor_memory_locked_bytes", memory.lockedBytes, { market });
  into.set("meridian_reactor_slabs_total", memory.slabs, { market });
  into.set("meridian_reactor_late_slabs_total", memory.lateSlabs, { market });
}

function logSamples(into: Samples, market: string, engine: NativeMarket, committed: number): void {
  const { commandRingRefusals, logFailure, logWaiting } = engine.progress();
  into.set("meridian_reactor_command_ring_refusals_total", commandRingRefusals, { market });
  into.set("meridian_journal_failed", logFailure === null ? 0 : 1, { market });
  into.set("meridian_journal_waiting_for_room", logWaiting === null ? 0 : 1, { market });
  into.set("meridian_journal_trimmed_sequence", engine.trimmed?.sequence ?? 0, { market });
  const shadow = engine.shadow();
  const applied = shadow?.sequence ?? 0;
  into.set("meridian_shadow_sequence", applied, { market });
  into.set("meridian_shadow_lag_commands", Math.max(committed - applied, 0), { market });
  into.set("meridian_shadow_failed", (shadow?.failure ?? null) === null ? 0 : 1, { market });
  into.set("meridian_snapshot_sequence", shadow?.snapshot ?? 0, { market });
  const { replayed, elapsedNs, cutBytes, faults } = engine.recovery;
  into.set("meridian_recovery_replayed_records", replayed, { market });
  into.set("meridian_recovery_seconds", elapsedNs / 1e9, { market });
  into.set("meridian_recovery_cut_bytes", cutBytes, { market });
  into.set("meridian_recovery_unusable_snapshots", faults.length, { market });
}

export function alertSamples(
  into: Samples,
  markets: readonly string[],
  alerts: ReadonlyMap<string, AlertCounts>,
): void {
  for (const market of markets) {
    const counts = alerts.get(market);
    into.set("meridian_latency_alert", counts?.stands === true ? 1 : 0, { market });
    for (const cause of causes) {
      into.set("meridian_latency_alerts_total", counts?.raised[cause] ?? 0, { market, cause });
    }
  }
}
