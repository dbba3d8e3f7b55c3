import {
  type AutoShutdown,
  type Backoff,
  type ChildSpec,
  type ChildTemplate,
  type DynamicChild,
  type Restart,
  type RestartIntensity,
  type Strategy,
  type SupervisorStart,
  supervisorType,
} from "./child-spec.ts";
import type { ExitReason } from "./exit.ts";
import type { Randomness } from "./ports/randomness.ts";
import { unreachable } from "./result.ts";
import type { DurationNs } from "./units.ts";

/** What a supervisor decides, as functions of what it knows. */

/** Whether a child that ended for this reason is started again. */
export function restarts(restart: Restart, reason: ExitReason): boolean {
  switch (restart) {
    case "permanent":
      return true;
    case "transient":
      return reason.kind === "failed" || reason.kind === "killed";
    case "temporary":
      return false;
    default:
      return unreachable(restart);
  }
}

/** The ids that restart with `id`, in order of start: `order` gives all children in that order. */
export function affected(
  strategy: Strategy,
  order: () => readonly string[],
  id: string,
): readonly string[] {
  switch (strategy) {
    case "one_for_one":
    case "simple_one_for_one":
      return [id];
    case "one_for_all":
      return order();
    case "rest_for_one": {
      const all = order();
      return all.slice(all.indexOf(id));
    }
    default:
      return unreachable(strategy);
  }
}

/**
 * The times of the restarts that still count at `now`, the present one included; null when they are
 * more than the intensity allows.
 */
export function countRestart(
  intensity: RestartIntensity,
  earlier: readonly number[],
  now: number,
): readonly number[] | null {
  const counted = [...earlier.filter((time) => now - time <= intensity.within), now];
  return counted.length > intensity.maximumRestarts ? null : counted;
}

/** How often the child has now failed in a row, given how long it ran before this failure. */
export function failuresInRow(backoff: Backoff, before: number, ranFor: number): number {
  return ranFor >= backoff.resetAfter ? 1 : before + 1;
}

/** Delay before restart number `inRow` (1, 2, …) in a row. */
export function restartDelay(backoff: Backoff, inRow: number, randomness: Randomness): DurationNs {
  const waiting = inRow - (backoff.immediate ?? 0);
  if (waiting < 1) return 0 as DurationNs;
  // 2^52 × any positive delay is above every maximum; the cap keeps the product finite.
  const full = Math.min(backoff.initial * 2 ** Math.min(waiting - 1, 52), backoff.maximum);
  return Math.round(full * (1 - backoff.jitter * randomness.unit())) as DurationNs;
}

/** Whether a child that has ended by itself, for good, ends its supervisor. `othersActive`: significant ones. */
export function endsSupervisor(
  autoShutdown: AutoShutdown,
  significant: boolean,
  othersActive: number,
): boolean {
  if (!significant || autoShutdown === "never") return false;
  return autoShutdown === "any_significant" || othersActive === 0;
}

/** Registered actor types; a Map's keys will do. */
export interface KnownTypes {
  has(type: string): boolean;
}

const idPattern = /^[A-Za-z0-9_-]{1,64}$/;
const idRule = "an id is 1 to 64 of A-Z a-z 0-9 _ -";

/** What is wrong with a specification (with the path to it), or null. `above`: its supervisor's autoShutdown. */
export function specFault(
  spec: ChildSpec,
  types: KnownTypes,
  parent = "",
  above: AutoShutdown = "never",
): string | null {
  const path = `${parent}/${spec.id}`;
  if (!idPattern.test(spec.id)) return `${path}: ${idRule}`;
  const fault = templateFault(path, spec, types, above);
  if (fault !== null || spec.type !== supervisorType) return fault;
  return supervisorFault(path, spec.start, types);
}

/** What is wrong with a child of a dynamic supervisor whose template was found right. */
export function dynamicChildFault(child: DynamicChild, parent: string): string | null {
  const path = `${parent}/${child.id}`;
  if (!idPattern.test(child.id)) return `${path}: ${idRule}`;
  return "type" in child || "restart" in child || "shutdown" in child
    ? `${path}: its supervisor makes children from a template; give id and start only`
    : null;
}

function templateFault(
  path: string,
  spec: ChildTemplate,
  types: KnownTypes,
  above: AutoShutdown,
): string | null {
  if (!["permanent", "transient", "temporary"].includes(spec.restart)) {
    return `${path}: restart must be permanent, transient or temporary`;
  }
  const { shutdown } = spec;
  const timed = typeof shutdown === "number" && shutdown > 0;
  if (!timed && shutdown !== "brutal_kill" && shutdown !== "infinity") {
    return `${path}: shutdown must be a positive duration, brutal_kill or infinity`;
  }
  if (spec.significant === true && spec.restart === "permanent") {
    return `${path}: a permanent child cannot be significant`;
  }
  if (spec.significant === true && above === "never") {
    return `${path}: significant under a supervisor whose autoShutdown is never`;
  }
  if (spec.type === supervisorType || types.has(spec.type)) return null;
  return `${path}: no actor type ${JSON.stringify(spec.type)}`;
}

function supervisorFault(path: string, start: unknown, types: KnownTypes): string | null {
  if (!isSupervisorStart(start)) return `${path}: start is not that of a supervisor`;
  const { maximumChildren, children, autoShutdown = "never" } = start;
  const fault = numbersFault(path, start) ?? dynamicFault(path, start, types);
  if (fault !== null) return fault;
  if (children.length > maximumChildren) {
    return `${path}: ${children.length} children, at most ${maximumChildren} are allowed`;
  }
  const seen = new Set<string>();
  for (const child of children) {
    if (seen.has(child.id)) return `${path}: two children with the id ${child.id}`;
    seen.add(child.id);
    const childFault = specFault(child, types, path, autoShutdown);
    if (childFault !== null) return childFault;
  }
  return null;
}

function numbersFault(path: string, { intensity, backoff }: SupervisorStart): string | null {
  if (!Number.isInteger(intensity.maximumRestarts) || intensity.maximumRestarts < 0) {
    return `${path}: maximumRestarts must be an integer >= 0`;
  }
  if (!(intensity.within > 0)) return `${path}: the intensity's window must be positive`;
  if (!(backoff.initial >= 0 && backoff.maximum >= backoff.initial)) {
    return `${path}: back-off must have 0 <= initial <= maximum`;
  }
  if (!(backoff.jitter >= 0 && backoff.jitter <= 1)) return `${path}: jitter must be from 0 to 1`;
  if (!(backoff.resetAfter >= 0)) return `${path}: resetAfter must not be negative`;
  return (backoff.immediate ?? 0) >= 0 ? null : `${path}: immediate must not be negative`;
}

function dynamicFault(path: string, start: SupervisorStart, types: KnownTypes): string | null {
  const { strategy, template, children, autoShutdown = "never" } = start;
  if (strategy !== "simple_one_for_one") {
    return template === undefined ? null : `${path}: a template is for simple_one_for_one only`;
  }
  if (template === undefined) return `${path}: simple_one_for_one needs a template`;
  if (children.length > 0) return `${path}: simple_one_for_one starts without children`;
  return templateFault(`${path}/(template)`, template, types, autoShutdown);
}

function isSupervisorStart(start: unknown): start is SupervisorStart {
  const value = start as Partial<SupervisorStart> | null | undefined;
  return (
    typeof value === "object" &&
    value !== null &&
    ["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"].includes(
      value.strategy ?? "",
    ) &&
    ["never", "any_significant", "all_significant"].includes(value.autoShutdown ?? "never") &&
    typeof value.intensity === "object" &&
    typeof value.backoff === "object" &&
    typeof value.maximumChildren === "number" &&
    Array.isArray(value.children)
  );
}
