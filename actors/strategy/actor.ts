import type { ActorBehaviour, ActorDefinition } from "../kernel/actor.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import { FlowBehaviour } from "./behaviour.ts";
import type { StrategyMachine } from "./machine.ts";
import type { FlowCounters, StrategyMessage, StrategyStart } from "./messages.ts";

export interface StrategyPorts {
  readonly bus: Bus;
  /** A session number never used before: 1 … 2^53 - 1. */
  readonly session: () => number;
  /** Whether the flow is paused now; asked at each start. */
  readonly paused: () => boolean;
  readonly counters: (market: string) => FlowCounters;
}

/** The background flow of one market; `start` of its child specification is a StrategyStart. */
export function strategyActor(
  ports: StrategyPorts,
): ActorDefinition<StrategyStart, StrategyMessage, never, StrategyMachine> {
  return {
    type: "strategy",
    mailbox: { capacity: 16, onRestart: "keep", parkAfter: 1 },
    create: (context, start): ActorBehaviour<StrategyMessage, never, StrategyMachine> =>
      new FlowBehaviour(context, start, ports),
  };
}
