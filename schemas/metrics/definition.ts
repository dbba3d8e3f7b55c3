/** What a metric family is, as data: one row each in the tables of this folder. */
export interface MetricFamily {
  readonly type: "counter" | "gauge" | "histogram";
  readonly unit: Unit;
  readonly help: string;
  /** Who answers for it: the folder whose code counts. */
  readonly owner: string;
  /** Absent: one series. */
  readonly labels?: readonly LabelName[];
}

/** `one`: a plain count, or 1 for yes. */
export type Unit =
  | "one"
  | "seconds"
  | "bytes"
  | "ratio"
  | "orders"
  | "commands"
  | "records"
  | "messages"
  | "events"
  | "sequence"
  | "price units"
  | "quantity units";

/**
 * Labels, and how many values each may have in a process. A value beyond that is left out of the scrape
 * and counted: nothing that clients choose may become a label.
 */
export const labelBounds = {
  market: 64,
  code: 96,
  stage: 8,
  state: 16,
  mode: 4,
  kind: 24,
  cause: 8,
  ring: 4,
  reason: 40,
  type: 24,
  supervisor: 16,
  direction: 2,
  stream: 96,
  space: 16,
  resource: 4,
  disk: 4,
  version: 2,
  engine: 2,
  nats_server: 2,
  server: 16,
  service: 4,
  verb: 48,
} as const;
export type LabelName = keyof typeof labelBounds;
