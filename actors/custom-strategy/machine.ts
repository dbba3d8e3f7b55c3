import { traderMachine } from "../trading/machine.ts";

/** Lifecycle of a user's strategy; its rules are in decide.ts, its process in adviser.ts. */
export const customStrategyMachine = traderMachine("custom-strategy");

export type CustomStrategyMachine = typeof customStrategyMachine;
