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
import { RiskLimitEffects, type RiskLimitOutside } from "./effects.ts";
import { type RiskLimitMachine, riskLimitMachine } from "./machine.ts";
import type {
  RiskLimitEvent,
  RiskLimitMessage,
  RiskLimitReply,
  RiskLimitStart,
} from "./messages.ts";

export interface RiskLimitPorts extends EventSourcedPorts {
  /** Absent: limits hold here alone, and reach no market. */
  readonly outside?: RiskLimitOutside;
}

/** Commands waiting for one name; one more is refused `busy`. */
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
  log: ({ name }) => `risk-limit.${name}`,
  initial: ({ limits }) => initialState(limits),
  commandId: (message) => ("commandId" in message ? message.commandId : null),
  asked: (message) => ("commandId" in message ? askedBy(message) : message.type),
  decide,
  evolve,
  outcome: done,
  repeated,
  refusal,
  due: () => ({ type: "proposal_due" }),
  events: eventCodec,
  snapshots: { ...stateCodec, every: snapshotEvery },
  remembered: REMEMBERED_COMMANDS,
};

/** The limits of a desk, an account or a strategy, under the log name `risk-limit.<name>`. */
export function riskLimitActor(
  ports: RiskLimitPorts,
): ActorDefinition<RiskLimitStart, RiskLimitMessage, RiskLimitReply, RiskLimitMachine> {
  return {
    type: "risk-limit",
    // Commands carry ids, so one that was in work at a failure is safely done again.
    mailbox: { capacity: mailboxCapacity, onRestart: "keep", parkAfter: 3 },
    create(context, start) {
      const { outside } = ports;
      if (outside === undefined) return eventSourcedBehaviour(context, start, rules, ports);
      const effects = new RiskLimitEffects(context, start.name, outside);
      return eventSourcedBehaviour(context, start, rules, ports, (state) => effects.settled(state));
    },
  };
}
