import { traderMachine } from "../trading/machine.ts";

/** Lifecycle of an execution; its rules are in decide.ts. */
export const executionMachine = traderMachine("execution");

export type ExecutionMachine = typeof executionMachine;
