import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "nats";

import { ok, refuse, type Result } from "../kernel/result.ts";
import { connectionOptions, type NatsBus, type NatsOptions } from "./nats.ts";
import { readServerReports, type ServerReport } from "./server-reports.ts";

/**
 * Do all servers that hold a journal or a lease sync every write? Without it an acknowledged block
 * can be lost by a power cut, so a cell asks before it starts and again when a stream's peers change.
 */

const ANSWER_MS = 2_000;
/** Oldest server on which a retried publish cannot be answered with a false success. */
const FLOOR = [2, 12, 3] as const;

/** What every server of the cluster says about itself; needs a user of the system account. */
export async function serverReports(system: NatsOptions): Promise<Result<readonly ServerReport[]>> {
  let connection: NatsConnection;
  try {
    connection = await connect({ ...connectionOptions(system), reconnect: false });
  } catch (error) {
    return refuse("unavailable", `system account: ${String(error)}`, "check the system user");
  }
  try {
    return ok(await readServerReports(connection, null, ANSWER_MS));
  } catch (error) {
    return refuse("unavailable", `no server report: ${String(error)}`, "check the system user");
  } finally {
    await connection.close();
  }
}

/**
 * Names of the servers that are up and hold a replica of one of the streams. One that is down
 * acknowledges nothing; it is looked at when it is back.
 */
export async function replicaHolders(
  bus: NatsBus,
  streams: readonly string[],
): Promise<Result<ReadonlySet<string>>> {
  const holders = new Set<string>();
  try {
    const manager = await jetstreamManager(bus.connection, { checkAPI: false });
    for (const stream of streams) {
      const { cluster } = await manager.streams.info(stream);
      if (cluster?.leader !== undefined) holders.add(cluster.leader);
      for (const replica of cluster?.replicas ?? []) {
        if (!replica.offline) holders.add(replica.name);
      }
    }
  } catch (error) {
    return refuse("unavailable", `stream peers: ${String(error)}`, "try again");
  }
  return ok(holders);
}

/**
 * Ok when each holder reports that it syncs always and is new enough. Failure codes: not_durable
 * (a server reports otherwise, is too old, or does not report), with what to change.
 */
export function checkSyncAlways(
  holders: ReadonlySet<string>,
  reports: readonly ServerReport[],
): Result<void> {
  for (const holder of holders) {
    const report = reports.find(({ name }) => name === holder);
    if (report === undefined) {
      return refuse(
        "not_durable",
        `server ${holder} holds a journal or a lease and does not report`,
        "start it, or check that the cell may ask $SYS.REQ.SERVER.PING.JSZ",
      );
    }
    if (!report.syncAlways) {
      return refuse(
        "not_durable",
        `server ${holder} does not sync every write: a power cut would lose what it acknowledged`,
        'set "sync_interval: always" in its jetstream section and restart it',
      );
    }
    if (!atLeast(report.version, FLOOR)) {
      return refuse(
        "not_durable",
        `server ${holder} is nats-server ${report.version}, journals need ${FLOOR.join(".")} or later`,
        "install a current nats-server",
      );
    }
  }
  return ok(undefined);
}

/** Compares major.minor.patch; a pre-release counts as its release. */
export function atLeast(version: string, floor: readonly number[]): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [index, least] of floor.entries()) {
    const part = parts[index] ?? 0;
    if (Number.isNaN(part) || part < least) return false;
    if (part > least) return true;
  }
  return true;
}

/** The whole check, for a cell: peers of the streams against the servers' reports. */
export async function syncAlwaysReport(
  bus: NatsBus,
  system: NatsOptions,
  streams: readonly string[],
): Promise<Result<readonly ServerReport[]>> {
  const holders = await replicaHolders(bus, streams);
  if (!holders.ok) return holders;
  const reports = await serverReports(system);
  if (!reports.ok) return reports;
  const checked = checkSyncAlways(holders.value, reports.value);
  return checked.ok ? reports : checked;
}
