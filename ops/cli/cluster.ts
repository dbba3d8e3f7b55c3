import { existsSync } from "node:fs";

import type { MsgHdrs, NatsConnection } from "nats";
import { errors, headers } from "nats";

import { ok, type Result, refuse } from "../../actors/kernel/result.ts";
import type { ClusterFile } from "../../schemas/configuration.ts";
import { globalCluster } from "../../schemas/placement.ts";
import type { Delivery, Transport } from "../../schemas/sdk/client.ts";
import { connectAs } from "../deploy/connection.ts";
import { actingUser, dataFolder, readCluster, type Setting } from "./data-folder.ts";
import type { ClusterOptions } from "./terminal.ts";

/** How long a region may take to answer a question of an operator. */
export const ANSWER_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 3_000;

/** The cluster of a data folder and the user to act as. */
export interface Target {
  readonly folder: Setting;
  readonly cluster: ClusterFile;
  readonly user: Setting;
  readonly role: string;
  readonly seedFile: string;
}

/** Failure codes: those of readCluster, user_unknown. */
export function findTarget(options: ClusterOptions): Result<Target> {
  const folder = dataFolder(options.data);
  const cluster = readCluster(folder.value);
  if (!cluster.ok) return cluster;
  const user = actingUser(folder.value, options.as);
  const entry = cluster.value.users[user.value];
  if (entry === undefined) {
    const known = Object.keys(cluster.value.users).join(", ");
    return refuse("user_unknown", `the cluster has no user ${user.value}`, `one of: ${known}`);
  }
  const { role, seedFile } = entry;
  return ok({ folder, cluster: cluster.value, user, role, seedFile });
}

function traceHeader(trace: string): MsgHdrs {
  const sent = headers();
  sent.set("traceparent", trace);
  return sent;
}

/** A connection to the cluster as one of its users. */
export class Cluster implements Transport {
  readonly target: Target;
  readonly #connection: NatsConnection;

  constructor(target: Target, connection: NatsConnection) {
    this.target = target;
    this.#connection = connection;
  }

  get user(): string {
    return this.target.user.value;
  }

  get regions(): readonly string[] {
    return this.target.cluster.regions.map((region) => region.name);
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

  /** One question to an operations service; the refusals of `decode` are the failure. */
  async ask<T>(
    subject: string,
    payload: Uint8Array,
    decode: (payload: Uint8Array) => Result<T>,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<Result<T>> {
    const delivery = await this.request(subject, payload, timeoutMs);
    switch (delivery.kind) {
      case "reply":
        try {
          return decode(delivery.payload);
        } catch (error) {
          return refuse(
            "reply_malformed",
            `the reply on ${subject} cannot be read: ${(error as Error).message}`,
            "check that command line and cluster are of the same version",
          );
        }
      case "timeout":
        return refuse(
          "timeout",
          `no answer within ${timeoutMs} ms on ${subject}`,
          "npx meridian status",
        );
      case "disconnected":
        return refuse(
          "disconnected",
          "the connection to the cluster was lost",
          "npx meridian doctor",
        );
      case "no_responders":
        return refuse("no_responders", `nobody serves ${subject}`, "npx meridian status");
      case "not_permitted":
        return refuse("not_permitted", delivery.reason, delivery.next);
      default:
        return delivery satisfies never;
    }
  }

  /** What is published at the subject from now on, until the loop over it ends. */
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
          reason: `user ${this.user} (role ${this.target.role}) may not do this`,
          next: otherUser(this.user),
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

/** Where clients of a region connect: any server of its own cluster. */
const clientUrls = (region: ClusterFile["regions"][number]): readonly string[] => {
  const own = region.servers.filter((server) => server.cluster !== globalCluster);
  return own.length === 0 ? [region.nats] : own.map((server) => server.nats);
};

/** Connects; failure codes: seed_missing, not_connected. */
export async function connectTo(target: Target, firstRegion?: string): Promise<Result<Cluster>> {
  if (!existsSync(target.seedFile)) {
    return refuse(
      "seed_missing",
      `the key of user ${target.user.value} is not readable at ${target.seedFile}`,
      "run as the user that started the cluster, or start it again: npm start",
    );
  }
  const regions = target.cluster.regions;
  const servers = [
    ...regions.filter((region) => region.name === firstRegion),
    ...regions.filter((region) => region.name !== firstRegion),
  ].flatMap(clientUrls);
  try {
    const connection = await connectAs(
      {
        user: target.user.value,
        seedFile: target.seedFile,
        authorityFile: target.cluster.caFile,
        servers,
      },
      CONNECT_TIMEOUT_MS,
    );
    return ok(new Cluster(target, connection));
  } catch (error) {
    return refuse(
      "not_connected",
      `no server of the cluster takes a connection as ${target.user.value}: ${(error as Error).message}`,
      "is it running? npm start; npx meridian doctor looks for the cause",
    );
  }
}

/** Runs the body with a connection and closes it, whatever happens. */
export async function withCluster<T>(
  options: ClusterOptions,
  body: (cluster: Cluster) => Promise<Result<T>>,
): Promise<Result<T>> {
  const target = findTarget(options);
  if (!target.ok) return target;
  const cluster = await connectTo(target.value);
  if (!cluster.ok) return cluster;
  try {
    return await body(cluster.value);
  } finally {
    await cluster.value.close();
  }
}
