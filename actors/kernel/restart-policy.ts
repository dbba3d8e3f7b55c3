import type {
  Backoff,
  ChildSpec,
  Restart,
  RestartIntensity,
  Strategy,
  SupervisorStart,
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
  // 2^52 × any positive delay is above every maximum; the cap keeps the product finite.
  const full = Math.min(backoff.initial * 2 ** Math.min(inRow - 1, 52), backoff.maximum);
  return Math.round(full * (1 - backoff.jitter * randomness.unit())) as DurationNs;
}

/** What is wrong with a specification (with the path to it), or null. `types`: registered actor types. */
export function specFault(spec: ChildSpec, types: ReadonlySet<string>, parent = ""): string | null {
  const path = `${parent}/${spec.id}`;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(spec.id)) {
    return `${path}: an id is 1 to 64 of A-Z a-z 0-9 _ -`;
  }
  if (typeof spec.shutdown === "number" && !(spec.shutdown > 0)) {
    return `${path}: shutdown must be a positive duration, brutal_kill or infinity`;
  }
  if (spec.type !== "supervisor") {
    return types.has(spec.type) ? null : `${path}: no actor type ${JSON.stringify(spec.type)}`;
  }
  return supervisorFault(path, spec.start, types);
}

function supervisorFault(path: string, start: unknown, types: ReadonlySet<string>): string | null {
  if (!isSupervisorStart(start)) return `${path}: start is not that of a supervisor`;
  const { intensity, backoff, maximumChildren, children } = start;
  if (!Number.isInteger(intensity.maximumRestarts) || intensity.maximumRestarts < 0) {
    return `${path}: maximumRestarts must be an integer >= 0`;
  }
  if (!(intensity.within > 0)) return `${path}: the intensity's window must be positive`;
  if (!(backoff.initial >= 0 && backoff.maximum >= backoff.initial)) {
    return `${path}: back-off must have 0 <= initial <= maximum`;
  }
  if (!(backoff.jitter >= 0 && backoff.jitter <= 1)) return `${path}: jitter must be from 0 to 1`;
  if (!(backoff.resetAfter >= 0)) return `${path}: resetAfter must not be negative`;
  if (children.length > maximumChildren) {
    return `${path}: ${children.length} children, at most ${maximumChildren} are allowed`;
  }
  const seen = new Set<string>();
  for (const child of children) {
    if (seen.has(child.id)) return `${path}: two children with the id ${child.id}`;
    seen.add(child.id);
    const fault = specFault(child, types, path);
    if (fault !== null) return fault;
  }
  return null;
}

function isSupervisorStart(start: unknown): start is SupervisorStart {
  const value = start as Partial<SupervisorStart> | null | undefined;
  return (
    typeof value === "object" &&
    value !== null &&
    ["one_for_one", "one_for_all", "rest_for_one"].includes(value.strategy ?? "") &&
    typeof value.intensity === "object" &&
    typeof value.backoff === "object" &&
    typeof value.maximumChildren === "number" &&
    Array.isArray(value.children)
  );
}
