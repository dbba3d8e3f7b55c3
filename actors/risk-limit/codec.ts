import { z } from "zod";

import { wire } from "../../schemas/messages.ts";
import type { EventCodec, StateCodec } from "../kernel/event-versions.ts";
import { type Failure, ok, refuse, type Result, unreachable } from "../kernel/result.ts";
import type { QuantityLots } from "../kernel/units.ts";
import { askedBy, commandOf } from "./decide.ts";
import type {
  Limits,
  Outcome,
  RiskLimitEvent,
  RiskLimitMessage,
  RiskLimitReply,
} from "./messages.ts";

const { risk } = wire;

/** Largest request in bytes; every valid one is far smaller. */
export const MAXIMUM_REQUEST_BYTES = 4_096;

const commandId = z.string().min(1).max(64);
const quantity = z
  .int()
  .min(0)
  .transform((lots) => lots as QuantityLots);
const limits = z.strictObject({ maximumOrderQuantity: quantity, maximumOpenQuantity: quantity });

/** An actor that runs under a lease; a client has none. Fields that protobuf left out are not whole. */
const sender = z
  .strictObject({
    actor: z.string().min(1).max(256),
    shard: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
    incarnation: z.int().min(1),
  })
  .nullable();
/** What an event tells of a reservation or a release. */
const moved = z.strictObject({ commandId, quantity });

/** The rules for each verb's request; a test compares the fields with the protobuf messages. */
export const requestRules = {
  "set-limits": z.strictObject({ commandId, limits, requestedBy: z.string().min(1).max(64) }),
  reserve: z.strictObject({ commandId, quantity, sender }),
  release: z.strictObject({ commandId, quantity, sender }),
  describe: z.strictObject({}),
};
export type RiskLimitVerb = keyof typeof requestRules;
/** The protobuf message of each verb's request. */
export const requestMessages = {
  "set-limits": risk.v1.SetLimits,
  reserve: risk.v1.Reserve,
  release: risk.v1.Release,
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
    fields = plain(requestMessages[verb].decode(payload));
  } catch (error) {
    return malformed(verb, error instanceof Error ? error.message : String(error));
  }
  return checked(verb, fields);
}

export function encodeReply(reply: RiskLimitReply): Uint8Array {
  const { limits: inForce, reserved } = reply.outcome;
  return risk.v1.RiskLimitReply.encode({
    limits: inForce,
    reserved,
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

export function encodeEvent(event: RiskLimitEvent): Uint8Array {
  switch (event.type) {
    case "limits_set":
      return risk.v1.RiskLimitEvent.encode({ limitsSet: event }).finish();
    case "reserved":
      return risk.v1.RiskLimitEvent.encode({ reserved: event }).finish();
    case "released":
      return risk.v1.RiskLimitEvent.encode({ released: event }).finish();
    default:
      return unreachable(event);
  }
}

/** Throws on bytes that encodeEvent did not make: the log is ours, so that is damage. */
export function decodeEvent(payload: Uint8Array): RiskLimitEvent {
  const { limitsSet, reserved, released } = risk.v1.RiskLimitEvent.decode(payload);
  if (limitsSet) {
    return { type: "limits_set", ...requestRules["set-limits"].parse(plain(limitsSet)) };
  }
  if (reserved) return { type: "reserved", ...moved.parse(plain(reserved)) };
  if (released) return { type: "released", ...moved.parse(plain(released)) };
  throw new Error("an event of a risk limit is damaged: it has no known kind");
}

/**
 * Version 1 of the events. Entries from before entries named command and version are one event each,
 * with the command's id in it.
 */
export const eventCodec: EventCodec<RiskLimitEvent> = {
  version: 1,
  encode: encodeEvent,
  decode: decodeEvent,
  upcasters: {},
  parse: (event) => event as RiskLimitEvent,
  legacy(entry) {
    const event = decodeEvent(entry);
    const asked = askedBy(commandOf(event));
    return { commandId: event.commandId, asked, eventVersion: 1, events: [event] };
  },
};

const outcome = z.strictObject({ limits, reserved: quantity });
const doneReply = z.strictObject({
  type: z.literal("done"),
  outcome,
  repeated: z.boolean(),
});

export const stateCodec: StateCodec<Outcome, RiskLimitReply> = {
  version: 1,
  upcasters: {},
  parse: (state) => outcome.parse(state),
  parseReply: (reply) => doneReply.parse(reply),
};

function checked(verb: RiskLimitVerb, fields: unknown): Result<RiskLimitMessage> {
  switch (verb) {
    case "set-limits":
      return result(verb, requestRules[verb].safeParse(fields), (command) => ({
        type: "set_limits",
        ...command,
      }));
    case "reserve":
    case "release":
      return result(verb, requestRules[verb].safeParse(fields), ({ sender: by, ...command }) => ({
        type: verb,
        ...command,
        ...(by === null ? {} : { sender: by }),
      }));
    case "describe":
      return result(verb, requestRules[verb].safeParse(fields), () => ({ type: verb }));
    default:
      return unreachable(verb);
  }
}

function result<Fields>(
  verb: RiskLimitVerb,
  parsed: z.ZodSafeParseResult<Fields>,
  message: (fields: Fields) => RiskLimitMessage,
): Result<RiskLimitMessage> {
  if (parsed.success) return ok(message(parsed.data));
  const [issue] = parsed.error.issues;
  return malformed(verb, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}

const malformed = (verb: RiskLimitVerb, why: string): Result<RiskLimitMessage> =>
  refuse("malformed", `${verb}: ${why}`, "see schemas/risk/v1/risk.proto");

const refusalOf = ({ code, reason, next }: Failure): Failure => ({ code, reason, next });

/** Every field present, with protobuf's defaults where the sender left it out. */
function plain(message: object): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, fallback] of Object.entries(Object.getPrototypeOf(message) as object)) {
    if (typeof fallback === "function") continue;
    const value: unknown = (message as Record<string, unknown>)[name] ?? fallback;
    fields[name] = typeof value === "object" && value !== null ? plain(value) : value;
  }
  return fields;
}

/** For callers in TypeScript and for tests: the bytes of a request. */
export function encodeRequest(message: RiskLimitMessage): Uint8Array {
  switch (message.type) {
    case "set_limits":
      return risk.v1.SetLimits.encode(message).finish();
    case "reserve":
      return risk.v1.Reserve.encode(message).finish();
    case "release":
      return risk.v1.Release.encode(message).finish();
    case "describe":
      return risk.v1.Describe.encode({}).finish();
    default:
      return unreachable(message);
  }
}

/** Reads a reply: what a client does. Throws on bytes that are no reply. */
export function decodeReply(payload: Uint8Array): {
  readonly refusal: Failure | null;
  readonly outcome: Outcome;
  readonly repeated: boolean;
  readonly limit: number;
  readonly requested: number;
} {
  const reply = risk.v1.RiskLimitReply.decode(payload);
  return {
    refusal: reply.refusal ? (plain(reply.refusal) as unknown as Failure) : null,
    outcome: {
      limits: limits.parse(plain(risk.v1.Limits.create(reply.limits ?? {}))) satisfies Limits,
      reserved: quantity.parse(reply.reserved ?? 0),
    },
    repeated: reply.repeated ?? false,
    limit: reply.limit ?? 0,
    requested: reply.requested ?? 0,
  };
}
