import { z } from "zod";

import { wire } from "../../schemas/messages.ts";
import { isToken } from "../../schemas/subjects.ts";
import type { EventCodec, StateCodec } from "../kernel/event-versions.ts";
import { type Failure, ok, refuse, type Result, unreachable } from "../kernel/result.ts";
import { type QuantityLots, quantityLots } from "../kernel/units.ts";
import { askedBy, initialState, type RiskLimitState } from "./decide.ts";
import { noLimits } from "./limits.ts";
import type {
  Limits,
  NamedLimit,
  Outcome,
  RiskLimitCommand,
  RiskLimitEvent,
  RiskLimitMessage,
  RiskLimitReply,
  Scope,
} from "./messages.ts";

const { risk } = wire;

/** Largest request in bytes; every valid one is far smaller. */
export const MAXIMUM_REQUEST_BYTES = 8_192;
/** Accounts one report names at most. */
const MAXIMUM_ACCOUNTS = 1_024;
/** Markets in which one member trades at most. */
const MAXIMUM_MARKETS = 64;

const { Scope: WireScope } = risk.v1;
const scopes: readonly Scope[] = ["desk", "account", "strategy"];
const wireScopes = {
  desk: WireScope.SCOPE_DESK,
  account: WireScope.SCOPE_ACCOUNT,
  strategy: WireScope.SCOPE_STRATEGY,
} as const;
const scopeNumber = (scope: Scope | null) =>
  scope === null ? WireScope.SCOPE_UNSPECIFIED : wireScopes[scope];

const commandId = z.string().min(1).max(128);
const person = z.string().min(1).max(64);
const name = z.string().refine(isToken, "a name is 1 to 64 of A-Z a-z 0-9 _ -");
const count = z.int().min(0);
const quantity = count.transform((lots) => lots as QuantityLots);
const rate = count.max(2 ** 32 - 1);
const account = count.max(2 ** 32 - 1);
const limits = z
  .strictObject({
    maximumOrderQuantity: quantity,
    maximumOpenQuantity: quantity,
    maximumPosition: count,
    maximumNotional: count,
    collar: count,
    maximumOpenOrders: count,
    messageCount: rate,
    messageWindowMs: rate,
    executionCount: rate,
    executionWindowMs: rate,
    maximumLoss: count,
  })
  .refine(
    (held) =>
      (held.messageCount === 0) === (held.messageWindowMs === 0) &&
      (held.executionCount === 0) === (held.executionWindowMs === 0),
    "a rate has a count and a window, or neither",
  );
const scope = z
  .int()
  .min(1)
  .max(scopes.length)
  .transform((number) => scopes[number - 1] as Scope);
const holding = {
  from: name,
  profit: z.int(),
  position: count,
  accounts: z.array(account.min(1)).max(MAXIMUM_ACCOUNTS),
};

const heldFields = {
  from: name,
  epoch: count,
  number: count,
  quantity,
  markets: z.array(name).max(MAXIMUM_MARKETS),
};

/** An actor that acts under a lease; a client has none. What protobuf left out of one is not whole. */
const sender = z
  .strictObject({
    actor: z.string().min(1).max(256),
    shard: name,
    incarnation: z.int().min(1),
  })
  .nullable();
/** What an event tells of a reservation or a release: not who asked. */
const moved = z.strictObject({ commandId, quantity });

/** The rules for each verb's request; a test compares the fields with the protobuf messages. */
export const requestRules = {
  define: z.strictObject({
    commandId,
    scope,
    parent: z.union([z.literal(""), name]),
    account,
    tradedOnly: z.boolean(),
    requestedBy: person,
  }),
  "set-limits": z.strictObject({ commandId, limits, requestedBy: person }),
  approve: z.strictObject({ commandId, proposal: commandId, approvedBy: person }),
  stop: z.strictObject({ commandId, reason: z.string().min(1).max(256), requestedBy: person }),
  resume: z.strictObject({ commandId, requestedBy: person }),
  reserve: z.strictObject({ commandId, quantity, sender }),
  release: z.strictObject({ commandId, quantity, sender }),
  undo: z.strictObject({ commandId, reservation: commandId, quantity }),
  hold: z.strictObject({
    commandId,
    ...heldFields,
    largest: quantity,
    sender,
  }),
  report: z.strictObject({ commandId, ...holding }),
  describe: z.strictObject({ reservation: z.string().max(128), wanted: limits.nullable() }),
};
export type RiskLimitVerb = keyof typeof requestRules;
/** The protobuf message of each verb's request. */
export const requestMessages = {
  define: risk.v1.Define,
  "set-limits": risk.v1.SetLimits,
  approve: risk.v1.Approve,
  stop: risk.v1.Stop,
  resume: risk.v1.Resume,
  reserve: risk.v1.Reserve,
  release: risk.v1.Release,
  undo: risk.v1.Undo,
  hold: risk.v1.Hold,
  report: risk.v1.Report,
  describe: risk.v1.Describe,
} as const;

const isVerb = (verb: string): verb is RiskLimitVerb => Object.hasOwn(requestRules, verb);

/** Decodes and checks a request. Failure codes: verb_unknown, too_large, malformed. */
export function decodeRequest(verb: string, payload: Uint8Array): Result<RiskLimitMessage> {
  if (!isVerb(verb)) {
    return refuse(
      "verb_unknown",
      `a risk limit has no request ${JSON.stringify(verb.slice(0, 64))}`,
      `use ${Object.keys(requestRules).join(", ")}`,
    );
  }
  if (payload.length > MAXIMUM_REQUEST_BYTES) {
    return refuse(
      "too_large",
      `the request has ${payload.length} bytes, at most ${MAXIMUM_REQUEST_BYTES} are allowed`,
      "send one command a request",
    );
  }
  let fields: unknown;
  try {
    fields = request(verb, requestMessages[verb].decode(payload));
  } catch (error) {
    return malformed(verb, error instanceof Error ? error.message : String(error));
  }
  const parsed = requestRules[verb].safeParse(fields);
  if (parsed.success) return ok(withoutNobody({ type: typeOf(verb), ...parsed.data }));
  const [issue] = parsed.error.issues;
  return malformed(verb, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}

/** A client's message names no sender, and most questions no limits. */
function withoutNobody(message: object): RiskLimitMessage {
  const fields: Record<string, unknown> = { ...message };
  for (const absent of ["sender", "wanted"]) {
    if (fields[absent] === null) delete fields[absent];
  }
  return fields as unknown as RiskLimitMessage;
}

const typeOf = (verb: RiskLimitVerb): RiskLimitMessage["type"] =>
  verb === "set-limits" ? "set_limits" : verb;

/** A request whose limits are absent is malformed; one whose limits are empty allows nothing. */
function request(verb: RiskLimitVerb, message: object): Record<string, unknown> {
  const fields = plain(message);
  const wanted = fields["wanted"];
  if (typeof wanted === "object" && wanted !== null) {
    return { ...fields, wanted: { ...noLimits, ...wanted } };
  }
  if (verb !== "set-limits" || typeof fields["limits"] !== "object" || fields["limits"] === null) {
    return fields;
  }
  return { ...fields, limits: { ...noLimits, ...fields["limits"] } };
}

export function encodeReply(reply: RiskLimitReply): Uint8Array {
  const { outcome } = reply;
  return risk.v1.RiskLimitReply.encode({
    ...outcome,
    scope: scopeNumber(outcome.scope),
    markets: [...outcome.markets],
    ...(reply.type === "done"
      ? { repeated: reply.repeated }
      : {
          refusal: refusalOf(reply.failure),
          limit: reply.failure.limit,
          requested: reply.failure.requested,
        }),
  }).finish();
}

/** For refusals that do not come from the actor: bad requests, busy, not_found, timeout. */
export function encodeRefusal(failure: Failure): Uint8Array {
  return risk.v1.RiskLimitReply.encode({ refusal: refusalOf(failure) }).finish();
}

/** The field of RiskLimitEvent that holds each kind of event. */
const eventFields = {
  defined: "defined",
  limits_proposed: "limitsProposed",
  limits_set: "limitsSet",
  resume_proposed: "resumeProposed",
  resumed: "resumed",
  stopped: "stopped",
  breached: "breached",
  proposal_lapsed: "proposalLapsed",
  reserved: "reserved",
  released: "released",
  undone: "undone",
  held: "held",
  reported: "reported",
} as const satisfies Readonly<Record<RiskLimitEvent["type"], string>>;

const eventRules: Readonly<Record<RiskLimitEvent["type"], z.ZodType>> = {
  defined: requestRules.define,
  limits_proposed: requestRules["set-limits"],
  limits_set: requestRules["set-limits"].extend({ approvedBy: z.string() }),
  resume_proposed: requestRules.resume,
  resumed: requestRules.resume.extend({ approvedBy: z.string() }),
  stopped: requestRules.stop,
  breached: z.strictObject({
    commandId,
    limit: z.enum(["maximum_loss", "maximum_position"]),
    allowed: count,
    reached: count,
  }),
  proposal_lapsed: z.strictObject({ proposal: commandId }),
  reserved: moved,
  released: moved,
  undone: requestRules.undo,
  held: z.strictObject({ commandId, ...heldFields }),
  reported: requestRules.report,
};

export function encodeEvent(event: RiskLimitEvent): Uint8Array {
  const { type, ...fields } = event;
  const content = "scope" in fields ? { ...fields, scope: scopeNumber(fields.scope) } : fields;
  return risk.v1.RiskLimitEvent.encode({ [eventFields[type]]: content }).finish();
}

/** Throws on bytes that encodeEvent did not make: the log is ours, so that is damage. */
export function decodeEvent(payload: Uint8Array): RiskLimitEvent {
  const decoded = risk.v1.RiskLimitEvent.decode(payload);
  for (const [type, field] of Object.entries(eventFields)) {
    const content = decoded[field];
    if (!content) continue;
    const fields = plain(content);
    const held = fields["limits"];
    if (typeof held === "object") fields["limits"] = { ...noLimits, ...held };
    const parsed = eventRules[type as RiskLimitEvent["type"]].parse(fields) as object;
    return { type, ...parsed } as RiskLimitEvent;
  }
  throw new Error("an event of a risk limit is damaged: it has no known kind");
}

/** The command that an entry of the first kind was made of: one event each, with its id in it. */
function legacyCommand(event: RiskLimitEvent): RiskLimitCommand {
  if (event.type === "limits_set") return { ...event, type: "set_limits" };
  if (event.type === "reserved") return { ...event, type: "reserve" };
  if (event.type === "released") return { ...event, type: "release" };
  throw new Error(`an entry of the first kind cannot hold ${event.type}`);
}

/**
 * Version 3 of the events: what members that trade hold. Version 2: more kinds, more limits, and who approved.
 * Events of version 1 are read with nothing limited that they do not name. Entries from before entries named command and version are one
 * event each, with the command's id in it.
 */
export const eventCodec: EventCodec<RiskLimitEvent> = {
  version: 3,
  encode: encodeEvent,
  decode: decodeEvent,
  upcasters: { 1: (event) => [event], 2: (event) => [event] },
  parse: (event) => event as RiskLimitEvent,
  legacy(entry) {
    const event = decodeEvent(entry);
    const command = legacyCommand(event);
    return {
      commandId: command.commandId,
      asked: askedBy(command),
      eventVersion: 1,
      events: [event],
    };
  },
};

const proposal = z.discriminatedUnion("to", [
  z.strictObject({ to: z.literal("limits"), id: commandId, by: person, limits }),
  z.strictObject({ to: z.literal("resume"), id: commandId, by: person }),
]);
const scopeName = z.enum(["desk", "account", "strategy"]).nullable();
const state = z.strictObject({
  limits,
  reserved: count,
  scope: scopeName,
  parent: z.string(),
  account,
  proposal: proposal.nullable(),
  stopped: z.string(),
  holdings: z.record(
    name,
    z.strictObject({ profit: z.int(), position: count, accounts: z.array(account) }),
  ),
  holds: z.record(
    name,
    z.strictObject({ epoch: count, number: count, quantity: count, markets: z.array(name) }),
  ),
  revision: count,
  tradedOnly: z.boolean(),
  undone: z.array(commandId),
});
const notHeld = { held: quantityLots(0), revision: 0, markets: [] } as const;
const outcomeFields = {
  limits,
  reserved: quantity,
  scope: scopeName,
  parent: z.string(),
  account,
  proposal: z.string(),
  stopped: z.string(),
  profit: z.int(),
  position: count,
  undone: z.boolean(),
};
const outcome = z.strictObject({
  ...outcomeFields,
  held: quantity,
  revision: count,
  markets: z.array(name),
});
const outcomeOfVersion2 = z
  .strictObject(outcomeFields)
  .transform((fields): Outcome => ({ ...fields, ...notHeld }));
const nothingHeld = {
  scope: null,
  parent: "",
  account: 0,
  proposal: "",
  stopped: "",
  profit: 0,
  position: 0,
  undone: false,
  ...notHeld,
} as const;
const outcomeOfVersion1 = z
  .strictObject({
    limits: z.strictObject({ maximumOrderQuantity: quantity, maximumOpenQuantity: quantity }),
    reserved: quantity,
  })
  .transform(
    ({ limits: held, reserved }): Outcome => ({
      ...nothingHeld,
      limits: { ...noLimits, ...held },
      reserved,
    }),
  );
const doneReply = z.strictObject({
  type: z.literal("done"),
  outcome: z.union([outcome, outcomeOfVersion2, outcomeOfVersion1]),
  repeated: z.boolean(),
});

export const stateCodec: StateCodec<RiskLimitState, RiskLimitReply> = {
  version: 3,
  upcasters: {
    1(kept) {
      const { limits: inForce, reserved } = outcomeOfVersion1.parse(kept);
      return { ...initialState(inForce), reserved };
    },
    2: (kept) => ({ ...(kept as object), holds: {}, revision: 0, tradedOnly: false }),
  },
  parse: (held) => state.parse(held),
  parseReply: (reply) => doneReply.parse(reply),
};

const malformed = (verb: string, why: string): Result<RiskLimitMessage> =>
  refuse("malformed", `${verb}: ${why}`, "see schemas/risk/v1/risk.proto");

const refusalOf = ({ code, reason, next }: Failure): Failure => ({ code, reason, next });

/** Every field present, with protobuf's defaults where the sender left it out. */
function plain(message: object): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [field, fallback] of Object.entries(Object.getPrototypeOf(message) as object)) {
    if (typeof fallback === "function") continue;
    const value: unknown = (message as Record<string, unknown>)[field] ?? fallback;
    const nested = typeof value === "object" && value !== null && !Array.isArray(value);
    fields[field] = nested ? plain(value) : value;
  }
  return fields;
}

/** For callers in TypeScript and for tests: the bytes of a request. */
export function encodeRequest(
  message: Exclude<RiskLimitMessage, { type: "proposal_due" }>,
): Uint8Array {
  switch (message.type) {
    case "define":
      return risk.v1.Define.encode({ ...message, scope: scopeNumber(message.scope) }).finish();
    case "set_limits":
      return risk.v1.SetLimits.encode(message).finish();
    case "approve":
    case "stop":
    case "resume":
    case "reserve":
    case "release":
    case "undo":
    case "hold":
    case "report":
    case "describe": {
      const writer = requestMessages[message.type] as {
        encode(fields: object): { finish(): Uint8Array };
      };
      return writer.encode(message).finish();
    }
    default:
      return unreachable(message);
  }
}

/** A reply as a client reads it. */
export interface ReadReply {
  readonly refusal: Failure | null;
  readonly outcome: Outcome;
  readonly repeated: boolean;
  readonly limit: number;
  readonly requested: number;
}

/** Reads a reply: what a client does. Throws on bytes that are no reply. */
export function decodeReply(payload: Uint8Array): ReadReply {
  const reply = risk.v1.RiskLimitReply.decode(payload);
  const fields = plain(reply);
  return {
    refusal: reply.refusal ? (plain(reply.refusal) as unknown as Failure) : null,
    outcome: outcome.parse({
      limits: { ...noLimits, ...plain(risk.v1.Limits.create(reply.limits ?? {})) },
      reserved: fields["reserved"],
      scope: scopes[(reply.scope ?? 0) - 1] ?? null,
      parent: fields["parent"],
      account: fields["account"],
      proposal: fields["proposal"],
      stopped: fields["stopped"],
      profit: fields["profit"],
      position: fields["position"],
      undone: fields["undone"],
      held: fields["held"],
      revision: fields["revision"],
      markets: reply.markets,
    }),
    repeated: reply.repeated ?? false,
    limit: reply.limit ?? 0,
    requested: reply.requested ?? 0,
  };
}

/** What a market is to apply: the bytes of an ApplyLimits request. */
export function encodeApplyLimits(
  actor: string,
  incarnation: number,
  accounts: readonly {
    readonly account: number;
    readonly stopped: boolean;
    readonly limits: Limits | null;
  }[],
): Uint8Array {
  return risk.v1.ApplyLimits.encode({
    actor,
    incarnation,
    accounts: accounts.map(({ account: number, stopped, limits: held }) => ({
      account: number,
      stopped,
      ...(held === null ? {} : { limits: held }),
    })),
  }).finish();
}

/** The refusal in a market's answer; null when it was done. Throws on bytes that are no answer. */
export function decodeApplyReply(payload: Uint8Array): Failure | null {
  const { refusal } = risk.v1.ApplyLimitsReply.decode(payload);
  return refusal ? (plain(refusal) as unknown as Failure) : null;
}

export const encodeNamed = (limit: NamedLimit): Uint8Array =>
  risk.v1.NamedLimit.encode(limit).finish();

/** Null when the bytes name no risk limit. */
export function decodeNamed(bytes: Uint8Array): NamedLimit | null {
  try {
    const { region, name: limit } = risk.v1.NamedLimit.decode(bytes);
    return region === "" || limit === "" ? null : { region, name: limit };
  } catch {
    return null;
  }
}
