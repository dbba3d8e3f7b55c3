import { setTimeout as delay } from "node:timers/promises";

import type { StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { z } from "zod";

import { type Result, ok, refuse } from "../../../actors/kernel/result.ts";

/** A stream as the surviving server holds it. */
export interface HeldStream {
  readonly name: string;
  readonly config: StreamConfig;
  readonly messages: number;
  readonly lastSequence: number;
}

/** What a server that is alone says of its JetStream. */
export interface Survey {
  /** Empty while there is none: then no majority is there. */
  readonly metaLeader: string;
  readonly clusterSize: number;
  readonly streams: readonly HeldStream[];
}

const replySchema = z.object({
  data: z.object({
    meta_cluster: z
      .object({ leader: z.string().optional(), cluster_size: z.number().optional() })
      .optional(),
    account_details: z
      .array(
        z.object({
          name: z.string(),
          stream_detail: z
            .array(
              z.object({
                name: z.string(),
                config: z.record(z.string(), z.unknown()),
                state: z.object({ messages: z.number(), last_seq: z.number() }),
              }),
            )
            .nullish(),
        }),
      )
      .nullish(),
  }),
});

const question = JSON.stringify({ accounts: true, streams: true, config: true });
const askTimeoutMs = 1_000;
const pauseMs = 200;

/**
 * Asks the server through the system account: JetStream's own interface does not answer without a
 * majority. `onDisk`: the streams that have a folder; the server has to show all of them, twice the same,
 * for one that is left out would be gone. Failure code: unavailable.
 */
export async function survey(
  connection: NatsConnection,
  account: string,
  onDisk: readonly string[],
  withinMs: number,
): Promise<Result<Survey>> {
  const deadline = performance.now() + withinMs;
  let last = "";
  let missing = onDisk;
  while (performance.now() < deadline) {
    const found = await ask(connection, account).catch(() => null);
    const shown = new Set(found?.streams.map(({ name }) => name));
    missing = onDisk.filter((name) => !shown.has(name));
    const text = JSON.stringify(found);
    if (found !== null && shown.size > 0 && missing.length === 0 && text === last) return ok(found);
    last = text;
    await delay(pauseMs);
  }
  return refuse(
    "unavailable",
    `the surviving server does not show ${missing.join(", ") || "any stream"} within ${withinMs / 1000} s`,
    "look at its log in the data folder",
  );
}

async function ask(connection: NatsConnection, account: string): Promise<Survey> {
  const reply = await connection.request("$SYS.REQ.SERVER.PING.JSZ", question, {
    timeout: askTimeoutMs,
  });
  const { data } = replySchema.parse(reply.json());
  const details = data.account_details?.find(({ name }) => name === account)?.stream_detail ?? [];
  return {
    metaLeader: data.meta_cluster?.leader ?? "",
    clusterSize: data.meta_cluster?.cluster_size ?? 0,
    streams: details
      .map(({ name, config, state }) => ({
        name,
        config: config as unknown as StreamConfig,
        messages: state.messages,
        lastSequence: state.last_seq,
      }))
      .sort((one, other) => one.name.localeCompare(other.name)),
  };
}
