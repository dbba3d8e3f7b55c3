import { setup } from "xstate";

/**
 * Lifecycle of the region actor:
 *
 *   acquiring ──lease──► loading ──loaded──► serving ──drain──► draining
 *
 * A lease that is lost for good is a failure of the actor: its supervisor restarts it, and with it all
 * that acts under the lease. A lease that merely runs out while the store has no leader is no
 * transition: markets stop acknowledging by themselves and go on when it is valid again.
 */
export const regionMachine = setup({
  types: {
    events: {} as { type: "lease" } | { type: "loaded" } | { type: "drain" } | { type: "stop" },
  },
}).createMachine({
  id: "region",
  initial: "acquiring",
  on: { stop: ".stopped" },
  states: {
    acquiring: { on: { lease: "loading", drain: "draining" } },
    loading: { on: { loaded: "serving", drain: "draining" } },
    serving: { on: { drain: "draining" } },
    draining: { on: { lease: {}, loaded: {}, drain: {} } },
    stopped: { type: "final" },
  },
});
export type RegionMachine = typeof regionMachine;

/** What the router may do in a state of the machine. */
export function servingOf(state: string): "yes" | "starting" | "draining" {
  if (state === "serving") return "yes";
  return state === "draining" || state === "stopped" ? "draining" : "starting";
}
