import type { ActorDefinition } from "../kernel/actor.ts";
import {
  type EventSourced,
  eventSourcedBehaviour,
  type EventSourcedPorts,
} from "../kernel/event-sourced.ts";
import { eventCodec, stateCodec } from "./codec.ts";
import {
  askedBy,
  decide,
  done,
  evolve,
  initialState,
  refusal,
  REMEMBERED_COMMANDS,
  repeated,
  type RiskLimitState,
} from "./decide.ts";
import { type RiskLimitMachine, riskLimitMachine } from "./machine.ts";
import type {
  RiskLimitEvent,
  RiskLimitMessage,
  RiskLimitReply,
  RiskLimitStart,
} from "./messages.ts";

export type RiskLimitPorts = EventSourcedPorts;

/** Commands waiting for one account; one more is refused `busy`. */
const mailboxCapacity = 256;
/** A start reads a snapshot and at most twice as many entries. */
const snapshotEvery = 1_000;

const rules: EventSourced<
  RiskLimitStart,
  RiskLimitState,
  RiskLimitMessage,
  RiskLimitEvent,
  RiskLimitReply
> = {
  machine: riskLimitMachine,
  log: ({ account }) => `risk-limit.${account}`,
  initial: ({ limits }) => initialState(limits),
  commandId: (message) => (message.type === "describe" ? null : message.commandId),
  asked: (message) => (message.type === "describe" ? message.type : askedBy(message)),
  decide,
  evolve,
  outcome: done,
  repeated,
  refusal,
  events: eventCodec,
  snapshots: { ...stateCodec, every: snapshotEvery },
  remembered: REMEMBERED_COMMANDS,
};

/** The limits of one account, under the log name `risk-limit.<account>`. */
export function riskLimitActor(
  ports: RiskLimitPorts,
): ActorDefinition<RiskLimitStart, RiskLimitMessage, RiskLimitReply, RiskLimitMachine> {
  return {
    type: "risk-limit",
    // Commands carry ids, so one that was in work at a failure is safely done again.
    mailbox: { capacity: mailboxCapacity, onRestart: "keep", parkAfter: 3 },
    create: (context, start) => eventSourcedBehaviour(context, start, rules, ports),
  };
}
