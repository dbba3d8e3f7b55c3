import type { RecordingRule } from "./rules.ts";
import { objectiveRecordings } from "./slo.ts";

const quantile = (part: number, family: string, by: string): string =>
  `histogram_quantile(${part}, sum by (${by}, le) (rate(${family}_bucket[5m])))`;

/** What dashboards of many regions and the federation read, computed once. */
export const recordings: readonly RecordingRule[] = [
  ...objectiveRecordings,
  {
    record: "region_market:orders:rate1m",
    expr: "sum by (region, market) (rate(meridian_market_orders_total[1m]))",
  },
  {
    record: "region_market:trades:rate1m",
    expr: "sum by (region, market) (rate(meridian_market_trades_total[1m]))",
  },
  {
    record: "region_market:limit_refusals:rate5m",
    expr: 'sum by (region, market) (rate(meridian_market_refusals_total{code=~"limit_.*|account_killed"}[5m]))',
  },
  {
    record: "region_market:acknowledgement_seconds:p99",
    expr: quantile(0.99, "meridian_acknowledgement_seconds", "region, market"),
  },
  {
    record: "region_market:reactor_service_seconds:p99",
    expr: quantile(0.99, "meridian_reactor_service_seconds", "region, market"),
  },
  {
    record: "region_market:journal_commit_seconds:p99",
    expr: quantile(0.99, "meridian_journal_commit_seconds", "region, market"),
  },
  {
    record: "region:ready:min",
    expr: "min by (region) (meridian_ready)",
  },
];
