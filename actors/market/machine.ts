import { assign, setup } from "xstate";

import type { MarketState } from "../kernel/ports/matching-engine.ts";

/** Lifecycle of a market: what it may do now. What it does is in recovery.ts, trading.ts and hand-over.ts. */

export type MarketEvent =
  /** The engine has replayed the log; the accepted chain is being compared with it. */
  | { readonly type: "RECOVERING"; readonly detail: string }
  /** Log and chain agree, and another cell owns the market: the journal is applied as it comes. */
  | { readonly type: "STANDBY"; readonly detail: string }
  /** Log and chain agree; this cell claims the market and writes its fence. */
  | { readonly type: "FENCING"; readonly detail: string }
  /** Everything before is committed; requests are taken. */
  | { readonly type: "READY"; readonly state: MarketState }
  /** The market goes to another cell: nothing is taken any more, what is under way becomes safe. */
  | { readonly type: "HANDING_OVER"; readonly detail: string }
  | { readonly type: "HALTED" }
  | { readonly type: "RESUMED" }
  /** Only an operator can help: the log and the journal say different things, or the disk fails. */
  | { readonly type: "FAILED"; readonly detail: string }
  | { readonly type: "STOP" };

export interface MarketContext {
  /** Why the market is not open; empty when it is. */
  readonly detail: string;
}

const machineSetup = setup({
  types: {
    context: {} as MarketContext,
    events: {} as MarketEvent,
  },
  actions: {
    explain: assign({
      detail: ({ event }) => ("detail" in event ? event.detail : ""),
    }),
    clear: assign({ detail: "" }),
  },
});

export const marketMachine = machineSetup.createMachine({
  id: "market",
  initial: "starting",
  context: { detail: "opening the write-ahead log" },
  states: {
    starting: {
      on: {
        RECOVERING: { target: "recovering", actions: "explain" },
        FAILED: { target: "failed", actions: "explain" },
        STOP: "stopping",
      },
    },
    recovering: {
      on: {
        RECOVERING: { target: "recovering", actions: "explain" },
        STANDBY: { target: "standby", actions: "explain" },
        FENCING: { target: "fencing", actions: "explain" },
        FAILED: { target: "failed", actions: "explain" },
        STOP: "stopping",
      },
    },
    standby: {
      on: {
        RECOVERING: { target: "recovering", actions: "explain" },
        STANDBY: { target: "standby", actions: "explain" },
        FENCING: { target: "fencing", actions: "explain" },
        FAILED: { target: "failed", actions: "explain" },
        STOP: "stopping",
      },
    },
    fencing: {
      on: {
        // Somebody was faster.
        STANDBY: { target: "standby", actions: "explain" },
        // A message arrived on the journal meanwhile: compare again before fencing.
        RECOVERING: { target: "recovering", actions: "explain" },
        FENCING: { target: "fencing", actions: "explain" },
        READY: [
          { target: "open", guard: ({ event }) => event.state !== "halted", actions: "clear" },
          { target: "halted", actions: assign({ detail: "halted by an operator" }) },
        ],
        FAILED: { target: "failed", actions: "explain" },
        STOP: "stopping",
      },
    },
    open: {
      on: {
        HALTED: { target: "halted", actions: assign({ detail: "halted by an operator" }) },
        RESUMED: {},
        HANDING_OVER: { target: "handing_over", actions: "explain" },
        FAILED: { target: "failed", actions: "explain" },
        STOP: "stopping",
      },
    },
    halted: {
      on: {
        HALTED: {},
        RESUMED: { target: "open", actions: "clear" },
        HANDING_OVER: { target: "handing_over", actions: "explain" },
        FAILED: { target: "failed", actions: "explain" },
        STOP: "stopping",
      },
    },
    handing_over: {
      on: {
        // What was under way has not become safe in time, and nothing has been written yet.
        READY: [
          { target: "open", guard: ({ event }) => event.state !== "halted", actions: "clear" },
          { target: "halted", actions: assign({ detail: "halted by an operator" }) },
        ],
        RECOVERING: { target: "recovering", actions: "explain" },
        HALTED: {},
        RESUMED: {},
        FAILED: { target: "failed", actions: "explain" },
        STOP: "stopping",
      },
    },
    stopping: {
      entry: assign({ detail: "stopping" }),
      on: { STOP: {}, HALTED: {}, RESUMED: {}, FAILED: {}, HANDING_OVER: {}, STANDBY: {} },
    },
    // Not final: a failed market stays in the tree, answers with the reason and waits for an operator.
    failed: { on: { FAILED: {}, STOP: "stopping", HALTED: {}, RESUMED: {} } },
  },
});

export type MarketMachine = typeof marketMachine;
