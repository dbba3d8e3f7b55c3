import type { ActorRef } from "../kernel/actor.ts";
import type { Result } from "../kernel/result.ts";
import { durationNs } from "../kernel/units.ts";
import { decodeRequest, encodeRefusal, encodeReply } from "./codec.ts";
import type { RiskLimitMessage, RiskLimitReply } from "./messages.ts";

/** How long a request may take. A refusal `timeout` is ambiguous: resend under the same id. */
const requestTimeout = durationNs(5_000_000_000);

/**
 * Answers one request on act.<region>.risk-limit.<account>.<verb>: checks it, asks the account's
 * actor, and gives the bytes of the reply. Always answers; refusal codes beside the actor's own:
 * verb_unknown, too_large, malformed, busy, not_found, timeout, internal.
 */
export async function answerRequest(
  account: () => Result<ActorRef<RiskLimitMessage, RiskLimitReply>>,
  verb: string,
  payload: Uint8Array,
): Promise<Uint8Array> {
  const request = decodeRequest(verb, payload);
  if (!request.ok) return encodeRefusal(request.failure);
  const found = account();
  if (!found.ok) return encodeRefusal(found.failure);
  const reply = await found.value.ask(request.value, requestTimeout);
  return reply.ok ? encodeReply(reply.value) : encodeRefusal(reply.failure);
}
