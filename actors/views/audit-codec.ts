import { wire } from "../../schemas/messages.ts";
import { type AuditKind, incidentActions } from "../../schemas/subjects.ts";
import { type Failure, ok, refuse, type Result } from "../kernel/result.ts";

export { auditKinds, type AuditKind, auditSubject, isToken } from "../../schemas/subjects.ts";

const { AuditEntry: EntryMessage, AuditReply, AuditRequest } = wire.audit.v1;
const { AnyReply } = wire.control.v1;

/** What a person told the exchange to do, and what came of it. */
export interface AuditEntry {
  readonly id: string;
  readonly region: string;
  readonly cell: string;
  readonly kind: string;
  readonly action: string;
  readonly target: string;
  /** Whose inbox the answer went to; empty: unknown. */
  readonly user: string;
  readonly requestedBy: string;
  readonly parameters: string;
  readonly outcome: string;
  readonly detail: string;
  readonly atUnixMs: number;
  readonly tookUs: number;
}

export interface PlacedEntry extends AuditEntry {
  readonly sequence: number;
}

export const encodeEntry = (entry: AuditEntry): Uint8Array => EntryMessage.encode(entry).finish();

/** Null: the bytes are no entry. */
export function decodeEntry(payload: Uint8Array, sequence: number): PlacedEntry | null {
  try {
    const message = EntryMessage.decode(payload);
    const { id, region, cell, kind, action, target, user } = message;
    const { requestedBy, parameters, outcome, detail, atUnixMs, tookUs } = message;
    if (id === "") return null;
    const command = { id, region, cell, kind, action, target, user, requestedBy, parameters };
    return { ...command, outcome, detail, atUnixMs, tookUs, sequence };
  } catch {
    return null;
  }
}

/** A command as it is written down. */
export interface CommandFacts {
  readonly kind: AuditKind;
  readonly action: string;
  readonly target: string;
  readonly requestedBy: string;
  readonly parameters: string;
  /** The same text: the same command, sent again; null: it has no id of its own. */
  readonly identity: string | null;
}

/** Questions at ops.<region>: everything else there is a command. */
const questions: ReadonlySet<string> = new Set([
  "status",
  "tree",
  "tree-node",
  "audit",
  "market-history",
]);
const controlCommands: ReadonlySet<string> = new Set(["spawn", "stop", "restart", "send"]);
const riskCommands: ReadonlySet<string> = new Set([
  "define",
  "set-limits",
  "approve",
  "stop",
  "resume",
]);

/** What people do to incidents; what cells tell them is in their own timelines. */
const incidentCommands: ReadonlySet<string> = new Set(incidentActions);

interface Decoder {
  decode(payload: Uint8Array): object;
}
const { control, risk, incident } = wire;
/** Messages of commands; of one that is not here the trail has no parameters. */
const messages: Readonly<Record<string, Decoder>> = {
  "operation market-create": control.v1.MarketCreateRequest,
  "operation market-halt": control.v1.MarketStateRequest,
  "operation market-resume": control.v1.MarketStateRequest,
  "operation market-mode": control.v1.MarketModeRequest,
  "operation market-phase": control.v1.MarketPhaseRequest,
  "operation drill-record": wire.region.v1.DrillRequest,
  "operation flow": control.v1.FlowRequest,
  "operation log-level": control.v1.LogLevelRequest,
  "failover failover": wire.region.v1.FailoverRequest,
  "failover approve": wire.region.v1.ApproveRequest,
  "failover failover-abort": wire.region.v1.AbortRequest,
  "control spawn": control.v1.SpawnRequest,
  "control stop": control.v1.StopRequest,
  "control restart": control.v1.RestartRequest,
  "control send": control.v1.SendRequest,
  "risk define": risk.v1.Define,
  "risk set-limits": risk.v1.SetLimits,
  "risk approve": risk.v1.Approve,
  "risk stop": risk.v1.Stop,
  "risk resume": risk.v1.Resume,
  "incident acknowledge": incident.v1.ActRequest,
  "incident escalate": incident.v1.ActRequest,
  "incident resolve": incident.v1.ActRequest,
  "incident review": incident.v1.ActRequest,
  "incident step": incident.v1.StepRequest,
  "incident mitigate": incident.v1.StepRequest,
};
const parametersLimit = 2_048;

/** Null: no command, or one that an actor gives under its lease and not a person. */
export function commandOf(subject: string, payload: Uint8Array): CommandFacts | null {
  const place = placeOf(subject);
  if (place === null) return null;
  const fields = fieldsOf(messages[`${place.kind} ${place.action}`], payload);
  if (fields["sender"] !== undefined && fields["sender"] !== null) return null;
  const text = (name: string): string => {
    const value = fields[name];
    return typeof value === "string" ? value.slice(0, 256) : "";
  };
  const target = [place.target, text("market"), text("id"), text("key"), text("from")];
  const definition = fields["definition"] as { readonly market?: unknown } | undefined;
  if (typeof definition?.market === "string") target.push(definition.market);
  // Without a level it is a question.
  if (place.action === "log-level" && text("level") === "") return null;
  const own = text("commandId") || (place.action === "failover" ? text("id") : "");
  const dry = fields["dryRun"] === true ? " dry" : "";
  return {
    kind: place.kind,
    action: place.action,
    target: target.find((one) => one !== "") ?? "",
    requestedBy: text("requestedBy") || text("approvedBy"),
    parameters: JSON.stringify(fields).slice(0, parametersLimit),
    identity: own === "" ? null : `${subject} ${own}${dry}`,
  };
}

interface Place {
  readonly kind: AuditKind;
  readonly action: string;
  readonly target: string;
}

function placeOf(subject: string): Place | null {
  const [family = "", region = "", first = "", second = "", third = ""] = subject.split(".");
  if (family === "ops" && !questions.has(first)) {
    const kind = /^(failover|approve|recover|region)/.test(first) ? "failover" : "operation";
    return { kind, action: first.slice(0, 64), target: kind === "failover" ? region : "" };
  }
  if (family === "ctl" && controlCommands.has(first)) {
    return { kind: "control", action: first, target: "" };
  }
  if (family === "act" && first === "risk-limit" && riskCommands.has(third)) {
    return { kind: "risk", action: third, target: second.slice(0, 64) };
  }
  if (family === "act" && first === "incident" && incidentCommands.has(third)) {
    return { kind: "incident", action: third, target: second.slice(0, 64) };
  }
  return null;
}

const openingBrace = 0x7b;

function fieldsOf(decoder: Decoder | undefined, payload: Uint8Array): Record<string, unknown> {
  try {
    if (payload[0] === openingBrace) {
      return JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
    }
    return decoder === undefined ? {} : { ...decoder.decode(payload) };
  } catch {
    return {};
  }
}

/** What a reply of any kind says of its command. */
export function outcomeOf(payload: Uint8Array): Pick<AuditEntry, "outcome" | "detail"> {
  const refusal =
    payload[0] === openingBrace
      ? (fieldsOf(undefined, payload)["refusal"] as wire.market.v1.IRefusal | undefined)
      : AnyReply.decode(payload).refusal;
  if (refusal === undefined || refusal === null) return { outcome: "done", detail: "" };
  return { outcome: refusal.code ?? "internal", detail: (refusal.reason ?? "").slice(0, 512) };
}

/** The reply with the entry's id: a message's fields may stand in any order, so that it is put behind. */
export function withAuditId(payload: Uint8Array, auditId: string): Uint8Array {
  if (payload[0] === openingBrace) {
    const text = new TextDecoder().decode(payload);
    const rest = text.slice(1);
    const comma = rest.trimStart().startsWith("}") ? "" : ",";
    return new TextEncoder().encode(`{"auditId":${JSON.stringify(auditId)}${comma}${rest}`);
  }
  const behind = AnyReply.encode({ auditId }).finish();
  const whole = new Uint8Array(payload.length + behind.length);
  whole.set(payload);
  whole.set(behind, payload.length);
  return whole;
}

export interface AuditQuery {
  readonly before: number;
  readonly limit: number;
  readonly user: string;
  readonly target: string;
  readonly kind: string;
  readonly action: string;
  readonly id: string;
}

/** Failure code: malformed. */
export function decodeAuditRequest(payload: Uint8Array): Result<AuditQuery> {
  try {
    const { before, limit, user, target, kind, action, id } = AuditRequest.decode(payload);
    return ok({ before, limit, user, target, kind, action, id });
  } catch {
    return refuse("malformed", "not an AuditRequest", "encode by schemas/audit/v1/audit.proto");
  }
}

export interface AuditWindow {
  readonly entries: readonly PlacedEntry[];
  readonly next: number;
  readonly keptFrom: number;
  readonly dropped: number;
}

export const encodeAuditWindow = (window: AuditWindow): Uint8Array =>
  AuditReply.encode({ ...window, entries: [...window.entries] }).finish();

export const encodeAuditRefusal = (failure: Failure): Uint8Array =>
  AuditReply.encode({ refusal: failure }).finish();
