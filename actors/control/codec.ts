import { createHash } from "node:crypto";

import { z } from "zod";

import { wire } from "../../schemas/messages.ts";
import * as subjects from "../../schemas/subjects.ts";
import { type Failure, ok, refuse, type Result, unreachable } from "../kernel/result.ts";
import type { ActorRecord, ActorStatus, ControlAnswer, ControlRequest } from "./messages.ts";

/** Requests and answers of the control services; the only file of this folder that sees messages on the wire. */

const { control, strategy, execution } = wire;

/** Largest request in bytes; every sensible one is far smaller. */
export const MAXIMUM_REQUEST_BYTES = 64 * 1024;
/** Actors in one answer to `list`. */
export const MAXIMUM_LISTED = 500;

/** The file of a user's strategy is a parameter; every other one is far shorter. */
const LONGEST_PARAMETER = 48 * 1024;
/** A longer parameter is told by its length and digest. */
const LONGEST_SHOWN = 256;

const token = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "letters, digits, _ and -, at most 64");
const requester = z.string().max(64);
const word = z.string().regex(/^[A-Za-z0-9_-]{0,64}$/, "letters, digits, _ and -");
const parameters = z
  .record(z.string().min(1).max(64), z.string().max(LONGEST_PARAMETER))
  .refine((given) => Object.keys(given).length <= 64, "at most 64 parameters");

/** An actor that acts under a lease; null: a client. */
const sender = z
  .strictObject({ actor: z.string().min(1).max(256), shard: token, incarnation: z.int().min(1) })
  .nullable();

const spawnRules = z.strictObject({
  key: token,
  type: token,
  parameters,
  requestedBy: requester,
  antiAffinity: word,
  sender,
});

/** The rules for each verb's request; a test compares the fields with the protobuf messages. */
export const requestRules = {
  spawn: spawnRules,
  check: spawnRules,
  types: z.strictObject({ type: z.string().max(64) }),
  stop: z.strictObject({ id: token, requestedBy: requester, sender }),
  restart: z.strictObject({ id: token, requestedBy: requester }),
  list: z.strictObject({
    type: z.string().max(64),
    after: z.string().max(64),
    limit: z.int().min(0).max(MAXIMUM_LISTED),
  }),
  describe: z.strictObject({ id: token }),
  send: z.strictObject({
    id: token,
    commandId: token,
    verb: z.enum(["pause", "resume", "flatten"]),
    sender,
  }),
  watch: z.strictObject({ id: token }),
} as const;

/** The protobuf message of each verb's request. */
export const requestMessages = {
  spawn: control.v1.SpawnRequest,
  check: control.v1.SpawnRequest,
  types: control.v1.TypesRequest,
  stop: control.v1.StopRequest,
  restart: control.v1.RestartRequest,
  list: control.v1.ListRequest,
  describe: control.v1.DescribeRequest,
  send: control.v1.SendRequest,
  watch: control.v1.WatchRequest,
} as const;

export type Encoding = "protobuf" | "json";

export interface DecodedRequest {
  readonly request: Result<ControlRequest>;
  /** The answer is encoded like the request. */
  readonly encoding: Encoding;
}

/** No protobuf message begins with `{`: it would be a group of field 15. */
const openingBrace = 0x7b;

/** Decodes and checks a request in either encoding. Failure codes: too_large, malformed. */
export function decodeRequest(verb: subjects.ControlVerb, payload: Uint8Array): DecodedRequest {
  const encoding: Encoding = payload[0] === openingBrace ? "json" : "protobuf";
  if (payload.length > MAXIMUM_REQUEST_BYTES) {
    const request = refuse(
      "too_large",
      `the request has ${payload.length} bytes, at most ${MAXIMUM_REQUEST_BYTES} are allowed`,
      "send one actor a request",
    );
    return { request, encoding };
  }
  let fields: unknown;
  try {
    fields =
      encoding === "json"
        ? withDefaults(verb, JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)))
        : plain(requestMessages[verb].decode(payload));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { request: malformed(verb, why.slice(0, 200)), encoding };
  }
  return { request: checked(verb, fields), encoding };
}

/** Fields that JSON leaves out have the values that protobuf gives them. */
function withDefaults(verb: subjects.ControlVerb, given: unknown): unknown {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  return { ...plain(requestMessages[verb].decode(new Uint8Array())), ...given };
}

function checked(verb: subjects.ControlVerb, fields: unknown): Result<ControlRequest> {
  switch (verb) {
    case "spawn":
    case "check":
      return result(verb, requestRules[verb].safeParse(fields), (value) => ({ verb, ...value }));
    case "types":
      return result(verb, requestRules.types.safeParse(fields), (value) => ({ verb, ...value }));
    case "stop":
      return result(verb, requestRules.stop.safeParse(fields), (value) => ({ verb, ...value }));
    case "restart":
      return result(verb, requestRules.restart.safeParse(fields), (value) => ({ verb, ...value }));
    case "describe":
    case "watch":
      return result(verb, requestRules[verb].safeParse(fields), (value) => ({ verb, ...value }));
    case "list":
      return result(verb, requestRules.list.safeParse(fields), (value) => ({ verb, ...value }));
    case "send":
      return result(verb, requestRules.send.safeParse(fields), (value) => ({
        verb,
        id: value.id,
        commandId: value.commandId,
        message: value.verb,
        sender: value.sender,
      }));
    default:
      return unreachable(verb);
  }
}

function result<Fields>(
  verb: string,
  parsed: z.ZodSafeParseResult<Fields>,
  request: (fields: Fields) => ControlRequest,
): Result<ControlRequest> {
  if (parsed.success) return ok(request(parsed.data));
  const [issue] = parsed.error.issues;
  return malformed(verb, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}

const malformed = (verb: string, why: string) =>
  refuse("malformed", `${verb}: ${why}`, "see schemas/control/v1/actors.proto");

/** Every field present, with protobuf's defaults where the sender left it out. */
function plain(message: object): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, fallback] of Object.entries(Object.getPrototypeOf(message) as object)) {
    if (typeof fallback === "function") continue;
    fields[name] = (message as Record<string, unknown>)[name] ?? fallback;
  }
  const { sender: given } = fields;
  // A whole sender has all its fields; a message of protobuf has a prototype that zod does not want.
  if (typeof given === "object" && given !== null) fields["sender"] = plain(given);
  return fields;
}

export function encodeAnswer(
  answer: ControlAnswer,
  region: string,
  encoding: Encoding,
): Uint8Array {
  switch (answer.type) {
    case "actor": {
      const reply = { actor: statusToWire(answer.status, region), repeated: answer.repeated };
      return encoding === "json" ? json(reply) : control.v1.ActorReply.encode(reply).finish();
    }
    case "list": {
      const actors = answer.actors.map((status) => statusToWire(status, region));
      const reply = { actors, more: answer.more };
      return encoding === "json" ? json(reply) : control.v1.ListReply.encode(reply).finish();
    }
    case "types": {
      const types = answer.types.map(({ type, group, schema }) => ({
        type,
        group,
        schema: JSON.stringify(schema),
      }));
      return encoding === "json"
        ? json({ types })
        : control.v1.TypesReply.encode({ types }).finish();
    }
    case "watch": {
      const reply = { actor: statusToWire(answer.status, region), subject: answer.subject };
      return encoding === "json" ? json(reply) : control.v1.WatchReply.encode(reply).finish();
    }
    default:
      return unreachable(answer);
  }
}

/** In every reply the refusal is field 1. */
export function encodeRefusal({ code, reason, next }: Failure, encoding: Encoding): Uint8Array {
  const refusal = { code, reason, next };
  return encoding === "json"
    ? json({ refusal })
    : control.v1.ActorReply.encode({ refusal }).finish();
}

const json = (reply: object): Uint8Array => new TextEncoder().encode(JSON.stringify(reply));

function statusToWire(
  { record, state, detail, cell, incarnation, report, group }: ActorStatus,
  region: string,
): wire.control.v1.IActorStatus {
  const { id, type, shard, requestedBy, antiAffinity } = record;
  const said =
    report.length === 0
      ? {}
      : group === "strategies"
        ? { strategy: plainReport(strategy.v1.StrategyReport.decode(report)) }
        : { execution: plainReport(execution.v1.ExecutionReport.decode(report)) };
  return {
    id,
    type,
    state,
    region,
    cell,
    shard,
    incarnation,
    parameters: shown(record.parameters),
    requestedBy,
    antiAffinity,
    detail,
    ...said,
  };
}

function shown(given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (value.length <= LONGEST_SHOWN) return [name, value];
      const digest = createHash("sha256").update(value).digest("hex").slice(0, 16);
      return [name, `${Buffer.byteLength(value)} bytes, sha256 ${digest}`];
    }),
  );
}

/** What another cell says of the actors it hosts. Throws on bytes that are no such answer. */
export function decodeListed(bytes: Uint8Array): readonly ActorStatus[] {
  return control.v1.ListReply.decode(bytes).actors.map((found) => {
    const said = found.execution
      ? execution.v1.ExecutionReport.encode(found.execution).finish()
      : found.strategy
        ? strategy.v1.StrategyReport.encode(found.strategy).finish()
        : new Uint8Array();
    return {
      record: {
        id: found.id ?? "",
        type: found.type ?? "",
        parameters: { ...found.parameters },
        requestedBy: found.requestedBy ?? "",
        antiAffinity: found.antiAffinity ?? "",
        shard: found.shard ?? 0,
        stopped: false,
        stoppedBecause: "",
        epoch: found.incarnation ?? 0,
      },
      state: found.state ?? "",
      detail: found.detail ?? "",
      cell: found.cell ?? "",
      incarnation: found.incarnation ?? 0,
      report: said,
      group: found.execution ? "executions" : "strategies",
    };
  });
}

/** With all fields, for JSON. */
function plainReport(message: object): Record<string, unknown> {
  const fields = plain(message);
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "object" && value !== null) fields[name] = plain(value);
  }
  return fields;
}

export const encodeRecord = (record: ActorRecord): Uint8Array =>
  control.v1.ActorRecord.encode({ ...record, parameters: { ...record.parameters } }).finish();

/** Null when the bytes are no record. */
export function decodeRecord(bytes: Uint8Array): ActorRecord | null {
  try {
    const found = control.v1.ActorRecord.decode(bytes);
    const { id, type, shard } = found;
    if (!subjects.isToken(id) || type === "" || shard >= subjects.actorShards) return null;
    return {
      id,
      type,
      parameters: { ...found.parameters },
      requestedBy: found.requestedBy,
      antiAffinity: found.antiAffinity,
      shard,
      stopped: found.stopped,
      stoppedBecause: found.stoppedBecause,
      epoch: found.epoch,
    };
  } catch {
    return null;
  }
}

/** As seats.ts has it. */
export const encodeSeat = (seat: {
  readonly region: string;
  readonly at: string;
  readonly by: string;
  readonly sinceUnixMs: number;
}): Uint8Array => wire.region.v1.ActorSeat.encode(seat).finish();

/** Null when the bytes are none. */
export function decodeSeat(bytes: Uint8Array): {
  readonly region: string;
  readonly at: string;
  readonly by: string;
  readonly sinceUnixMs: number;
} | null {
  try {
    const found = wire.region.v1.ActorSeat.decode(bytes);
    const { at, by, sinceUnixMs } = found;
    if (!subjects.isToken(found.region) || !subjects.isToken(at)) return null;
    return { region: found.region, at, by, sinceUnixMs };
  } catch {
    return null;
  }
}

/** Shards that one cell has just given up for another. */
export const encodeOffer = (shards: readonly number[]): Uint8Array => Uint8Array.from(shards);
export const decodeOffer = (bytes: Uint8Array): readonly number[] =>
  [...new Set(bytes)].filter((shard) => shard < subjects.actorShards);

/** Number of the last event of a log, by the last message on its subject; null: the bytes are none. */
export function lastEventOf(
  bytes: Uint8Array,
): { readonly epoch: number; readonly sequence: number } | null {
  try {
    const { epoch, first, entries } = control.v1.EventLogMessage.decode(bytes);
    return { epoch, sequence: first + entries.length - 1 };
  } catch {
    return null;
  }
}

/** What a cell asks another one for: all actors it hosts. */
export const encodeListRequest = (): Uint8Array =>
  control.v1.ListRequest.encode({ limit: MAXIMUM_LISTED }).finish();

export const keys = {
  directoryBucket: subjects.directoryBucket,
  actor: subjects.actorDirectoryKey,
  actorPrefix: subjects.actorDirectoryPrefix,
  seat: subjects.actorSeatKey,
  seatPrefix: subjects.actorSeatPrefix,
} as const;
export const {
  actorShards,
  actorShardName,
  controlSubject,
  controlVerbs,
  hostSubject,
  reportSubject,
} = subjects;
export type ControlVerb = subjects.ControlVerb;
