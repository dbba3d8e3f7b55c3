import { setup } from "xstate";

/**
 * Lifecycle of the background flow:
 *
 *   looking ──book──► running ⇄ backing_off
 *      ▲ └──────── resume ── paused ◄── pause (from anywhere)
 */
export const strategyMachine = setup({
  types: {
    events: {} as
      | { type: "book" }
      | { type: "not_now" }
      | { type: "again" }
      | { type: "pause" }
      | { type: "resume" },
  },
}).createMachine({
  id: "strategy",
  initial: "paused",
  on: { pause: ".paused", resume: {}, not_now: {}, again: {}, book: {} },
  states: {
    paused: { on: { resume: "looking" } },
    looking: { on: { book: "running" } },
    running: { on: { not_now: "backing_off" } },
    backing_off: { on: { again: "running" } },
  },
});
export type StrategyMachine = typeof strategyMachine;
