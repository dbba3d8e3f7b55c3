import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "nats";

import type { DurabilityMode } from "../kernel/ports/matching-engine.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { connectionOptions, type NatsBus, type NatsOptions } from "./nats.ts";
import { readServerReports, type ServerReport } from "./server-reports.ts";

/**
 * Do all servers that hold a journal or a lease sync every write? Without it an acknowledged block
 * can be lost by a power cut, so a cell asks before it starts and again when a stream's peers change.
 */

const ANSWER_MS = 2_000;
/** Oldest server that may hold a journal or a lease. */
const FLOOR = [2, 10, 23] as const;
/**
 * Oldest server whose acknowledgements a `replicated` one can rest on: 2.10 answers a retry without a
 * quorum with a false success, 2.11 refuses some of one's own writes.
 */
const REPLICATED_FLOOR = [2, 12, 3] as const;

/** The strongest mode that the servers allow. */
export type StrongestMode = Extract<DurabilityMode, "durable" | "replicated">;

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
    // A stream without a leader does not answer at all: whoever asks again hears of its leader sooner.
    const manager = await jetstreamManager(bus.connection, { checkAPI: false, timeout: ANSWER_MS });
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
 * Ok when each holder reports that it syncs always and is new enough: with the strongest mode of
 * which markets on them may be. Failure codes: not_durable (a server reports otherwise, is too old,
 * or does not report), with what to change.
 */
export function checkSyncAlways(
  holders: ReadonlySet<string>,
  reports: readonly ServerReport[],
): Result<StrongestMode> {
  let strongest: StrongestMode = "replicated";
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
    if (!atLeast(report.version, REPLICATED_FLOOR)) strongest = "durable";
  }
  return ok(strongest);
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
): Promise<
  Result<{ readonly reports: readonly ServerReport[]; readonly strongest: StrongestMode }>
> {
  const holders = await replicaHolders(bus, streams);
  if (!holders.ok) return holders;
  const reports = await serverReports(system);
  if (!reports.ok) return reports;
  const checked = checkSyncAlways(holders.value, reports.value);
  return checked.ok ? ok({ reports: reports.value, strongest: checked.value }) : checked;
}
