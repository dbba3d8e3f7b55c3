import { setTimeout as delay } from "node:timers/promises";
import { type ServerReport, readServerReports } from "../../actors/bus/server-reports.ts";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { credentialsOf } from "./cluster.ts";
import { connectAs } from "./connection.ts";
import { launcherUser } from "./roles.ts";
import { type ClusterPlan, httpUrl, natsUrl } from "./topology.ts";

const pollMs = 200;

/** What keeps the servers from being ready, or null. */
function shortcoming(plan: ClusterPlan, reports: readonly ServerReport[]): string | null {
  const answered = new Set(reports.map((report) => report.name));
  const silent = plan.servers.map((server) => server.region).filter((name) => !answered.has(name));
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
 * each syncs every write. Failure codes: jetstream_not_ready, sync_not_always, stopped.
 */
export async function waitForServers(
  plan: ClusterPlan,
  timeoutMs: number,
  stopped: () => boolean,
): Promise<Result<readonly ServerReport[]>> {
  const deadline = performance.now() + timeoutMs;
  const credentials = credentialsOf(plan, launcherUser.name);
  let reason = "no server accepts connections";
  while (performance.now() < deadline) {
    if (stopped()) return refuse("stopped", "asked to stop while starting");
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

async function cellAnswer(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    const text = await response.text();
    return response.status === 200 ? null : text.trim().slice(0, 300);
  } catch (error) {
    const { cause } = error as Error;
    return cause instanceof Error ? cause.message : (error as Error).message;
  }
}

/**
 * Waits until every cell says that it is ready. `failed` tells why a cell will never be. Failure
 * codes: cell_not_ready, stopped.
 */
export async function waitForCells(
  plan: ClusterPlan,
  timeoutMs: number,
  stopped: () => boolean,
  failed: () => string | null,
): Promise<Result<void>> {
  const deadline = performance.now() + timeoutMs;
  let waiting = plan.servers.map((server) => ({ ...server, reason: "not asked yet" }));
  for (;;) {
    if (stopped()) return refuse("stopped", "asked to stop while starting");
    const failure = failed();
    if (failure !== null) return refuse("cell_not_ready", failure);
    const answers = await Promise.all(
      waiting.map(async (server) => ({
        ...server,
        reason: await cellAnswer(`${httpUrl(server.ports)}/readyz`),
      })),
    );
    waiting = answers.flatMap((server) =>
      server.reason === null ? [] : [{ ...server, reason: server.reason }],
    );
    if (waiting.length === 0) return ok(undefined);
    if (performance.now() >= deadline) {
      const reasons = waiting.map((server) => `${server.region}: ${server.reason}`).join("; ");
      return refuse("cell_not_ready", `after ${timeoutMs / 1000} s: ${reasons}`);
    }
    await delay(pollMs);
  }
}
