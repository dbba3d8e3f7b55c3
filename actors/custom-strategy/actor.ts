import type { ActorDefinition } from "../kernel/actor.ts";
import type { EventSourcedMachine } from "../kernel/event-sourced-machine.ts";
import type { DurationNs } from "../kernel/units.ts";
import { traderBehaviour, type TraderKind, type TraderPorts } from "../trading/trader.ts";
import { adviserOf, type StrategyProcesses } from "./adviser.ts";
import { eventCodec, stateCodec } from "./codec.ts";
import { customStrategyPlanner } from "./decide.ts";
import { customStrategyMachine } from "./machine.ts";
import type {
  CustomStrategyMemo,
  CustomStrategyMessage,
  CustomStrategyParameters,
  CustomStrategyReply,
  CustomStrategyStart,
} from "./messages.ts";

export interface CustomStrategyPorts extends TraderPorts {
  readonly processes: StrategyProcesses;
}

/** Messages waiting for one strategy; one more is refused `busy`. */
const mailboxCapacity = 64;

/** Trades as a user's file decides, under the log name `custom-strategy.<id>`. */
export function customStrategyActor(
  ports: CustomStrategyPorts,
): ActorDefinition<
  CustomStrategyStart,
  CustomStrategyMessage,
  CustomStrategyReply,
  EventSourcedMachine
> {
  const kind: TraderKind<CustomStrategyParameters, CustomStrategyMemo> = {
    type: "custom-strategy",
    machine: customStrategyMachine,
    planner: customStrategyPlanner,
    events: eventCodec,
    snapshots: stateCodec,
    interval: ({ parameters }) => (parameters.interval * 1e6) as DurationNs,
    adviser: (context, start) => adviserOf(context, start, ports.processes),
  };
  return {
    type: "custom-strategy",
    mailbox: { capacity: mailboxCapacity, onRestart: "keep", parkAfter: 3 },
    create: (context, start) => traderBehaviour(context, start, kind, ports),
  };
}
