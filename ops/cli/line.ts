import type { MsgHdrs, NatsConnection } from "nats";
import { errors, headers } from "nats";

import type { Delivery, Transport } from "../../schemas/sdk/client.ts";
import type { RegionLink } from "../../schemas/sdk/regional-transport.ts";

/** A way to a cluster: requests, and what is published. */
export interface Line extends Transport {
  /** What is published at the subject from now on, until the loop over it ends. */
  listen(subject: string): AsyncGenerator<Uint8Array>;
  close(): Promise<void>;
}

function traceHeader(trace: string): MsgHdrs {
  const sent = headers();
  sent.set("traceparent", trace);
  return sent;
}

/** A line over one connection; when that is lost, so is the line. */
export class NatsLine implements Line, RegionLink {
  readonly lost: Promise<void>;
  readonly #connection: NatsConnection;
  readonly #user: string;
  readonly #role: string;

  constructor(connection: NatsConnection, user: string, role: string) {
    this.#connection = connection;
    this.#user = user;
    this.#role = role;
    this.lost = connection.closed().then(() => undefined);
  }

  async request(
    subject: string,
    payload: Uint8Array,
    timeoutMs: number,
    trace?: string,
  ): Promise<Delivery> {
    try {
      const reply = await this.#connection.request(subject, payload, {
        timeout: timeoutMs,
        ...(trace === undefined ? {} : { headers: traceHeader(trace) }),
      });
      return { kind: "reply", payload: reply.data };
    } catch (error) {
      return this.#deliveryOf(error);
    }
  }

  async *listen(subject: string): AsyncGenerator<Uint8Array> {
    const subscription = this.#connection.subscribe(subject);
    try {
      for await (const message of subscription) yield message.data;
    } finally {
      subscription.unsubscribe();
    }
  }

  async close(): Promise<void> {
    if (!this.#connection.isClosed()) await this.#connection.close();
  }

  #deliveryOf(error: unknown): Delivery {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof errors.PermissionViolationError) {
        return {
          kind: "not_permitted",
          reason: `user ${this.#user} (role ${this.#role}) may not do this`,
          next: otherUser(this.#user),
        };
      }
      if (cause instanceof errors.NoRespondersError) return { kind: "no_responders" };
      if (cause instanceof errors.TimeoutError) return { kind: "timeout" };
      if (
        cause instanceof errors.ClosedConnectionError ||
        cause instanceof errors.DrainingConnectionError ||
        cause instanceof errors.RequestError
      ) {
        if (cause.cause === undefined) return { kind: "disconnected" };
      }
    }
    throw error;
  }
}

const otherUser = (user: string): string =>
  user === "operator"
    ? "npx meridian login approver, or --as approver"
    : "npx meridian login operator, or --as operator";
