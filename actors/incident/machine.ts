import { setup } from "xstate";

import type { EventSourcedEvent, EventSourcedMachine } from "../kernel/event-sourced-machine.ts";
import type { Status } from "./messages.ts";

/** What happens to an occurrence; the same words as in the timeline. */
export type Happening =
  | "detected"
  | "escalated"
  | "acknowledged"
  | "mitigated"
  | "resolved"
  | "reviewed";

export type IncidentLifecycleEvent = EventSourcedEvent | { readonly type: Happening };

/**
 * Where each status leads: what is not here is refused. A new detection begins the next occurrence once
 * the one before is resolved.
 */
const lifecycle = {
  quiet: { on: { detected: "detected" } },
  detected: {
    on: { escalated: "escalated", acknowledged: "acknowledged", resolved: "resolved" },
  },
  escalated: {
    on: { escalated: "escalated", acknowledged: "acknowledged", resolved: "resolved" },
  },
  acknowledged: {
    on: { mitigated: "mitigated", resolved: "resolved" },
  },
  mitigated: {
    on: { mitigated: "mitigated", resolved: "resolved" },
  },
  resolved: { on: { detected: "detected", reviewed: "reviewed" } },
  reviewed: { on: { detected: "detected" } },
} as const satisfies Record<Status, { readonly on: Partial<Record<Happening, Status>> }>;

/** The status after a happening; null: it cannot happen now. */
export const after = (status: Status, happening: Happening): Status | null =>
  (lifecycle[status].on as Partial<Record<Happening, Status>>)[happening] ?? null;

/** The fewest happenings that lead from one status to another; empty when none do. */
export function pathBetween(from: Status, to: Status): readonly Happening[] {
  const known = new Map<Status, readonly Happening[]>([[from, []]]);
  for (const [status, path] of known) {
    if (status === to) return path;
    for (const [happening, next] of Object.entries(lifecycle[status].on) as [Happening, Status][]) {
      if (!known.has(next)) known.set(next, [...path, happening]);
    }
  }
  return [];
}

/** What happens to others while the log is read, or after the end, is of no consequence. */
const ignored = {
  detected: {},
  escalated: {},
  acknowledged: {},
  mitigated: {},
  resolved: {},
  reviewed: {},
} as const;

/**
 *   restoring ──caught_up──► active                                        any ──fenced──► fenced
 *     quiet ─► detected ─► escalated (L2, L3) ─► acknowledged ─► mitigated ─► resolved ─► reviewed
 *                 ▲                                                              └── detected again
 */
export const incidentMachine = setup({
  types: { events: {} as IncidentLifecycleEvent },
}).createMachine({
  id: "incident",
  initial: "restoring",
  states: {
    restoring: { on: { caught_up: "active.again", fenced: "fenced", ...ignored } },
    active: {
      initial: "quiet",
      on: { log_uncertain: "restoring", fenced: "fenced" },
      states: { ...lifecycle, again: { type: "history", target: "quiet" } },
    },
    fenced: { on: { fenced: {}, ...ignored } },
  },
});

export type IncidentMachine = typeof incidentMachine;

/** To the kernel's type it is an event-sourced machine with further states. */
export const asEventSourced = (machine: IncidentMachine): EventSourcedMachine =>
  machine as unknown as EventSourcedMachine;
