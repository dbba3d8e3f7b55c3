import { setTimeout as delay } from "node:timers/promises";

import {
  type JetStreamManager,
  type StreamConfig,
  StorageType,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { NatsConnection } from "nats";

import { NatsBus } from "../../../actors/bus/nats.ts";
import { type Result, ok, refuse } from "../../../actors/kernel/result.ts";
import { wire } from "../../../schemas/messages.ts";
import { regionTag } from "../../../schemas/placement.ts";
import { directoryBucket, leaseBucket, ownershipKey } from "../../../schemas/subjects.ts";
import { type JournalLeft, readJournals } from "./journals.ts";
import type { HeldStream } from "./survey.ts";

/**
 * Epochs that the lost servers may have given behind the survivor's back are below this distance: an
 * epoch is given once in seconds at the most.
 */
export const EPOCH_DISTANCE = 2 ** 20;

const apiTimeoutMs = 5_000;
const pauseMs = 300;

/** A shard whose next owner starts behind every epoch that can have been given. */
export interface RaisedShard {
  readonly shard: string;
  readonly before: number;
  readonly after: number;
}

export interface Restored {
  readonly streams: readonly string[];
  readonly journals: readonly JournalLeft[];
  readonly shards: readonly RaisedShard[];
}

/** What lies on the survivor's disk; memory streams are made anew by the cells. */
export const restorable = (streams: readonly HeldStream[]): readonly HeldStream[] =>
  streams.filter(({ config }) => config.storage === StorageType.File);

/**
 * Makes each stream again with one replica on the survivor, which takes the messages on its disk with it,
 * raises the epochs, then spreads the streams over the new servers. Failure codes: unavailable, recovery_refused.
 */
export async function restore(
  connection: NatsConnection,
  survivor: string,
  held: readonly HeldStream[],
  withinMs: number,
): Promise<Result<Restored>> {
  const deadline = performance.now() + withinMs;
  const options = { timeout: apiTimeoutMs, checkAPI: false };
  const manager = await jetstreamManager(connection, options);
  const bus = new NatsBus(connection);
  const streams = restorable(held);
  for (const stream of streams) {
    const adopted = await adopt(manager, survivor, stream, deadline);
    if (!adopted.ok) return adopted;
  }
  const journals: JournalLeft[] = [];
  const highest = new Map<string, number>();
  for (const { name } of streams.filter((stream) => stream.name.startsWith("JRN_"))) {
    const left = await readJournals(bus, manager, name);
    journals.push(...left);
    const shard = name.slice("JRN_".length).replace("_", "-");
    highest.set(shard, Math.max(0, ...left.map((journal) => journal.highestEpoch)));
  }
  const shards = await raiseEpochs(bus, survivor, highest);
  if (!shards.ok) return shards;
  const spread = await Promise.all(streams.map((stream) => spreadOut(manager, stream, deadline)));
  const failed = spread.find((each) => !each.ok);
  if (failed?.ok === false) return failed;
  return ok({ streams: streams.map(({ name }) => name), journals, shards: shards.value });
}

async function adopt(
  manager: JetStreamManager,
  survivor: string,
  { name, config, messages, lastSequence }: HeldStream,
  deadline: number,
): Promise<Result<void>> {
  const alone = { cluster: "", tags: [regionTag(survivor)] };
  for (;;) {
    try {
      const { state } = await manager.streams.add({
        ...config,
        num_replicas: 1,
        placement: alone,
      });
      if (state.messages === messages && state.last_seq === lastSequence) return ok(undefined);
      return refuse(
        "recovery_refused",
        `${name} came back with ${state.messages} messages up to ${state.last_seq}, ` +
          `the survivor had ${messages} up to ${lastSequence}`,
        "its copy is in the data folder; nothing was spread to other servers",
      );
    } catch (error) {
      if (performance.now() > deadline) return refuse("unavailable", `${name}: ${text(error)}`);
      await delay(pauseMs);
    }
  }
}

/** Nobody owns anything any more, and whoever claims a shard gets an epoch that was never given. */
async function raiseEpochs(
  { keys }: NatsBus,
  survivor: string,
  highest: ReadonlyMap<string, number>,
): Promise<Result<readonly RaisedShard[]>> {
  const { Ownership } = wire.region.v1;
  const owned = await keys.list(leaseBucket, "own.");
  if (!owned.ok) return owned;
  const known = await keys.list(directoryBucket, "shard.");
  if (!known.ok) return known;
  const shards = new Set([
    ...[...owned.value.keys()].map((key) => key.slice("own.".length)),
    ...[...known.value.keys()].map((key) => key.slice("shard.".length)),
    ...highest.keys(),
  ]);
  const raised: RaisedShard[] = [];
  for (const shard of [...shards].sort()) {
    const stored = owned.value.get(ownershipKey(shard));
    const recorded = stored === undefined ? 0 : (Ownership.decode(stored.value).epoch ?? 0);
    const before = Math.max(recorded, highest.get(shard) ?? 0);
    const after = before + EPOCH_DISTANCE;
    const value = Ownership.encode({ shard, epoch: after, region: survivor }).finish();
    const revision = stored?.revision ?? 0;
    const written = await keys.compareAndSet(leaseBucket, ownershipKey(shard), value, revision);
    if (!written.ok) return written;
    raised.push({ shard, before, after });
  }
  return ok(raised);
}

/**
 * The replicas, then the place that the stream had: JetStream does not do both in one step. Resolves when
 * each replica has everything.
 */
async function spreadOut(
  manager: JetStreamManager,
  { name, config }: HeldStream,
  deadline: number,
): Promise<Result<void>> {
  const { placement } = config;
  // The client library adds what the stream has already: only what is named as absent is taken away.
  const anywhere = { ...config, placement: undefined } as unknown as Partial<StreamConfig>;
  const steps = placement === undefined ? [anywhere] : [anywhere, { ...anywhere, placement }];
  for (const step of steps) {
    const done = await update(manager, name, step, deadline);
    if (!done.ok) return done;
  }
  return ok(undefined);
}

async function update(
  manager: JetStreamManager,
  name: string,
  wanted: Partial<StreamConfig>,
  deadline: number,
): Promise<Result<void>> {
  const replicas = wanted.num_replicas ?? 1;
  let reason = "";
  for (let updated = false; performance.now() < deadline; await delay(pauseMs)) {
    try {
      if (!updated) await manager.streams.update(name, wanted);
      updated = true;
      const { cluster } = await manager.streams.info(name);
      const others = cluster?.replicas ?? [];
      const behind = others.filter(({ current }) => !current);
      if (others.length === replicas - 1 && behind.length === 0) return ok(undefined);
      reason = `${others.length + 1} of ${replicas} replicas, ${behind.length} of them behind`;
    } catch (error) {
      reason = text(error);
    }
  }
  return refuse("unavailable", `${name} is not on all servers yet: ${reason}`, "run it again");
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
