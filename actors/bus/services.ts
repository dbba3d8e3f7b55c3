import { Svcm } from "@nats-io/services";
import type { NatsConnection } from "nats";

import { userOfInbox } from "../../schemas/subjects.ts";
import type { Subscription } from "../kernel/ports/bus.ts";

/** One endpoint of a service: its subject, and what answers it. */
export interface ServiceEndpoint {
  readonly verb: string;
  readonly subject: string;
  /** `refusal`: its code, counted in the endpoint's statistics; null when the request was done. */
  answer(
    payload: Uint8Array,
    user: string,
  ): Promise<{ readonly payload: Uint8Array; readonly refusal: string | null }>;
}

export interface ServiceIdentity {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What HTTP would call it; the code itself is in the description and in the reply. */
const refusedStatus = 400;
const failedStatus = 500;

/** Serves the endpoints as a NATS service: `nats micro ls`, `info` and `stats` know it. */
export async function serveEndpoints(
  connection: NatsConnection,
  identity: ServiceIdentity,
  endpoints: readonly ServiceEndpoint[],
): Promise<Subscription> {
  // The library brings a version of the core of its own; it uses the connection's public face only.
  const services = new Svcm(connection as unknown as ConstructorParameters<typeof Svcm>[0]);
  // The library counts what a handler throws at once; ours answer later, and refuse without throwing.
  const refusals = new Map<string, Record<string, number>>();
  const service = await services.add({
    ...identity,
    statsHandler: ({ subject }) => Promise.resolve({ refusals: refusals.get(subject) ?? {} }),
    metadata: { ...identity.metadata },
    queue: "control",
  });
  for (const endpoint of endpoints) {
    const { verb, subject } = endpoint;
    service.addEndpoint(verb, {
      subject,
      handler: (error, message) => {
        if (error !== null) return;
        endpoint.answer(new Uint8Array(message.data), userOfInbox(message.reply ?? "")).then(
          ({ payload, refusal }) => {
            if (refusal === null) {
              message.respond(payload);
              return;
            }
            const counts = refusals.get(subject) ?? {};
            counts[refusal] = (counts[refusal] ?? 0) + 1;
            refusals.set(subject, counts);
            message.respondError(refusedStatus, refusal, payload);
          },
          () => message.respondError(failedStatus, "internal"),
        );
      },
    });
  }
  return { unsubscribe: () => void service.stop() };
}
