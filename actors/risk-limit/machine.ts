import { assign, setup } from "xstate";

import { evolve, initialState, type RiskLimitState } from "./decide.ts";
import type { Limits, RiskLimitEvent } from "./messages.ts";

/** Lifecycle of an account's limits; the rules are in decide.ts. */
export type RiskLimitLifecycle =
  /** These events are in the log; the last one has this number. */
  | {
      readonly type: "recorded";
      readonly events: readonly RiskLimitEvent[];
      readonly sequence: number;
    }
  /** All events of the log are known. */
  | { readonly type: "caught_up" }
  /** An append may or may not have been kept: the log has to be read. */
  | { readonly type: "log_uncertain" };

export interface RiskLimitContext {
  readonly account: RiskLimitState;
  /** Number of the last event known; 0 before the first. */
  readonly sequence: number;
}

export const riskLimitMachine = setup({
  types: {
    input: {} as { readonly limits: Limits },
    context: {} as RiskLimitContext,
    events: {} as RiskLimitLifecycle,
  },
  actions: {
    evolve: assign(({ context, event }) =>
      event.type === "recorded"
        ? { account: event.events.reduce(evolve, context.account), sequence: event.sequence }
        : context,
    ),
  },
}).createMachine({
  id: "risk-limit",
  initial: "restoring",
  context: ({ input }) => ({ account: initialState(input.limits), sequence: 0 }),
  states: {
    restoring: { on: { recorded: { actions: "evolve" }, caught_up: "active" } },
    active: { on: { recorded: { actions: "evolve" }, log_uncertain: "restoring" } },
  },
});

export type RiskLimitMachine = typeof riskLimitMachine;
