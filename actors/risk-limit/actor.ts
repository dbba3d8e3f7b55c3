import type { ActorDefinition } from "../kernel/actor.ts";
import { type EventSourced, eventSourcedBehaviour } from "../kernel/event-sourced.ts";
import type { EventLog } from "../kernel/ports/event-log.ts";
import { epoch } from "../kernel/units.ts";
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

export interface RiskLimitPorts {
  readonly events: EventLog;
  /** Absent: limits hold here alone, and reach no market. */
  readonly outside?: RiskLimitOutside;
}

/** Commands waiting for one name; one more is refused `busy`. */
const mailboxCapacity = 256;
/** A start reads at most twice as many messages, each a question to the stream's leader. */
const snapshotEvery = 64;

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
  refusalsAreFinal: true,
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
      const { outside, events } = ports;
      const owned = { events, epoch: () => epoch(start.incarnation) };
      if (outside === undefined) return eventSourcedBehaviour(context, start, rules, owned);
      const effects = new RiskLimitEffects(context, start, outside);
      const sourced = eventSourcedBehaviour(context, start, rules, owned, (state) =>
        effects.settled(state),
      );
      return {
        ...sourced,
        // What is held counts from now on, so that the markets hear of it; no order follows before they have.
        receive: (message, reply) =>
          sourced.receive(message, (answer) => {
            const follows = message.type === "hold" && message.largest > 0;
            const failure = follows ? effects.notInForce(answer.outcome, message.markets) : null;
            const { outcome } = answer;
            const refused = answer.type === "refused" || failure === null;
            reply(refused ? answer : { type: "refused", failure, outcome });
          }),
      };
    },
  };
}
