import type { ActorContext, ActorDefinition } from "../kernel/actor.ts";
import { type EventSourced, eventSourcedBehaviour } from "../kernel/event-sourced.ts";
import type { EventSourcedMachine } from "../kernel/event-sourced-machine.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { EventLog } from "../kernel/ports/event-log.ts";
import type { Result } from "../kernel/result.ts";
import { epoch } from "../kernel/units.ts";
import {
  askedBy,
  commandIdOf,
  encodePage,
  encodeReport,
  eventCodec,
  incidentReportSubject,
  pageLevels,
  pageSubject,
  stateCodec,
} from "./codec.ts";
import {
  evolve,
  IncidentRules,
  type IncidentState,
  initialState,
  rememberedCommands,
  viewOf,
} from "./decide.ts";
import { asEventSourced, incidentMachine, pathBetween } from "./machine.ts";
import type {
  IncidentEvent,
  IncidentMessage,
  IncidentReply,
  IncidentStart,
  IncidentView,
  Level,
  Patience,
  Status,
} from "./messages.ts";

/** Takes pages out of the house: a webhook of whoever wakes people. */
export interface Pager {
  /** Tries for some seconds. What it said, in a few words. Failure code: unavailable. */
  page(view: IncidentView, level: Level): Promise<Result<string>>;
}

export interface IncidentPorts {
  readonly events: EventLog;
  readonly bus: Bus;
  readonly patience: Patience;
  /** Absent: pages are told on NATS only. */
  readonly pager?: Pager;
}

type Context = ActorContext<IncidentMessage, EventSourcedMachine>;

/** Commands waiting for one incident; one more is refused `busy`. */
const mailboxCapacity = 64;
/** A start reads at most this many messages, each a question to the stream's leader. */
const snapshotEvery = 64;

/** What went wrong once, by the id of its alert, under the log name `incident.<id>`. */
export function incidentActor(
  ports: IncidentPorts,
): ActorDefinition<IncidentStart, IncidentMessage, IncidentReply, EventSourcedMachine> {
  return {
    type: "incident",
    // Commands carry ids, so one that was in work at a failure is safely done again.
    mailbox: { capacity: mailboxCapacity, onRestart: "keep", parkAfter: 3 },
    create(context, start) {
      const effects = new IncidentEffects(context, start, ports);
      const owned = { events: ports.events, epoch: () => epoch(start.incarnation) };
      return eventSourcedBehaviour(context, start, rulesOf(start, ports), owned, (state) =>
        effects.settled(state),
      );
    },
  };
}

function rulesOf(
  start: IncidentStart,
  { patience }: IncidentPorts,
): EventSourced<IncidentStart, IncidentState, IncidentMessage, IncidentEvent, IncidentReply> {
  const rules = new IncidentRules(start, patience);
  return {
    machine: asEventSourced(incidentMachine),
    log: ({ id }) => `incident.${id}`,
    initial: () => initialState,
    commandId: commandIdOf,
    asked: askedBy,
    decide: (state, message, now) => rules.decide(state, message, now),
    evolve,
    outcome: (state) => rules.done(state),
    repeated: (reply) => (reply.type === "done" ? { ...reply, repeated: true } : reply),
    refusal: (failure, state) => rules.refusal(failure, state),
    due: () => ({ type: "unacknowledged" }),
    events: eventCodec,
    snapshots: { ...stateCodec, every: snapshotEvery },
    remembered: rememberedCommands,
    refusalsAreFinal: true,
  };
}

/** What follows from what stands: the lifecycle shows it, people hear of it, the page goes out. */
class IncidentEffects {
  readonly #context: Context;
  readonly #start: IncidentStart;
  readonly #ports: IncidentPorts;
  #shown: Status = "quiet";
  /** The page that is under way, by occurrence and level. */
  #paging = "";

  constructor(context: Context, start: IncidentStart, ports: IncidentPorts) {
    this.#context = context;
    this.#start = start;
    this.#ports = ports;
  }

  settled(state: IncidentState): void {
    const { lifecycle } = this.#context;
    for (const type of pathBetween(this.#shown, state.status)) {
      (lifecycle as { send(event: { readonly type: string }): void }).send({ type });
    }
    this.#shown = state.status;
    if (state.finding === null) return;
    const view = viewOf(this.#start, state, false);
    const { region, id } = this.#start;
    this.#ports.bus.publish(incidentReportSubject(region, id), encodeReport(view));
    const { unsent, occurrence } = state;
    const page = `${occurrence}/${unsent}`;
    if (unsent === null || this.#paging === page) return;
    this.#paging = page;
    this.#context.run(() => this.#page(view, unsent));
  }

  async #page(view: IncidentView, level: Level): Promise<void> {
    const { bus, pager } = this.#ports;
    const { context, start } = { context: this.#context, start: this.#start };
    const atUnixMs = Number(context.clock.now() / 1_000_000n);
    const subject = pageSubject(start.region, pageLevels[level - 1] ?? "L3");
    bus.publish(subject, encodePage(view, level, atUnixMs));
    const paged = await pager?.page(view, level);
    if (paged?.ok === false) {
      context.log.warn({ id: start.id, failure: paged.failure }, "a page was not taken");
    }
    const { occurrence } = view;
    const heard = paged === undefined ? "" : `; ${paged.ok ? paged.value : paged.failure.reason}`;
    context.self.signal({
      type: "told",
      commandId: `told/${occurrence}/${level}`,
      occurrence,
      level,
      outcome: paged?.ok === false ? paged.failure.code : "done",
      detail: `${subject}${heard}`.slice(0, 512),
    });
  }
}
