import { setup } from "xstate";

/** Lifecycle of an event-sourced actor; its rules are in decide and evolve. */
export type EventSourcedEvent =
  /** All events of the log are known. */
  | { readonly type: "caught_up" }
  /** An append may or may not have been kept: the log has to be read. */
  | { readonly type: "log_uncertain" }
  /** A higher epoch has written: another cell owns the actor, and this one decides nothing more. */
  | { readonly type: "fenced" };

/**
 * `restoring`: reads its log; messages wait. `active`: decides. `fenced`: replaced for good; refuses
 * everything until it is stopped.
 */
export function eventSourcedMachine(id: string) {
  return setup({ types: { events: {} as EventSourcedEvent } }).createMachine({
    id,
    initial: "restoring",
    states: {
      restoring: { on: { caught_up: "active", fenced: "fenced" } },
      active: { on: { log_uncertain: "restoring", fenced: "fenced" } },
      fenced: {},
    },
  });
}

export type EventSourcedMachine = ReturnType<typeof eventSourcedMachine>;
