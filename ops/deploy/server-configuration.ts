import { join } from "node:path";
import { globalCluster } from "../../schemas/placement.ts";
import { keysOfServer } from "./encryption.ts";
import { type Permissions, type User, people, permissionsOf } from "./roles.ts";
import { type ClusterPlan, type ServerPlan, httpUrl, loopback } from "./topology.ts";

/** A block of the journal is 768 KiB at most; protobuf and headers come on top. */
export const maxPayloadBytes = 1_048_576;
const maxConnections = 512;
const maxMemoryStoreBytes = 512 * 1_048_576;
/** Streams reserve their bounds here: 16 shards of 8 GiB, and room for buckets and messages. */
const maxFileStoreBytes = 160 * 1_073_741_824;

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

/** Programs of ours never come through a browser, and servers of edge sites never as clients. */
function connectionsOf(user: User): readonly string[] {
  if (user.role === "site") return ["LEAFNODE"];
  return people.includes(user) ? ["STANDARD", "WEBSOCKET"] : ["STANDARD"];
}

function accountUsers(plan: ClusterPlan, system: boolean): readonly unknown[] {
  return plan.users
    .filter(({ user }) => (user.role === "reporter") === system)
    .map(({ user, publicKey }) => ({
      nkey: publicKey,
      allowed_connection_types: connectionsOf(user),
      permissions: natsPermissions(permissionsOf(user, plan.profile)),
    }));
}

/**
 * Pages that may connect: those that cells served when the server was planned. A running server cannot
 * be told of more, and refuses every change of its configuration that comes with it.
 */
const consoleOrigins = (server: ServerPlan): readonly string[] =>
  server.founders.flatMap((region) => [
    httpUrl(region),
    httpUrl(region).replace(loopback, "localhost"),
  ]);

/** Folder of a server's streams. */
export const storeDirectory = (dataDirectory: string, server: string): string =>
  join(dataDirectory, "nats", server);

const routesOf = (plan: ClusterPlan, server: ServerPlan): readonly string[] =>
  plan.servers
    .filter((peer) => peer.cluster === server.cluster)
    .map((peer) => `tls://${loopback}:${peer.ports.route}`);

/**
 * Every cluster with the addresses of its gateways, as it was when the server was planned: of those that
 * come later it hears by itself, and it refuses to read a configuration with other gateways again.
 */
function gatewaysOf(plan: ClusterPlan, server: ServerPlan): readonly unknown[] {
  return [...server.founders.map(({ name }) => name), globalCluster].map((name) => ({
    name,
    urls: plan.servers
      .filter((peer) => peer.cluster === name)
      .filter((peer) => server.founders.some((region) => region.name === peer.region))
      .map((peer) => `tls://${loopback}:${peer.ports.gateway}`),
  }));
}

/**
 * A write to a peer behind a cut link blocks everything that a server sends in its turn, ten seconds by
 * default: longer than it takes another region to take a market over (decision 0029). A peer that hears
 * nobody is left within four seconds, before it asks the first time to be elected; sooner would be to leave
 * peers that are busy.
 */
const giveUpDeadPeers = { ping_interval: "1s", ping_max: 3, write_deadline: "2s" };

/**
 * Both ends of a route connect again when it is lost, and two connections that cross are both closed. The
 * system account has a connection of its own; all else is one account, and of a pool it would use one.
 */
const routePoolSize = 1;

/**
 * The configuration file of one server. It is JSON, which nats-server reads as its own format, and holds the
 * key of encryption at rest: its owner only may read it. Each server syncs every write (`always`): an
 * acknowledged block must survive a power cut.
 */
export function serverConfiguration(plan: ClusterPlan, server: ServerPlan): string {
  const certificate = plan.certificates.servers[server.name];
  if (certificate === undefined) throw new RangeError(`no certificate for ${server.name}`);
  const tls = {
    cert_file: certificate.certificateFile,
    key_file: certificate.keyFile,
    ca_file: plan.certificates.authorityFile,
    min_version: "1.3",
    timeout: 5,
  };
  // Who connects proves itself by a certificate of the same authority.
  const provenTls = { ...tls, verify: true };
  const { ports } = server;
  const encryption = keysOfServer(plan.encryption, server.name);
  const configuration = {
    server_name: server.name,
    server_tags: server.tags,
    listen: `${loopback}:${ports.nats}`,
    max_payload: maxPayloadBytes,
    max_connections: maxConnections,
    // Without it whoever has a seed connects: a newcomer to the demo has no more than that.
    tls: plan.profile === "production" ? provenTls : tls,
    cluster: {
      name: server.cluster,
      listen: `${loopback}:${ports.route}`,
      tls: provenTls,
      routes: routesOf(plan, server),
      pool_size: routePoolSize,
      ...giveUpDeadPeers,
    },
    ...(ports.gateway === null
      ? {}
      : {
          gateway: {
            name: server.cluster,
            listen: `${loopback}:${ports.gateway}`,
            tls: provenTls,
            gateways: gatewaysOf(plan, server),
            write_deadline: giveUpDeadPeers.write_deadline,
          },
        }),
    ...(ports.leaf === null
      ? {}
      : {
          // A site is told of no other servers: it stays with those of the region that it was given to.
          leafnodes: { listen: `${loopback}:${ports.leaf}`, tls: provenTls, no_advertise: true },
        }),
    ...(ports.websocket === null
      ? {}
      : {
          websocket: {
            listen: `${loopback}:${ports.websocket}`,
            // A page without TLS cannot be given a certificate that its browser trusts on loopback. It shows
            // none of its own: whoever looks at it signs in with a seed and has no files.
            ...(plan.profile === "demo" ? { no_tls: true } : { tls }),
            allowed_origins: consoleOrigins(server),
            compression: true,
          },
        }),
    jetstream: {
      store_dir: storeDirectory(plan.dataDirectory, server.name),
      sync_interval: "always",
      // In a supercluster it would keep three servers of one region from sharing a stream, and `glb` has
      // one server of each region anyway.
      ...(plan.topology === "compact" ? { unique_tag: "region:" } : {}),
      cipher: "chachapoly",
      key: encryption.key,
      ...(encryption.before === null ? {} : { prev_encryption_key: encryption.before }),
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
