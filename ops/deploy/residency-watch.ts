import type { NatsConnection } from "nats";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { alertSubject } from "../../schemas/subjects.ts";
import type { Residency } from "./launcher-service.ts";
import type { Region } from "./regions.ts";
import {
  type ResidencyFault,
  type StreamSite,
  describeFault,
  residencyFaults,
} from "./residency.ts";

const everyMs = 60_000;
const answersWithinMs = 5_000;
/** Streams that one answer of JetStream holds at most. */
const pageSize = 256;
/** Pages that are read at most. */
const mostPages = 40;

export interface ListedStream {
  readonly config: {
    readonly name: string;
    readonly num_replicas?: number;
    readonly storage?: string;
    readonly placement?: { readonly tags?: readonly string[] };
    readonly mirror?: { readonly name: string };
    readonly sources?: readonly { readonly name: string }[];
  };
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly { readonly name: string; readonly current?: boolean }[];
  };
}

/** All streams; rejects when JetStream does not answer. */
export async function listStreams(connection: NatsConnection): Promise<readonly ListedStream[]> {
  const listed: ListedStream[] = [];
  for (let page = 0; page < mostPages; page += 1) {
    const reply = await connection.request(
      "$JS.API.STREAM.LIST",
      JSON.stringify({ offset: page * pageSize }),
      { timeout: answersWithinMs },
    );
    const { streams, error } = reply.json<{
      readonly streams?: readonly ListedStream[];
      readonly error?: { readonly description?: string };
    }>();
    if (error !== undefined)
      throw new Error(error.description ?? "JetStream does not list streams");
    listed.push(...(streams ?? []));
    if ((streams ?? []).length < pageSize) break;
  }
  return listed;
}

/** Every stream with where it is; rejects when JetStream does not answer. */
export async function readSites(connection: NatsConnection): Promise<readonly StreamSite[]> {
  const listed = await listStreams(connection);
  return listed.map(({ config, cluster }) => {
    const servers = [cluster?.leader ?? "", ...(cluster?.replicas ?? []).map(({ name }) => name)];
    return {
      name: config.name,
      tags: config.placement?.tags ?? [],
      servers: [...new Set(servers)].filter((name) => name !== ""),
      origins: [config.mirror, ...(config.sources ?? [])].flatMap((each) => each?.name ?? []),
    };
  });
}

export interface ResidencyWatchOf {
  readonly connection: NatsConnection;
  /** All regions that are declared. */
  readonly regions: () => readonly Region[];
  readonly regionOf: (server: string) => string | null;
  readonly say: (line: string) => void;
}

const keyOf = ({ stream, server }: ResidencyFault): string => `${stream} ${server}`;

/** Looks once a minute where data really is; raises and ends an alert for each replica in a wrong place. */
export class ResidencyWatch {
  readonly #of: ResidencyWatchOf;
  readonly #timer: NodeJS.Timeout;
  #standing = new Map<string, ResidencyFault>();

  constructor(of: ResidencyWatchOf) {
    this.#of = of;
    this.#timer = setInterval(() => void this.look(), everyMs);
    this.#timer.unref();
  }

  /** Looks now. Failure code: unavailable. */
  async look(): Promise<Result<Residency>> {
    let sites: readonly StreamSite[];
    try {
      sites = await readSites(this.#of.connection);
    } catch (error) {
      return refuse("unavailable", (error as Error).message, "try again");
    }
    const faults = residencyFaults(sites, this.#of.regions(), this.#of.regionOf);
    this.#tell(faults);
    return ok({ streams: sites.length, faults, atUnixMs: Date.now() });
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tell(faults: readonly ResidencyFault[]): void {
    const now = new Map(faults.map((fault) => [keyOf(fault), fault]));
    for (const [key, fault] of now) {
      if (!this.#standing.has(key)) this.#of.say(`residency: ${describeFault(fault)}`);
      this.#publish(fault, true);
    }
    for (const [key, fault] of this.#standing) {
      if (now.has(key)) continue;
      this.#of.say(`residency: ${fault.stream} has left ${fault.server}`);
      this.#publish(fault, false);
    }
    this.#standing = now;
  }

  #publish(fault: ResidencyFault, stands: boolean): void {
    const region = fault.keptIn || fault.home || "unknown";
    this.#of.connection.publish(
      alertSubject(region, "residency", fault.stream),
      wire.region.v1.ResidencyFault.encode({
        ...fault,
        allowed: [...fault.allowed],
        stands,
      }).finish(),
    );
  }
}
