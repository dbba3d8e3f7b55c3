import { setTimeout as delay } from "node:timers/promises";
import { type ServerReport, readServerReports } from "../../actors/bus/server-reports.ts";
import { type Failure, type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { credentialsOf } from "./cluster.ts";
import { connectAs } from "./connection.ts";
import { launcherUser } from "./roles.ts";
import { type RegionStatus, connectObserver, askStatus } from "./status.ts";
import { type ClusterPlan, natsUrl } from "./topology.ts";

const pollMs = 200;

/** What keeps the servers from being ready, or null. */
function shortcoming(plan: ClusterPlan, reports: readonly ServerReport[]): string | null {
  const answered = new Set(reports.map((report) => report.name));
  const silent = plan.servers.map((server) => server.name).filter((name) => !answered.has(name));
  if (silent.length > 0) return `no answer from ${silent.join(", ")}`;
  const leaderless = reports.filter((report) => report.metaLeader === "");
  if (leaderless.length > 0) {
    return `JetStream has no leader yet (${leaderless.map((report) => report.name).join(", ")})`;
  }
  const apart = reports.filter((report) => report.clusterSize !== plan.servers.length);
  if (apart.length > 0) {
    const sizes = apart.map((report) => `${report.name} sees ${report.clusterSize}`).join(", ");
    return `the cluster is not ${plan.servers.length} servers yet (${sizes})`;
  }
  return null;
}

/**
 * Waits until all servers answer, form one cluster and have a JetStream leader, and checks that
 * each syncs every write. `interruption` ends the wait. Failure codes: jetstream_not_ready,
 * sync_not_always.
 */
export async function waitForServers(
  plan: ClusterPlan,
  timeoutMs: number,
  interruption: () => Failure | null,
): Promise<Result<readonly ServerReport[]>> {
  const deadline = performance.now() + timeoutMs;
  const credentials = credentialsOf(plan, launcherUser.name);
  let reason = "no server accepts connections";
  while (performance.now() < deadline) {
    const interrupted = interruption();
    if (interrupted !== null) return { ok: false, failure: interrupted };
    try {
      const connection = await connectAs({
        user: launcherUser.name,
        seedFile: credentials.seedFile,
        authorityFile: plan.certificates.authorityFile,
        servers: plan.servers.map((server) => natsUrl(server.ports)),
      });
      try {
        const reports = await readServerReports(connection, plan.servers.length, 1_000);
        const missing = shortcoming(plan, reports);
        if (missing === null) return checkSync(reports);
        reason = missing;
      } finally {
        await connection.close();
      }
    } catch (error) {
      reason = `no server accepts connections (${(error as Error).message})`;
    }
    await delay(pollMs);
  }
  return refuse("jetstream_not_ready", `after ${timeoutMs / 1000} s: ${reason}`);
}

function checkSync(reports: readonly ServerReport[]): Result<readonly ServerReport[]> {
  const lax = reports.filter((report) => !report.syncAlways).map((report) => report.name);
  if (lax.length === 0) return ok(reports);
  return refuse(
    "sync_not_always",
    `${lax.join(", ")}: the server does not report sync_interval always, so an acknowledged block could be lost in a power cut`,
    "remove what overrides the generated configuration",
  );
}

/**
 * Waits until every cell says that it is ready, over NATS: another program's HTTP server on the
 * wanted port can never pass for a cell of this cluster. `interruption` ends the wait. Failure code:
 * cell_not_ready.
 */
export async function waitForCells(
  plan: ClusterPlan,
  timeoutMs: number,
  interruption: () => Failure | null,
): Promise<Result<readonly RegionStatus[]>> {
  const deadline = performance.now() + timeoutMs;
  let waiting = plan.regions.map(({ name }) => ({ region: name, reason: "not asked yet" }));
  const ready: RegionStatus[] = [];
  const connection = await connectObserver(plan);
  try {
    for (;;) {
      const interrupted = interruption();
      if (interrupted !== null) return { ok: false, failure: interrupted };
      const answers = await Promise.all(
        waiting.map(async ({ region }) => ({
          region,
          status: await askStatus(connection, region),
        })),
      );
      waiting = answers.flatMap(({ region, status }) => {
        if (typeof status === "string") return [{ region, reason: status }];
        if (!status.ready) return [{ region, reason: status.notReadyReason }];
        ready.push(status);
        return [];
      });
      if (waiting.length === 0) return ok(ready);
      if (performance.now() >= deadline) {
        const reasons = waiting.map(({ region, reason }) => `${region}: ${reason}`).join("; ");
        return refuse("cell_not_ready", `after ${timeoutMs / 1000} s: ${reasons}`);
      }
      await delay(pollMs);
    }
  } finally {
    await connection.close();
  }
}
