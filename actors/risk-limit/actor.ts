import type { ActorContext, ActorDefinition } from "../kernel/actor.ts";
import type { EventLog } from "../kernel/ports/event-log.ts";
import { durationNs } from "../kernel/units.ts";
import { decodeEvent, encodeEvent } from "./codec.ts";
import { decide } from "./decide.ts";
import { type RiskLimitContext, type RiskLimitMachine, riskLimitMachine } from "./machine.ts";
import type {
  Outcome,
  RiskLimitCommand,
  RiskLimitMessage,
  RiskLimitReply,
  RiskLimitStart,
} from "./messages.ts";

export interface RiskLimitPorts {
  readonly events: EventLog;
}

/** Commands waiting for one account; one more is refused `busy`. */
const mailboxCapacity = 256;
const eventsPerRead = 512;
/** Pause before a log that could not be read is read again. */
const readAgainAfter = durationNs(200_000_000);

/** The limits of one account, under the log name `risk-limit.<account>`. */
export function riskLimitActor(
  ports: RiskLimitPorts,
): ActorDefinition<RiskLimitStart, RiskLimitMessage, RiskLimitReply, RiskLimitMachine> {
  return {
    type: "risk-limit",
    // Commands carry ids, so one that was in work at a failure is safely done again.
    mailbox: { capacity: mailboxCapacity, onRestart: "keep", parkAfter: 3 },
    create(context, start) {
      const account = new Account(context, ports.events, `risk-limit.${start.account}`);
      return {
        machine: riskLimitMachine,
        input: { limits: start.limits },
        restore: () => account.catchUp(),
        receive: async (message, reply) => reply(await account.answer(message)),
      };
    },
  };
}

/** One incarnation. What it knows is in the lifecycle machine's context. */
class Account {
  readonly #context: ActorContext<RiskLimitMessage, RiskLimitMachine>;
  readonly #events: EventLog;
  readonly #log: string;

  constructor(
    context: ActorContext<RiskLimitMessage, RiskLimitMachine>,
    events: EventLog,
    log: string,
  ) {
    this.#context = context;
    this.#events = events;
    this.#log = log;
  }

  get #known(): RiskLimitContext {
    return this.#context.lifecycle.snapshot().context;
  }

  /** Reads what the log has beyond what is known, waiting for the log as long as it takes. */
  async catchUp(): Promise<void> {
    for (;;) {
      const { sequence } = this.#known;
      const read = await this.#events.read(this.#log, sequence, eventsPerRead);
      this.#context.signal.throwIfAborted();
      if (!read.ok) {
        this.#context.log.warn({ failure: read.failure }, "the event log cannot be read");
        await this.#pause();
        continue;
      }
      const events = read.value.map(decodeEvent);
      if (events.length === 0) break;
      this.#context.lifecycle.send({
        type: "recorded",
        events,
        sequence: sequence + events.length,
      });
    }
    this.#context.lifecycle.send({ type: "caught_up" });
  }

  async answer(message: RiskLimitMessage): Promise<RiskLimitReply> {
    return message.type === "describe"
      ? { type: "done", outcome: this.#outcome(), repeated: false }
      : await this.#carryOut(message);
  }

  async #carryOut(command: RiskLimitCommand): Promise<RiskLimitReply> {
    for (;;) {
      const { account, sequence } = this.#known;
      const decision = decide(account, command);
      if (decision.type === "refused") {
        return { type: "refused", failure: decision.failure, outcome: this.#outcome() };
      }
      if (decision.type === "repeated") {
        return { type: "done", outcome: decision.outcome, repeated: true };
      }
      const { event } = decision;
      const appended = await this.#events.append(this.#log, sequence, [encodeEvent(event)]);
      // An incarnation that has ended meanwhile must not write again: its successor does.
      this.#context.signal.throwIfAborted();
      if (appended.ok) {
        this.#context.lifecycle.send({
          type: "recorded",
          events: [event],
          sequence: appended.value,
        });
        return { type: "done", outcome: this.#outcome(), repeated: false };
      }
      const { failure } = appended;
      if (failure.code === "log_full") {
        return {
          type: "refused",
          failure: { ...failure, code: "log_full", limit: 0, requested: 0 },
          outcome: this.#outcome(),
        };
      }
      // Two writers of one account are a fault of ownership: the supervisor answers, and the next
      // incarnation starts from the log.
      if (failure.code !== "unavailable") throw new Error(`${failure.code}: ${failure.reason}`);
      // It may have been kept. What the log says decides: then this command is a resend of itself.
      this.#context.lifecycle.send({ type: "log_uncertain" });
      await this.catchUp();
    }
  }

  #outcome(): Outcome {
    const { limits, reserved } = this.#known.account;
    return { limits, reserved };
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#context.after(readAgainAfter, resolve);
    });
  }
}
