import { Svcm } from "@nats-io/services";
import type { NatsConnection } from "nats";

import type { Subscription } from "../kernel/ports/bus.ts";

/** One endpoint of a service: its subject, and what answers it. */
export interface ServiceEndpoint {
  readonly verb: string;
  readonly subject: string;
  /** `refusal`: its code, counted among the endpoint's errors; null when the request was done. */
  answer(
    payload: Uint8Array,
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
  const service = await services.add({
    ...identity,
    metadata: { ...identity.metadata },
    queue: "control",
  });
  for (const endpoint of endpoints) {
    const { verb, subject } = endpoint;
    service.addEndpoint(verb, {
      subject,
      handler: (error, message) => {
        if (error !== null) return;
        endpoint.answer(new Uint8Array(message.data)).then(
          ({ payload, refusal }) => {
            if (refusal === null) message.respond(payload);
            else message.respondError(refusedStatus, refusal, payload);
          },
          () => message.respondError(failedStatus, "internal"),
        );
      },
    });
  }
  return { unsubscribe: () => void service.stop() };
}
