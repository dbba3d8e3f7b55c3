import type { NatsConnection } from "nats";
import { z } from "zod";

/**
 * What each nats-server says of its JetStream, asked in the system account. The connection's user
 * needs `$SYS.REQ.SERVER.PING.JSZ` and its inbox for it, nothing else.
 */
export interface ServerReport {
  readonly name: string;
  readonly version: string;
  /** For example `region:eu-central`. */
  readonly tags: readonly string[];
  /** Every write is fsynced before it is acknowledged (`sync_interval: always`). */
  readonly syncAlways: boolean;
  /** Bytes reserved for file streams, and the limit. */
  readonly storageReserved: number;
  readonly storageLimit: number;
  /** The leader of JetStream's metadata as this server sees it; empty while there is none. */
  readonly metaLeader: string;
  /** Servers in the metadata group; 0 when the server is not clustered. */
  readonly clusterSize: number;
}

const replySchema = z.object({
  server: z.object({
    name: z.string(),
    ver: z.string(),
    tags: z.array(z.string()).nullish(),
  }),
  data: z
    .object({
      disabled: z.boolean().optional(),
      reserved_storage: z.number().optional(),
      config: z
        .object({ sync_always: z.boolean().optional(), max_storage: z.number().optional() })
        .optional(),
      meta_cluster: z
        .object({ leader: z.string().optional(), cluster_size: z.number().optional() })
        .optional(),
    })
    .optional(),
});

/** Reads one reply; null when it is not a report. */
export function parseServerReport(payload: unknown): ServerReport | null {
  const reply = replySchema.safeParse(payload);
  if (!reply.success) return null;
  const { server, data } = reply.data;
  return {
    name: server.name,
    version: server.ver,
    tags: server.tags ?? [],
    syncAlways: data?.config?.sync_always ?? false,
    storageReserved: data?.reserved_storage ?? 0,
    storageLimit: data?.config?.max_storage ?? 0,
    metaLeader: data?.meta_cluster?.leader ?? "",
    clusterSize: data?.meta_cluster?.cluster_size ?? 0,
  };
}

/** Without a number of servers to wait for, this long a silence ends the answer. */
const SILENCE_MS = 300;

/**
 * Asks all servers of the cluster; returns as soon as `expected` have answered, else what has come
 * after `timeoutMs` (`expected` null: when no more come). A server that is missing from the answer
 * is down or out of reach: the caller must not take its silence for a good report.
 */
export async function readServerReports(
  connection: NatsConnection,
  expected: number | null,
  timeoutMs: number,
): Promise<readonly ServerReport[]> {
  const replies = await connection.requestMany("$SYS.REQ.SERVER.PING.JSZ", "{}", {
    maxWait: timeoutMs,
    ...(expected === null
      ? { strategy: "stall", stall: SILENCE_MS }
      : { strategy: "count", maxMessages: expected }),
  });
  const reports: ServerReport[] = [];
  try {
    for await (const reply of replies) {
      const report = parseServerReport(reply.json());
      if (report !== null) reports.push(report);
    }
  } catch {
    // Time-out, a lost connection or a reply that is no JSON: what has come so far is the answer.
  }
  return reports;
}
