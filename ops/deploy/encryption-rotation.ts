import type { NatsConnection } from "nats";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Result, ok } from "../../actors/kernel/result.ts";
import { encryptionFile, prepareServers } from "./cluster.ts";
import { changedOver, replacedKeys, writeEncryptionKeys } from "./encryption.ts";
import type { Fleet } from "./fleet.ts";
import type { Steps } from "./launcher-service.ts";
import { settled } from "./membership.ts";
import { waitForServers } from "./readiness.ts";
import { type ListedStream, listStreams } from "./residency-watch.ts";
import { storeDirectory } from "./server-configuration.ts";
import type { ClusterPlan, ServerPlan } from "./topology.ts";

const readyWithinMs = 60_000;

interface Work {
  readonly fleet: Fleet;
  readonly connection: NatsConnection;
  readonly steps: Steps;
  /** The plan as it is from now on. */
  readonly adopt: (plan: ClusterPlan) => void;
}

/**
 * A new key of encryption at rest, server by server. nats-server opens with an old key what it keeps of
 * streams, and not what it keeps of their groups (decision 0026): so a server stops, forgets what others have
 * as well, and gets it from them again, written with the new key; what it keeps alone it opens with the old
 * key and writes anew. A server is stopped only while all others have everything, and forgets only once
 * what was acknowledged until it stopped is on the others. Failure codes: replicas_behind,
 * jetstream_not_ready.
 */
export async function rotateEncryption(plan: ClusterPlan, work: Work): Promise<Result<void>> {
  const file = encryptionFile(plan.dataDirectory);
  const names = plan.servers.map(({ name }) => name);
  let now: ClusterPlan = { ...plan, encryption: replacedKeys(plan.encryption, names) };
  writeEncryptionKeys(file, now.encryption);
  work.adopt(now);
  for (const server of plan.servers) {
    if (!now.encryption.pending.includes(server.name)) continue;
    const whole = await settled("replicas_behind", () => lagging(work.connection, null));
    if (!whole.ok) return whole;
    await work.fleet.stopServer(server.name);
    const left = await settled("replicas_behind", () => lagging(work.connection, server.name));
    if (!left.ok) {
      work.fleet.startServers([server]);
      return left;
    }
    forget(plan, server, await keptAlone(work.connection, server.name));
    now = { ...now, encryption: changedOver(now.encryption, server.name) };
    writeEncryptionKeys(file, now.encryption);
    prepareServers(now);
    work.adopt(now);
    work.fleet.startServers([server]);
    const back = await waitForServers(now, readyWithinMs, () => null);
    if (!back.ok) return back;
    const caughtUp = await settled("replicas_behind", () => lagging(work.connection, null));
    if (!caughtUp.ok) return caughtUp;
    work.steps.note(`${server.name} writes with the new key, and has everything again`);
  }
  return ok(undefined);
}

const peersOf = ({ cluster }: ListedStream): readonly string[] => [
  cluster?.leader ?? "",
  ...(cluster?.replicas ?? []).map(({ name }) => name),
];

/**
 * A stream that does not have all of its replicas, those on the server `without` not counted; null when
 * there is none. Streams in memory are not looked at: they are made again from the journals after any restart.
 */
async function lagging(connection: NatsConnection, without: string | null): Promise<string | null> {
  let streams: readonly ListedStream[];
  try {
    streams = await listStreams(connection);
  } catch (error) {
    return (error as Error).message;
  }
  for (const { config, cluster } of streams) {
    const wanted = config.num_replicas ?? 1;
    if (config.storage === "memory" || (wanted === 1 && without !== null)) continue;
    const { leader = "", replicas = [] } = cluster ?? {};
    if (leader === "" || leader === without) return `${config.name} has no leader`;
    const behind = replicas.find(({ name, current }) => name !== without && current !== true);
    if (behind !== undefined) return `${config.name} is not current on ${behind.name}`;
    if (replicas.length + 1 < wanted) return `${config.name} has ${replicas.length + 1} replicas`;
  }
  return null;
}

/** Streams of one replica that are on this server. */
async function keptAlone(connection: NatsConnection, server: string): Promise<ReadonlySet<string>> {
  const streams = await listStreams(connection);
  const alone = streams.filter(({ config }) => (config.num_replicas ?? 1) === 1);
  // Its leader is gone with the server: that another server leads it is what tells it apart.
  return new Set(
    alone
      .filter((stream) => peersOf(stream).every((name) => name === "" || name === server))
      .map(({ config }) => config.name),
  );
}

/** Removes what the stopped server keeps, but for the messages of these streams. */
function forget(plan: ClusterPlan, server: ServerPlan, kept: ReadonlySet<string>): void {
  const store = join(storeDirectory(plan.dataDirectory, server.name), "jetstream");
  for (const account of foldersIn(store)) {
    for (const part of foldersIn(join(store, account))) {
      const folder = join(store, account, part);
      for (const name of foldersIn(folder)) {
        if (part === "streams" && kept.has(name)) continue;
        rmSync(join(folder, name), { recursive: true });
      }
    }
  }
}

const foldersIn = (folder: string): readonly string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
    : [];
