import { refusals } from "../../../schemas/refusals.ts";
import { durationBoundsNs } from "../../kernel/durations.ts";
import { journalLag } from "../../region/decide.ts";
import type { MarketReport } from "../../region/messages.ts";
import type { FlowCounts } from "../flow-host.ts";
import type { Samples } from "./samples.ts";

const states = [
  "starting",
  "recovering",
  "fencing",
  "open",
  "halted",
  "stopping",
  "stopped",
  "failed",
];
const modes = ["matched", "durable", "replicated"];
const noRefusals: Readonly<Record<string, number>> = Object.fromEntries(
  Object.keys(refusals).map((code) => [code, 0]),
);

/** How far behind a market is that is followed here; it has no other samples. */
export function standbySamples(into: Samples, { definition, standby }: MarketReport): void {
  if (standby === undefined || standby === null) return;
  const { market } = definition;
  into.set("meridian_standby_lag_records", standby.lagRecords, { market });
  if (standby.lagMs !== null) {
    into.set("meridian_standby_lag_seconds", standby.lagMs / 1_000, { market });
  }
}

export function marketSamples(into: Samples, report: MarketReport): void {
  const { market, orderCapacity } = report.definition;
  into.set("meridian_market_open", report.state === "open" ? 1 : 0, { market });
  for (const state of states) {
    into.set("meridian_market_state", report.state === state ? 1 : 0, { market, state });
  }
  for (const mode of modes) {
    into.set("meridian_market_mode", report.mode === mode ? 1 : 0, { market, mode });
  }
  into.set("meridian_market_epoch", report.epoch, { market });
  into.set("meridian_market_restarts_total", report.restarts, { market });
  into.set("meridian_market_orders_total", report.orders, { market });
  into.set("meridian_market_trades_total", report.trades, { market });
  into.set("meridian_market_volume_total", report.volume, { market });
  // Every code from the start: a rate over a series that begins with its first refusal misses that one.
  for (const [code, count] of Object.entries({ ...noRefusals, ...report.refusals })) {
    into.set("meridian_market_refusals_total", count, { market, code });
  }
  into.set("meridian_market_resting_orders", report.restingOrders, { market });
  into.set("meridian_market_order_capacity", orderCapacity, { market });
  const { bidPrice, bidQuantity, askPrice, askQuantity } = report.touch;
  into.set("meridian_market_bid_price", bidPrice, { market });
  into.set("meridian_market_bid_quantity", bidQuantity, { market });
  into.set("meridian_market_ask_price", askPrice, { market });
  into.set("meridian_market_ask_quantity", askQuantity, { market });
  into.set("meridian_market_sequence", report.matched, { market, stage: "matched" });
  into.set("meridian_market_sequence", report.durable, { market, stage: "durable" });
  into.set("meridian_market_sequence", report.committed, { market, stage: "committed" });
  into.set("meridian_journal_lag_commands", journalLag(report), { market });
  const { journal, acknowledgements } = report;
  if (acknowledgements !== undefined) {
    const buckets = { boundsNs: durationBoundsNs, ...acknowledgements };
    into.histogram("meridian_acknowledgement_seconds", buckets, { market });
  }
  if (journal === undefined) return;
  into.set("meridian_market_replies_withheld_total", journal.withheld, { market });
  into.set("meridian_market_event_blocks_refused_total", journal.eventsRefused, { market });
  into.set("meridian_journal_blocks_total", journal.blocks, { market });
  into.set("meridian_journal_blocks_undecided_total", journal.undecided, { market });
  into.set("meridian_journal_blocks_resent_total", journal.resent, { market });
  into.set("meridian_journal_blocks_dropped_total", journal.dropped, { market });
}

export function flowSamples(into: Samples, flow: ReadonlyMap<string, FlowCounts>): void {
  for (const [market, counts] of flow) {
    into.set("meridian_flow_commands_total", counts.sent, { market });
    into.set("meridian_flow_skipped_total", counts.skipped, { market });
  }
}
