import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NatsConnection } from "nats";
import { connectAs } from "../../ops/deploy/connection.ts";
import { credentialsOf } from "../../ops/deploy/cluster.ts";
import { Launcher, type LauncherOptions, type Overview } from "../../ops/deploy/launcher.ts";
import { natsUrl } from "../../ops/deploy/topology.ts";
import { repository } from "./shared-data.ts";

/** Ports that tests ask for: far from those of a cluster that runs beside. */
export const testPorts = { nats: 14_222, route: 16_222, http: 18_600 } as const;

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "meridian-test-"));
}

/** The options of a launcher for tests: three regions, servers only, quiet. */
export function launcherOptions(
  dataDirectory: string,
  changes: Partial<LauncherOptions> = {},
): LauncherOptions {
  return {
    dataDirectory,
    regionsDirectory: join(repository, "regions"),
    profile: "demo",
    engine: "auto",
    flow: { enabled: false, seed: 1, rate: 1 },
    firstPorts: testPorts,
    cellProgram: null,
    say: () => undefined,
    ...changes,
  };
}

/** A cluster that runs for a test. */
export interface LaunchedCluster {
  readonly launcher: Launcher;
  readonly overview: Overview;
  /** A new connection as a user of the cluster, to `region`'s server when given. */
  connect(user: string, region?: string): Promise<NatsConnection>;
}

/** Runs `body` against a cluster of its own; stops it and removes its data afterwards. */
export async function withCluster(
  body: (cluster: LaunchedCluster) => Promise<void>,
  changes: Partial<LauncherOptions> = {},
): Promise<void> {
  const dataDirectory = temporaryFolder();
  const launcher = new Launcher(launcherOptions(dataDirectory, changes));
  const connections: NatsConnection[] = [];
  try {
    const started = await launcher.start();
    if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
    const overview = started.value;
    const connect = async (user: string, region?: string): Promise<NatsConnection> => {
      const servers = overview.plan.servers.filter(
        (server) => region === undefined || server.region === region,
      );
      const connection = await connectAs({
        user,
        seedFile: credentialsOf(overview.plan, user).seedFile,
        authorityFile: overview.plan.certificates.authorityFile,
        servers: servers.map((server) => natsUrl(server.ports)),
      });
      connections.push(connection);
      return connection;
    };
    await body({ launcher, overview, connect });
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
    await launcher.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}
