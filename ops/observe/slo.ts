import type { AlertRule, RecordingRule, Trial } from "./rules.ts";

/**
 * Objectives, and alerts on how fast their error budget burns: two windows each, so that an alert
 * comes soon and is over soon (Google, The Site Reliability Workbook, chapter 5, table 5-8).
 */
export interface Objective {
  readonly name: string;
  /** Part of what may go wrong in 30 days. */
  readonly budget: number;
  readonly summary: string;
  readonly runbook: string;
  /** Part that goes wrong, by region and market, in a window. */
  readonly errors: (window: string) => string;
  /** Series of a trial in which everything goes wrong. */
  readonly trial: Trial["series"];
}

/** Refusals that are not the client's doing. */
const ownRefusals =
  "busy|ring_full|not_durable|market_stopped|not_owner|internal|unavailable|timeout|log_full";
const byMarket = "sum by (region, market)";

export const objectives: readonly Objective[] = [
  {
    name: "order_entry",
    budget: 0.001,
    summary: "Commands are refused for reasons that are not the client's.",
    runbook: "RB-02",
    errors: (window) =>
      `${byMarket} (rate(meridian_market_refusals_total{code=~"${ownRefusals}"}[${window}])) / ` +
      `(${byMarket} (rate(meridian_market_orders_total[${window}])) + ` +
      `${byMarket} (rate(meridian_market_refusals_total[${window}])))`,
    trial: [
      { name: 'meridian_market_orders_total{market="ACME"}', usual: 6_000, bad: 3_000 },
      { name: 'meridian_market_refusals_total{market="ACME",code="busy"}', usual: 0, bad: 3_000 },
    ],
  },
  {
    name: "acknowledgement",
    budget: 0.01,
    summary: "Acknowledgements take longer than 250 ms.",
    runbook: "RB-03",
    errors: (window) =>
      `1 - ${byMarket} (rate(meridian_acknowledgement_seconds_bucket{le="0.25"}[${window}])) / ` +
      `${byMarket} (rate(meridian_acknowledgement_seconds_count[${window}]))`,
    trial: [
      {
        name: 'meridian_acknowledgement_seconds_bucket{market="ACME",le="0.25"}',
        usual: 6_000,
        bad: 1_000,
      },
      { name: 'meridian_acknowledgement_seconds_count{market="ACME"}', usual: 6_000, bad: 6_000 },
    ],
  },
  {
    name: "market_serving",
    budget: 0.0005,
    summary: "The market is neither open nor halted by an operator.",
    runbook: "RB-01",
    errors: (window) =>
      `1 - ${byMarket} (avg_over_time(meridian_market_state{state=~"open|halted"}[${window}]))`,
    trial: [
      { name: 'meridian_market_state{market="ACME",state="open"}', usual: 1, bad: 0 },
      { name: 'meridian_market_state{market="ACME",state="halted"}', usual: 0, bad: 0 },
    ],
  },
];

export const burnWindows = ["5m", "30m", "1h", "6h", "3d"] as const;
type BurnWindow = (typeof burnWindows)[number];

export const burnRule = (objective: string, window: BurnWindow): string =>
  `region_market:${objective}_errors:ratio${window}`;

/** How many times as fast as allowed, over which windows, and how it is tried. */
export const burns: readonly {
  readonly name: string;
  readonly factor: number;
  readonly long: BurnWindow;
  readonly short: BurnWindow;
  readonly severity: AlertRule["severity"];
  readonly trial: Pick<Trial, "stepSeconds" | "steps">;
}[] = [
  {
    name: "Fast",
    factor: 14.4,
    long: "1h",
    short: "5m",
    severity: "page",
    trial: { stepSeconds: 60, steps: { usual: 70, bad: 40, after: 20 } },
  },
  {
    name: "Steady",
    factor: 6,
    long: "6h",
    short: "30m",
    severity: "page",
    trial: { stepSeconds: 300, steps: { usual: 80, bad: 40, after: 20 } },
  },
  {
    name: "Slow",
    factor: 1,
    long: "3d",
    short: "6h",
    severity: "ticket",
    trial: { stepSeconds: 3_600, steps: { usual: 80, bad: 40, after: 20 } },
  },
];

export const objectiveRecordings: readonly RecordingRule[] = objectives.flatMap((objective) =>
  burnWindows.map((window) => ({
    record: burnRule(objective.name, window),
    expr: objective.errors(window),
  })),
);

const camel = (name: string): string =>
  name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

export const objectiveAlerts: readonly AlertRule[] = objectives.flatMap((objective) =>
  burns.map(({ name, factor, long, short, severity, trial }) => {
    const limit = Number((factor * objective.budget).toPrecision(6));
    const over = (window: BurnWindow): string => `${burnRule(objective.name, window)} > ${limit}`;
    return {
      alert: `${camel(objective.name)}Burns${name}`,
      expr: `${over(long)} and ${over(short)}`,
      for: "0s",
      severity,
      runbook: objective.runbook,
      summary: `${objective.summary} The error budget burns ${factor} times as fast as it may.`,
      trial: {
        series: objective.trial,
        hasCell: false as const,
        labels: { region: "home", market: "ACME" },
        ...trial,
      },
    };
  }),
);
