/** Rules for Prometheus as data: what they say, and how each is tried. */

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  /** How long it must hold; a Prometheus duration. */
  readonly for: string;
  /** page: somebody has to act now. ticket: within the day. */
  readonly severity: "page" | "ticket";
  /** RB-nn: a file in ops/runbooks. */
  readonly runbook: string;
  readonly summary: string;
  readonly trial: Trial;
}

/**
 * Shows that an alert does not fire while all is as usual, fires while it is not, and is over
 * afterwards. Values of counters are their rise per step, values of gauges what they show; null: no
 * sample.
 */
export interface Trial {
  readonly series: readonly TrialSeries[];
  /** Labels that the alert has besides `cellLabels`; false: it has not even those. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly hasCell?: false;
  /** Seconds between samples. Absent: 60. */
  readonly stepSeconds?: number;
  /** Steps of each phase. Absent: 20, 20, 30. */
  readonly steps?: { readonly usual: number; readonly bad: number; readonly after: number };
}

export interface TrialSeries {
  /** Family and labels besides `cellLabels`: `meridian_ready{}`. */
  readonly name: string;
  readonly usual: number | null;
  readonly bad: number | null;
}

/** Labels every series of a trial has: those of a scraped cell. */
export const cellLabels = { region: "home", cell: "home-1" } as const;
