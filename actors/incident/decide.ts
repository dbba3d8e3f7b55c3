import type { Decision, TimerChange } from "../kernel/event-sourced.ts";
import { type Failure, unreachable } from "../kernel/result.ts";
import { timestampNs, type TimestampNs } from "../kernel/units.ts";
import { after } from "./machine.ts";
import type {
  Finding,
  Former,
  IncidentCommand,
  IncidentEvent,
  IncidentMessage,
  IncidentReply,
  IncidentView,
  Level,
  Patience,
  Status,
  Step,
} from "./messages.ts";

/** Resends of commands older than this many later ones are not known any more. */
export const rememberedCommands = 64;
/** Steps of an occurrence that are kept: how it began, and the last ones. */
export const stepsKept = 128;
const firstStepsKept = 32;
/** Occurrences before the present one of which the end is known. */
export const formerKept = 16;
export const acknowledgementTimer = "acknowledgement";
const highest: Level = 3;

export interface IncidentState {
  readonly finding: Finding | null;
  readonly status: Status;
  /** 0: nobody was paged. */
  readonly level: 0 | Level;
  readonly occurrence: number;
  readonly stands: boolean;
  readonly raisedUnixMs: number;
  readonly updatedUnixMs: number;
  readonly acknowledgedBy: string;
  readonly escalatesUnixMs: number;
  /** The last page, while it is not known what became of it. */
  readonly unsent: Level | null;
  readonly timeline: readonly Step[];
  readonly stepsDropped: number;
  readonly former: readonly Former[];
}

export type IncidentDecision = Decision<IncidentEvent, IncidentReply>;
type Of<Type extends IncidentCommand["type"]> = Extract<IncidentCommand, { readonly type: Type }>;

export const initialState: IncidentState = {
  finding: null,
  status: "quiet",
  level: 0,
  occurrence: 0,
  stands: false,
  raisedUnixMs: 0,
  updatedUnixMs: 0,
  acknowledgedBy: "",
  escalatesUnixMs: 0,
  unsent: null,
  timeline: [],
  stepsDropped: 0,
  former: [],
};

/** Who the incident is, besides its state. */
export interface Identity {
  readonly id: string;
  readonly region: string;
}

/** What is told of it; `whole` with its timeline. */
export function viewOf(
  { id, region }: Identity,
  state: IncidentState,
  whole: boolean,
): IncidentView {
  const { unsent: _, timeline, former, ...told } = state;
  return { id, region, ...told, timeline: whole ? timeline : [], former: whole ? former : [] };
}

const open = (status: Status): boolean =>
  status !== "quiet" && status !== "resolved" && status !== "reviewed";

/** Waits for somebody to acknowledge. */
const waiting = (status: Status): boolean => status === "detected" || status === "escalated";

/** The rules of one incident; `patience`: how long each level has to acknowledge. */
export class IncidentRules {
  readonly #identity: Identity;
  readonly #patience: Patience;

  constructor(identity: Identity, patience: Patience) {
    this.#identity = identity;
    this.#patience = patience;
  }

  /** Pure. */
  decide(state: IncidentState, message: IncidentMessage, now: TimestampNs): IncidentDecision {
    const atUnixMs = Number(now / 1_000_000n);
    switch (message.type) {
      case "describe":
        return { type: "answered", reply: this.done(state, true) };
      case "raise":
        return this.#raise(state, message.finding, atUnixMs);
      case "clear":
        return this.#clear(state, message, atUnixMs);
      case "acknowledge":
        return this.#to(state, "acknowledged", message, atUnixMs);
      case "resolve":
        return this.#to(state, "resolved", message, atUnixMs);
      case "review":
        return this.#to(state, "reviewed", message, atUnixMs);
      case "escalate":
        return this.#escalate(state, message.by, message.note, atUnixMs);
      case "unacknowledged":
        return this.#unacknowledged(state, atUnixMs);
      case "step":
        return this.#step(state, message, atUnixMs);
      case "mitigate":
        return this.#mitigate(state, message, atUnixMs);
      case "told":
        return this.#told(state, message, atUnixMs);
      default:
        return unreachable(message);
    }
  }

  done(state: IncidentState, whole = false): IncidentReply {
    return { type: "done", incident: viewOf(this.#identity, state, whole), repeated: false };
  }

  refusal(failure: Failure, state: IncidentState): IncidentReply {
    return { type: "refused", failure, incident: viewOf(this.#identity, state, false) };
  }

  #answered(state: IncidentState): IncidentDecision {
    return { type: "answered", reply: this.done(state) };
  }

  /** The same finding again is the same occurrence, and nothing has happened. */
  #raise(state: IncidentState, finding: Finding, atUnixMs: number): IncidentDecision {
    if (open(state.status)) {
      if (state.stands) return this.#answered(state);
      return happened([{ type: "again", atUnixMs, finding }]);
    }
    const detected: IncidentEvent = { type: "detected", atUnixMs, finding };
    return finding.severity === "page" ? this.#page([detected], 1, atUnixMs) : happened([detected]);
  }

  /** Pages a level, and the next one when nobody acknowledges. */
  #page(before: readonly IncidentEvent[], level: Level, atUnixMs: number): IncidentDecision {
    const nextUnixMs = level === highest ? 0 : atUnixMs + this.#patience[level];
    const timer: TimerChange =
      nextUnixMs === 0
        ? { clear: acknowledgementTimer }
        : { set: acknowledgementTimer, due: timestampNs(BigInt(nextUnixMs) * 1_000_000n) };
    return happened([...before, { type: "paged", atUnixMs, level, nextUnixMs }], timer);
  }

  /** What is over by itself needs nobody any more, unless it is of the kind that a person closes. */
  #clear(state: IncidentState, { source, detail }: Of<"clear">, atUnixMs: number) {
    if (!open(state.status) || !state.stands) return this.#answered(state);
    const cleared: IncidentEvent = { type: "cleared", atUnixMs, by: source, detail };
    if (state.finding?.latched === true) return happened([cleared]);
    const resolved: IncidentEvent = { type: "resolved", atUnixMs, by: source, detail };
    return happened([cleared, resolved], { clear: acknowledgementTimer });
  }

  #to(
    state: IncidentState,
    status: "acknowledged" | "resolved" | "reviewed",
    { by, note }: { readonly by: string; readonly note: string },
    atUnixMs: number,
  ): IncidentDecision {
    if (after(state.status, status) === null) return this.#notNow(state, status);
    return happened([{ type: status, atUnixMs, by, detail: note }], {
      clear: acknowledgementTimer,
    });
  }

  #escalate(state: IncidentState, by: string, detail: string, atUnixMs: number) {
    if (!open(state.status)) return this.#notNow(state, "escalated");
    const level = levelAbove(state.level);
    if (level === null) {
      return this.#refused(
        state,
        `level ${highest} was paged already, and there is none above`,
        `npx meridian incident acknowledge ${this.#identity.id}`,
      );
    }
    return this.#page([{ type: "escalated", atUnixMs, level, by, detail }], level, atUnixMs);
  }

  #unacknowledged(state: IncidentState, atUnixMs: number): IncidentDecision {
    const level = levelAbove(state.level);
    if (!waiting(state.status) || level === null) return this.#answered(state);
    const detail = `nobody acknowledged the page of level ${state.level}`;
    return this.#page(
      [{ type: "escalated", atUnixMs, level, by: "timer", detail }],
      level,
      atUnixMs,
    );
  }

  /** Who runs a runbook has seen the page. */
  #step(state: IncidentState, message: Of<"step">, atUnixMs: number): IncidentDecision {
    if (state.status === "quiet") return this.#notNow(state, "mitigated");
    const { phase, by, runbook, detail, outcome, drill } = message;
    const step = { atUnixMs, by, runbook, detail, outcome, drill };
    return this.#acknowledging(state, by, runbook, { type: "step", phase, ...step });
  }

  #mitigate(state: IncidentState, message: Of<"mitigate">, atUnixMs: number): IncidentDecision {
    if (!open(state.status)) return this.#notNow(state, "mitigated");
    const { by, runbook, detail, outcome, drill } = message;
    const helped = outcome === "done" && !drill;
    const type = helped ? "mitigated" : "not_mitigated";
    const ran = { atUnixMs, by, runbook, detail, outcome, drill };
    return this.#acknowledging(state, by, runbook, { type, ...ran });
  }

  #acknowledging(
    state: IncidentState,
    by: string,
    runbook: string,
    event: IncidentEvent,
  ): IncidentDecision {
    if (!waiting(state.status)) return happened([event]);
    const { atUnixMs } = event;
    const detail = `by running ${runbook}`;
    return happened([{ type: "acknowledged", atUnixMs, by, detail }, event], {
      clear: acknowledgementTimer,
    });
  }

  #told(state: IncidentState, message: Of<"told">, atUnixMs: number): IncidentDecision {
    const { occurrence, level, outcome, detail } = message;
    if (state.unsent !== level || state.occurrence !== occurrence) return this.#answered(state);
    const type = outcome === "done" ? "page_sent" : "page_failed";
    return happened([{ type, atUnixMs, level, outcome, detail }]);
  }

  #notNow(state: IncidentState, wanted: string): IncidentDecision {
    const { id } = this.#identity;
    return this.#refused(
      state,
      `${id} is ${state.status}, which is no state to be ${wanted} from`,
      `npx meridian incident show ${id}`,
    );
  }

  #refused(state: IncidentState, reason: string, next: string): IncidentDecision {
    const failure: Failure = { code: "not_in_state", reason, next };
    return { type: "answered", reply: this.refusal(failure, state) };
  }
}

const levelAbove = (level: 0 | Level): Level | null =>
  level === highest ? null : ((level + 1) as Level);

const happened = (
  events: readonly IncidentEvent[],
  ...timers: readonly TimerChange[]
): IncidentDecision => ({ type: "happened", events, timers });

/** Pure. */
export function evolve(before: IncidentState, event: IncidentEvent): IncidentState {
  const state = event.type === "detected" ? nextOccurrence(before, event) : before;
  return { ...changed(state, event), ...noted(state, event), updatedUnixMs: event.atUnixMs };
}

function changed(state: IncidentState, event: IncidentEvent): IncidentState {
  switch (event.type) {
    case "detected":
      return { ...state, status: "detected", finding: event.finding, stands: true };
    case "again":
      return { ...state, finding: event.finding, stands: true };
    case "cleared":
      return { ...state, stands: false };
    case "paged":
      return {
        ...state,
        level: event.level,
        unsent: event.level,
        escalatesUnixMs: event.nextUnixMs,
      };
    case "page_sent":
    case "page_failed":
      return { ...state, unsent: null };
    case "escalated":
      // Who has acknowledged goes on with it: the next level is told, and the status stays.
      return { ...state, status: waiting(state.status) ? "escalated" : state.status };
    case "acknowledged":
      return {
        ...state,
        status: "acknowledged",
        acknowledgedBy: event.by,
        escalatesUnixMs: 0,
      };
    case "mitigated":
      return { ...state, status: "mitigated" };
    case "resolved":
      return { ...state, status: "resolved", stands: false, escalatesUnixMs: 0 };
    case "reviewed":
      return { ...state, status: "reviewed" };
    case "step":
    case "not_mitigated":
      return state;
    default:
      return unreachable(event);
  }
}

function nextOccurrence(state: IncidentState, { atUnixMs }: IncidentEvent): IncidentState {
  const { occurrence, raisedUnixMs, timeline, status } = state;
  const end = timeline.findLast(({ type }) => type === "resolved");
  const ended: Former = {
    occurrence,
    raisedUnixMs,
    endedUnixMs: end?.atUnixMs ?? 0,
    endedBy: end?.by ?? "",
    status,
  };
  return {
    ...initialState,
    occurrence: occurrence + 1,
    raisedUnixMs: atUnixMs,
    former: occurrence === 0 ? [] : [...state.former, ended].slice(-formerKept),
  };
}

function noted(
  { timeline, stepsDropped }: IncidentState,
  event: IncidentEvent,
): Pick<IncidentState, "timeline" | "stepsDropped"> {
  const whole = [...timeline, stepOf(event)];
  if (whole.length <= stepsKept) return { timeline: whole, stepsDropped };
  return { timeline: whole.toSpliced(firstStepsKept, 1), stepsDropped: stepsDropped + 1 };
}

function stepOf(event: IncidentEvent): Step {
  const { type, atUnixMs } = event;
  const nothing = { by: "", detail: "", level: 0, runbook: "", phase: "", outcome: "" };
  const step = { ...nothing, atUnixMs, type, drill: false };
  if (event.type === "detected" || event.type === "again") {
    const { source, title, detail } = event.finding;
    return { ...step, by: source, detail: detail === "" ? title : `${title}: ${detail}` };
  }
  const { nextUnixMs: _, ...told } = { nextUnixMs: 0, ...event };
  return { ...step, ...told };
}
