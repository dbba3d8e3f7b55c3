import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NatsConnection } from "nats";
import { connectAs } from "../../ops/deploy/connection.ts";
import { credentialsOf } from "../../ops/deploy/cluster.ts";
import { Launcher, type LauncherOptions, type Overview } from "../../ops/deploy/launcher.ts";
import { isFree } from "../../ops/deploy/ports.ts";
import { type FirstPorts, natsUrl, portKinds } from "../../ops/deploy/topology.ts";
import { repository } from "./shared-data.ts";

/** Ports of each kind that tests find free: as many as servers, and some for those that move on. */
const portsOfKind = 20;

/** Ports that tests ask for: free ones, far from those of any cluster that runs beside. */
export const testPorts = await freePorts();

async function freePorts(): Promise<Required<FirstPorts>> {
  for (let step = 0; step < 100; step += 1) {
    const ports = {
      nats: 13_000,
      route: 15_000,
      http: 17_000,
      websocket: 19_000,
      gateway: 21_000,
      leaf: 23_000,
    };
    const first = { ...ports };
    for (const kind of portKinds) {
      first[kind] = ports[kind] + ((process.pid + step) % 100) * portsOfKind;
    }
    const wanted = Object.values(first).flatMap((port) =>
      Array.from({ length: portsOfKind }, (_, index) => port + index),
    );
    if ((await Promise.all(wanted.map(isFree))).every((free) => free)) return first;
  }
  throw new Error("no free ports for a test cluster");
}

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
    // What these clusters prove of a region that dies is that it comes back with what it had.
    takeover: "manual",
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
