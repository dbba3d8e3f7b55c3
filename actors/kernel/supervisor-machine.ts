import { assign, setup } from "xstate";

import type { ExitReason } from "./exit.ts";

/**
 * The lifecycle of a supervisor. `restarting`: a group of children is being stopped or waits for its
 * back-off. Children of one_for_one restart on their own, while the supervisor stays `running`.
 */
export const supervisorMachine = setup({
  types: {
    context: {} as { readonly groupRestarts: number; readonly reason: ExitReason | null },
    events: {} as
      | { readonly type: "children_started" }
      | { readonly type: "group_ended" }
      | { readonly type: "end"; readonly reason: ExitReason }
      | { readonly type: "children_ended" },
  },
  actions: {
    countGroup: assign({ groupRestarts: ({ context }) => context.groupRestarts + 1 }),
  },
}).createMachine({
  id: "supervisor",
  initial: "starting",
  context: { groupRestarts: 0, reason: null },
  on: {
    end: {
      target: ".stopping",
      actions: assign({ reason: ({ event }) => event.reason }),
    },
  },
  states: {
    starting: { on: { children_started: "running" } },
    running: { on: { group_ended: { target: "restarting", actions: "countGroup" } } },
    restarting: {
      on: {
        children_started: "running",
        group_ended: { target: "restarting", actions: "countGroup" },
      },
    },
    // A second reason to end changes nothing: the first one stands.
    stopping: { on: { end: {}, children_ended: "ended" } },
    ended: { type: "final" },
  },
});
