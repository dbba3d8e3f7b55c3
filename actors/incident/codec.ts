import { z } from "zod";

import { wire } from "../../schemas/messages.ts";
import { incidentActions, isToken } from "../../schemas/subjects.ts";
import type { EventCodec, StateCodec } from "../kernel/event-versions.ts";
import { type Failure, ok, refuse, type Result, unreachable } from "../kernel/result.ts";
import { type IncidentState, stepsKept, viewOf } from "./decide.ts";
import {
  type Finding,
  findingKinds,
  type IncidentCommand,
  type IncidentEvent,
  type IncidentMessage,
  type IncidentReply,
  type IncidentView,
  type Level,
  phases,
  statuses,
} from "./messages.ts";

export {
  directoryBucket,
  hostIncidentSubject,
  incidentDirectoryKey,
  incidentDirectoryPrefix,
  incidentReportSubject,
  incidentSubject,
  isToken,
  pageLevels,
  pageSubject,
} from "../../schemas/subjects.ts";

const { incident } = wire;

/** Largest request in bytes; every valid one is far smaller. */
export const maximumRequestBytes = 8_192;

const cut = (most: number) => z.string().transform((text) => text.slice(0, most));
const commandId = z.string().min(1).max(128);
const person = z.string().max(64);
const when = z.int().min(0);

const findingRules = z.strictObject({
  affected: z.string().refine(isToken, "the name of a region"),
  kind: z.enum(findingKinds),
  subject: cut(128),
  severity: z.enum(["page", "ticket"]),
  latched: z.boolean(),
  title: z.string().min(1).pipe(cut(256)),
  detail: cut(1_024),
  runbook: z.string().regex(/^RB-\d\d$/, "a runbook is RB-nn"),
  source: z.string().min(1).max(160),
});
const acted = {
  commandId,
  requestedBy: person,
  note: cut(512),
  user: person,
};
const ran = {
  commandId,
  requestedBy: person,
  runbook: z.string().regex(/^RB-\d\d$/, "a runbook is RB-nn"),
  detail: cut(512),
  outcome: z.string().min(1).max(64),
  drill: z.boolean(),
  user: person,
};

/** The rules for each verb's request; a test compares the fields with the protobuf messages. */
export const requestRules = {
  describe: z.strictObject({}),
  raise: z.strictObject({ commandId, finding: findingRules }),
  clear: z.strictObject({ commandId, source: z.string().min(1).max(160), detail: cut(512) }),
  acknowledge: z.strictObject(acted),
  escalate: z.strictObject(acted),
  resolve: z.strictObject(acted),
  review: z.strictObject(acted),
  step: z.strictObject({ ...ran, phase: z.enum(phases) }),
  mitigate: z.strictObject({ ...ran, phase: z.literal("") }),
};
export type IncidentVerb = keyof typeof requestRules;

/** The protobuf message of each verb's request. */
export const requestMessages = {
  describe: incident.v1.DescribeRequest,
  raise: incident.v1.RaiseRequest,
  clear: incident.v1.ClearRequest,
  acknowledge: incident.v1.ActRequest,
  escalate: incident.v1.ActRequest,
  resolve: incident.v1.ActRequest,
  review: incident.v1.ActRequest,
  step: incident.v1.StepRequest,
  mitigate: incident.v1.StepRequest,
} as const;

const isVerb = (verb: string): verb is IncidentVerb => Object.hasOwn(requestRules, verb);
export const isAction = (verb: string): boolean =>
  (incidentActions as readonly string[]).includes(verb);

/** Decodes and checks a request. Failure codes: verb_unknown, too_large, malformed. */
export function decodeRequest(verb: string, payload: Uint8Array): Result<IncidentMessage> {
  if (!isVerb(verb)) {
    const known = `use ${Object.keys(requestRules).join(", ")}`;
    return refuse("verb_unknown", `no request ${JSON.stringify(verb.slice(0, 64))}`, known);
  }
  if (payload.length > maximumRequestBytes) {
    const most = `at most ${maximumRequestBytes} are allowed`;
    return refuse("too_large", `the request has ${payload.length} bytes`, most);
  }
  let fields: unknown;
  try {
    fields = plain(requestMessages[verb].decode(payload));
  } catch (error) {
    return malformed(verb, error instanceof Error ? error.message : String(error));
  }
  const parsed = requestRules[verb].safeParse(fields);
  if (parsed.success) return ok(messageOf(verb, parsed.data));
  const [issue] = parsed.error.issues;
  return malformed(verb, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}

const malformed = (verb: string, reason: string): Result<never> =>
  refuse("malformed", `no ${verb} request: ${reason}`, "see schemas/incident/v1/incident.proto");

type Parsed = { readonly [Verb in IncidentVerb]: z.infer<(typeof requestRules)[Verb]> };

/** Who does it is the user whose inbox the answer goes to; a program may say for whom it asks. */
function messageOf(verb: IncidentVerb, parsed: Parsed[IncidentVerb]): IncidentMessage {
  if (!("user" in parsed)) return { type: verb, ...parsed } as IncidentMessage;
  const { requestedBy, user, ...fields } = parsed;
  const by = user || requestedBy || "unknown";
  const { phase = "", ...rest } = { phase: undefined, ...fields };
  return { type: verb, by, ...rest, ...(phase === "" ? {} : { phase }) } as IncidentMessage;
}

/** Own fields, defaults included, as plain data. */
function plain(message: object): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const name in message) {
    const value = (message as Record<string, unknown>)[name];
    if (typeof value === "function") continue;
    fields[name] = typeof value === "object" && value !== null ? plain(value) : value;
  }
  return fields;
}

/** The same request with the user that it came from, whatever it says itself. */
export function withUser(verb: string, payload: Uint8Array, user: string): Uint8Array {
  if (!isVerb(verb) || !isAction(verb)) return payload;
  const { ActRequest, StepRequest } = incident.v1;
  try {
    const Message = requestMessages[verb] === ActRequest ? ActRequest : StepRequest;
    const request = Message.decode(payload);
    request.user = user;
    return Message.encode(request).finish();
  } catch {
    // What cannot be read is refused where it is decoded.
    return new Uint8Array([0xff]);
  }
}

export const encodeRaise = (id: string, finding: Finding): Uint8Array =>
  incident.v1.RaiseRequest.encode({ commandId: id, finding }).finish();
export const encodeClear = (id: string, source: string, detail: string): Uint8Array =>
  incident.v1.ClearRequest.encode({ commandId: id, source, detail }).finish();

const viewToWire = (view: IncidentView): wire.incident.v1.IIncident => ({
  ...view,
  timeline: [...view.timeline],
  former: [...view.former],
});

export function encodeReply(reply: IncidentReply): Uint8Array {
  return incident.v1.IncidentReply.encode({
    incident: viewToWire(reply.incident),
    ...(reply.type === "done" ? { repeated: reply.repeated } : { refusal: reply.failure }),
  }).finish();
}

export const encodeRefusal = (failure: Failure): Uint8Array =>
  incident.v1.IncidentReply.encode({ refusal: failure }).finish();

/** The refusal of a reply; null: it was done. Failure code: malformed. */
export function refusalOf(payload: Uint8Array): Result<Failure | null> {
  try {
    const { refusal } = incident.v1.IncidentReply.decode(payload);
    if (!refusal) return ok(null);
    const { code, reason, next } = refusal;
    return ok({ code: code ?? "internal", reason: reason ?? "", next: next ?? "" });
  } catch {
    return refuse("malformed", "not an IncidentReply");
  }
}

export const encodeReport = (view: IncidentView): Uint8Array =>
  incident.v1.Incident.encode(viewToWire(view)).finish();

export const encodePage = (view: IncidentView, level: Level, atUnixMs: number): Uint8Array =>
  incident.v1.Page.encode({
    incident: viewToWire(view),
    level,
    atUnixMs,
    next: `npx meridian incident acknowledge ${view.id} --as operator`,
  }).finish();

export interface IncidentList {
  readonly incidents: readonly wire.incident.v1.IIncident[];
  readonly silent: readonly string[];
  readonly truncated: boolean;
}

export const encodeList = (list: IncidentList): Uint8Array =>
  incident.v1.ListReply.encode({
    ...list,
    incidents: [...list.incidents],
    silent: [...list.silent],
  }).finish();

/** Null: the bytes are no list. */
export function decodeList(payload: Uint8Array): IncidentList | null {
  try {
    const { incidents, silent, truncated, refusal } = incident.v1.ListReply.decode(payload);
    return refusal ? null : { incidents, silent, truncated };
  } catch {
    return null;
  }
}

/** Whether closed ones are asked for as well; null: the bytes are no request. */
export function decodeListRequest(payload: Uint8Array): { readonly closed: boolean } | null {
  try {
    return { closed: incident.v1.ListRequest.decode(payload).closed };
  } catch {
    return null;
  }
}

export const listed = (view: IncidentView): wire.incident.v1.IIncident => viewToWire(view);

/** What a command asks for, in a few words; a resend asks for the same. */
export function askedBy(message: IncidentMessage): string {
  switch (message.type) {
    case "raise":
      return `raise ${message.finding.kind} ${message.finding.subject}`;
    case "clear":
      return `clear ${message.source}`;
    case "step":
    case "mitigate":
      return `${message.type} ${message.runbook} ${message.outcome} ${message.detail}`.slice(
        0,
        200,
      );
    case "told":
      return `told ${message.level}`;
    case "acknowledge":
    case "escalate":
    case "resolve":
    case "review":
    case "describe":
    case "unacknowledged":
      return message.type;
    default:
      return unreachable(message);
  }
}

export const commandIdOf = (message: IncidentMessage): string | null =>
  "commandId" in message ? (message satisfies IncidentCommand).commandId : null;

/** Events and states as kept in the log: JSON under a version, checked by these rules on reading. */
const level = z.union([z.literal(1), z.literal(2), z.literal(3)]);
const text = z.string();
const happened = { atUnixMs: when };
const ranBy = { by: text, runbook: text, detail: text, outcome: text, drill: z.boolean() };
const eventRules: z.ZodType<IncidentEvent> = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal(["detected"]), ...happened, finding: findingRules }),
  z.strictObject({ type: z.literal(["again"]), ...happened, finding: findingRules }),
  z.strictObject({ type: z.literal("cleared"), ...happened, by: text, detail: text }),
  z.strictObject({ type: z.literal("paged"), ...happened, level, nextUnixMs: when }),
  z.strictObject({
    type: z.literal(["page_sent", "page_failed"]),
    ...happened,
    level,
    outcome: text,
    detail: text,
  }),
  z.strictObject({ type: z.literal("escalated"), ...happened, level, by: text, detail: text }),
  z.strictObject({
    type: z.literal(["acknowledged", "resolved", "reviewed"]),
    ...happened,
    by: text,
    detail: text,
  }),
  z.strictObject({ type: z.literal("step"), ...happened, phase: z.enum(phases), ...ranBy }),
  z.strictObject({ type: z.literal(["mitigated", "not_mitigated"]), ...happened, ...ranBy }),
]);

export const eventCodec: EventCodec<IncidentEvent> = {
  version: 1,
  // What could not be read back must not be kept: it would end every later incarnation.
  encode: (event) => new TextEncoder().encode(JSON.stringify(eventRules.parse(event))),
  decode: (content) => JSON.parse(new TextDecoder().decode(content)) as unknown,
  upcasters: {},
  parse: (event) => eventRules.parse(event),
};

const status = z.enum(statuses);
const stepRules = z.strictObject({
  ...happened,
  type: z.enum([
    "detected",
    "again",
    "cleared",
    "paged",
    "page_sent",
    "page_failed",
    "escalated",
    "acknowledged",
    "resolved",
    "reviewed",
    "step",
    "mitigated",
    "not_mitigated",
  ]),
  ...ranBy,
  level: z.int().min(0).max(3),
  phase: text,
});
const formerRules = z.strictObject({
  occurrence: when,
  raisedUnixMs: when,
  endedUnixMs: when,
  endedBy: text,
  status,
});
const stateFields = {
  finding: findingRules.nullable(),
  status,
  level: z.union([z.literal(0), level]),
  occurrence: when,
  stands: z.boolean(),
  raisedUnixMs: when,
  updatedUnixMs: when,
  acknowledgedBy: text,
  escalatesUnixMs: when,
  timeline: z.array(stepRules).max(stepsKept),
  stepsDropped: when,
  former: z.array(formerRules),
};
const stateRules: z.ZodType<IncidentState> = z.strictObject({
  ...stateFields,
  unsent: level.nullable(),
});
const replyRules: z.ZodType<IncidentReply> = z.strictObject({
  type: z.literal("done"),
  incident: z.strictObject({ id: text, region: text, ...stateFields }),
  repeated: z.boolean(),
});

export const stateCodec: StateCodec<IncidentState, IncidentReply> = {
  version: 1,
  upcasters: {},
  parse: (state) => stateRules.parse(state),
  parseReply: (reply) => replyRules.parse(reply),
};

export { viewOf };
