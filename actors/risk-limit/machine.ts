import { eventSourcedMachine } from "../kernel/event-sourced-machine.ts";

/** Lifecycle of an account's limits; the rules are in decide.ts. */
export const riskLimitMachine = eventSourcedMachine("risk-limit");

export type RiskLimitMachine = typeof riskLimitMachine;
