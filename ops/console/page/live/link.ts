import { signal } from "@preact/signals";
import {
  errors,
  type NatsConnection,
  nkeyAuthenticator,
  type Subscription,
  wsconnect,
} from "@nats-io/nats-core";

import { refuse, type Result } from "../../../../actors/kernel/result.ts";
import { inboxPrefix } from "../../../../schemas/subjects.ts";
import type { Access, Person } from "./access.ts";
import { socketTo } from "./begun.ts";
import { mayAsk } from "./permissions.ts";

/** The connection of the page to the servers: one, as one person, made again for as long as it takes. */
export interface LinkView {
  readonly state: "connecting" | "live" | "lost" | "refused";
  /** Milliseconds since 1970 since when it is so. */
  readonly since: number;
  readonly reason: string;
}

export const link = signal<LinkView>({ state: "connecting", since: Date.now(), reason: "" });
/** When something was last heard from a server; read by what ticks, never a signal: it changes with every message. */
export const heard = { at: 0 };

interface Listener {
  readonly subject: string;
  readonly take: (payload: Uint8Array, subject: string) => void;
  subscription: Subscription | null;
}

const answerTimeoutMs = 2_000;
/** A server that does not answer this often in a row is given up: a cut cable closes no socket. */
const pingEveryMs = 2_000;
const pingsMissed = 2;
const retryMs = 500;

const listeners = new Set<Listener>();
let connection: NatsConnection | null = null;
/** Rises with each person; what belongs to an earlier one ends by itself. */
let generation = 0;

const whenLive = new Set<() => void>();

function become(state: LinkView["state"], reason = ""): void {
  if (link.peek().state === state && link.peek().reason === reason) return;
  link.value = { state, since: Date.now(), reason };
  if (state === "live") for (const callback of whenLive) callback();
}

/** Calls back each time the connection is there, also after a cut, until the returned function is called. */
export function onLive(callback: () => void): () => void {
  whenLive.add(callback);
  return () => {
    whenLive.delete(callback);
  };
}

/** Connects as this person; an earlier connection is closed. Resolves when it is live or refused. */
export async function connect(as: Person, to: Access): Promise<void> {
  generation += 1;
  const own = generation;
  const before = connection;
  connection = null;
  for (const listener of listeners) listener.subscription = null;
  become("connecting");
  await before?.close();
  for (;;) {
    try {
      const made = await wsconnect({
        servers: [...to.websockets],
        noRandomize: true,
        authenticator: nkeyAuthenticator(new TextEncoder().encode(as.seed)),
        inboxPrefix: inboxPrefix(as.name),
        ignoreClusterUpdates: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: retryMs,
        pingInterval: pingEveryMs,
        maxPingOut: pingsMissed,
        timeout: 3_000,
        wsFactory: socketTo,
        name: `console ${as.name}`,
      });
      if (own !== generation) {
        await made.close();
        return;
      }
      connection = made;
      heard.at = Date.now();
      for (const listener of listeners) subscribe(listener);
      become("live");
      void follow(made, own);
      return;
    } catch (error) {
      const refused = error instanceof errors.AuthorizationError;
      become(refused ? "refused" : "lost", (error as Error).message);
      await new Promise((resolve) => setTimeout(resolve, refused ? 5_000 : retryMs));
      if (own !== generation) return;
    }
  }
}

async function follow(made: NatsConnection, own: number): Promise<void> {
  for await (const status of made.status()) {
    if (own !== generation) return;
    if (status.type === "disconnect" || status.type === "staleConnection") {
      become("lost", "the websocket is closed");
    } else if (status.type === "reconnect") {
      heard.at = Date.now();
      become("live");
    }
  }
}

function subscribe(listener: Listener): void {
  if (connection === null || listener.subscription !== null) return;
  listener.subscription = connection.subscribe(listener.subject, {
    callback: (error, message) => {
      if (error !== null) return;
      heard.at = Date.now();
      listener.take(message.data, message.subject);
    },
  });
}

/** Takes what is published at the subject until the returned function is called, whoever is signed in. */
export function listen(
  subject: string,
  take: (payload: Uint8Array, subject: string) => void,
): () => void {
  const listener: Listener = { subject, take, subscription: null };
  listeners.add(listener);
  subscribe(listener);
  return () => {
    listeners.delete(listener);
    listener.subscription?.unsubscribe();
  };
}

/**
 * One question. Failure codes: not_permitted, disconnected, no_responders, timeout, reply_malformed, and what
 * `decode` refuses.
 */
export async function ask<T>(
  subject: string,
  payload: Uint8Array | string,
  decode: (payload: Uint8Array) => Result<T>,
  timeoutMs = answerTimeoutMs,
): Promise<Result<T>> {
  const allowed = mayAsk(subject);
  if (!allowed.ok) return allowed;
  if (connection === null || link.peek().state !== "live") {
    return refuse(
      "disconnected",
      "the page is not connected to a server",
      "it tries again by itself",
    );
  }
  let reply: Uint8Array;
  try {
    reply = (await connection.request(subject, payload, { timeout: timeoutMs })).data;
  } catch (error) {
    return failureOf(error, subject, timeoutMs);
  }
  heard.at = Date.now();
  try {
    return decode(reply);
  } catch (error) {
    return refuse(
      "reply_malformed",
      `the reply on ${subject} cannot be read: ${(error as Error).message}`,
      "reload the page: it may be of another version than the cell",
    );
  }
}

function failureOf(error: unknown, subject: string, timeoutMs: number): Result<never> {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof errors.NoRespondersError) {
      return refuse("no_responders", `nobody serves ${subject}`, "npx meridian status");
    }
    if (cause instanceof errors.PermissionViolationError) {
      return refuse(
        "not_permitted",
        `the server does not let this user publish ${subject}`,
        "sign in as another user",
      );
    }
    if (cause instanceof errors.TimeoutError) break;
    if (cause instanceof errors.ClosedConnectionError) {
      return refuse("disconnected", "the connection was lost", "it is made again by itself");
    }
  }
  return refuse(
    "timeout",
    `no answer within ${timeoutMs} ms on ${subject}; it may have been done`,
    "npx meridian status",
  );
}
