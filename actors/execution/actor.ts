import type { ActorDefinition } from "../kernel/actor.ts";
import type { EventSourcedMachine } from "../kernel/event-sourced-machine.ts";
import type { DurationNs } from "../kernel/units.ts";
import { traderBehaviour, type TraderKind, type TraderPorts } from "../trading/trader.ts";
import { eventCodec, stateCodec } from "./codec.ts";
import { executionPlanner } from "./decide.ts";
import { executionMachine } from "./machine.ts";
import type {
  ExecutionMemo,
  ExecutionMessage,
  ExecutionParameters,
  ExecutionReply,
  ExecutionStart,
} from "./messages.ts";

/** Messages waiting for one execution; one more is refused `busy`. */
const mailboxCapacity = 64;

const kind: TraderKind<ExecutionParameters, ExecutionMemo> = {
  type: "execution",
  machine: executionMachine,
  planner: executionPlanner,
  events: eventCodec,
  snapshots: stateCodec,
  interval: ({ parameters }) => (parameters.interval * 1e6) as DurationNs,
};

/** Works one parent order, under the log name `execution.<id>`. */
export function executionActor(
  ports: TraderPorts,
): ActorDefinition<ExecutionStart, ExecutionMessage, ExecutionReply, EventSourcedMachine> {
  return {
    type: "execution",
    mailbox: { capacity: mailboxCapacity, onRestart: "keep", parkAfter: 3 },
    create: (context, start) => traderBehaviour(context, start, kind, ports),
  };
}
