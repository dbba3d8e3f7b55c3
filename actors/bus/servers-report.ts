import { connect, type NatsConnection } from "nats";
import { z } from "zod";

import type { Clock } from "../kernel/ports/clock.ts";
import { durationNs } from "../kernel/units.ts";
import { connectionOptions, type NatsOptions } from "./nats.ts";

/** A nats-server as it tells of itself (its VARZ and JSZ, asked in the system account). */
export interface ServerState {
  readonly server: string;
  readonly uptimeSeconds: number;
  /** Of one processor: 1 is all of it. */
  readonly processor: number;
  readonly memoryBytes: number;
  readonly connections: number;
  readonly connectionsEver: number;
  readonly subscriptions: number;
  readonly routes: number;
  readonly leafNodes: number;
  readonly slowConsumers: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly jetStream: JetStreamState | null;
}

export interface JetStreamState {
  readonly storageBytes: number;
  readonly reservedBytes: number;
  readonly limitBytes: number;
  readonly memoryBytes: number;
  readonly streams: number;
  readonly consumers: number;
  readonly apiRequests: number;
  readonly apiErrors: number;
  /** It knows a leader of JetStream's metadata. */
  readonly hasMetaLeader: boolean;
}

export interface ServersReport {
  /** Of the last answer; 0 before the first. */
  readonly takenUnixMs: number;
  /** Questions without an answer, since the start. */
  readonly failures: number;
  readonly servers: readonly ServerState[];
}

/** Scrapes that follow each other more closely are shown the same. */
const askedAtMost = durationNs(4_000_000_000);
/** Nobody scrapes any more: the connection is given back. */
const keptFor = durationNs(60_000_000_000);
const ANSWER_MS = 2_000;
const SILENCE_MS = 300;
/** Of one region; more are not shown. */
const SERVERS = 16;

const count = z.number().default(0);
const general = z.object({
  server: z.object({ name: z.string() }),
  data: z.object({
    start: z.string(),
    now: z.string(),
    cpu: count,
    mem: count,
    connections: count,
    total_connections: count,
    subscriptions: count,
    routes: count,
    leafnodes: count,
    slow_consumers: count,
    in_msgs: count,
    out_msgs: count,
    in_bytes: count,
    out_bytes: count,
  }),
});
const jetStream = z.object({
  server: z.object({ name: z.string() }),
  data: z.object({
    storage: count,
    reserved_storage: count,
    memory: count,
    streams: count,
    consumers: count,
    api: z.object({ total: count, errors: count }).prefault({}),
    config: z.object({ max_storage: count }).prefault({}),
    meta_cluster: z.object({ leader: z.string().default("") }).optional(),
  }),
});

/** What a server says of itself; null when the reply is none. Without JetStream as long as it is not told. */
export function serverStateOf(varz: unknown): ServerState | null {
  const reply = general.safeParse(varz);
  if (!reply.success) return null;
  const { server, data } = reply.data;
  return {
    server: server.name,
    uptimeSeconds: Math.max(0, (Date.parse(data.now) - Date.parse(data.start)) / 1_000),
    processor: data.cpu / 100,
    memoryBytes: data.mem,
    connections: data.connections,
    connectionsEver: data.total_connections,
    subscriptions: data.subscriptions,
    routes: data.routes,
    leafNodes: data.leafnodes,
    slowConsumers: data.slow_consumers,
    messagesIn: data.in_msgs,
    messagesOut: data.out_msgs,
    bytesIn: data.in_bytes,
    bytesOut: data.out_bytes,
    jetStream: null,
  };
}

/** Whose JetStream it is, and what is told of it; null when the reply is none. */
export function jetStreamStateOf(
  jsz: unknown,
): { readonly server: string; readonly state: JetStreamState } | null {
  const reply = jetStream.safeParse(jsz);
  if (!reply.success) return null;
  const { server, data } = reply.data;
  return {
    server: server.name,
    state: {
      storageBytes: data.storage,
      reservedBytes: data.reserved_storage,
      limitBytes: data.config.max_storage,
      memoryBytes: data.memory,
      streams: data.streams,
      consumers: data.consumers,
      apiRequests: data.api.total,
      apiErrors: data.api.errors,
      // A server that is not clustered has no metadata to agree on.
      hasMetaLeader: data.meta_cluster === undefined || data.meta_cluster.leader !== "",
    },
  };
}

/**
 * Asks the servers of a region how they are, when somebody scrapes and not otherwise. A scrape never waits
 * for them: it is shown the last answer, with its age, and has the next one asked for.
 */
export class ServersWatch {
  readonly #options: NatsOptions;
  readonly #region: string;
  readonly #clock: Clock;
  #connection: NatsConnection | null = null;
  #report: ServersReport = { takenUnixMs: 0, failures: 0, servers: [] };
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;
  #cancelRelease: () => void = () => {};
  #stopped = false;

  /** `options`: of a user of the system account. */
  constructor(options: NatsOptions, region: string, clock: Clock) {
    this.#options = options;
    this.#region = region;
    this.#clock = clock;
  }

  /** What was answered last; asks anew. */
  scraped(): ServersReport {
    const now = this.#clock.monotonic();
    if (!this.#stopped && this.#asking === null && now - this.#askedAt >= askedAtMost) {
      this.#askedAt = now;
      this.#asking = this.#ask().finally(() => {
        this.#asking = null;
      });
      this.#cancelRelease();
      this.#cancelRelease = this.#clock.after(keptFor, () => void this.#release());
    }
    return this.#report;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRelease();
    await this.#release();
    await this.#asking;
  }

  async #ask(): Promise<void> {
    try {
      this.#connection ??= await connect({
        ...connectionOptions(this.#options),
        reconnect: false,
      });
      const connection = this.#connection;
      const [generals, streams] = await Promise.all([
        this.#question(connection, "VARZ", serverStateOf),
        this.#question(connection, "JSZ", jetStreamStateOf),
      ]);
      if (generals.length === 0) throw new Error("no server of the region answers");
      const servers = generals.slice(0, SERVERS).map((one) => {
        const told = streams.find(({ server }) => server === one.server);
        return { ...one, jetStream: told?.state ?? null };
      });
      const { failures } = this.#report;
      this.#report = { takenUnixMs: Number(this.#clock.now() / 1_000_000n), failures, servers };
    } catch {
      this.#report = { ...this.#report, failures: this.#report.failures + 1 };
      await this.#release();
    }
    if (this.#stopped) await this.#release();
  }

  async #question<T>(
    connection: NatsConnection,
    what: "VARZ" | "JSZ",
    read: (reply: unknown) => T | null,
  ): Promise<readonly T[]> {
    const filter = JSON.stringify({ tags: [`region:${this.#region}`] });
    const replies = await connection.requestMany(`$SYS.REQ.SERVER.PING.${what}`, filter, {
      maxWait: ANSWER_MS,
      strategy: "stall",
      stall: SILENCE_MS,
    });
    const found: T[] = [];
    for await (const reply of replies) {
      const one = read(reply.json());
      if (one !== null) found.push(one);
    }
    return found;
  }

  async #release(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close().catch(() => {});
  }
}
