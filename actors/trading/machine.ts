import { setup } from "xstate";

import type { EventSourcedEvent, EventSourcedMachine } from "../kernel/event-sourced-machine.ts";

/** How an actor that trades stands; the kernel's events come first, the others are its own loop's. */
export type TraderLifecycleEvent =
  | EventSourcedEvent
  | { readonly type: "look" }
  | { readonly type: "work" }
  | { readonly type: "back_off" }
  | { readonly type: "limit" }
  | { readonly type: "rest" }
  | { readonly type: "wind_down" }
  | { readonly type: "end" };

/**
 *   restoring ──caught_up──► active                                  any ──fenced──► fenced
 *                 looking ──work──► working ◄──► backing_off, limited
 *                    ▲ └────────── paused ◄──rest──┘   (from anywhere)
 *                    └── look        stopping ──end──► ended
 *
 * `limited`: the risk limit refuses what is planned, or does not answer. `restoring` comes back when an append is uncertain, and leads to where it was.
 */
export function traderMachine(id: string) {
  return setup({ types: { events: {} as TraderLifecycleEvent } }).createMachine({
    id,
    initial: "restoring",
    states: {
      restoring: { on: { caught_up: "active.again", fenced: "fenced", ...ignored } },
      active: {
        initial: "looking",
        on: {
          log_uncertain: "restoring",
          fenced: "fenced",
          look: ".looking",
          work: ".working",
          back_off: ".backing_off",
          limit: ".limited",
          rest: ".paused",
          wind_down: ".stopping",
          end: ".ended",
        },
        states: {
          looking: {},
          working: {},
          backing_off: {},
          limited: {},
          paused: {},
          stopping: {},
          ended: {},
          again: { type: "history", target: "looking" },
        },
      },
      fenced: { on: { fenced: {}, ...ignored } },
    },
  });
}

/** What the loop says while the log is read, or after its end, is of no consequence. */
const ignored = {
  look: {},
  work: {},
  back_off: {},
  limit: {},
  rest: {},
  wind_down: {},
  end: {},
} as const;

/**
 * The kernel drives the lifecycle of an event-sourced actor by three events, which this machine takes as
 * its own does; to the kernel's type it is one with further states.
 */
export const asEventSourced = (machine: TraderMachine): EventSourcedMachine =>
  machine as unknown as EventSourcedMachine;

export type TraderMachine = ReturnType<typeof traderMachine>;
