import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createUser } from "@nats-io/nkeys";

import { repository } from "./shared-data.ts";

/** Path of a nats-server, or null where there is none: $NATS_SERVER, then what set-up installed. */
export function natsServer(): string | null {
  const cached = join(repository, "build/cache/nats-server/2.15.0/nats-server");
  const given = process.env["NATS_SERVER"];
  if (given !== undefined && existsSync(given)) return given;
  return existsSync(cached) ? cached : null;
}

/** Why a test of real servers cannot run; null when it can. */
export const missingNatsServer = (): string | null =>
  natsServer() === null ? "no nats-server: set NATS_SERVER, or run `npm test`" : null;

export interface TestServer {
  readonly region: string;
  readonly url: string;
  /** Folder of its streams. */
  readonly store: string;
  pid(): number;
  kill(signal: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
}

/** Three real servers in one cluster on loopback, one per region, every write synced. */
export interface TestCluster {
  readonly servers: readonly TestServer[];
  /** Nkey seeds of a user with every right, and of one in the system account. */
  readonly seed: Uint8Array;
  readonly systemSeed: Uint8Array;
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

export const testRegions = ["eu-central", "us-east", "ap-southeast"] as const;

export async function startCluster(
  options: {
    readonly syncInterval?: string;
    readonly regions?: readonly string[];
    /** Where the servers keep their streams; a temporary folder when it is absent. */
    readonly stores?: string;
    readonly server?: string;
  } = {},
): Promise<TestCluster> {
  const binary = options.server ?? natsServer();
  if (binary === null) throw new Error("no nats-server");
  const regions = options.regions ?? testRegions;
  const folder = mkdtempSync(join(tmpdir(), "meridian-nats-"));
  const user = createUser();
  const system = createUser();
  const ports = await freePorts(regions.length * 2);
  const routes = regions.map((_, index) => `nats://127.0.0.1:${ports[index * 2 + 1]}`);
  const servers = regions.map((region, index): TestServer => {
    const file = join(folder, `${region}.conf`);
    const store = join(options.stores ?? folder, region);
    mkdirSync(store, { recursive: true });
    const configuration = {
      server_name: region,
      server_tags: [`region:${region}`],
      listen: `127.0.0.1:${ports[index * 2]}`,
      cluster: { name: "test", listen: `127.0.0.1:${ports[index * 2 + 1]}`, routes },
      jetstream: {
        store_dir: store,
        unique_tag: "region:",
        sync_interval: options.syncInterval ?? "always",
        // What streams reserve is more than a small disk has; what they use is little.
        max_file_store: 160 * 2 ** 30,
      },
      accounts: {
        TEST: { jetstream: "enabled", users: [{ nkey: user.getPublicKey() }] },
        SYS: { users: [{ nkey: system.getPublicKey() }] },
      },
      system_account: "SYS",
    };
    writeFileSync(file, JSON.stringify(configuration));
    let child: ChildProcess | null = null;
    return {
      region,
      url: `nats://127.0.0.1:${ports[index * 2]}`,
      store,
      pid: () => child?.pid ?? 0,
      async start() {
        child = spawn(binary, ["-c", file, "-l", join(folder, `${region}.log`)], {
          stdio: "ignore",
        });
        process.once("exit", () => child?.kill("SIGKILL"));
        await sleep(50);
      },
      async kill(signal) {
        const ending = child;
        if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
        const ended = new Promise((resolve) => ending.once("exit", resolve));
        ending.kill(signal);
        await ended;
      },
    };
  });
  for (const server of servers) await server.start();
  return {
    servers,
    seed: user.getSeed(),
    systemSeed: system.getSeed(),
    urls: servers.map((server) => server.url),
    async stop() {
      for (const server of servers) await server.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const listeners = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const listener = createServer();
          listener.listen(0, "127.0.0.1", () => resolve(listener));
        }),
    ),
  );
  return Promise.all(
    listeners.map(async (listener) => {
      const address = listener.address();
      await new Promise((resolve) => listener.close(resolve));
      return typeof address === "object" && address !== null ? address.port : 0;
    }),
  );
}
