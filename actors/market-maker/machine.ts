import { traderMachine } from "../trading/machine.ts";

/** Lifecycle of a market maker; its rules are in decide.ts. */
export const marketMakerMachine = traderMachine("market-maker");

export type MarketMakerMachine = typeof marketMakerMachine;
