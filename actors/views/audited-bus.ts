import type { Bus, BusRequest } from "../kernel/ports/bus.ts";
import type { AuditTrail } from "./audit-trail.ts";

/**
 * The bus of a cell on which each command of a person is written down with what came of it, whoever
 * serves it: a service that is added later is in the trail without having to think of it.
 */
export function auditedBus(bus: Bus, trail: AuditTrail): Bus {
  return {
    publish: (subject, payload) => bus.publish(subject, payload),
    request: (subject, payload, timeout) => bus.request(subject, payload, timeout),
    serve: (subject, handler) =>
      // Orders are no commands of this kind, and pass without being looked at.
      /^(ops|ctl|act)\./.test(subject)
        ? bus.serve(subject, (request) => handler(audited(request, trail)))
        : bus.serve(subject, handler),
    subscribe: (subject, handler) => bus.subscribe(subject, handler),
    append: (subject, payload) => bus.append(subject, payload),
    journal: bus.journal,
    keys: bus.keys,
    state: () => bus.state(),
    onState: (callback) => bus.onState(callback),
    close: () => bus.close(),
  };
}

/** The same for a service that is not served by the bus. */
export function auditedAnswer<Reply extends { readonly payload: Uint8Array }>(
  subject: string,
  answer: (payload: Uint8Array, user: string) => Promise<Reply>,
  trail: AuditTrail,
): (payload: Uint8Array, user: string) => Promise<Reply> {
  return async (payload, user) => {
    const entry = trail.begin(subject, payload, user);
    const reply = await answer(payload, user);
    return entry === null ? reply : { ...reply, payload: entry.finish(reply.payload) };
  };
}

function audited(request: BusRequest, trail: AuditTrail): BusRequest {
  const { subject, payload, user } = request;
  const entry = trail.begin(subject, payload, user);
  if (entry === null) return request;
  return { subject, payload, user, respond: (reply) => request.respond(entry.finish(reply)) };
}
