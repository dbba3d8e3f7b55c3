import type { DurationNs } from "./units.ts";

/**
 * What a supervisor is told about a child: data, so that a tree can be printed, compared, sent and
 * stored. OTP's words and meanings.
 */
export interface ChildSpec<Start = unknown> {
  /** Unique under its supervisor; a subject token, [A-Za-z0-9_-]{1,64}. */
  readonly id: string;
  /** Name of a registered actor definition, or `supervisor` (then `start` is a SupervisorStart). */
  readonly type: string;
  /** Plain JSON handed to the definition's `create` at each start. */
  readonly start: Start;
  /**
   * `permanent`: restarted after every exit. `transient`: only after `failed` or `killed`.
   * `temporary`: never, and forgotten when it has ended.
   */
  readonly restart: Restart;
  /**
   * How long a stop may take before it becomes a kill. `brutal_kill`: the actor's `terminate` is
   * not called at all. `infinity`: no limit; what supervisors want, for their children have limits.
   */
  readonly shutdown: DurationNs | "brutal_kill" | "infinity";
}
export type Restart = "permanent" | "transient" | "temporary";

/** `one_for_one`: only the ended child; `one_for_all`: all; `rest_for_one`: it and those started after it. */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";

/** More than `maximumRestarts` restarts within the window end the supervisor: its parent answers. */
export interface RestartIntensity {
  readonly maximumRestarts: number;
  readonly within: DurationNs;
}

/**
 * Delay before restart k (1, 2, …) in a row: `initial` × 2^(k-1), at most `maximum`, less a random
 * part of up to `jitter` (0 … 1) of it. A child that ran for `resetAfter` starts again at k = 1.
 */
export interface Backoff {
  readonly initial: DurationNs;
  readonly maximum: DurationNs;
  readonly jitter: number;
  readonly resetAfter: DurationNs;
}

export interface SupervisorStart {
  readonly strategy: Strategy;
  readonly intensity: RestartIntensity;
  readonly backoff: Backoff;
  /** Most children at a time; one more is refused `busy`. */
  readonly maximumChildren: number;
  /** Started in this order, stopped in reverse. */
  readonly children: readonly ChildSpec[];
}

/** The type name of supervisors in child specifications. */
export const supervisorType = "supervisor";

/** 6 failures in 30 s are escalated; delays 50, 100, 200, … ms up to 2 s, jitter one half. */
export const defaultIntensity: RestartIntensity = {
  maximumRestarts: 5,
  within: 30_000_000_000 as DurationNs,
};
export const defaultBackoff: Backoff = {
  initial: 50_000_000 as DurationNs,
  maximum: 2_000_000_000 as DurationNs,
  jitter: 0.5,
  resetAfter: 10_000_000_000 as DurationNs,
};
export const defaultMaximumChildren = 10_000;

/** The specification of a supervisor with the defaults above; permanent, stopped without a time limit. */
export function supervisorSpec(
  id: string,
  children: readonly ChildSpec[],
  options: Partial<Omit<SupervisorStart, "children">> = {},
): ChildSpec<SupervisorStart> {
  return {
    id,
    type: supervisorType,
    restart: "permanent",
    shutdown: "infinity",
    start: {
      strategy: options.strategy ?? "one_for_one",
      intensity: options.intensity ?? defaultIntensity,
      backoff: options.backoff ?? defaultBackoff,
      maximumChildren: options.maximumChildren ?? defaultMaximumChildren,
      children,
    },
  };
}
