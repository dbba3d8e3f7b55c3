import { join } from "node:path";
import type { Certificates } from "./certificates.ts";
import { type Permissions, type Profile, permissionsOf } from "./roles.ts";
import type { Credentials } from "./seeds.ts";

/** Ports of one region on loopback. */
export interface RegionPorts {
  /** NATS clients. */
  readonly nats: number;
  /** NATS servers among each other. */
  readonly route: number;
  /** Health and status of the cell. */
  readonly http: number;
  /** NATS clients in browsers. */
  readonly websocket: number;
}

/** One server of the compact topology: one stretched cluster with a server per region. */
export interface ServerPlan {
  readonly region: string;
  readonly ports: RegionPorts;
}

/** What all servers of the cluster share. */
export interface ClusterPlan {
  readonly name: string;
  readonly profile: Profile;
  readonly dataDirectory: string;
  readonly servers: readonly ServerPlan[];
  readonly certificates: Certificates;
  readonly users: readonly Credentials[];
}

export const loopback = "127.0.0.1";
/** A block of the journal is 768 KiB at most; protobuf and headers come on top. */
export const maxPayloadBytes = 1_048_576;
const maxConnections = 512;
const maxMemoryStoreBytes = 512 * 1_048_576;
/** Streams reserve their bounds here: 16 shards of 8 GiB, and room for buckets and messages. */
const maxFileStoreBytes = 160 * 1_073_741_824;

/** URL a client connects to. */
export const natsUrl = (ports: RegionPorts): string => `tls://${loopback}:${ports.nats}`;
/** URL a browser connects to; without TLS in the demo profile, where it listens on loopback only. */
export const websocketUrl = (profile: Profile, ports: RegionPorts): string =>
  `${profile === "demo" ? "ws" : "wss"}://${loopback}:${ports.websocket}`;
/** URL of the cell's health and status. */
export const httpUrl = (ports: RegionPorts): string => `http://${loopback}:${ports.http}`;

function natsPermissions(permissions: Permissions): Record<string, unknown> {
  const denied = permissions.publishDenied;
  return {
    publish: {
      allow: permissions.publish,
      ...(denied.length > 0 ? { deny: denied } : {}),
    },
    subscribe: { allow: permissions.subscribe },
    // One answer per request, within a minute.
    ...(permissions.answers ? { allow_responses: { max: 1, expires: "1m" } } : {}),
  };
}

function accountUsers(plan: ClusterPlan, system: boolean): readonly unknown[] {
  return plan.users
    .filter(({ user }) => (user.role === "reporter") === system)
    .map(({ user, publicKey }) => ({
      nkey: publicKey,
      // Programs of ours never come through a browser.
      allowed_connection_types: user.region === null ? ["STANDARD", "WEBSOCKET"] : ["STANDARD"],
      permissions: natsPermissions(permissionsOf(user, plan.profile)),
    }));
}

/** Pages that may connect: those that a cell of this cluster serves. */
const consoleOrigins = (plan: ClusterPlan): readonly string[] =>
  plan.servers.flatMap(({ ports }) => [
    httpUrl(ports),
    httpUrl(ports).replace(loopback, "localhost"),
  ]);

/** Folder of a region's streams. */
export const storeDirectory = (dataDirectory: string, region: string): string =>
  join(dataDirectory, "nats", region);

/**
 * The configuration file of one server. It is JSON, which nats-server reads as its own format.
 * Each server syncs every write (`always`): an acknowledged block must survive a power cut.
 */
export function serverConfiguration(plan: ClusterPlan, server: ServerPlan): string {
  const certificate = plan.certificates.servers[server.region];
  if (certificate === undefined) throw new RangeError(`no certificate for ${server.region}`);
  const tls = {
    cert_file: certificate.certificateFile,
    key_file: certificate.keyFile,
    ca_file: plan.certificates.authorityFile,
    min_version: "1.3",
    timeout: 5,
  };
  const configuration = {
    server_name: server.region,
    server_tags: [`region:${server.region}`],
    listen: `${loopback}:${server.ports.nats}`,
    max_payload: maxPayloadBytes,
    max_connections: maxConnections,
    tls,
    cluster: {
      name: plan.name,
      listen: `${loopback}:${server.ports.route}`,
      // A server proves itself to its peers by its certificate.
      tls: { ...tls, verify: true },
      routes: plan.servers.map((peer) => `tls://${loopback}:${peer.ports.route}`),
    },
    websocket: {
      listen: `${loopback}:${server.ports.websocket}`,
      // A page without TLS cannot be given a certificate that its browser trusts on loopback.
      ...(plan.profile === "demo" ? { no_tls: true } : { tls }),
      allowed_origins: consoleOrigins(plan),
      compression: true,
    },
    jetstream: {
      store_dir: storeDirectory(plan.dataDirectory, server.region),
      sync_interval: "always",
      unique_tag: "region:",
      max_memory_store: maxMemoryStoreBytes,
      max_file_store: maxFileStoreBytes,
    },
    accounts: {
      MERIDIAN: { jetstream: "enabled", users: accountUsers(plan, false) },
      SYS: { users: accountUsers(plan, true) },
    },
    system_account: "SYS",
  };
  return `${JSON.stringify(configuration, null, 2)}\n`;
}
