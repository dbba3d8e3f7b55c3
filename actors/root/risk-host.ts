import { isToken, patterns } from "../../schemas/subjects.ts";
import type { ActorDefinition, ActorRef, ActorSystem } from "../kernel/actor.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { IncarnationFence } from "../kernel/incarnation-fence.ts";
import type { EventLog } from "../kernel/ports/event-log.ts";
import type { Log } from "../kernel/ports/log.ts";
import { type Failure, refuse, type Result } from "../kernel/result.ts";
import { type DurationNs, quantityLots } from "../kernel/units.ts";
import { decodeRequest, encodeRefusal, encodeReply } from "../risk-limit/codec.ts";
import type { RiskLimitMachine } from "../risk-limit/machine.ts";
import type { RiskLimitMessage, RiskLimitReply, RiskLimitStart } from "../risk-limit/messages.ts";
import type { RefusalCounter } from "./refusal-counter.ts";
import { paths, riskLimitChild } from "./tree.ts";

export type RiskLimitDefinition = ActorDefinition<
  RiskLimitStart,
  RiskLimitMessage,
  RiskLimitReply,
  RiskLimitMachine
>;
type RiskLimit = ActorRef<RiskLimitMessage, RiskLimitReply>;

const askTimeout = 5_000_000_000 as DurationNs;
/** In force until the first set-limits: nothing may be reserved. */
const noLimits = { maximumOrderQuantity: quantityLots(0), maximumOpenQuantity: quantityLots(0) };

export interface RiskHostOf {
  readonly region: string;
  readonly bus: Bus;
  readonly log: Log;
  readonly system: ActorSystem;
  readonly definition: RiskLimitDefinition;
  readonly events: EventLog;
  readonly refusals: RefusalCounter;
  readonly senders: IncarnationFence;
}

/**
 * Serves act.<region>.risk-limit.<account>.<verb>. The first set-limits of an account makes its actor;
 * an account that has a log gets it back by any request. Every subject below act.<region>.risk-limit is
 * answered, also the ones that mean nothing.
 */
export function serveRiskLimits(of: RiskHostOf): Subscription {
  return of.bus.serve(patterns.riskLimitsOf(of.region), (request) => {
    answer(of, request.subject, request.payload).then(
      (payload) => {
        if (payload !== null) request.respond(payload);
      },
      (error: unknown) => of.log.error({ error: String(error) }, "a risk-limit request failed"),
    );
  });
}

async function answer(
  of: RiskHostOf,
  subject: string,
  payload: Uint8Array,
): Promise<Uint8Array | null> {
  const [, , type = "", account = "", verb = "", ...rest] = subject.split(".");
  if (type !== "risk-limit" || !isToken(account) || rest.length > 0) {
    of.system.deadLetters.add(`/${of.region}`, "not_found", { subject: subject.slice(0, 256) });
    const known = `act.${of.region}.risk-limit.<account>.<verb>`;
    return refusal(of, refuse("not_found", "no actor has this subject", known).failure);
  }
  const message = decodeRequest(verb, payload);
  if (!message.ok) {
    of.system.deadLetters.add(paths.riskLimit(of.region, account), "malformed", {
      verb: verb.slice(0, 64),
      bytes: payload.length,
    });
    return refusal(of, message.failure);
  }
  const stale = await staleSender(of, message.value);
  if (stale !== null) return refusal(of, stale);
  const actor = await found(of, account, message.value);
  if (!actor.ok) return refusal(of, actor.failure);
  // Lower limits must not wait behind the reservations that they are to keep out.
  const lane = message.value.type === "set_limits" ? "system" : "ordinary";
  const reply = await actor.value.ask(message.value, askTimeout, lane);
  if (reply.ok) {
    if (reply.value.type === "refused") of.refusals.count(reply.value.failure.code);
    return encodeReply(reply.value);
  }
  // Ambiguous failures stay unanswered: the sender sends the same command id again.
  return reply.failure.code === "busy" ? refusal(of, reply.failure) : null;
}

/** An actor that was replaced neither reserves nor releases; clients have no incarnation. */
async function staleSender(of: RiskHostOf, message: RiskLimitMessage): Promise<Failure | null> {
  const moves = message.type === "reserve" || message.type === "release";
  if (!moves || message.sender === undefined) return null;
  return await of.senders.admit(message.sender);
}

function refusal(of: RiskHostOf, failure: Failure): Uint8Array {
  of.refusals.count(failure.code);
  return encodeRefusal(failure);
}

async function found(
  of: RiskHostOf,
  account: string,
  message: RiskLimitMessage,
): Promise<Result<RiskLimit>> {
  const path = paths.riskLimit(of.region, account);
  const running = of.system.find(of.definition, path);
  if (!running.ok) {
    if (message.type !== "set_limits") {
      const kept = await of.events.read(`risk-limit.${account}`, 0, 1);
      const trimmed = !kept.ok && kept.failure.code === "trimmed";
      if (!kept.ok && !trimmed) {
        return refuse("unavailable", kept.failure.reason, kept.failure.next);
      }
      if (kept.ok && kept.value.length === 0) {
        return refuse("not_found", `account ${account} has no limits`, "send set-limits first");
      }
    }
    const child = riskLimitChild({ account, limits: noLimits });
    const started = await of.system.startChild(paths.risk(of.region), child);
    if (!started.ok && started.failure.code !== "already_started") {
      const busy = started.failure.code === "busy" ? "busy" : "internal";
      return refuse(busy, started.failure.reason, "send the same command id again in a moment");
    }
  }
  return running.ok ? running : of.system.find(of.definition, path);
}
