import { existsSync } from "node:fs";

import { ok, type Result, refuse } from "../../actors/kernel/result.ts";
import type { ClusterFile } from "../../schemas/configuration.ts";
import { allowedRegions, dataClasses, globalCluster } from "../../schemas/placement.ts";
import type { Delivery, Transport } from "../../schemas/sdk/client.ts";
import { connectAs } from "../deploy/connection.ts";
import { actingUser, dataFolder, readCluster, type Setting } from "./data-folder.ts";
import { byGreeting } from "./greeting.ts";
import { type Line, NatsLine } from "./line.ts";
import { RegionalLine } from "./regional-line.ts";
import { ReopenedLine } from "./reopened-line.ts";
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
  /** The region that the client's data originates in; null: its data may go through any. */
  readonly home: string | null;
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
  const home = options.residencyOf ?? null;
  return ok({ folder, cluster: cluster.value, user, role, seedFile, home });
}

/** A line to the cluster as one of its users. */
export class Cluster implements Transport {
  readonly target: Target;
  readonly #line: Line;

  constructor(target: Target, line: Line) {
    this.target = target;
    this.#line = line;
  }

  get user(): string {
    return this.target.user.value;
  }

  get regions(): readonly string[] {
    return this.target.cluster.regions.map((region) => region.name);
  }

  request(
    subject: string,
    payload: Uint8Array,
    timeoutMs: number,
    trace?: string,
  ): Promise<Delivery> {
    return this.#line.request(subject, payload, timeoutMs, trace);
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
  listen(subject: string): AsyncGenerator<Uint8Array> {
    return this.#line.listen(subject);
  }

  close(): Promise<void> {
    return this.#line.close();
  }
}

/** Where clients of a region connect: any server of its own cluster. */
const clientUrls = (region: ClusterFile["regions"][number]): readonly string[] => {
  const own = region.servers.filter((server) => server.cluster !== globalCluster);
  return own.length === 0 ? [region.nats] : own.map((server) => server.nats);
};

/**
 * Regions that a client's data may go through: all, or those that may keep every class of what originates in
 * `home`. Failure codes: region_unknown, region_not_allowed (none is left).
 */
export function regionsFor(target: Target): Result<readonly string[]> {
  const { cluster, home } = target;
  const all = cluster.regions.map(({ name }) => name);
  if (home === null) return ok(all);
  const declared = cluster.regions.find(({ name }) => name === home);
  if (declared === undefined) {
    return refuse(
      "region_unknown",
      `the cluster has no region ${home}`,
      `one of: ${all.join(", ")}`,
    );
  }
  const allowed = dataClasses.reduce<readonly string[]>(
    (left, dataClass) => allowedRegions(left, declared.residency, dataClass),
    all,
  );
  if (allowed.length > 0) return ok(allowed);
  return refuse(
    "region_not_allowed",
    `what originates in ${home} may be kept in no region of this cluster`,
    "npx meridian region nearest shows what each region may keep",
  );
}

const missingSeed = (target: Target): Result<never> =>
  refuse(
    "seed_missing",
    `the key of user ${target.user.value} is not readable at ${target.seedFile}`,
    "run as the user that started the cluster, or start it again: npm start",
  );

const lineTo = async (target: Target, servers: readonly string[]): Promise<NatsLine> =>
  new NatsLine(
    await connectAs(
      {
        user: target.user.value,
        seedFile: target.seedFile,
        authorityFile: target.cluster.caFile,
        servers,
      },
      CONNECT_TIMEOUT_MS,
    ),
    target.user.value,
    target.role,
  );

/**
 * Connects, to a server of `firstRegion` when one takes it, else to the nearest allowed region whose server
 * greets; the same again when that server is lost. Failure codes: seed_missing, not_connected, those of regionsFor.
 */
export async function connectTo(target: Target, firstRegion?: string): Promise<Result<Cluster>> {
  if (!existsSync(target.seedFile)) return missingSeed(target);
  const allowed = regionsFor(target);
  if (!allowed.ok) return allowed;
  const places = target.cluster.regions
    .filter(({ name }) => allowed.value.includes(name))
    .map((region) => ({ name: region.name, urls: clientUrls(region) }));
  const nearest = (): Promise<readonly string[]> =>
    firstRegion === undefined && places.length > 1
      ? byGreeting(places, CONNECT_TIMEOUT_MS)
      : Promise.resolve(
          places
            .map(({ name }) => name)
            .sort((a, b) => Number(b === firstRegion) - Number(a === firstRegion)),
        );
  const open = async (): Promise<NatsLine> => {
    const order = await nearest();
    const urls = order.flatMap((name) => places.find((each) => each.name === name)?.urls ?? []);
    return lineTo(target, urls);
  };
  try {
    const line = new ReopenedLine(await open(), () => open().catch(() => null));
    return ok(new Cluster(target, line));
  } catch (error) {
    return notConnected(target, (error as Error).message);
  }
}

const notConnected = (target: Target, why: string): Result<never> =>
  refuse(
    "not_connected",
    `no server of the cluster takes a connection as ${target.user.value}: ${why}`,
    "is it running? npm start; npx meridian doctor looks for the cause",
  );

/** A line that moves with the regions, for what goes on. Failure codes as of connectTo. */
export async function openRegionalLine(target: Target): Promise<Result<RegionalLine>> {
  if (!existsSync(target.seedFile)) return missingSeed(target);
  const allowed = regionsFor(target);
  if (!allowed.ok) return allowed;
  const line = new RegionalLine(allowed.value, async (name) => {
    const region = target.cluster.regions.find((each) => each.name === name);
    try {
      return region === undefined ? null : await lineTo(target, clientUrls(region));
    } catch {
      // Whatever the reason, the region cannot be gone through now; the next probe tries again.
      return null;
    }
  });
  if ((await line.start()) !== null) return ok(line);
  const why = line.sights().map(({ region, reason }) => `${region}: ${reason}`);
  await line.close();
  return notConnected(target, why.join("; "));
}

/** Runs the body with a line that moves with the regions, and closes it, whatever happens. */
export async function withRegionalCluster<T>(
  options: ClusterOptions,
  body: (cluster: Cluster, line: RegionalLine) => Promise<Result<T>>,
): Promise<Result<T>> {
  const target = findTarget(options);
  if (!target.ok) return target;
  const line = await openRegionalLine(target.value);
  if (!line.ok) return line;
  try {
    return await body(new Cluster(target.value, line.value), line.value);
  } finally {
    await line.value.close();
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
