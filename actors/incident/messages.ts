import type { Failure } from "../kernel/result.ts";

/** What a detector has found, or Prometheus. */
export interface Finding {
  /** Region that is concerned. */
  readonly affected: string;
  readonly kind: FindingKind;
  /** Cell, market, stream, or name of an alert. */
  readonly subject: string;
  readonly severity: "page" | "ticket";
  /** A person closes it, also when what was found is over by itself. */
  readonly latched: boolean;
  readonly title: string;
  readonly detail: string;
  /** RB-nn. */
  readonly runbook: string;
  /** Who found it: <region>/<cell>, or alertmanager. */
  readonly source: string;
}

export const findingKinds = [
  "cell_down",
  "region_down",
  "market_failed",
  "market_slow",
  "journal",
  "residency",
  "disk",
  "lease",
  "supervisor",
  "actor_failed",
  "dead_letters",
  "certificate",
  "prometheus",
] as const;
export type FindingKind = (typeof findingKinds)[number];

/** Of an occurrence; `quiet` before the first. */
export const statuses = [
  "quiet",
  "detected",
  "escalated",
  "acknowledged",
  "mitigated",
  "resolved",
  "reviewed",
] as const;
export type Status = (typeof statuses)[number];

export type Level = 1 | 2 | 3;

export const phases = ["check", "do", "verify"] as const;
export type Phase = (typeof phases)[number];

interface Acted {
  readonly commandId: string;
  readonly by: string;
  readonly note: string;
}

interface Ran {
  readonly commandId: string;
  readonly by: string;
  readonly runbook: string;
  /** What was run, and what it came to. */
  readonly detail: string;
  /** `done`, or the code of a failure. */
  readonly outcome: string;
  readonly drill: boolean;
}

export type IncidentCommand =
  | { readonly type: "raise"; readonly commandId: string; readonly finding: Finding }
  | {
      readonly type: "clear";
      readonly commandId: string;
      readonly source: string;
      readonly detail: string;
    }
  | ({ readonly type: "acknowledge" } & Acted)
  | ({ readonly type: "escalate" } & Acted)
  | ({ readonly type: "resolve" } & Acted)
  | ({ readonly type: "review" } & Acted)
  | ({ readonly type: "step"; readonly phase: Phase } & Ran)
  | ({ readonly type: "mitigate" } & Ran)
  /** What became of a page, by the actor itself. */
  | {
      readonly type: "told";
      readonly commandId: string;
      readonly occurrence: number;
      readonly level: Level;
      readonly outcome: string;
      readonly detail: string;
    };

export type IncidentMessage =
  | IncidentCommand
  | { readonly type: "describe" }
  /** A timer of the actor: nobody has acknowledged in time. */
  | { readonly type: "unacknowledged" };

interface At {
  readonly atUnixMs: number;
}

export type IncidentEvent = At &
  (
    | { readonly type: "detected"; readonly finding: Finding }
    | { readonly type: "again"; readonly finding: Finding }
    | { readonly type: "cleared"; readonly by: string; readonly detail: string }
    /** Somebody is to be told; due is when the next level is. */
    | { readonly type: "paged"; readonly level: Level; readonly nextUnixMs: number }
    | {
        readonly type: "page_sent" | "page_failed";
        readonly level: Level;
        readonly outcome: string;
        readonly detail: string;
      }
    | {
        readonly type: "escalated";
        readonly level: Level;
        readonly by: string;
        readonly detail: string;
      }
    | {
        readonly type: "acknowledged" | "resolved" | "reviewed";
        readonly by: string;
        readonly detail: string;
      }
    | ({ readonly type: "step"; readonly phase: Phase } & RanBy)
    | ({ readonly type: "mitigated" | "not_mitigated" } & RanBy)
  );

interface RanBy {
  readonly by: string;
  readonly runbook: string;
  readonly detail: string;
  readonly outcome: string;
  readonly drill: boolean;
}

/** One line of the timeline. */
export interface Step {
  readonly atUnixMs: number;
  readonly type: IncidentEvent["type"];
  readonly by: string;
  readonly detail: string;
  /** 0: of no level. */
  readonly level: number;
  readonly runbook: string;
  readonly phase: string;
  readonly outcome: string;
  readonly drill: boolean;
}

export interface Former {
  readonly occurrence: number;
  readonly raisedUnixMs: number;
  readonly endedUnixMs: number;
  readonly endedBy: string;
  readonly status: Status;
}

export interface IncidentView {
  readonly id: string;
  readonly region: string;
  readonly finding: Finding | null;
  readonly status: Status;
  /** That was last paged; 0: nobody. */
  readonly level: number;
  readonly occurrence: number;
  /** What raised it is still so. */
  readonly stands: boolean;
  readonly raisedUnixMs: number;
  readonly updatedUnixMs: number;
  readonly acknowledgedBy: string;
  /** When the next level is paged; 0: not. */
  readonly escalatesUnixMs: number;
  readonly timeline: readonly Step[];
  /** Steps that the timeline has no room for. */
  readonly stepsDropped: number;
  readonly former: readonly Former[];
}

export type IncidentReply =
  | { readonly type: "done"; readonly incident: IncidentView; readonly repeated: boolean }
  | { readonly type: "refused"; readonly failure: Failure; readonly incident: IncidentView };

export interface IncidentStart {
  readonly region: string;
  readonly id: string;
  /** Epoch of the shard under which it runs. */
  readonly incarnation: number;
}

/** Milliseconds until the next level is paged, by the level that was. */
export type Patience = Readonly<Record<Level, number>>;
