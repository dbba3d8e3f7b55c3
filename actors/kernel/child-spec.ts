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
  /**
   * Its end by itself may end its supervisor (see AutoShutdown). Not for `permanent` children, and
   * only under a supervisor whose autoShutdown is not `never`. Absent: false.
   */
  readonly significant?: boolean;
}

/** What the children of a dynamic supervisor have in common; a child adds its `id` and `start`. */
export type ChildTemplate = Omit<ChildSpec, "id" | "start">;

/** A child of a dynamic supervisor: the rest of its specification is the template. */
export type DynamicChild<Start = unknown> = Pick<ChildSpec<Start>, "id" | "start">;

export type Restart = "permanent" | "transient" | "temporary";

/**
 * `one_for_one`: only the ended child; `one_for_all`: all; `rest_for_one`: it and those started after
 * it. `simple_one_for_one`: as one_for_one, for any number of children made from one template and
 * added at run time; stopped all at the same time, and forgotten once stopped.
 */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one" | "simple_one_for_one";

/**
 * Whether a supervisor stops its children and ends, as `shutdown`, when a significant child has ended
 * by itself and is not restarted: `any_significant` at the first, `all_significant` at the last that
 * was active. A child stopped by its supervisor, with its siblings or by a call, does not count.
 */
export type AutoShutdown = "never" | "any_significant" | "all_significant";

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
  /** As many restarts in a row as wait for nothing, before the delays above begin. Absent: 0. */
  readonly immediate?: number;
}

export interface SupervisorStart {
  readonly strategy: Strategy;
  readonly intensity: RestartIntensity;
  readonly backoff: Backoff;
  /** Most children at a time; one more is refused `busy`. */
  readonly maximumChildren: number;
  /** Absent: never. */
  readonly autoShutdown?: AutoShutdown;
  /** Started in this order, stopped in reverse. None with simple_one_for_one. */
  readonly children: readonly ChildSpec[];
  /** With simple_one_for_one only. */
  readonly template?: ChildTemplate;
}

/** The type name of supervisors in child specifications. */
export const supervisorType = "supervisor";

/** 6 failures in 30 s are escalated; delays 0, 50, 100, 200, … ms up to 2 s, jitter one half. */
export const defaultIntensity: RestartIntensity = {
  maximumRestarts: 5,
  within: 30_000_000_000 as DurationNs,
};
export const defaultBackoff: Backoff = {
  initial: 50_000_000 as DurationNs,
  maximum: 2_000_000_000 as DurationNs,
  jitter: 0.5,
  resetAfter: 10_000_000_000 as DurationNs,
  immediate: 1,
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
      autoShutdown: options.autoShutdown ?? "never",
      children,
      ...(options.template === undefined ? {} : { template: options.template }),
    },
  };
}

/** The specification of a supervisor of children made from one template, with the defaults above. */
export function dynamicSupervisorSpec(
  id: string,
  template: ChildTemplate,
  options: Partial<Omit<SupervisorStart, "children" | "strategy" | "template">> = {},
): ChildSpec<SupervisorStart> {
  return supervisorSpec(id, [], { ...options, strategy: "simple_one_for_one", template });
}
